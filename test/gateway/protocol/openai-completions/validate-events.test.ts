/** What a stream of text completions must keep, broken one law at a time. */
import { describe, expect, test } from "bun:test"
import { startValidator } from "../../../../src/gateway/protocol/openai-completions/validate-events.ts"

const shell = { id: "cmpl-1", object: "text_completion", created: 1, model: "m" }
const chunk = (text: unknown, finish_reason: unknown = null) => ({
  ...shell,
  choices: [{ index: 0, text, logprobs: null, finish_reason }],
})
const report = { ...shell, choices: [], usage: { total_tokens: 1 } }
const last = chunk("", "stop")

function violations(...stream: unknown[]): readonly string[] {
  const validator = startValidator()
  for (const data of stream) validator.note(undefined, data)
  return validator.end()
}

describe("a legal stream", () => {
  test("has text, a reason, maybe the usage, and the end", () => {
    expect(violations(chunk("a"), last, "[DONE]")).toEqual([])
    expect(violations(last, report, "[DONE]")).toEqual([])
  })

  test("may fail instead", () => {
    expect(violations(chunk("a"), { error: { message: "x" } })).toEqual([])
  })
})

describe("a broken one", () => {
  test.each<[string, unknown[], string]>([
    ["does not end", [chunk("a")], "The stream has no end."],
    ["goes on", [last, "[DONE]", chunk("a")], "Chunk 2 follows the end."],
    ["goes on after its error", [{ error: { message: "x" } }, "[DONE]"], "Chunk 1 follows the end."],
    ["is done without a reason", [chunk("a"), "[DONE]"], "Chunk 1 is [DONE] without a finish_reason."],
    [
      "fails after its end",
      [last, { error: { message: "x" } }],
      "Chunk 1 fails an answer that was finished.",
    ],
    ["fails without words", [{ error: {} }], "Chunk 0 fails without a message."],
    [
      "is another object",
      [{ ...last, object: "chat.completion" }],
      "Chunk 0 is no text_completion (sdk-wire 2).",
    ],
    ["has no id", [{ ...last, id: "" }], "Chunk 0 lacks its id or time."],
    [
      "changes its id",
      [chunk("a"), { ...last, id: "b" }],
      "Chunk 1 has another id, time or model than the first.",
    ],
    ["ends twice", [last, last], "Chunk 1 has a choice after the end, or several."],
    [
      "has several choices",
      [{ ...last, choices: [1, 2] }],
      "Chunk 0 has a choice after the end, or several.",
    ],
    ["has no text", [chunk(null)], "Chunk 0 has a choice without index 0 and a text."],
    [
      "has its own reason",
      [chunk("", "tool_calls")],
      "Chunk 0 ends for a reason that the protocol does not know.",
    ],
    ["reports too early", [report], "Chunk 0 has neither a choice nor the usage at the end."],
    ["is nonsense", [7], "Chunk 0 is no object."],
  ])("%s", (_name, stream, violation) => {
    expect(violations(...stream)).toContain(violation)
  })
})
