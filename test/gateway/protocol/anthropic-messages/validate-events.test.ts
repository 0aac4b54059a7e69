/** The validator finds each broken law of a Messages stream, and nothing in a legal one. */
import { describe, expect, test } from "bun:test"
import { messagesClient } from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import { loadStream, type NamedEvent, parseStream } from "../../../support/messages-fixtures.ts"

function check(events: readonly { name: string | undefined; data: unknown }[]): readonly string[] {
  const validator = messagesClient.startValidating()
  for (const { name, data } of events) validator.note(name, data)
  return validator.end()
}

/** A legal stream: usage whole, thinking, text, one call. */
const LEGAL = parseStream(loadStream("30-response-thinking-text-tool.sse")).map(withWholeUsage)

function withWholeUsage({ name, data }: NamedEvent): NamedEvent {
  if (name !== "message_delta") return { name, data }
  const rest = { input_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
  return { name, data: { ...data, usage: { ...(data.usage as object), ...rest } } }
}

const at = (name: string): number => LEGAL.findIndex(event => event.name === name)
const without = (place: number): NamedEvent[] => LEGAL.toSpliced(place, 1)
const changed = (place: number, data: object): NamedEvent[] =>
  LEGAL.with(place, { ...LEGAL[place]!, data: { ...LEGAL[place]!.data, ...data } })
const inserted = (place: number, data: { type: string; [key: string]: unknown }): NamedEvent[] =>
  LEGAL.toSpliced(place, 0, { name: data.type, data })

test("a legal stream breaks no law", () => expect(check(LEGAL)).toEqual([]))

test("a failed stream is legal, also before it began", () => {
  const error = { name: "error", data: { type: "error", error: { type: "api_error", message: "x" } } }
  expect(check([error])).toEqual([])
  expect(check([...LEGAL.slice(0, 5), error])).toEqual([])
})

describe("broken laws", () => {
  const START = at("content_block_start")
  const CLOSE = at("content_block_stop")
  const DELTA = at("content_block_delta")
  const STOP = at("message_delta")
  const call = LEGAL.findIndex(({ data }) => JSON.stringify(data).includes('"type":"tool_use"'))
  const cases: [string, { name: string | undefined; data: unknown }[], string][] = [
    ["no message_start", without(0), "is not first"],
    ["no message_stop", without(LEGAL.length - 1), "no terminal event"],
    ["a block that is not closed", without(CLOSE), "opens a block inside another one"],
    ["a block that is not opened", without(START), "stands outside its own open block"],
    ["an index that is used twice", changed(call, { index: 0 }), "has not the index 2"],
    ["a delta of another index", changed(DELTA, { index: 7 }), "stands outside its own open block"],
    [
      "a delta of another kind",
      changed(DELTA, { delta: { type: "text_delta", text: "x" } }),
      "another kind of block",
    ],
    [
      "a delta that JavaScript's objects know",
      changed(DELTA, { delta: { type: "constructor" } }),
      "another kind of block",
    ],
    ["usage missing in the end", changed(STOP, { usage: undefined }), "lacks a counter of usage"],
    ["a negative counter", changed(STOP, { usage: { input_tokens: -1 } }), "lacks a counter of usage"],
    ["no stop reason", changed(STOP, { delta: { stop_reason: null } }), "has no stop reason"],
    ["end_turn with a call", changed(STOP, { delta: { stop_reason: "end_turn" } }), "says tool_use"],
    ["a second end", inserted(STOP, LEGAL[STOP]!.data as never), "is the second one"],
    [
      "input in the start",
      changed(call, { content_block: { type: "tool_use", id: "a", name: "f", input: { x: 1 } } }),
      "incomplete block",
    ],
    ["an unknown block", changed(call, { content_block: { type: "odd" } }), "unknown or incomplete block"],
    ["broken input", without(call + 1), "no JSON object"],
    ["an unknown event", inserted(1, { type: "keepalive" }), "is not an event of this protocol"],
    [
      "something after the end",
      [...LEGAL, { name: "ping", data: { type: "ping" } }],
      "follows the terminal event",
    ],
    ["[DONE]", [...LEGAL, { name: undefined, data: "[DONE]" }], "no [DONE]"],
    ["no event name", LEGAL.with(0, { name: undefined, data: LEGAL[0]!.data }), "another name than its type"],
    ["an error without words", [{ name: "error", data: { type: "error" } }], "has no type and message"],
    ["no id", changed(0, { message: { ...(LEGAL[0]!.data.message as object), id: "" } }), "has no id"],
  ]
  for (const [name, events, complaint] of cases) {
    test(`${name} is found`, () => expect(check(events).join(" ")).toContain(complaint))
  }
})
