/** Our events as a Messages stream: shapes, laws and the way back. */
import { describe, expect, test } from "bun:test"
import {
  messagesClient,
  messagesUpstream,
} from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import { isJsonObject, type JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { arbitraryAnswer, arbitraryFailure } from "../../../support/arbitrary-model.ts"
import { listStreams, loadStream, type NamedEvent, parseStream } from "../../../support/messages-fixtures.ts"
import { checkProperty } from "../../../support/property.ts"

const START = { id: "msg_new", created_at: 1, model: "public-model" }

function write(events: readonly ModelEvent[]): string {
  const writer = messagesClient.startWriting(START)
  return events.map(event => writer.write(event)).join("")
}

function validate(events: readonly NamedEvent[]): readonly string[] {
  const validator = messagesClient.startValidating()
  for (const { name, data } of events) validator.note(name, data)
  return validator.end()
}

function read(text: string): ModelEvent[] {
  const reader = messagesUpstream.startReading()
  return [...parseStream(text).flatMap(({ data }) => reader.read(data)), ...reader.end()]
}

const dataOf = (text: string): JsonObject[] => parseStream(text).map(({ data }) => data)
const begin: ModelEvent = { type: "answer-start", id: "upstream", model: "upstream-model" }
const end: ModelEvent = { type: "answer-end", stop: "end" }
const say = (text: string): ModelEvent[] => [
  { type: "text-start" },
  { type: "text-delta", text },
  { type: "text-end" },
]
const call = (tool: "function" | "custom", ...texts: string[]): ModelEvent[] => [
  { type: "tool-call-start", tool, call_id: "c", name: "f" },
  ...texts.map((text): ModelEvent => ({ type: "tool-call-delta", text })),
  { type: "tool-call-end" },
]

describe("shapes", () => {
  test("a text answer is the minimum that works, to the letter (claude-code-wire 6)", () => {
    const usage: ModelEvent = {
      type: "usage",
      reported: { usage: { ...NO_USAGE, input_tokens: 10, output_tokens: 20, cache_write_1h_tokens: 3 } },
    }
    const counts =
      '{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":0,' +
      '"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":3},"output_tokens":20}'
    const zeros = counts.replace("10", "0").replaceAll(":3", ":0").replace("20}", "0}")
    expect(write([begin, ...say("Hi"), usage, end])).toBe(
      [
        `event: message_start\ndata: {"type":"message_start","message":{"id":"msg_new","type":"message","role":"assistant","model":"public-model","content":[],"stop_reason":null,"stop_sequence":null,"usage":${zeros}}}`,
        `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
        `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}`,
        `event: content_block_stop\ndata: {"type":"content_block_stop","index":0}`,
        `event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":${counts}}`,
        `event: message_stop\ndata: {"type":"message_stop"}`,
        "",
      ].join("\n\n"),
    )
  })

  test("counters that are known before the first output stand in message_start", () => {
    const usage: ModelEvent = { type: "usage", reported: { usage: { ...NO_USAGE, input_tokens: 7 } } }
    expect(dataOf(write([begin, usage, ...say("x"), end]))[0]).toMatchObject({
      message: { usage: { input_tokens: 7 } },
    })
  })

  test("parts of reasoning become one thinking with one signature", () => {
    const deltas: ModelEvent[] = [
      { type: "reasoning-delta", of: "summary", index: 0, text: "A" },
      { type: "reasoning-delta", of: "summary", index: 0, text: "a" },
      { type: "reasoning-delta", of: "summary", index: 1, text: "B" },
      { type: "reasoning-end", sealed: "SEAL" },
    ]
    expect(messagesClient.collect(START, [begin, { type: "reasoning-start" }, ...deltas, end])).toMatchObject(
      {
        content: [{ type: "thinking", thinking: "Aa\n\nB", signature: "SEAL" }],
      },
    )
  })

  test("reasoning without words and seal leaves no block, a redacted one is whole in its start", () => {
    const empty: ModelEvent[] = [{ type: "reasoning-start" }, { type: "reasoning-end" }]
    const redacted: ModelEvent[] = [
      { type: "reasoning-start" },
      { type: "reasoning-end", sealed: "D", is_redacted: true },
    ]
    const blocks = dataOf(write([begin, ...empty, ...redacted, end])).filter(
      ({ type }) => type === "content_block_start",
    )
    expect(blocks).toMatchObject([{ index: 0, content_block: { type: "redacted_thinking", data: "D" } }])
  })

  test("a call begins with an empty input, and its arguments come as deltas only", () => {
    const events = dataOf(write([begin, ...call("function", '{"a":', " 1}"), end]))
    expect(events[1]).toMatchObject({ content_block: { type: "tool_use", id: "c", name: "f", input: {} } })
    expect(events.slice(2, 4).map(({ delta }) => delta)).toEqual([
      { type: "input_json_delta", partial_json: '{"a":' },
      { type: "input_json_delta", partial_json: " 1}" },
    ])
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } })
  })

  test("free text of a custom tool is one string of an object, also cut inside a character", () => {
    const message = messagesClient.collect(START, [
      begin,
      ...call("custom", 'say "', "\ud83d", "\ude00\n"),
      end,
    ])
    expect(message.content).toEqual([{ type: "tool_use", id: "c", name: "f", input: { input: 'say "😀\n' } }])
  })

  test("a hosted search is a call and its results, with ids of this answer", () => {
    const raw = { type: "web_search_call", status: "completed", action: { type: "search", query: "q" } }
    const results = [{ url: "https://a.b", page_age: "now" }]
    const hosted: ModelEvent[] = [
      { type: "hosted-call-start", call_type: raw.type },
      { type: "hosted-call-end", raw, results },
    ]
    expect(messagesClient.collect(START, [begin, ...say("x"), ...hosted, end]).content).toEqual([
      { type: "text", text: "x" },
      { type: "server_tool_use", id: "srvtoolu_new_1", name: "web_search", input: { query: "q" } },
      {
        type: "web_search_tool_result",
        tool_use_id: "srvtoolu_new_1",
        content: [
          {
            type: "web_search_result",
            title: "https://a.b",
            url: "https://a.b",
            encrypted_content: "",
            page_age: "now",
          },
        ],
      },
    ])
  })

  test("a failed search says so", () => {
    const raw = { type: "web_search_call", status: "failed" }
    const message = messagesClient.collect(START, [begin, { type: "hosted-call-end", raw }, end])
    expect(message.content).toMatchObject([
      { type: "server_tool_use" },
      { content: { type: "web_search_tool_result_error", error_code: "unavailable" } },
    ])
  })

  test("a source is a citation of its text block", () => {
    const cited: ModelEvent = { type: "text-citation", citation: { url: "https://a.b" } }
    const [text, delta, stop] = say("x") as [ModelEvent, ModelEvent, ModelEvent]
    expect(messagesClient.collect(START, [begin, text, cited, delta, stop, end]).content).toEqual([
      {
        type: "text",
        text: "x",
        citations: [
          {
            type: "web_search_result_location",
            url: "https://a.b",
            title: "https://a.b",
            encrypted_index: "",
            cited_text: "",
          },
        ],
      },
    ])
  })

  const stops: [ModelEvent[], ModelEvent & { type: "answer-end" }, string, string | null][] = [
    [say("x"), { type: "answer-end", stop: "end" }, "end_turn", null],
    [say("x"), { type: "answer-end", stop: "tool_call" }, "end_turn", null],
    [call("function", "{}"), { type: "answer-end", stop: "end" }, "tool_use", null],
    [call("function", "{"), { type: "answer-end", stop: "max_tokens" }, "max_tokens", null],
    [say("x"), { type: "answer-end", stop: "stop_sequence", stop_sequence: "END" }, "stop_sequence", "END"],
    [say("x"), { type: "answer-end", stop: "content_filter" }, "refusal", null],
    [[{ type: "text-start", is_refusal: true }, ...say("no").slice(1)], end as never, "refusal", null],
  ]
  for (const [events, last, stop_reason, stop_sequence] of stops) {
    test(`${last.stop} after ${events[0]?.type} is ${stop_reason}`, () => {
      const written = parseStream(write([begin, ...events, last]))
      expect(validate(written)).toEqual([])
      expect(written.at(-2)?.data.delta).toEqual({ stop_reason, stop_sequence })
    })
  }
})

