/** Reading answers: the recorded streams, and each sloppiness of a real upstream as a case of its own. */
import { describe, expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import {
  endReading,
  readAnswer,
  readEvents,
  startReading,
} from "../../../../src/gateway/protocol/openai-responses/read-events.ts"
import { loadStream } from "../../../support/responses-fixtures.ts"

function readAll(wire: unknown[]): ModelEvent[] {
  let state = startReading()
  const events = wire.flatMap(event => {
    const [next, read] = readEvents(state, event)
    state = next
    return read
  })
  return [...events, ...endReading(state)]
}

const done = (item: object, rest: object = {}) => ({ type: "response.output_item.done", item, ...rest })
const added = (item: object, output_index: number) => ({
  type: "response.output_item.added",
  output_index,
  item,
})
const completed = { type: "response.completed", response: { id: "r" } }
const textDelta = (delta: string, rest: object) => ({ type: "response.output_text.delta", delta, ...rest })
const argsDelta = (delta: string, rest: object) => ({
  type: "response.function_call_arguments.delta",
  delta,
  ...rest,
})
const types = (events: ModelEvent[]) => events.map(event => event.type).join(" ")
const texts = (events: ModelEvent[]) => events.flatMap(event => ("text" in event ? [event.text] : []))

describe("recorded streams", () => {
  const usage = {
    type: "usage",
    reported: { usage: expect.objectContaining({ input_tokens: 100, output_tokens: 10 }) },
  }

  test("a text turn", () => {
    expect(readAll(loadStream("codex-cli/a-text-turn.accepted.sse"))).toEqual([
      { type: "answer-start", id: "resp_1", model: "gpt-5.5" },
      { type: "text-start" },
      { type: "text-delta", text: "Hello there" },
      { type: "text-end" },
      usage as never,
      { type: "answer-end", stop: "end" },
    ])
  })

  test("the smallest stream that Codex accepts", () => {
    const events = readAll(loadStream("codex-cli/b-smallest-accepted.sse"))
    expect(types(events)).toBe("answer-start text-start text-delta text-end answer-end")
    expect(texts(events)).toEqual(["min"])
  })

  test("reasoning, commentary, a function call and a patch in one turn", () => {
    const events = readAll(loadStream("codex-cli/c-tool-turn.accepted.sse"))
    expect(events.find(event => event.type === "reasoning-end")).toEqual({
      type: "reasoning-end",
      sealed: "ENC_BLOB_1",
    })
    expect(events.find(event => event.type === "text-start")).toEqual({
      type: "text-start",
      phase: "commentary",
    })
    expect(events.filter(event => event.type === "tool-call-start")).toEqual([
      { type: "tool-call-start", tool: "function", call_id: "call_exec_1", name: "exec_command" },
      { type: "tool-call-start", tool: "custom", call_id: "call_patch_1", name: "apply_patch" },
    ])
    expect(texts(events)[2]).toBe('{"cmd":"echo hi && pwd"}')
    expect(events.at(-1)).toEqual({ type: "answer-end", stop: "tool_call" })
  })

  test("hosted searches, then a message that reuses an output_index and cites", () => {
    const events = readAll(loadStream("codex-cli/d-web-search-turn.accepted.sse"))
    expect(events.filter(event => event.type === "hosted-call-end")).toHaveLength(3)
    expect(texts(events)).toEqual(["Answer [1]"])
    expect(events.find(event => event.type === "text-citation")).toMatchObject({
      citation: { url: "https://example.com", title: "Ex", start_index: 0, end_index: 6 },
    })
    expect(events.at(-1)).toEqual({ type: "answer-end", stop: "end" })
  })

  test("a namespaced call that is whole from the start is said once", () => {
    const events = readAll(loadStream("codex-cli/e-namespaced-call.accepted.sse"))
    expect(events.filter(event => event.type === "tool-call-start")).toMatchObject([
      { namespace: "mcp__demo" },
    ])
    expect(texts(events)).toEqual(['{"a":1,"b":2}'])
  })

  test("a tool search", () => {
    const events = readAll(loadStream("codex-cli/f-tool-search-call.accepted.sse"))
    expect(events[1]).toEqual({
      type: "tool-call-start",
      tool: "tool_search",
      call_id: "c0",
      name: "tool_search",
    })
    expect(texts(events)).toEqual(['{"query":"add numbers","limit":5}'])
  })

  test.each([
    ["g-failed-message-shown-once", "invalid_prompt", "Your free text for the user"],
    ["h-failed-context-length", "context_length_exceeded", "ctx"],
  ])("%s is a failure", (file, code, message) => {
    const events = readAll(loadStream(`codex-cli/${file}.sse`))
    expect(events).toEqual([
      { type: "answer-start", id: "r" },
      { type: "answer-failed", code, message },
    ])
  })

  test("a keepalive says nothing", () => {
    expect(readEvents(startReading(), loadStream("codex-cli/i-keepalive-event.accepted.sse")[0])[1]).toEqual(
      [],
    )
  })

  test("the streams that the OpenAI SDK accepts", () => {
    expect(texts(readAll(loadStream("sdk/21-responses-stream-text-accepted.sse")))).toEqual(["hi there"])
    const events = readAll(loadStream("sdk/22-responses-stream-reasoning-and-function-call-accepted.sse"))
    expect(texts(events)).toEqual(["think", '{"a":1}'])
  })
})

describe("sloppy upstreams", () => {
  test("items that overlap are put in line and nothing is lost", () => {
    const call = (id: string) => ({ type: "function_call", id, call_id: `call_${id}`, name: "f" })
    const events = readAll([
      added(call("a"), 0),
      added(call("b"), 1),
      argsDelta('{"x":', { output_index: 0 }),
      argsDelta('{"y":', { output_index: 1 }),
      argsDelta("1}", { output_index: 0 }),
      argsDelta("2}", { output_index: 1 }),
      done({ ...call("b"), arguments: '{"y":2}' }, { output_index: 1 }),
      done({ ...call("a"), arguments: '{"x":1}' }, { output_index: 0 }),
      completed,
    ])
    expect(texts(events)).toEqual(['{"x":', "1}", '{"y":', "2}"])
    expect(events.filter(event => event.type === "tool-call-start").map(event => event.call_id)).toEqual([
      "call_a",
      "call_b",
    ])
  })

  test("an id that changes from event to event is the same item by its place", () => {
    const events = readAll([
      added({ type: "message", id: "one" }, 0),
      textDelta("hello", { output_index: 0, item_id: "two" }),
      done(
        { type: "message", id: "three", content: [{ type: "output_text", text: "hello" }] },
        { output_index: 0 },
      ),
      completed,
    ])
    expect(texts(events)).toEqual(["hello"])
  })

  test("items that only the completed response lists are read", () => {
    const output = [{ type: "message", content: [{ type: "output_text", text: "late" }] }]
    expect(texts(readAll([{ type: "response.completed", response: { output } }]))).toEqual(["late"])
  })

  test("a completed response does not repeat what was streamed", () => {
    const item = { type: "message", id: "m", content: [{ type: "output_text", text: "once" }] }
    expect(
      texts(readAll([done(item), { type: "response.completed", response: { output: [item] } }])),
    ).toEqual(["once"])
  })

  test("not even when its items have no ids to know them by", () => {
    const item = { type: "message", content: [{ type: "output_text", text: "once" }] }
    const wire = [done(item), { type: "response.completed", response: { output: [item] } }]
    expect(texts(readAll(wire))).toEqual(["once"])
  })

  test("the end of a text brings what its deltas left out", () => {
    const item = { type: "message", content: [{ type: "output_text", text: "hello world" }] }
    const wire = [
      added(item, 0),
      textDelta("hello", { output_index: 0 }),
      done(item, { output_index: 0 }),
      completed,
    ]
    expect(texts(readAll(wire))).toEqual(["hello", " world"])
  })

  test("an end that contradicts its deltas adds nothing", () => {
    const item = { type: "message", content: [{ type: "output_text", text: "goodbye" }] }
    const wire = [
      added(item, 0),
      textDelta("hello", { output_index: 0 }),
      done(item, { output_index: 0 }),
      completed,
    ]
    expect(texts(readAll(wire))).toEqual(["hello"])
  })

  test("no arguments are an empty object for a function and nothing for free text", () => {
    const items = [
      { type: "function_call", id: "a", call_id: "c1", name: "f", arguments: "" },
      { type: "custom_tool_call", id: "b", call_id: "c2", name: "g", input: "" },
    ]
    expect(texts(readAll([...items.map(item => done(item)), completed]))).toEqual(["{}"])
  })

  test("a cut call is marked and gets no arguments it did not have", () => {
    const call = { type: "function_call", id: "a", call_id: "c", name: "f", arguments: "" }
    const incomplete = { incomplete_details: { reason: "max_output_tokens" } }
    const events = readAll([added(call, 0), { type: "response.incomplete", response: incomplete }])
    expect(events.slice(2)).toEqual([
      { type: "tool-call-end", is_cut: true },
      { type: "answer-end", stop: "max_tokens" },
    ])
  })

  test("a call without an id gets one, and one without a name is not made", () => {
    const nameless = { type: "function_call", id: "x", call_id: "c9", arguments: "{}" }
    const wire = [done({ type: "function_call", name: "f", arguments: "{}" }), done(nameless), completed]
    const starts = readAll(wire).filter(event => event.type === "tool-call-start")
    expect(starts).toEqual([
      { type: "tool-call-start", tool: "function", call_id: "call_unnamed_0", name: "f" },
    ])
  })

  test("calls without call ids that share an item id get ids of their own", () => {
    const call = { type: "function_call", id: "same", call_id: "", name: "f", arguments: "{}" }
    const wire = [added(call, 0), added(call, 1), completed]
    const starts = readAll(wire).filter(event => event.type === "tool-call-start")
    expect(starts.map(event => event.call_id)).toEqual(["same", "call_unnamed_1"])
  })

  test("arguments that come before the name are kept", () => {
    const item = { type: "function_call", id: "a", call_id: "c", name: "f", arguments: '{"n":1}' }
    const events = readAll([
      argsDelta('{"n":1}', { output_index: 0, item_id: "a" }),
      done(item, { output_index: 0 }),
      completed,
    ])
    expect(types(events)).toBe("answer-start tool-call-start tool-call-delta tool-call-end answer-end")
  })

  test.each([
    ["completed by name, incomplete by status", "response.completed", "incomplete", "answer-end"],
    ["completed by name, failed by status", "response.completed", "failed", "answer-failed"],
    ["cancelled", "response.cancelled", "cancelled", "answer-failed"],
  ] as const)("%s", (_, type, status, terminal) => {
    expect(readAll([{ type, response: { status } }]).at(-1)?.type).toBe(terminal)
  })

  test.each([
    ["flat", { type: "error", code: "rate_limit_exceeded", message: "slow" }],
    ["nested", { type: "error", error: { type: "x", code: "rate_limit_exceeded", message: "slow" } }],
    ["bare", { error: { code: "rate_limit_exceeded", message: "slow" } }],
    ["typed only", { error: { type: "rate_limit_exceeded", message: "slow" } }],
  ])("a %s error is a failure with its code", (_, wire) => {
    const failed: ModelEvent = { type: "answer-failed", code: "rate_limit_exceeded", message: "slow" }
    expect(readAll([wire])).toEqual([{ type: "answer-start" }, failed])
  })

  test.each(["constructor", "toString", "__proto__"])("an event called %s says nothing", type => {
    const [state, events] = readEvents(startReading(), { type, delta: "x", item_id: "i" })
    expect(events).toEqual([])
    expect(state).toEqual(startReading())
  })

  test("an error without words is a server error", () => {
    const message = "The upstream failed without saying why."
    expect(readAll([{ type: "error" }]).at(-1)).toEqual({
      type: "answer-failed",
      code: "server_error",
      message,
    })
  })
})

describe("whole answers", () => {
  test("a body that is no response is a failure", () => {
    expect(readAnswer({ object: "list" }).at(-1)).toMatchObject({ type: "answer-failed" })
    expect(readAnswer("<html>").at(-1)).toMatchObject({ type: "answer-failed" })
    expect(readAnswer({ error: { code: "c", message: "m" } }).at(-1)).toMatchObject({
      code: "c",
      message: "m",
    })
  })

  test("an incomplete answer keeps its text and says why it stopped", () => {
    const output = [{ type: "message", content: [{ type: "output_text", text: "half" }] }]
    const body = { status: "incomplete", incomplete_details: { reason: "content_filter" }, output }
    const events = readAnswer(body)
    expect(texts(events)).toEqual(["half"])
    expect(events.at(-1)).toEqual({ type: "answer-end", stop: "content_filter" })
  })
})

test("two calls of one id become two calls of two ids", () => {
  const call = (output_index: number, id: string) => [
    {
      type: "response.output_item.added",
      output_index,
      item: { type: "function_call", id, call_id: "c", name: "f" },
    },
    {
      type: "response.output_item.done",
      output_index,
      item: { type: "function_call", id, call_id: "c", name: "f", arguments: `{"n":${output_index}}` },
    },
  ]
  let state = startReading()
  const said: ModelEvent[] = []
  for (const wire of [...call(0, "fc_0"), ...call(1, "fc_1")]) {
    const [next, events] = readEvents(state, wire)
    state = next
    said.push(...events)
  }
  const ids = said.flatMap(event => (event.type === "tool-call-start" ? [event.call_id] : []))
  expect(ids).toEqual(["c", "call_unnamed_1"])
  expect(said.filter(event => event.type === "tool-call-delta")).toHaveLength(2)
})

test("a call whose name comes late, with the id of another, gets an id of its own", () => {
  const done = (output_index: number, id: string) => ({
    type: "response.output_item.done",
    output_index,
    item: { type: "function_call", id, call_id: "c", name: "f", arguments: "{}" },
  })
  const nameless = { type: "function_call", id: "fc_1" }
  const said = readAll([
    done(0, "fc_0"),
    { type: "response.output_item.added", output_index: 1, item: nameless },
    done(1, "fc_1"),
  ])
  const ids = said.flatMap(event => (event.type === "tool-call-start" ? [event.call_id] : []))
  expect(ids).toEqual(["c", "call_unnamed_1"])
})
