/** A prompt that did not fit, in the words of each vendor. */
import { describe, expect, test } from "bun:test"
import { isOverflow, overflowError } from "../../../src/gateway/protocol/context-overflow.ts"

describe("that a prompt did not fit is recognised", () => {
  const counts = { tokens: 9_000, maximum: 8_192 }
  test.each([
    ["by Anthropic's words", "prompt is too long: 9000 tokens > 8192 maximum", counts],
    [
      "by OpenAI's words",
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
      counts,
    ],
    [
      "by vLLM's words",
      "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 1000 in the completion).",
      counts,
    ],
    [
      "with thousands marks",
      "prompt is too long: 209,000 tokens > 200,000 maximum",
      { tokens: 209_000, maximum: 200_000 },
    ],
    ["without numbers", "Your input exceeds the context window of this model.", {}],
    ["by llama.cpp's words", "the request exceeds the available context size, try increasing it", {}],
  ])("%s", (_, message, extra) => {
    expect(isOverflow(undefined, message)).toBe(true)
    expect(overflowError(message)).toMatchObject({
      reason: "invalid",
      message,
      detail: { code: "context_length_exceeded", extra },
    })
  })

  test("by OpenAI's code, whatever the words", () => {
    expect(isOverflow("context_length_exceeded", "no")).toBe(true)
  })

  test.each([
    "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000, decrease input length",
    "Unknown parameter: 'context'.",
    "max_tokens is too large",
  ])("but not in: %s", message => {
    expect(isOverflow("invalid_request_error", message)).toBe(false)
  })
})
