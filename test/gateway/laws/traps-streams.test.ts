/**
 * The traps of gateway.md, "Streams", through the whole server. One test (or describe) each, named by its sentence:
 *
 * - every Responses event's data.type equals its event name; created, in_progress, completed wrap `response`
 * - full item order: created → in_progress → output_item.added → content_part.added → deltas → …done → completed
 * - a reasoning item is closed before a message item opens; reasoning_summary_part.added before its deltas, summary_index present
 * - a role-only or `choices: []` chunk opens nothing and breaks nothing
 * - upstream SSE without a content type is still SSE
 * - an upstream that dies: response.failed, `event: error`, a Chat error chunk without finish_reason; never a clean end
 * - upstream max-tokens stop: Codex repeats response.incomplete five times
 * - Messages streams: usage in message_start and message_delta, never [DONE], tool input always as input_json_delta
 * - silence: keepalives that the client counts
 * - the first delta is forwarded at once, nothing is buffered
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ClientProtocol } from "../../../src/gateway/protocol/codecs.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { openStream, streamAnswer } from "../../support/fake-fetch.ts"
import { readPieces } from "../../support/gateway.ts"
import {
  type Asked,
  lastReceipt,
  openPairApp,
  PATHS,
  type PairApp,
  plainBody,
} from "../../support/pair-app.ts"
import {
  CLIENT_PROTOCOLS,
  findViolations,
  NAMED_PAIRS,
  type Pair,
  terminalsOf,
  UPSTREAM_PROTOCOLS,
  wireEvents,
} from "../../support/pairs.ts"
import { turn } from "../../support/turns.ts"
import { vendorTurn } from "../../support/vendor-calls.ts"
import { choiceOf, chunkOf, vendorStream } from "../../support/vendor-wire.ts"

let scene: PairApp
beforeAll(async () => {
  scene = await openPairApp()
})
afterAll(() => scene[Symbol.asyncDispose]())

const streamed = (pair: Pair, chunks: string[], more: Partial<Asked> = {}) =>
  scene.ask({ ...pair, is_streamed: true, ...more }, streamAnswer(chunks))

const dataOf = (text: string): JsonObject[] =>
  wireEvents(text).flatMap(({ data }) => (data === "[DONE]" ? [] : [data as JsonObject]))

const typesOf = (text: string): unknown[] => dataOf(text).map(({ type }) => type)

/** Where the protocols are equal, the bytes are the vendor's own: it answers for them. */
function expectLegal({ client, upstream }: Pair, text: string): void {
  if (client !== upstream) expect(findViolations(client, text)).toEqual([])
}

const FOREIGN = ["openai-chat", "anthropic-messages"] as const

describe("every Responses event's data.type equals its event name; created, in_progress, completed wrap `response`", () => {
  test.each(FOREIGN.map(upstream => [upstream]))("on %s", async upstream => {
    const { text } = await streamed({ client: "openai-responses", upstream }, vendorStream(upstream, {}))
    for (const { name, data } of wireEvents(text)) expect((data as JsonObject).type).toBe(name)
    const wrapped = dataOf(text).filter(({ response }) => response !== undefined)
    expect(wrapped.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.completed",
    ])
  })
})

describe("full item order: created → in_progress → output_item.added → content_part.added → deltas → …done → completed", () => {
  test.each(FOREIGN.map(upstream => [upstream]))("on %s", async upstream => {
    const { text } = await streamed({ client: "openai-responses", upstream }, vendorStream(upstream, {}))
    expect(typesOf(text)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ])
  })
})

describe("a reasoning item is closed before a message item opens; summary parts are added first and numbered", () => {
  test.each(FOREIGN.map(upstream => [upstream]))("on %s", async upstream => {
    const thinking = vendorTurn(upstream, { thought: { text: "hmm", seal: "c2VhbA==" } })
    const said = vendorStream(upstream, { text: "hello" })
    const chunks = upstream === "openai-chat" ? [...thinking.slice(0, 2), ...said] : joined(thinking, said)
    const { text } = await streamed({ client: "openai-responses", upstream }, chunks)
    expect(findViolations("openai-responses", text)).toEqual([])
    const types = typesOf(text)
    const order = [
      "response.reasoning_summary_part.added",
      "response.reasoning_summary_text.delta",
      "response.reasoning_summary_part.done",
      "response.output_item.done",
      "response.content_part.added",
    ].map(type => types.indexOf(type))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(order[0]).toBeGreaterThan(0)
    const summaries = dataOf(text).filter(({ type }) => String(type).startsWith("response.reasoning_summary"))
    expect(summaries.every(({ summary_index }) => summary_index === 0)).toBe(true)
  })
})

