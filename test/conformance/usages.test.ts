/** Token counts of the three wires as comparable counters; incomplete and contradictory ones are named. */
import { describe, expect, test } from "bun:test"
import { readChatUsage, readMessagesUsage, readResponsesUsage } from "../../src/conformance/usages.ts"

/** The second golden of money.md. */
const RESPONSES = {
  input_tokens: 1_250,
  input_tokens_details: { cached_tokens: 1_000 },
  output_tokens: 300,
  output_tokens_details: { reasoning_tokens: 200 },
  total_tokens: 1_550,
}
const CHAT = {
  prompt_tokens: 1_250,
  completion_tokens: 300,
  total_tokens: 1_550,
  prompt_tokens_details: { cached_tokens: 1_000 },
}
const GOLDEN = { input_tokens: 250, cache_read_tokens: 1_000, cache_write_tokens: 0, output_tokens: 300 }

test("the same usage is the same in all three protocols", () => {
  expect(readResponsesUsage(RESPONSES)).toEqual(GOLDEN)
  expect(readChatUsage(CHAT)).toEqual(GOLDEN)
  const messages = { input_tokens: 250, cache_read_input_tokens: 1_000, output_tokens: 300 }
  expect(readMessagesUsage(messages)).toEqual(GOLDEN)
})

test("details that Chat and Messages leave out are zero", () => {
  const plain = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  expect(readChatUsage(plain)).toMatchObject({ input_tokens: 3, cache_read_tokens: 0 })
  expect(readMessagesUsage({ input_tokens: 3, output_tokens: 2 })).toMatchObject({ cache_write_tokens: 0 })
})

describe("wrong:", () => {
  test.each([
    ["nothing", null, "cached_tokens"],
    ["no details of input", { ...RESPONSES, input_tokens_details: undefined }, "cached_tokens"],
    ["no details of output", { ...RESPONSES, output_tokens_details: {} }, "reasoning_tokens"],
    ["another total", { ...RESPONSES, total_tokens: 1 }, "usage.total_tokens to be 1550; came 1"],
    ["more cached than read", { ...RESPONSES, input_tokens: 1, total_tokens: 301 }, "no more cached input"],
    [
      "more reasoning than output",
      { ...RESPONSES, output_tokens: 1, total_tokens: 1_251 },
      "no more reasoning",
    ],
    ["a negative count", { ...RESPONSES, output_tokens: -1, total_tokens: 1_249 }, "usage.input_tokens and"],
    [
      "half a token",
      { ...RESPONSES, input_tokens: 1_250.5, total_tokens: 1_550.5 },
      "usage.input_tokens and",
    ],
  ])("Responses with %s", (_, usage, complaint) => {
    expect(() => readResponsesUsage(usage)).toThrow(complaint)
  })

  test.each([
    ["nothing", undefined],
    ["a text", { input_tokens: "3", output_tokens: 2 }],
    ["a negative count", { input_tokens: -3, output_tokens: 2 }],
    ["no output", { input_tokens: 3 }],
  ])("Messages with %s", (_, usage) => {
    expect(() => readMessagesUsage(usage)).toThrow("counts of input and output")
  })
})
