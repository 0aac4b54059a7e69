/** Writing answers: the order of events, what Codex gets differently, and the official SDK as a reader. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import OpenAI from "openai"
import type { AnswerStart } from "../../../../src/gateway/protocol/codec.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectResponse } from "../../../../src/gateway/protocol/openai-responses/collect.ts"
import type { WireEvent } from "../../../../src/gateway/protocol/openai-responses/wire.ts"
import { startWriting, writeEvents } from "../../../../src/gateway/protocol/openai-responses/write-events.ts"
import { encodeEvent } from "../../../../src/gateway/protocol/sse.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { arbitraryAnswer, arbitraryFailure } from "../../../support/arbitrary-model.ts"
import { checkPropertyAsync } from "../../../support/property.ts"
import { loadStream } from "../../../support/responses-fixtures.ts"

const start: AnswerStart = { id: "resp_1", created_at: 1_700_000_000, model: "gpt-x" }

function writeAll(events: ModelEvent[], from = start): WireEvent[] {
  let state = startWriting(from)
  return events.flatMap(event => {
    const [next, written] = writeEvents(state, event)
    state = next
    return written
  })
}

const types = (events: ModelEvent[]) => writeAll(events).map(event => event.type.replace("response.", ""))
const last = (events: ModelEvent[], from = start) => writeAll(events, from).at(-1)
const text = (said: string): ModelEvent[] => [
  { type: "text-start" },
  { type: "text-delta", text: said },
  { type: "text-end" },
]
const usage: ModelEvent = {
  type: "usage",
  reported: {
    usage: { ...NO_USAGE, input_tokens: 6, cache_read_tokens: 4, output_tokens: 5, reasoning_tokens: 2 },
  },
}
const end: ModelEvent = { type: "answer-end", stop: "end" }

describe("order", () => {
  test("a text is written exactly as the stream that the SDK accepts", () => {
    const events: ModelEvent[] = [{ type: "answer-start" }, ...text("hi there"), usage, end]
    const written = JSON.parse(JSON.stringify(writeAll(events)).replaceAll('"msg_1_0"', '"msg_1"'))
    expect(written).toEqual(loadStream("sdk/21-responses-stream-text-accepted.sse"))
  })

  test("reasoning is closed before a message opens, its parts before it", () => {
    const events: ModelEvent[] = [
      { type: "reasoning-start" },
      { type: "reasoning-delta", of: "summary", index: 0, text: "a" },
      { type: "reasoning-delta", of: "summary", index: 1, text: "b" },
      { type: "reasoning-delta", of: "text", index: 0, text: "c" },
      { type: "reasoning-end", sealed: "S" },
      ...text("x"),
    ]
    const part = (n: number) => [
      { type: "response.reasoning_summary_part.added", summary_index: n },
      { type: "response.reasoning_summary_text.delta", summary_index: n },
      { type: "response.reasoning_summary_text.done", summary_index: n },
      { type: "response.reasoning_summary_part.done", summary_index: n },
    ]
    const raw = ["content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done"]
    expect(writeAll(events).slice(2, 17)).toMatchObject([
      { type: "response.output_item.added", output_index: 0, item: { type: "reasoning", summary: [] } },
      ...part(0),
      ...part(1),
      ...raw.map(type => ({ type: `response.${type}`, content_index: 0 })),
      { type: "response.output_item.done", output_index: 0, item: { encrypted_content: "S" } },
      { type: "response.output_item.added", output_index: 1, item: { type: "message" } },
    ])
  })

  test("texts in a row are parts of one message; another phase is another message", () => {
    const commentary: ModelEvent[] = [{ type: "text-start", phase: "commentary" }, { type: "text-end" }]
    const response = collectResponse(start, [...text("a"), ...text("b"), ...commentary, end])
    expect(response.output).toMatchObject([
      { content: [{ text: "a" }, { text: "b" }] },
      { phase: "commentary", content: [{ text: "" }] },
    ])
  })

  test("a web search is visible while it runs", () => {
    const raw = { type: "web_search_call", status: "completed", action: { type: "search", query: "q" } }
    const events: ModelEvent[] = [
      { type: "hosted-call-start", call_type: "web_search_call" },
      { type: "hosted-call-end", raw },
    ]
    expect(types(events).slice(2)).toEqual([
      "output_item.added",
      "web_search_call.in_progress",
      "web_search_call.searching",
      "web_search_call.completed",
      "output_item.done",
    ])
  })

  test("a first delta is written at once", () => {
    let state = startWriting(start)
    state = writeEvents(state, { type: "text-start" })[0]
    const [, written] = writeEvents(state, { type: "text-delta", text: "h" })
    expect(written).toMatchObject([{ type: "response.output_text.delta", delta: "h" }])
  })

  test("a state that was folded from can be folded from again", () => {
    const [state] = writeEvents(startWriting(start), { type: "text-start" })
    const delta: ModelEvent = { type: "text-delta", text: "x" }
    expect(writeEvents(state, delta)).toEqual(writeEvents(state, delta))
  })

  test("ids are made from the response's id and never twice", () => {
    const call = (call_id: string): ModelEvent[] => [
      { type: "tool-call-start", tool: "function", call_id, name: "f" },
      { type: "tool-call-end" },
    ]
    const { output } = collectResponse(start, [...call("a"), ...call("b"), ...text("x"), end])
    expect(output.map(item => item.id)).toEqual(["fc_1_0", "fc_1_1", "msg_1_2"])
  })
})

describe("calls", () => {
  test("digits beyond 2^53 and odd spacing go out byte for byte", () => {
    const whole = '{"id": 9007199254740993,  "n":1.0}'
    const events: ModelEvent[] = [
      { type: "tool-call-start", tool: "function", call_id: "c", name: "f", namespace: "mcp__x" },
      { type: "tool-call-delta", text: whole.slice(0, 12) },
      { type: "tool-call-delta", text: whole.slice(12) },
      { type: "tool-call-end" },
      { type: "answer-end", stop: "tool_call" },
    ]
    const { output } = collectResponse(start, events)
    expect(output).toMatchObject([{ namespace: "mcp__x", name: "f", arguments: whole, status: "completed" }])
  })

  test("a tool search has an object for arguments and no deltas", () => {
    const events: ModelEvent[] = [
      { type: "tool-call-start", tool: "tool_search", call_id: "c", name: "tool_search" },
      { type: "tool-call-delta", text: '{"query":"x"}' },
      { type: "tool-call-end" },
    ]
    expect(types(events).slice(2)).toEqual(["output_item.added", "output_item.done"])
    const item = { type: "tool_search_call", execution: "client", arguments: { query: "x" } }
    expect(last(events)).toMatchObject({ item })
  })

  test("a cut call is incomplete", () => {
    const events: ModelEvent[] = [
      { type: "tool-call-start", tool: "custom", call_id: "c", name: "apply_patch" },
      { type: "tool-call-delta", text: "*** Begin" },
      { type: "tool-call-end", is_cut: true },
    ]
    expect(last(events)).toMatchObject({ item: { status: "incomplete", input: "*** Begin" } })
  })
})

describe("ends", () => {
  test.each([
    ["max_tokens", "max_output_tokens"],
    ["content_filter", "content_filter"],
  ] as const)("%s is incomplete for general clients and completed for Codex", (stop, reason) => {
    const events: ModelEvent[] = [...text("half"), { type: "answer-end", stop }]
    expect(last(events)).toMatchObject({
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason }, output: [{ status: "incomplete" }] },
    })
    expect(last(events, { ...start, is_codex: true })).toMatchObject({
      type: "response.completed",
      response: { status: "completed", incomplete_details: null, output: [{ status: "completed" }] },
    })
  })

  test("a failure before anything else is still a whole stream", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "invalid_prompt", message: "Out of credit." }
    expect(writeAll([failed]).map(event => event.type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.failed",
    ])
    expect(last([failed])).toMatchObject({
      response: {
        status: "failed",
        error: { code: "invalid_prompt", message: "Out of credit." },
        output: [],
      },
    })
  })

  test("a failure keeps finished items and does not finish the open one", () => {
    const call: ModelEvent[] = [{ type: "tool-call-start", tool: "function", call_id: "c", name: "f" }]
    const failed: ModelEvent = { type: "answer-failed", code: "server_error", message: "cut" }
    const events = writeAll([...text("done"), ...call, failed])
    expect(events.filter(event => event.type === "response.output_item.done")).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({ response: { output: [{ type: "message" }] } })
  })

  test("input tokens include everything that touched a cache", () => {
    const counted = { ...NO_USAGE, input_tokens: 1, cache_read_tokens: 2, cache_write_5m_tokens: 4 }
    const reported = { usage: { ...counted, cache_write_1h_tokens: 8, output_tokens: 16 } }
    const events: ModelEvent[] = [{ type: "usage", reported }, end]
    expect(last(events)).toMatchObject({
      response: {
        usage: { input_tokens: 15, input_tokens_details: { cached_tokens: 2 }, total_tokens: 31 },
      },
    })
  })

  test("echoed fields stand in every response and never replace our own", () => {
    const echo = { metadata: { a: "b" }, id: "theirs" }
    for (const event of [writeAll([end], { ...start, echo })[0], last([end], { ...start, echo })]) {
      expect(event).toMatchObject({ response: { metadata: { a: "b" }, id: "resp_1" } })
    }
  })
})

describe("the official SDK", () => {
  /** As it came over the wire: without the members that the helper adds for parsed content. */
  function withoutParsed(response: object): Record<string, unknown> {
    const isOwn = (key: string) => key !== "parsed" && key !== "parsed_arguments"
    return JSON.parse(JSON.stringify(response, (key, value) => (isOwn(key) ? value : undefined)))
  }

  async function runHelper(events: ModelEvent[]) {
    const chunks = writeAll(events).map(encodeEvent)
    const headers = { "content-type": "text/event-stream" }
    const fetch = async () => new Response(Buffer.concat(chunks), { headers })
    const client = new OpenAI({ apiKey: "k", baseURL: "http://demo.invalid/v1", fetch })
    const stream = client.responses.stream({ model: "gpt-x", input: "hi" })
    let said = ""
    stream.on("response.output_text.delta", event => {
      said += event.delta
    })
    return { final: await stream.finalResponse(), said }
  }

  test("its stream helper builds the response that we collected", async () => {
    const answers = fc.oneof(arbitraryAnswer, arbitraryFailure)
    await checkPropertyAsync(import.meta.path, answers, async events => {
      const { final, said } = await runHelper(events)
      const whole = JSON.parse(JSON.stringify(collectResponse(start, events)))
      for (const member of ["id", "status", "error", "output"] as const) {
        expect(withoutParsed(final)[member]).toEqual(whole[member])
      }
      if (final.status === "completed") expect(final.output_text).toBe(said)
    })
  })
})
