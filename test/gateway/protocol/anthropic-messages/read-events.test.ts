/** What a Messages stream says in our events, from recorded streams and from what real upstreams get wrong. */
import { describe, expect, test } from "bun:test"
import {
  endReading,
  readAnswer,
  readEvents,
  startReading,
} from "../../../../src/gateway/protocol/anthropic-messages/read-events.ts"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { endsAnswer } from "../../../support/answer-end.ts"
import { loadStream, parseStream } from "../../../support/messages-fixtures.ts"

function readAll(wires: readonly unknown[]): ModelEvent[] {
  let state = startReading()
  const events: ModelEvent[] = []
  for (const wire of wires) {
    const [next, said] = readEvents(state, wire)
    state = next
    events.push(...said)
  }
  return [...events, ...endReading(state)]
}

const recorded = (file: string): ModelEvent[] =>
  readAll(parseStream(loadStream(file)).map(({ data }) => data))
const types = (events: readonly ModelEvent[]): string[] => events.map(({ type }) => type)
const withoutUsage = (events: readonly ModelEvent[]): ModelEvent[] =>
  events.filter(({ type }) => type !== "usage" && type !== "answer-start")

const start = (usage?: JsonObject) => ({
  type: "message_start",
  message: { id: "msg_1", model: "m", content: [], ...(usage === undefined ? {} : { usage }) },
})
const open = (index: number, content_block: JsonObject) => ({
  type: "content_block_start",
  index,
  content_block,
})
const delta = (index: number, piece: JsonObject) => ({ type: "content_block_delta", index, delta: piece })
const text = (index: number, said: string) => delta(index, { type: "text_delta", text: said })
const input = (index: number, partial_json: string) =>
  delta(index, { type: "input_json_delta", partial_json })
const close = (index: number) => ({ type: "content_block_stop", index })
const stop = (stop_reason: string | null, usage?: JsonObject) => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null },
  ...(usage === undefined ? {} : { usage }),
})
const done = { type: "message_stop" }
const call = (id: string, rest: JsonObject = {}) => ({
  type: "tool_use",
  id,
  name: "Bash",
  input: {},
  ...rest,
})

describe("recorded streams", () => {
  test("thinking, text and a call come in order, with the signature and the call's own bytes (30)", () => {
    const events = recorded("30-response-thinking-text-tool.sse")
    const args = events.map(event => (event.type === "tool-call-delta" ? event.text : "")).join("")
    expect(args).toBe('{"command":"echo one && echo two","description":"Echo"}')
    expect(events).toContainEqual({ type: "reasoning-end", sealed: "SIG1abc==" })
    expect(events.at(-1)).toEqual({ type: "answer-end", stop: "tool_call" })
    expect(events[0]).toEqual({ type: "answer-start", id: "msg_1", model: "claude-opus-4-8" })
  })

  test("empty thinking keeps its signature, two calls stay apart (31)", () => {
    const events = recorded("31-response-empty-thinking-two-tools.sse")
    expect(events).toContainEqual({ type: "reasoning-end", sealed: "SIG2redactedlike==" })
    expect(events.flatMap(event => (event.type === "tool-call-start" ? [event.call_id] : []))).toEqual([
      "toolu_write1",
      "toolu_bash2",
    ])
  })

  test("redacted thinking is sealed reasoning without words (32)", () => {
    expect(recorded("32-response-redacted-thinking-tool.sse")).toContainEqual({
      type: "reasoning-end",
      sealed: "REDACTED_DATA==",
      is_redacted: true,
    })
  })

  test("a hosted search is one call with its results, and the text cites them (33)", () => {
    const events = recorded("33-response-web-search-server-tool.sse")
    expect(events).toContainEqual({
      type: "hosted-call-end",
      raw: { type: "web_search_call", status: "completed", action: { type: "search", query: "rust news" } },
      results: [
        { url: "https://blog.rust-lang.org/", title: "Rust Blog", page_age: "2 days ago", sealed: "ENC==" },
      ],
    })
    expect(types(withoutUsage(events)).slice(2)).toEqual([
      "text-start",
      "text-citation",
      "text-delta",
      "text-end",
      "answer-end",
    ])
    const usage = events.findLast(event => event.type === "usage")
    expect(usage?.reported.usage).toMatchObject({ input_tokens: 50, output_tokens: 20, web_search_count: 1 })
  })

  test("an error in the middle is a failure after complete blocks, too (34)", () => {
    expect(recorded("34-response-mid-stream-error.sse").at(-1)).toEqual({
      type: "answer-failed",
      code: "server_is_overloaded",
      message: "Overloaded",
    })
  })
})