describe("failures", () => {
  test("end in an error event, never in message_stop, and only once", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "server_is_overloaded", message: "busy" }
    const events = dataOf(write([begin, ...say("x"), failed, end, failed]))
    expect(events.at(-1)).toEqual({ type: "error", error: { type: "overloaded_error", message: "busy" } })
    expect(events.filter(({ type }) => type === "error" || type === "message_stop")).toHaveLength(1)
  })

  test("an error of ours ends the stream, and says nothing after the end", () => {
    const writer = messagesClient.startWriting(START)
    writer.write({ type: "text-delta", text: "x" })
    const error = new AppError("payment_required", "Top up.")
    expect(dataOf(writer.fail(error))).toEqual([
      { type: "error", error: { type: "billing_error", message: "Top up." } },
    ])
    expect(writer.fail(error) + writer.keepalive() + writer.write(end)).toBe("")
  })

  test("an overflow has the words that Claude Code knows", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "context_length_exceeded", message: "Too big." }
    expect(dataOf(write([begin, failed])).at(-1)).toMatchObject({
      error: { type: "invalid_request_error", message: "prompt is too long: Too big." },
    })
  })

  test("whole answers throw what a failure or a missing end amounts to", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "rate_limit_exceeded", message: "slow" }
    expect(() => messagesClient.collect(START, [begin, failed])).toThrow("slow")
    expect(() => messagesClient.collect(START, [begin, ...say("x")])).toThrow("before it was complete")
  })
})

