/** What is known of a passing Messages stream, whatever its split, and what its keepalive may be. */
import { describe, expect, test } from "bun:test"
import { messagesUpstream } from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import { sniffAnswer, startSniffing } from "../../../../src/gateway/protocol/anthropic-messages/sniff.ts"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { Sniffed } from "../../../../src/gateway/protocol/sniffed.ts"
import { createEventSplitter, eventText } from "../../../../src/gateway/protocol/sse.ts"
import { listStreams, loadStream } from "../../../support/messages-fixtures.ts"

const event = (data: JsonObject): string => eventText(data as { type: string })
const START = event({
  type: "message_start",
  message: { usage: { input_tokens: 9, output_tokens: 1, service_tier: "standard" } },
})
const open = (content_block: JsonObject): string =>
  event({ type: "content_block_start", index: 0, content_block })
const delta = (piece: JsonObject): string => event({ type: "content_block_delta", index: 0, delta: piece })
const CLOSE = event({ type: "content_block_stop", index: 0 })
const stop = (stop_reason: string | null): string =>
  event({ type: "message_delta", delta: { stop_reason }, usage: { output_tokens: 7 } })
const DONE = event({ type: "message_stop" })

function sniff(...texts: string[]): Sniffed {
  const sniffer = startSniffing()
  for (const text of texts) sniffer.note(text)
  return { ...sniffer.sniffed }
}

describe("phases", () => {
  test("nothing that a client could act on is the prelude", () => {
    const quiet = [
      START,
      event({ type: "ping" }),
      ": comment\n\n",
      open({ type: "thinking", thinking: "", signature: "" }),
      delta({ type: "thinking_delta", thinking: "" }),
      CLOSE,
      open({ type: "text", text: "" }),
    ]
    expect(sniff(...quiet)).toMatchObject({ phase: "prelude", output_bytes: 0 })
  })

  const loud: [string, string, number][] = [
    ["a text", delta({ type: "text_delta", text: 'a"b' }), 4],
    ["thinking", delta({ type: "thinking_delta", thinking: "abc" }), 3],
    ["a signature", delta({ type: "signature_delta", signature: "ab" }), 2],
    ["arguments", delta({ type: "input_json_delta", partial_json: "{}" }), 2],
    [
      "a spaced delta",
      'event: content_block_delta\ndata: {"delta": {"type": "text_delta", "text" : "ab"}}\n\n',
      2,
    ],
    ["a delta without a name", 'data: {"type":"content_block_delta","delta":{"text":"ab"}}\n\n', 2],
    ["a call", open({ type: "tool_use", id: "a", name: "f", input: {} }), 0],
    ["a text in the start", open({ type: "text", text: "ab" }), 2],
  ]
  for (const [name, text, bytes] of loud) {
    test(`${name} is output`, () =>
      expect(sniff(START, text)).toMatchObject({ phase: "output", output_bytes: bytes }))
  }

  test("a stop reason begins the end, message_stop completes it", () => {
    const before = START + delta({ type: "text_delta", text: "x" })
    const sniffer = startSniffing()
    expect(sniffer.note(before + stop("end_turn"))).toBe(before.length)
    expect(sniffer.sniffed.phase).toBe("output")
    expect(sniffer.note(DONE)).toBe(0)
    expect(sniffer.sniffed).toMatchObject({ phase: "completed", tier_served: "default" })
    expect(sniffer.sniffed.reported?.usage).toMatchObject({ input_tokens: 9, output_tokens: 7 })
    expect(sniffer.finish()).toBe("")
  })

  test("a text without the end gives its length, and a delta without a reason is no end", () => {
    const sniffer = startSniffing()
    expect(sniffer.note(START)).toBe(START.length)
    expect(sniffer.note(stop(null))).toBe(stop(null).length)
  })

  test("a stream that lacks its last event is finished with it", () => {
    const sniffer = startSniffing()
    sniffer.note(START + stop("max_tokens"))
    expect(sniffer.finish()).toBe(DONE)
    expect(sniffer.sniffed.phase).toBe("incomplete")
  })

  test("a stream that was cut is not finished", () => {
    const sniffer = startSniffing()
    sniffer.note(START + delta({ type: "text_delta", text: "x" }) + CLOSE)
    expect(sniffer.finish()).toBe("")
    expect(sniffer.sniffed.phase).toBe("output")
  })

  test("an error fails the answer where it stands, and what follows is not believed", () => {
    const error = event({ type: "error", error: { type: "overloaded_error", message: "busy" } })
    const sniffer = startSniffing()
    expect(sniffer.note(START + error + DONE)).toBe(START.length)
    expect(sniffer.note(stop("end_turn") + DONE)).toBe(0)
    expect(sniffer.sniffed).toMatchObject({
      phase: "failed",
      failure: { code: "server_is_overloaded", message: "busy" },
    })
  })

  test("nonsense says nothing", () => {
    const odd = [
      "data: {\n\n",
      "event: message_delta\ndata: 7\n\n",
      "event: content_block_start\n\n",
      "x\n\n",
    ]
    expect(sniff(...odd)).toMatchObject({ phase: "prelude", reported: undefined })
  })
})