/** A Messages answer that thinks before it speaks. */
function joined(thinking: string[], said: string[]): string[] {
  const speech = said.slice(1).map(event => event.replace('"index":0', '"index":1'))
  return [...thinking.slice(0, -2), ...speech]
}

describe("a role-only or `choices: []` chunk opens nothing and breaks nothing", () => {
  test.each(CLIENT_PROTOCOLS.map(client => [client]))("for %s", async client => {
    const empty = [choiceOf({ role: "assistant" }), chunkOf({ choices: [] }), choiceOf({})]
    const [first, ...rest] = vendorStream("openai-chat", { text: "hello" })
    const chunks = [...empty, first!, ...empty, ...rest.slice(0, 1), ...empty, ...rest.slice(1)]
    const { text } = await streamed({ client, upstream: "openai-chat" }, chunks)
    expectLegal({ client, upstream: "openai-chat" }, text)
    expect(terminalsOf(client, text)).toHaveLength(1)
    const opened = typesOf(text).filter(type => /item\.added|block_start/.test(String(type)))
    expect(opened.length).toBeLessThanOrEqual(1)
  })
})

describe("upstream SSE without a content type is still SSE", () => {
  test.each(NAMED_PAIRS)("%s", async (_, { client, upstream }) => {
    const untyped = () => {
      const response = new Response(vendorStream(upstream, { text: "hello" }).join(""))
      response.headers.delete("content-type")
      return response
    }
    const { text, response } = await scene.ask({ client, upstream, is_streamed: true }, untyped)
    expect(response.status).toBe(200)
    expect(terminalsOf(client, text)).not.toContain("error")
    expect(text).toContain("hello")
  })
})

/** What each client must see at the end of a stream that broke. */
const FAILED_END: Record<ClientProtocol, string> = {
  "openai-responses": "response.failed",
  "openai-chat": "error",
  "openai-completions": "error",
  "anthropic-messages": "error",
}

describe("an upstream that dies: response.failed, `event: error`, a Chat error chunk; never a clean end", () => {
  test.each(NAMED_PAIRS)("%s", async (_, { client, upstream }) => {
    const whole = vendorStream(upstream, { text: "hello" })
    const said = whole.findIndex(event => event.includes("hello"))
    for (const end of ["end", "reset"] as const) {
      const answer = streamAnswer(whole.slice(0, said + 1), end)
      const { text } = await scene.ask({ client, upstream, is_streamed: true }, answer)
      expectLegal({ client, upstream }, text)
      expect(terminalsOf(client, text)).toEqual([FAILED_END[client]])
      expect(text).toContain("hello")
      expect(text).not.toMatch(/"finish_reason":"|"stop_reason":"/)
      expect((await lastReceipt(scene)).end_reason).toBe("cut")
    }
  })

  test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))(
    "and whole it is an error with a status (%s)",
    async upstream => {
      for (const client of CLIENT_PROTOCOLS) {
        const chunks = vendorStream(upstream, { text: "hello" }).slice(0, -2)
        const cut = upstream === "openai-chat" ? chunks.slice(0, 2) : chunks
        const body = client === "anthropic-messages" ? { max_tokens: 60_000 } : {}
        const { response, text } = await scene.ask({ client, upstream, body }, streamAnswer(cut))
        expect([client, response.status]).toEqual([client, 502])
        expect(text).not.toContain("hello")
      }
    },
  )
})

describe("upstream max-tokens stop: each client gets its own word, Codex a completed answer", () => {
  const CUT = { "openai-chat": '"stop"', "anthropic-messages": '"end_turn"' } as const
  const WORD: Record<ClientProtocol, string> = {
    "openai-responses": '"type":"response.incomplete"',
    "openai-chat": '"finish_reason":"length"',
    "openai-completions": '"finish_reason":"length"',
    "anthropic-messages": '"stop_reason":"max_tokens"',
  }
  const cutBy = (upstream: (typeof FOREIGN)[number]) =>
    vendorStream(upstream, { text: "hello" }).map(event =>
      event.replace(CUT[upstream], upstream === "openai-chat" ? '"length"' : '"max_tokens"'),
    )

  test.each(FOREIGN.map(upstream => [upstream]))("on %s", async upstream => {
    for (const client of CLIENT_PROTOCOLS) {
      const { text } = await streamed({ client, upstream }, cutBy(upstream))
      expect([client, text.includes(WORD[client])]).toEqual([client, true])
      expectLegal({ client, upstream }, text)
    }
    const codex = { headers: { originator: "codex_exec" } }
    const { text } = await streamed({ client: "openai-responses", upstream }, cutBy(upstream), codex)
    expect(typesOf(text).at(-1)).toBe("response.completed")
  })
})