describe("keepalive", () => {
  test("is legal and empty at every place of every answer", () => {
    checkProperty(import.meta.path, arbitraryAnswer, events => {
      const writer = messagesClient.startWriting(START)
      let text = writer.keepalive()
      for (const event of events) text += writer.write(event) + writer.keepalive() + writer.keepalive()
      const known = validate(parseStream(text))
      expect(known.filter(complaint => !complaint.includes("no JSON object"))).toEqual([])
      expect(settle(read(text))).toEqual(settle(read(write(events))))
    })
  })

  test("begins the message, and the thinking block it opens goes on with real thinking", () => {
    const writer = messagesClient.startWriting(START)
    const first = dataOf(writer.keepalive())
    expect(first.map(({ type }) => type)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
    ])
    expect(dataOf(writer.keepalive())).toEqual([
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "" } },
    ])
    writer.write({ type: "reasoning-start" })
    expect(dataOf(writer.write({ type: "reasoning-delta", of: "text", index: 0, text: "hm" }))).toEqual([
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
    ])
  })

  test("is an empty delta of the open block", () => {
    const writer = messagesClient.startWriting(START)
    writer.write({ type: "text-delta", text: "x" })
    expect(dataOf(writer.keepalive())).toMatchObject([{ index: 0, delta: { type: "text_delta", text: "" } }])
    writer.write({ type: "text-end" })
    writer.write({ type: "tool-call-start", tool: "function", call_id: "c", name: "f" })
    expect(dataOf(writer.keepalive())).toMatchObject([{ index: 1, delta: { partial_json: "" } }])
  })
})

