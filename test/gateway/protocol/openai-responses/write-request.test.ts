/** Writing requests: what the wire wants beyond what the laws say, and every field it cannot say. */
import { describe, expect, test } from "bun:test"
import type { Item, ModelRequest } from "../../../../src/gateway/protocol/model-request.ts"
import { WRITE_LOSSES } from "../../../../src/gateway/protocol/openai-responses/losses.ts"
import { writeRequest } from "../../../../src/gateway/protocol/openai-responses/write-request.ts"
import { targetOf } from "../../../support/target.ts"

const TARGET = targetOf("openai-responses")

const plain: ModelRequest = { model: "m", instructions: [], items: [], tools: [], stream: true }

test("nothing stays in the upstream's store", () => {
  expect(writeRequest(plain, TARGET)).toEqual({ model: "m", input: [], store: false, stream: true })
})

test("strict is always said, because the wire's default is not ours", () => {
  const { tools } = writeRequest({ ...plain, tools: [{ kind: "function", name: "f" }] }, TARGET)
  expect(tools).toEqual([{ type: "function", name: "f", strict: false, parameters: null }])
})

test("marked instructions become one text", () => {
  const instructions = [
    { kind: "text" as const, text: "a", cache: "5m" as const },
    { kind: "text" as const, text: "b" },
  ]
  expect(writeRequest({ ...plain, instructions }, TARGET).instructions).toBe("a\n\nb")
})

test.each([
  [1024, "low"],
  [16_000, "medium"],
  [31_999, "high"],
])("a thinking budget of %d is the effort %s", (budget_tokens, effort) => {
  expect(writeRequest({ ...plain, reasoning: { budget_tokens } }, TARGET).reasoning).toEqual({ effort })
})

test("what only another protocol can say is left out", () => {
  const raw = { type: "server_tool_use" }
  const foreign = { kind: "raw" as const, protocol: "anthropic-messages" as const, raw }
  const items: Item[] = [
    foreign,
    { kind: "message", role: "user", parts: [foreign, { kind: "text", text: "x" }] },
  ]
  const written = writeRequest({ ...plain, items, tools: [foreign] }, TARGET)
  expect(written.input).toMatchObject([{ content: [{ type: "input_text", text: "x" }] }])
  expect(written.tools).toEqual([])
})

test("a tool search whose arguments are no object searches for the model's words", () => {
  const call = { kind: "tool-call" as const, tool: "tool_search" as const, call_id: "c", name: "tool_search" }
  const { input } = writeRequest({ ...plain, items: [{ ...call, arguments: "add numbers" }] }, TARGET)
  expect(input).toMatchObject([{ execution: "client", arguments: { query: "add numbers" } }])
})

describe("losses", () => {
  const result = { kind: "tool-result" as const, tool: "function" as const, call_id: "c", output: "no" }
  const thought = { kind: "reasoning" as const, summary: [], text: [], sealed: "S" }
  const text = { kind: "text" as const, text: "t" }
  const cases: { [field: string]: [ModelRequest, ModelRequest] } = {
    stop: [plain, { ...plain, stop: ["END"] }],
    cache: [
      { ...plain, instructions: [text] },
      { ...plain, instructions: [{ ...text, cache: "1h" }] },
    ],
    is_error: [
      { ...plain, items: [result] },
      { ...plain, items: [{ ...result, is_error: true }] },
    ],
    is_redacted: [
      { ...plain, items: [thought] },
      { ...plain, items: [{ ...thought, is_redacted: true }] },
    ],
  }
  test.each(WRITE_LOSSES.map(loss => loss.field))("%s changes nothing", field => {
    const [without, withField] = cases[field]!
    expect(withField).not.toEqual(without)
    expect(writeRequest(withField, TARGET)).toEqual(writeRequest(without, TARGET))
  })
})
