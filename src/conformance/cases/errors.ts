/** Malformed requests of each protocol: a 400 that names the field in the client's own notation, before any charge. */
import { type Case, DOORS, type Door } from "../case.ts"
import { expectThat } from "../finding.ts"
import type { Probe } from "../probe.ts"
import { expectRefusal, type Refusal } from "../refusals.ts"
import { textRequest } from "../requests.ts"

/** Members that replace those of a good request (undefined takes one away), and the field to be named. */
type Malformed = [what: string, extra: Record<string, unknown>, field: string]

/** Malformed at every door; each protocol's own names come on top. */
const EVERYWHERE: readonly Malformed[] = [
  ["without a model", { model: undefined }, "model"],
  ["with a number as model", { model: 7 }, "model"],
  ["with an empty model", { model: "" }, "model"],
  ["with a text as stream", { stream: "yes" }, "stream"],
]

const TALKS: readonly Malformed[] = [
  ["without messages", { messages: undefined }, "messages"],
  ["with an empty list of messages", { messages: [] }, "messages"],
  ["with a text as messages", { messages: "hi" }, "messages"],
  ["with a message of an unknown role", { messages: [{ role: "wizard", content: "hi" }] }, "messages"],
  ["with a number as content", { messages: [{ role: "user", content: 7 }] }, "messages"],
  ["with a message that is a text", { messages: ["hi"] }, "messages"],
]

const OWN: Record<Door, readonly Malformed[]> = {
  "/v1/responses": [
    ["without input", { input: undefined }, "input"],
    ["with a number as input", { input: 7 }, "input"],
    ["with a negative limit", { max_output_tokens: -1 }, "max_output_tokens"],
    ["with a text as limit", { max_output_tokens: "many" }, "max_output_tokens"],
    ["with a text as tools", { tools: "none" }, "tools"],
  ],
  "/v1/chat/completions": [
    ...TALKS,
    ["with a negative limit", { max_completion_tokens: -1 }, "max_completion_tokens"],
    ["with a text as tools", { tools: "none" }, "tools"],
  ],
  "/v1/completions": [
    ["with an object as prompt", { prompt: {} }, "prompt"],
    ["with a negative limit", { max_tokens: -1 }, "max_tokens"],
    ["with a text as limit", { max_tokens: "many" }, "max_tokens"],
  ],
  "/v1/messages": [
    ...TALKS,
    ["without max_tokens", { max_tokens: undefined }, "max_tokens"],
    ["with max_tokens 0", { max_tokens: 0 }, "max_tokens"],
    ["with a text as limit", { max_tokens: "many" }, "max_tokens"],
    ["with a text as tools", { tools: "none" }, "tools"],
  ],
}

const malformed: Case[] = DOORS.flatMap(door =>
  [...EVERYWHERE, ...OWN[door]].map(
    ([what, extra, field]): Case => ({
      id: `errors.${door.slice("/v1/".length)} ${what}`,
      group: "errors",
      title: `${door} ${what} answers 400 naming ${field}`,
      door,
      async run(probe) {
        const body = textRequest(door, probe.target, extra)
        expectRefusal(await probe.ask(door, { body }), door, { status: 400, field })
      },
    }),
  ),
)

/** Bodies that are no JSON object. */
const NO_OBJECTS = ["{", "", "[]", '"hi"', "null", '{"model":"\ud800', "\u0000"]

const bodies: Case[] = DOORS.flatMap(door => [
  {
    id: `errors.${door.slice("/v1/".length)} no JSON object`,
    group: "errors",
    title: `${door} with a body that is no JSON object answers 400`,
    door,
    async run(probe) {
      for (const body of NO_OBJECTS) {
        expectRefusal(await probe.ask(door, { body }), door, { status: 400 })
      }
    },
  },
  {
    id: `errors.${door.slice("/v1/".length)} unknown model`,
    group: "errors",
    title: `${door} with an unknown model answers 404, whole and streamed`,
    door,
    run: probe => refuseModel(probe, door),
  },
  {
    id: `errors.${door.slice("/v1/".length)} double key`,
    group: "errors",
    title: `${door} refuses a body that names the model twice, because parsers disagree which counts`,
    door,
    is_ours_only: true,
    async run(probe) {
      const text = JSON.stringify(textRequest(door, probe.target))
      const body = `{"model":"other",${text.slice(1)}`
      expectRefusal(await probe.ask(door, { body }), door, { status: 400, field: "model" })
    },
  },
  {
    id: `errors.${door.slice("/v1/".length)} request id`,
    group: "errors",
    title: `${door} sends x-request-id on a refusal`,
    door,
    is_ours_only: true,
    async run(probe) {
      const { headers } = await probe.ask(door, { body: {} })
      expectThat(headers.get("x-request-id") !== null, "x-request-id", Object.fromEntries(headers))
    },
  },
])

async function refuseModel(probe: Probe, door: Door): Promise<void> {
  const code = door === "/v1/messages" ? {} : { code: "model_not_found" }
  const refusal: Refusal = { status: 404, field: "model", ...code }
  for (const stream of [false, true]) {
    const body = textRequest(door, probe.target, { model: "no-such-model", stream })
    expectRefusal(await probe.ask(door, { body }), door, refusal)
  }
}

export const ERROR_CASES: readonly Case[] = [...malformed, ...bodies]