describe("ends", () => {
  test("a stop reason without message_stop is a complete answer", () => {
    const events = readAll([
      start(),
      open(0, { type: "text", text: "" }),
      text(0, "a"),
      close(0),
      stop("end_turn"),
    ])
    expect(events.at(-1)).toEqual({ type: "answer-end", stop: "end" })
  })

  test("complete blocks without a stop reason are a cut answer", () => {
    const events = readAll([start(), open(0, { type: "text", text: "" }), text(0, "a"), close(0)])
    expect(events.at(-1)).toMatchObject({ type: "answer-failed", code: "server_error" })
  })

  const reasons: [string | null, string][] = [
    ["end_turn", "end"],
    ["tool_use", "end"],
    ["pause_turn", "end"],
    ["max_tokens", "max_tokens"],
    ["model_context_window_exceeded", "max_tokens"],
    ["stop_sequence", "stop_sequence"],
    ["refusal", "refusal"],
    [null, "end"],
  ]
  for (const [reason, expected] of reasons) {
    test(`${reason} without a call is ${expected}`, () => {
      expect(readAll([start(), stop(reason), done]).at(-1)).toMatchObject({
        type: "answer-end",
        stop: expected,
      })
    })
  }

  test("a call makes end_turn and null a tool call (claude-code-wire 6)", () => {
    for (const reason of ["end_turn", null]) {
      const events = readAll([start(), open(0, call("a")), input(0, "{}"), close(0), stop(reason), done])
      expect(events.at(-1)).toEqual({ type: "answer-end", stop: "tool_call" })
    }
  })

  test("only the first stop reason and the first end count", () => {
    const events = readAll([start(), stop("max_tokens"), stop("end_turn"), done, done, text(0, "late")])
    expect(events.filter(endsAnswer)).toEqual([{ type: "answer-end", stop: "max_tokens" }])
  })

  const errors: [JsonObject, string][] = [
    [{ type: "overloaded_error", message: "x" }, "server_is_overloaded"],
    [{ type: "rate_limit_error", message: "x" }, "rate_limit_exceeded"],
    [
      { type: "invalid_request_error", message: "prompt is too long: 9 tokens > 8 maximum" },
      "context_length_exceeded",
    ],
    [{ type: "invalid_request_error", message: "x" }, "invalid_prompt"],
    [{ type: "api_error", message: "x" }, "server_error"],
    [{}, "server_error"],
  ]
  for (const [error, code] of errors) {
    test(`the error ${JSON.stringify(error)} is ${code}`, () => {
      expect(readAll([start(), { type: "error", error }]).at(-1)).toMatchObject({
        type: "answer-failed",
        code,
      })
    })
  }
})

describe("calls", () => {
  test("an input that stands whole in the start is not lost", () => {
    const events = readAll([
      start(),
      open(0, call("a", { input: { x: 1 } })),
      close(0),
      stop("tool_use"),
      done,
    ])
    expect(events).toContainEqual({ type: "tool-call-delta", text: '{"x":1}' })
  })

  test("deltas count more than an input in the start", () => {
    const wires = [
      start(),
      open(0, call("a", { input: { x: 1 } })),
      input(0, '{"y":2}'),
      close(0),
      stop("tool_use"),
    ]
    const said = readAll(wires).map(event => (event.type === "tool-call-delta" ? event.text : ""))
    expect(said.join("")).toBe('{"y":2}')
  })

  test("no input at all is {}", () => {
    const events = readAll([start(), open(0, call("a")), close(0), stop("tool_use"), done])
    expect(withoutUsage(events).slice(1, 3)).toEqual([
      { type: "tool-call-delta", text: "{}" },
      { type: "tool-call-end" },
    ])
  })

  test("a call that ran out of tokens is cut, although the wire closed its block first", () => {
    const events = readAll([start(), open(0, call("a")), input(0, '{"x'), close(0), stop("max_tokens"), done])
    expect(events).toContainEqual({ type: "tool-call-end", is_cut: true })
  })

  test("broken arguments of a call that was not cut stay as they are", () => {
    const events = readAll([start(), open(0, call("a")), input(0, '{"x'), close(0), stop("tool_use"), done])
    expect(events).toContainEqual({ type: "tool-call-end" })
  })

  test("interleaved blocks are put in line", () => {
    const wires = [
      start(),
      open(0, call("a")),
      open(1, call("b")),
      input(1, '{"b":1}'),
      input(0, '{"a":1}'),
      close(0),
      close(1),
      stop("tool_use"),
      done,
    ]
    expect(withoutUsage(readAll(wires))).toEqual([
      { type: "tool-call-start", tool: "function", call_id: "a", name: "Bash" },
      { type: "tool-call-delta", text: '{"a":1}' },
      { type: "tool-call-end" },
      { type: "tool-call-start", tool: "function", call_id: "b", name: "Bash" },
      { type: "tool-call-delta", text: '{"b":1}' },
      { type: "tool-call-end" },
      { type: "answer-end", stop: "tool_call" },
    ])
  })

  test("a second call with the same id, and one without, get ids of their own", () => {
    const wires = [
      start(),
      ...["a", "a", ""].flatMap((id, index) => [open(index, call(id)), close(index)]),
      done,
    ]
    const ids = readAll(wires).flatMap(event => (event.type === "tool-call-start" ? [event.call_id] : []))
    expect(ids).toEqual(["a", "call_msg_1_1", "call_msg_1_2"])
  })

  test("a call without a name is no call", () => {
    const events = readAll([
      start(),
      open(0, call("a", { name: "" })),
      input(0, "{}"),
      close(0),
      stop("tool_use"),
    ])
    expect(withoutUsage(events)).toEqual([{ type: "answer-end", stop: "end" }])
  })
})