describe("Messages streams: usage in message_start and message_delta, never [DONE], tool input as input_json_delta", () => {
  test.each(["openai-responses", "openai-chat"] as const)("on %s", async upstream => {
    const calls = [{ id: "call_1", name: "run", pieces: ['{"a":', "1}"] }]
    const tools = [{ name: "run", input_schema: { type: "object" } }]
    const pair = { client: "anthropic-messages", upstream } as const
    const { text } = await streamed(pair, vendorTurn(upstream, { calls }), { body: { tools } })
    const events = dataOf(text)
    expect(text).not.toContain("[DONE]")
    expect(events[0]).toMatchObject({
      type: "message_start",
      message: { usage: { input_tokens: expect.any(Number) } },
    })
    expect(events.at(-2)).toMatchObject({
      type: "message_delta",
      delta: { stop_reason: "tool_use" },
      usage: { input_tokens: 10, output_tokens: 5 },
    })
    expect(events.find(({ type }) => type === "content_block_start")).toMatchObject({
      content_block: { input: {} },
    })
    const said = events.flatMap(({ delta }) =>
      (delta as JsonObject)?.type === "input_json_delta" ? [delta] : [],
    )
    expect(said.map(delta => (delta as JsonObject).partial_json).join("")).toBe('{"a":1}')
  })
})

/** What each client counts, after text was said (claude-code-wire 6, codex-cli-wire 5.3, sdk-wire 2). */
const KEEPALIVES: [string, ClientProtocol, Record<string, string>, string][] = [
  ["the Codex CLI", "openai-responses", { originator: "codex_exec" }, 'data: {"type":"keepalive"}'],
  ["an OpenAI SDK", "openai-responses", {}, ": keepalive\n\n"],
  ["a Chat client", "openai-chat", {}, ": keepalive\n\n"],
  ["a completions client", "openai-completions", {}, ": keepalive\n\n"],
  ["Claude Code", "anthropic-messages", {}, '"delta":{"type":"text_delta","text":""}'],
]

/** A streamed answer in the test's hand. */
async function openAnswer(pair: Pair, headers: Record<string, string> = {}) {
  const upstream = openStream()
  scene.app.upstream.play(upstream.answer)
  const body = plainBody(pair.client, pair.upstream, true)
  const answer = scene.app.send(PATHS[pair.client], { key: scene.customer.key, headers, body })
  return { upstream, answer }
}

describe("silence: keepalives that the client counts, and nothing unknown for SDK helpers", () => {
  for (const [who, client, headers, keepalive] of KEEPALIVES) {
    test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))(`${who} on %s`, async upstream => {
      const whole = vendorStream(upstream, { text: "hello" })
      const said = whole.findIndex(event => event.includes("hello"))
      const { upstream: hand, answer } = await openAnswer({ client, upstream }, headers)
      hand.push(whole.slice(0, said + 1).join(""))
      const pieces = readPieces(await answer)
      expect(await pieces.next()).toContain("hello")
      const next = pieces.next()
      for (let count = 0; count < 20; count++) await turn()
      scene.app.clock.advance(16_000)
      expect(await next).toContain(keepalive)
      hand.push(whole.slice(said + 1).join(""))
      hand.end()
      const rest = await pieces.rest()
      expect(rest).not.toBe("")
    })
  }
})

describe("the first delta is forwarded at once, nothing is buffered", () => {
  test.each(NAMED_PAIRS)("%s", async (_, pair) => {
    const whole = vendorStream(pair.upstream, { text: "hello" })
    const said = whole.findIndex(event => event.includes("hello"))
    const { upstream, answer } = await openAnswer(pair)
    upstream.push(whole.slice(0, said + 1).join(""))
    const pieces = readPieces(await answer)
    expect(await pieces.next()).toContain("hello")
    upstream.push(whole.slice(said + 1).join(""))
    upstream.end()
    expect(await pieces.rest()).not.toBe("")
    await scene.app.app.tasks.idle()
  })
})
