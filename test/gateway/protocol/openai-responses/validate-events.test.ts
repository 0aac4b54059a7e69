/** The stream validator finds each broken law: a legal stream is spoiled in one place at a time. */
import { expect, test } from "bun:test"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import {
  startValidating,
  validateEvent,
  validateEvents,
} from "../../../../src/gateway/protocol/openai-responses/validate-events.ts"
import { startWriting, writeEvents } from "../../../../src/gateway/protocol/openai-responses/write-events.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"

const answer: ModelEvent[] = [
  { type: "reasoning-start" },
  { type: "reasoning-delta", of: "summary", index: 0, text: "hm" },
  { type: "reasoning-end" },
  { type: "text-start" },
  { type: "text-delta", text: "hel" },
  { type: "text-delta", text: "lo" },
  { type: "text-end" },
  { type: "tool-call-start", tool: "function", call_id: "c", name: "f" },
  { type: "tool-call-delta", text: "{}" },
  { type: "tool-call-end" },
  { type: "usage", reported: { usage: { ...NO_USAGE, input_tokens: 3, output_tokens: 2 } } },
  { type: "answer-end", stop: "tool_call" },
]

function legalStream(): JsonObject[] {
  let state = startWriting({ id: "resp_1", created_at: 1, model: "m" })
  const events = answer.flatMap(event => {
    const [next, written] = writeEvents(state, event)
    state = next
    return written
  })
  return JSON.parse(JSON.stringify(events))
}

/** The stream without the first event of a type, numbered anew. */
function without(type: string): JsonObject[] {
  const stream = legalStream()
  stream.splice(at(stream, type), 1)
  return stream.map((event, index) => ({ ...event, sequence_number: index }))
}

function changed(type: string, change: JsonObject): JsonObject[] {
  const stream = legalStream()
  const index = at(stream, type)
  return stream.with(index, { ...stream[index], ...change })
}

function at(stream: JsonObject[], type: string): number {
  const index = stream.findIndex(event => event.type === `response.${type}`)
  if (index === -1) throw new Error(`no ${type} in the stream`)
  return index
}

test("a legal stream has no violations", () => {
  expect(validateEvents(legalStream())).toEqual([])
})

test("a state that was folded from stays as it was", () => {
  const state = startValidating()
  validateEvent(state, { type: "nonsense" })
  expect(state).toEqual(startValidating())
})

test.each([
  "created",
  "output_item.added",
  "reasoning_summary_part.added",
  "reasoning_summary_part.done",
  "content_part.added",
  "output_text.delta",
  "content_part.done",
  "function_call_arguments.delta",
  "output_item.done",
  "completed",
])("a stream without its first %s is found", type => {
  expect(validateEvents(without(type))).not.toEqual([])
})

test("a stream without in_progress is legal; when it comes, it comes before any item", () => {
  expect(validateEvents(without("in_progress"))).toEqual([])
  const [created, in_progress, ...rest] = legalStream()
  const late = [created!, rest[0]!, in_progress!, ...rest.slice(1)].map((event, sequence_number) => ({
    ...event,
    sequence_number,
  }))
  expect(validateEvents(late)).not.toEqual([])
})

const response = (change: JsonObject) => {
  const stream = legalStream()
  return { response: { ...(stream.at(-1)?.response as JsonObject), ...change } }
}

test.each([
  ["a number that does not rise", "output_text.delta", { sequence_number: 3 }, /has not the number/],
  ["an index that is used again", "output_item.added", { output_index: 1 }, /next output_index/],
  ["a delta of another item", "output_text.delta", { item_id: "msg_x" }, /outside its own open item/],
  ["a delta of another part", "output_text.delta", { content_index: 1 }, /outside its own open part/],
  ["a text that is not its deltas", "output_text.done", { text: "hello!" }, /something else than its deltas/],
  [
    "an unknown event",
    "output_text.delta",
    { type: "response.vendor.extra" },
    /not an event of this protocol/,
  ],
  ["a name that JavaScript's objects know", "output_text.delta", { type: "constructor" }, /not an event/],
  ["a terminal of another response", "completed", response({ id: "resp_2" }), /names another response/],
  ["an output that lacks items", "completed", response({ output: [] }), /exactly the finished items/],
  ["an empty usage", "completed", response({ usage: {} }), /total that is not input/],
  ["a status that is not its name", "completed", response({ status: "failed" }), /another status/],
])("%s is found", (_, type, change, complaint) => {
  expect(validateEvents(changed(type, change)).join("\n")).toMatch(complaint)
})

test("a second terminal event is found", () => {
  const stream = legalStream()
  const again = { ...stream.at(-1), sequence_number: stream.length }
  expect(validateEvents([...stream, again]).join("\n")).toMatch(/follows the terminal event/)
})

test("an item inside another item is found", () => {
  const stream = legalStream()
  const index = at(stream, "reasoning_summary_text.delta")
  const inner = { type: "response.output_item.added", output_index: 1, item: { type: "message", id: "m" } }
  const spoiled = stream.toSpliced(index, 0, inner).map((event, n) => ({ ...event, sequence_number: n }))
  expect(validateEvents(spoiled).join("\n")).toMatch(/inside another one/)
})