describe("other blocks", () => {
  test("pings, unknown events, deltas and blocks say nothing", () => {
    const wires = [
      { type: "ping" },
      start(),
      { type: "never_heard_of" },
      open(0, { type: "container_upload", file_id: "f" }),
      text(0, "not said"),
      close(0),
      open(1, { type: "text", text: "" }),
      delta(1, { type: "odd_delta", text: "x" }),
      delta(1, { type: "thinking_delta", thinking: "wrong place" }),
      close(1),
      stop("end_turn"),
      done,
    ]
    expect(withoutUsage(readAll(wires))).toEqual([{ type: "answer-end", stop: "end" }])
  })

  test("an empty unsigned thinking block, somebody's keepalive, is no reasoning", () => {
    const thinking = { type: "thinking", thinking: "", signature: "" }
    const empty = delta(0, { type: "thinking_delta", thinking: "" })
    const events = readAll([start(), open(0, thinking), empty, close(0), stop("end_turn"), done])
    expect(withoutUsage(events)).toEqual([{ type: "answer-end", stop: "end" }])
  })

  test("a search error is a failed call, and so is a search without results", () => {
    const search = { type: "server_tool_use", id: "s", name: "web_search", input: {} }
    const error = { type: "web_search_tool_result_error", error_code: "unavailable" }
    const result = { type: "web_search_tool_result", tool_use_id: "s", content: error }
    for (const tail of [[open(1, result), close(1)], []]) {
      const events = readAll([start(), open(0, search), close(0), ...tail, stop("end_turn"), done])
      const ends = events.filter(event => event.type === "hosted-call-end")
      expect(ends).toMatchObject([{ raw: { type: "web_search_call", status: "failed" } }])
      expect(ends[0]).not.toHaveProperty("results")
    }
  })
})

describe("usage", () => {
  const last = (wires: unknown[]) => readAll(wires).findLast(event => event.type === "usage")?.reported

  test("message_delta overrides what it says and keeps what it does not", () => {
    const early = { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 }
    const late = { input_tokens: 50, output_tokens: 20, cache_read_input_tokens: null }
    expect(last([start(early), stop("end_turn", late), done])?.usage).toMatchObject({
      input_tokens: 50,
      cache_read_tokens: 5,
      output_tokens: 20,
    })
  })

  test("without any report there is none", () => {
    expect(last([start(), stop("end_turn"), done])).toBeUndefined()
  })

  test("what was used is known when the answer fails", () => {
    expect(last([start({ input_tokens: 7, output_tokens: 1 })])?.usage.input_tokens).toBe(7)
  })
})

describe("whole answers", () => {
  test("are the stream they stand for", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "S" },
      { type: "text", text: "hi", citations: [{ url: "https://a.b", title: "A" }] },
      call("a", { input: { x: [1] } }),
    ]
    const usage = { input_tokens: 1, output_tokens: 2 }
    const message = { id: "m", type: "message", model: "x", content, stop_reason: "tool_use", usage }
    expect(types(readAnswer(message))).toEqual([
      "answer-start",
      "usage",
      "reasoning-start",
      "reasoning-delta",
      "reasoning-end",
      "text-start",
      "text-delta",
      "text-citation",
      "text-end",
      "tool-call-start",
      "tool-call-delta",
      "tool-call-end",
      "usage",
      "answer-end",
    ])
  })

  test("an error body and nonsense are failures", () => {
    const error = { type: "error", error: { type: "rate_limit_error", message: "slow" } }
    expect(readAnswer(error).at(-1)).toMatchObject({ code: "rate_limit_exceeded", message: "slow" })
    for (const body of [null, 5, "x", [], {}]) expect(readAnswer(body).at(-1)?.type).toBe("answer-failed")
  })
})