describe("laws", () => {
  for (const file of listStreams().filter(file => !file.startsWith("34"))) {
    test(`${file} is legal when it is read and written again, and says the same`, () => {
      const events = read(loadStream(file))
      const text = write(events)
      expect(validate(parseStream(text))).toEqual([])
      expect(settle(read(text))).toEqual(settle(events))
    })
  }

  test("every legal answer is a legal stream and comes back", () => {
    checkProperty(import.meta.path, arbitraryAnswer, events => {
      const text = write(events)
      const broken = validate(parseStream(text)).filter(complaint => !complaint.includes("no JSON object"))
      expect(broken).toEqual([])
      expect(settle(read(text))).toEqual(settle(events))
    })
  })

  test("every failing answer ends in one error", () => {
    checkProperty(import.meta.path, arbitraryFailure, events => {
      const written = parseStream(write(events))
      expect(written.filter(({ name }) => name === "error")).toHaveLength(1)
      expect(validate(written)).toEqual([])
    })
  })

  test("a whole answer is the collected stream, and reads as the stream does", () => {
    checkProperty(import.meta.path, arbitraryAnswer, events => {
      const message = messagesClient.collect(START, events)
      const latin1 = Buffer.from(write(events)).toString("latin1")
      const from_stream = messagesUpstream.wholeAnswer(latin1)
      expect(from_stream).toBe(JSON.stringify(message))
      expect(message).toMatchObject({
        type: "message",
        role: "assistant",
        id: "msg_new",
        model: "public-model",
      })
      const again = messagesUpstream.readAnswer(JSON.parse(from_stream!))
      expect(settle([...again]).stop).toBe(settle(events).stop)
      expect(settle([...again]).texts).toEqual(settle(events).texts)
    })
  })
})

/** What this protocol can carry of an answer: texts, reasoning, calls byte for byte, searches, usage and the stop. */
function settle(events: readonly ModelEvent[]): { [key: string]: unknown } {
  const texts: string[] = []
  const thoughts: [string, string | undefined][] = []
  const calls: { [key: string]: unknown }[] = []
  const searches: unknown[] = []
  const citations: string[] = []
  const found = { texts, thoughts, calls, searches, citations }
  let text = ""
  let part = ""
  let is_custom = false
  for (const event of events) {
    if (event.type === "text-start") text = ""
    if (event.type === "text-delta" || event.type === "tool-call-delta") text += event.text
    if (event.type === "text-citation") citations.push(event.citation.url)
    if (event.type === "text-end" && text !== "") texts.push(text)
    if (event.type === "reasoning-start") [text, part] = ["", ""]
    if (event.type === "reasoning-delta") {
      const next = `${event.of}:${event.index}`
      text += part === "" || part === next ? event.text : `\n\n${event.text}`
      part = next
    }
    if (event.type === "reasoning-end" && (text !== "" || event.sealed)) thoughts.push([text, event.sealed])
    if (event.type === "tool-call-start") {
      text = ""
      is_custom = event.tool === "custom"
      calls.push({ call_id: event.call_id, name: event.name })
    }
    if (event.type === "tool-call-end")
      calls.at(-1)!.arguments = is_custom ? asObject(text) : text.trim() === "" ? "{}" : text
    if (event.type === "hosted-call-end" && event.raw.type === "web_search_call")
      searches.push(event.raw.action)
  }
  const usage = events.findLast(event => event.type === "usage")?.reported.usage ?? NO_USAGE
  const last = events.at(-1)
  return { ...found, usage, stop: last?.type === "answer-end" ? stopWord(last.stop, events) : last?.type }
}

const asObject = (text: string): string => `{"input":${JSON.stringify(text)}}`

/** A filtered answer and a refusal are one word on this wire; so is an answer that holds a refusal. */
function stopWord(stop: string, events: readonly ModelEvent[]): string {
  const has_refusal = events.some(event => event.type === "text-start" && event.is_refusal)
  const is_plain = stop === "end" || stop === "stop_sequence"
  return stop === "content_filter" || (has_refusal && is_plain) ? "refusal" : stop
}

test("the stream is nothing but named events with JSON objects", () => {
  checkProperty(import.meta.path, arbitraryAnswer, events => {
    for (const { name, data } of parseStream(write(events))) {
      expect(isJsonObject(data)).toBe(true)
      expect(name).toBe(data.type as string)
    }
  })
})
