/** One call to an upstream: where it goes, what it carries, and what it must not carry. */
import { describe, expect, test } from "bun:test"
import type { Route } from "../../../src/gateway/catalog/catalog.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { forwardedHeaders, sendUpstream } from "../../../src/gateway/upstream/send.ts"
import { createNewId } from "../../../src/platform/ids.ts"
import { createTestClock } from "../../support/clock.ts"
import { createFakeFetch, jsonAnswer } from "../../support/fake-fetch.ts"
import { createTestRandom } from "../../support/random.ts"
import { routeOf } from "../../support/target.ts"

const routeTo = (base_url: string, key: string, protocol: Protocol = "openai-responses"): Route =>
  routeOf({ base_url, key, protocol })

async function send(route: Route, headers: Record<string, string> = {}) {
  const { fetch, calls, play } = createFakeFetch()
  play(jsonAnswer({ ok: true }))
  const clock = createTestClock()
  const newId = createNewId({ clock, random: createTestRandom() })
  const body = JSON.stringify({ model: "gpt-5.5", input: "hi" })
  const call = { body, headers, signal: new AbortController().signal }
  return { answer: await sendUpstream({ fetch, clock, newId }, route, call), calls, body }
}

test("a call goes to the upstream's address with its key and the body as it is", async () => {
  const { calls, body } = await send(routeTo("https://u.test/v1", "sk-own"), { accept: "text/event-stream" })
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject({ url: "https://u.test/v1/responses", body })
  expect(Object.fromEntries(calls[0]!.headers)).toEqual({
    accept: "text/event-stream",
    "accept-encoding": "identity",
    authorization: "Bearer sk-own",
    "content-type": "application/json",
    "user-agent": "codexapi",
  })
})

test("an upstream without a key gets none", async () => {
  const { calls } = await send(routeTo("http://own.test/v1", ""))
  expect(calls[0]!.headers.has("authorization")).toBe(false)
})

test("the built-in demo answers without a call", async () => {
  const { calls, answer } = await send(routeTo("demo:", ""))
  expect(calls).toEqual([])
  expect(await answer.json()).toMatchObject({ object: "response", status: "completed" })
})

test("Anthropic has its own headers for the key and the version; a client's version goes before ours", async () => {
  const route = routeTo("https://u.test/v1", "sk-own", "anthropic-messages")
  const own = Object.fromEntries((await send(route)).calls[0]!.headers)
  expect(own).toMatchObject({ "x-api-key": "sk-own", "anthropic-version": "2023-06-01" })
  expect(own).not.toHaveProperty("authorization")
  const { calls } = await send(route, { "anthropic-version": "2026-10-21" })
  expect(calls[0]!.url).toBe("https://u.test/v1/messages")
  expect(calls[0]!.headers.get("anthropic-version")).toBe("2026-10-21")
})

describe("of a client's headers an upstream sees", () => {
  const forwardedTo = (protocol: Protocol, headers: Record<string, string>) =>
    forwardedHeaders(new Headers(headers), protocol, routeTo("http://u.test", "", protocol))

  test("what belongs to the protocol", () => {
    const headers = { accept: "text/event-stream", "OpenAI-Beta": "x", "x-codex-turn-state": "opaque" }
    expect(forwardedTo("openai-responses", headers)).toEqual({
      accept: "text/event-stream",
      "openai-beta": "x",
      "x-codex-turn-state": "opaque",
    })
  })

  test("neither credentials, nor cookies, nor where the customer's files are", () => {
    const headers = {
      authorization: "Bearer canary",
      "x-api-key": "canary",
      cookie: "canary",
      "x-forwarded-for": "canary",
      "x-codex-turn-metadata": "canary",
      session_id: "canary",
      originator: "canary",
      "content-encoding": "zstd",
      host: "canary",
    }
    for (const protocol of ["openai-responses", "openai-chat", "anthropic-messages"] as const) {
      expect(forwardedTo(protocol, headers)).toEqual({})
    }
  })

  test("nothing when it speaks another protocol", () => {
    const headers = { accept: "text/event-stream", "anthropic-beta": "x", "openai-beta": "x" }
    const route = routeTo("http://u.test", "", "anthropic-messages")
    expect(forwardedHeaders(new Headers(headers), "openai-responses", route)).toEqual({})
    expect(forwardedTo("anthropic-messages", headers)).toEqual({
      accept: "text/event-stream",
      "anthropic-beta": "x",
    })
  })
})