describe("what is charged where the report is not the last word", () => {
  test("the output that message_start counts is a placeholder: without a later count it is partial", () => {
    const late = event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: {} })
    expect(sniff(START).reported).toMatchObject({ usage: { input_tokens: 9 }, is_partial: true })
    expect(sniff(START, late + DONE)).toMatchObject({
      phase: "completed",
      reported: { usage: { input_tokens: 9, output_tokens: 1 }, is_partial: true, flag: "no output count" },
    })
  })

  test("with a later count it is whole", () => {
    const { reported } = sniff(START, stop("end_turn") + DONE)
    expect(reported).toEqual({ usage: expect.objectContaining({ input_tokens: 9, output_tokens: 7 }) })
    const counted = { content: [], usage: { input_tokens: 1, output_tokens: 2 } }
    expect(sniffAnswer(counted)!.reported).not.toHaveProperty("is_partial")
  })

  test("searches that ended are counted, not those that failed", () => {
    const results = open({ type: "web_search_tool_result", content: [{ type: "web_search_result" }] })
    const failure = { type: "web_search_tool_result_error", error_code: "unavailable" }
    const failed = open({ type: "web_search_tool_result", content: failure })
    expect(sniff(START, results + CLOSE + results + CLOSE + failed + CLOSE).web_search_count).toBe(2)
  })
})

test.each([
  ["deltas of another kind", delta({ type: "citations_delta" })],
  ["strings without an end", 'event: content_block_delta\ndata: {"text":"abc\n\n'],
  ["events with carriage returns", "event: ping\r\n\r\n"],
])("a megabyte of %s is read in a moment", (_, text) => {
  const batch = text.repeat((1024 * 1024) / text.length)
  const started_at = performance.now()
  sniff(batch)
  expect(performance.now() - started_at).toBeLessThan(1_000)
})

describe("recorded streams", () => {
  for (const file of listStreams()) {
    test(`${file} is the same however it is split, with CRLF too`, () => {
      const crlf = loadStream(file).replaceAll("\n", "\r\n")
      const whole = sniff(Buffer.from(loadStream(file)).toString("latin1"))
      for (const [text, size] of [
        [loadStream(file), 1],
        [loadStream(file), 7],
        [crlf, 3],
      ] as const) {
        const splitter = createEventSplitter()
        const sniffer = startSniffing()
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length; at += size) {
          const batch = splitter.push(bytes.subarray(at, at + size))
          if (batch.text !== "") sniffer.note(batch.text)
        }
        // Where the end stands is another place in another batching.
        expect({ ...sniffer.sniffed, end_at: 0 }).toEqual({ ...whole, end_at: 0 })
      }
      expect(whole.phase).toBe(file.startsWith("34") ? "failed" : "completed")
    })
  }
})

describe("whole answers", () => {
  test("have their usage, phase and tier", () => {
    const usage = { input_tokens: 1, output_tokens: 2, service_tier: "priority" }
    const content = [{ type: "text", text: "x" }]
    expect(sniffAnswer({ content, stop_reason: "max_tokens", usage })).toMatchObject({
      phase: "incomplete",
      tier_served: "priority",
      output_bytes: 1,
      reported: { usage: { output_tokens: 2 } },
    })
  })

  test("may be errors; anything else is none", () => {
    const error = { type: "invalid_request_error", message: "no" }
    expect(sniffAnswer({ type: "error", error })).toMatchObject({
      phase: "failed",
      failure: { code: "invalid_prompt" },
    })
    for (const body of [null, 1, "x", {}, { content: 5 }]) expect(sniffAnswer(body)).toBeUndefined()
  })

  test("of a stream are its message, to the digit; a failed stream has none", () => {
    const call = { type: "tool_use", id: "a", name: "f", input: {} }
    const start = { id: "m", type: "message", content: [], stop_reason: null, usage: { input_tokens: 1 } }
    const text =
      event({ type: "message_start", message: start }) +
      open(call) +
      delta({ type: "input_json_delta", partial_json: '{"n":' }) +
      delta({ type: "input_json_delta", partial_json: "9007199254740993}" }) +
      CLOSE
    expect(messagesUpstream.wholeAnswer(text + stop("tool_use") + DONE)).toBe(
      '{"id":"m","type":"message","content":[{"type":"tool_use","id":"a","name":"f","input":{"n":9007199254740993}}],' +
        '"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":7}}',
    )
    expect(messagesUpstream.wholeAnswer(text)).toBeUndefined()
    expect(messagesUpstream.wholeAnswer(loadStream("34-response-mid-stream-error.sse"))).toBeUndefined()
  })
})
