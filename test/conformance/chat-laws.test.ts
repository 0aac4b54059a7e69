/** The laws of Chat streams: correct ones amount to their answer, each broken one is named. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { foldChatChunks } from "../../src/conformance/chat-laws.ts"
import { checkProperty } from "../support/property.ts"

type Chunk = Record<string, unknown>

const HEAD = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" }
const chunk = (delta: object, finish_reason: string | null = null): Chunk => ({
  ...HEAD,
  choices: [{ index: 0, delta, finish_reason }],
})
const ROLE = chunk({ role: "assistant", content: "" })
const STOP = chunk({}, "stop")
const call = (index: number, member: object): Chunk => chunk({ tool_calls: [{ index, ...member }] })
const start = (index: number, text = ""): Chunk =>
  call(index, { id: `call_${index}`, type: "function", function: { name: `f${index}`, arguments: text } })
const more = (index: number, text: string): Chunk => call(index, { function: { arguments: text } })

describe("a correct stream", () => {
  test("amounts to its text, however it is cut", () => {
    checkProperty(import.meta.path, fc.array(fc.string()), pieces => {
      const chunks = [ROLE, ...pieces.map(content => chunk({ content })), STOP]
      expect(foldChatChunks(chunks, false)).toMatchObject({ text: pieces.join(""), finish_reason: "stop" })
    })
  })

  test("amounts to its calls, whose arguments may be interleaved", () => {
    checkProperty(import.meta.path, fc.array(fc.tuple(fc.nat({ max: 1 }), fc.string())), pieces => {
      const deltas = pieces.map(([index, text]) => more(index, text))
      const { calls } = foldChatChunks([ROLE, start(0), start(1), ...deltas, chunk({}, "tool_calls")], false)
      const said = (index: number) => pieces.flatMap(([of, text]) => (of === index ? [text] : [])).join("")
      expect(calls.map(one => one.arguments)).toEqual([said(0), said(1)])
      expect(calls.map(one => one.name)).toEqual(["f0", "f1"])
    })
  })

  test("may have chunks without choices", () => {
    expect(foldChatChunks([ROLE, { ...HEAD, choices: [] }, STOP], false).finish_reason).toBe("stop")
  })

  test("shows its usage in the last chunk when it was asked for", () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
    expect(foldChatChunks([ROLE, STOP, { ...HEAD, choices: [], usage }], true).usage).toEqual(usage)
  })
})

const BROKEN: [what: string, chunks: Chunk[], complaint: string][] = [
  ["another id in the middle", [ROLE, { ...STOP, id: "other" }], "the id chatcmpl-1 in every chunk"],
  ["no id", [{ ...ROLE, id: "" }], "in every chunk"],
  ["another object", [{ ...ROLE, object: "chat.completion" }], "object to be"],
  ["no created", [{ ...ROLE, created: undefined }], "created"],
  ["no choices", [{ ...HEAD }], "choices as a list"],
  ["no role", [chunk({ content: "a" }), STOP], "role in the first delta"],
  ["a second choice", [ROLE, { ...HEAD, choices: [{ index: 1, delta: {} }] }], "choice index"],
  ["no finish_reason", [ROLE, chunk({ content: "a" })], "a finish_reason"],
  ["text after the finish_reason", [ROLE, STOP, chunk({ content: "a" })], "nothing after the finish_reason"],
  ["usage nobody asked for", [ROLE, { ...STOP, usage: {} }], "no usage"],
  ["a call without an index", [ROLE, chunk({ tool_calls: [{ id: "c", function: { name: "f" } }] })], "index"],
  ["a call that skips an index", [ROLE, start(1)], "index of a new tool call to be 0"],
  ["a call without an id", [ROLE, call(0, { type: "function", function: { name: "f" } })], "id and name"],
  ["a call without a type", [ROLE, call(0, { id: "c", function: { name: "f" } })], "type of a call"],
  ["stop after a call", [ROLE, start(0, "{}"), STOP], "finish_reason says tool_calls to be true"],
  ["tool_calls without a call", [ROLE, chunk({}, "tool_calls")], "finish_reason says tool_calls to be false"],
]

describe("a broken stream is named:", () => {
  test.each(BROKEN)("%s", (_, chunks, complaint) => {
    expect(() => foldChatChunks(chunks, false)).toThrow(complaint)
  })

  test("usage that was asked for and is missing, or stands beside a choice", () => {
    expect(() => foldChatChunks([ROLE, STOP, { ...HEAD, choices: [] }], true)).toThrow(
      "usage in the last chunk",
    )
    expect(() => foldChatChunks([ROLE, { ...STOP, usage: {} }], true)).toThrow("choices of the usage chunk")
  })
})
