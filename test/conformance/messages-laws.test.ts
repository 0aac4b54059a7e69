/** The laws of Messages streams: correct ones amount to their message, each broken one is named. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { foldMessageEvents } from "../../src/conformance/messages-laws.ts"
import { checkProperty } from "../support/property.ts"

type Event = Record<string, unknown>

const USAGE = { input_tokens: 3, cache_read_input_tokens: 2, output_tokens: 1 }
const MESSAGE = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], usage: USAGE }
const START: Event = { type: "message_start", message: MESSAGE }
const open = (index: number, content_block: object): Event => ({
  type: "content_block_start",
  index,
  content_block,
})
const delta = (index: number, member: object): Event => ({
  type: "content_block_delta",
  index,
  delta: member,
})
const close = (index: number): Event => ({ type: "content_block_stop", index })
const end = (stop_reason: string | null, usage: unknown = { output_tokens: 5 }): Event => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null },
  usage,
})
const STOP: Event = { type: "message_stop" }
const TEXT = { type: "text", text: "" }
const TOOL = { type: "tool_use", id: "toolu_1", name: "f", input: {} }
const say = (text: string) => ({ type: "text_delta", text })
const json = (partial_json: string) => ({ type: "input_json_delta", partial_json })

describe("a correct stream", () => {
  test("amounts to its blocks, however they are cut", () => {
    checkProperty(
      import.meta.path,
      fc.tuple(fc.array(fc.string()), fc.array(fc.string())),
      ([texts, inputs]) => {
        const events = [
          START,
          open(0, TEXT),
          ...texts.map(text => delta(0, say(text))),
          close(0),
          { type: "ping" },
          open(1, TOOL),
          ...inputs.map(text => delta(1, json(text))),
          close(1),
          end("tool_use"),
          STOP,
        ]
        const { blocks, stop_reason } = foldMessageEvents(events)
        expect(blocks).toMatchObject([{ text: texts.join("") }, { id: "toolu_1", json: inputs.join("") }])
        expect(stop_reason).toBe("tool_use")
      },
    )
  })

  test("has the usage of its start, replaced by what its end says and not by null", () => {
    const last = { output_tokens: 9, input_tokens: 7, cache_read_input_tokens: null }
    const { usage } = foldMessageEvents([START, end("end_turn", last), STOP])
    expect(usage).toEqual({ input_tokens: 7, cache_read_input_tokens: 2, output_tokens: 9 })
  })

  test("may think, with a signature, and redact", () => {
    const events = [
      START,
      open(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, { type: "thinking_delta", thinking: "a" }),
      delta(0, { type: "signature_delta", signature: "s" }),
      close(0),
      open(1, { type: "redacted_thinking", data: "x" }),
      close(1),
      end("end_turn"),
      STOP,
    ]
    expect(foldMessageEvents(events).blocks.map(block => block.type)).toEqual([
      "thinking",
      "redacted_thinking",
    ])
  })
})

const message = (change: object): Event => ({ type: "message_start", message: { ...MESSAGE, ...change } })

const BROKEN: [what: string, events: Event[], complaint: string][] = [
  ["no start", [open(0, TEXT)], "message_start once, and first"],
  ["two starts", [START, START], "message_start once"],
  ["no id", [message({ id: "" })], "message.id"],
  ["no usage at the start", [message({ usage: null })], "usage in message_start"],
  ["no input count at the start", [message({ usage: { output_tokens: 1 } })], "usage.input_tokens"],
  ["content at the start", [message({ content: [TEXT] })], "message.content"],
  ["a delta outside any block", [START, delta(0, say("a"))], "inside its own open block"],
  ["a delta of another block", [START, open(0, TEXT), delta(1, say("a"))], "inside its own open block"],
  ["two open blocks", [START, open(0, TEXT), open(1, TEXT)], "one open block at a time"],
  ["an index that is not next", [START, open(1, TEXT)], "index of a new block to be 0"],
  [
    "an index that is used again",
    [START, open(0, TEXT), close(0), open(0, TEXT)],
    "index of a new block to be 1",
  ],
  ["input in the start of a tool_use", [START, open(0, { ...TOOL, input: { a: 1 } })], "input of a tool_use"],
  ["a tool_use without a name", [START, open(0, { ...TOOL, name: "" })], "id and name"],
  ["text in a tool_use", [START, open(0, TOOL), delta(0, say("a"))], "a delta of a tool_use block"],
  ["a block left open", [START, open(0, TEXT), end("end_turn")], "every block closed"],
  ["a stop of nothing", [START, close(0)], "the open block to stop"],
  ["no usage at the end", [START, end("end_turn", null)], "usage in message_delta"],
  ["no stop_reason", [START, end(null), STOP], "a stop_reason before message_stop"],
  ["a block after message_delta", [START, end("end_turn"), open(0, TEXT)], "no block after message_delta"],
  ["no message_stop", [START, end("end_turn")], "message_stop at the end"],
  ["anything after message_stop", [START, end("end_turn"), STOP, STOP], "nothing after message_stop"],
  [
    "end_turn after a call",
    [START, open(0, TOOL), close(0), end("end_turn"), STOP],
    "says tool_use to be true",
  ],
  ["tool_use without a call", [START, end("tool_use"), STOP], "says tool_use to be false"],
  ["an event of nobody", [START, { type: "message_party" }], "an event of this protocol"],
  ["an error", [START, { type: "error", error: { type: "api_error", message: "x" } }], "api_error"],
]

describe("a broken stream is named:", () => {
  test.each(BROKEN)("%s", (_, events, complaint) => {
    expect(() => foldMessageEvents(events)).toThrow(complaint)
  })
})
