/** Who asks: the key in either header, refusals in the protocol's own shape, the probes without a key. */
import { type Case, DOORS, type Door } from "../case.ts"
import { expectThat, notApplicable } from "../finding.ts"
import type { Probe } from "../probe.ts"
import { expectRefusal } from "../refusals.ts"
import { textRequest } from "../requests.ts"

const BAD_KEY = "sk-conformance-no-such-key-0123456789"

const DOOR_CASES: Case[] = DOORS.flatMap(door => [
  {
    id: `auth.missing-key ${door}`,
    group: "auth",
    title: `${door} without a key answers 401 in its own error shape`,
    door,
    run: probe => refuseKey(probe, door, {}),
  },
  {
    id: `auth.bad-key ${door}`,
    group: "auth",
    title: `${door} with a wrong key, in either header, answers 401 in its own error shape`,
    door,
    async run(probe) {
      await refuseKey(probe, door, { authorization: `Bearer ${BAD_KEY}` })
      await refuseKey(probe, door, { "x-api-key": BAD_KEY })
    },
  },
  {
    id: `auth.either-header ${door}`,
    group: "auth",
    title: `${door} takes the key as Bearer, as x-api-key, and beside a foreign x-api-key`,
    door,
    // An empty object is refused for its fields, after the key was taken: the case costs nothing.
    async run(probe) {
      const foreign = { "x-api-key": BAD_KEY }
      const same = { "x-api-key": probe.target.key }
      for (const asked of [
        { auth: "bearer" as const },
        { auth: "x-api-key" as const },
        { headers: same },
        { headers: foreign },
      ]) {
        const answer = await probe.ask(door, { body: {}, ...asked })
        expectThat(answer.status === 400, `${door} to take the key and refuse {} with 400`, answer.status)
      }
    },
  },
])

async function refuseKey(probe: Probe, door: Door, headers: Record<string, string>): Promise<void> {
  const answer = await probe.ask(door, { body: textRequest(door, probe.target), headers, auth: "none" })
  expectRefusal(answer, door, { status: 401 })
}

export const AUTH_CASES: readonly Case[] = [
  ...DOOR_CASES,
  {
    id: "auth.models-headers",
    group: "auth",
    title: "GET /v1/models takes the key from either header and refuses a request without one",
    async run({ ask }) {
      for (const auth of ["bearer", "x-api-key"] as const) {
        const answer = await ask("/v1/models", { auth })
        expectThat(answer.status === 200, `GET /v1/models with ${auth} to answer 200`, answer.status)
      }
      const answer = await ask("/v1/models", { auth: "none" })
      expectThat(answer.status === 401, "GET /v1/models without a key to answer 401", answer.status)
    },
  },
  {
    id: "auth.anthropic-version",
    group: "auth",
    title: "accepts every anthropic-version and unknown beta values (claude-code-wire 4)",
    door: "/v1/messages",
    async run({ ask, target }) {
      const betas = { "anthropic-beta": "claude-code-20250219,no-such-beta-2031-01-01" }
      const { model } = target
      const body = { model, messages: [{ role: "user", content: "hi" }] }
      for (const version of ["2023-06-01", "2026-10-21", "2031-01-01"]) {
        const headers = { ...betas, "anthropic-version": version }
        const answer = await ask("/v1/messages/count_tokens", { body, headers })
        const { status, text } = answer
        expectThat(status === 200, `200 with anthropic-version ${version} and an unknown beta`, text)
      }
    },
  },
  {
    id: "auth.root",
    group: "auth",
    title: "answers HEAD / and GET / with 200 and without a key (claude-code-wire 2)",
    async run({ ask, target }) {
      for (const method of ["HEAD", "GET"]) {
        const { status } = await ask("/", { method, auth: "none" })
        if (!target.is_ours && status !== 200) notApplicable(`${method} / is ${status}; clients ignore it`)
        expectThat(status === 200, `${method} / to answer 200`, status)
      }
    },
  },
]
