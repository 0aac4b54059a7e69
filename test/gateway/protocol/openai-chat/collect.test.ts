/** The whole completion of events, and the errors of those that come to none. */
import { describe, expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectCompletion } from "../../../../src/gateway/protocol/openai-chat/collect.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { CHAT_START } from "../../../support/chat-streams.ts"

const events: ModelEvent[] = [
  { type: "answer-start", id: "resp_1", model: "upstream-name" },
  { type: "reasoning-start" },
  { type: "reasoning-delta", of: "text", index: 0, text: "hm" },
  { type: "reasoning-end" },
  { type: "text-start" },
  { type: "text-delta", text: "let " },
  { type: "text-delta", text: "me" },
  { type: "text-end" },
  { type: "tool-call-start", tool: "function", call_id: "a", name: "f" },
  { type: "tool-call-delta", text: '{"n":' },
  { type: "tool-call-delta", text: "1.0}" },
  { type: "tool-call-end" },
  { type: "usage", reported: { usage: { ...NO_USAGE, input_tokens: 3, output_tokens: 2 } } },
  { type: "answer-end", stop: "tool_call" },
]

test("the completion has the public name, the gathered message, and always its usage", () => {
  const start = { ...CHAT_START, shows_usage: false, echo: { service_tier: "default" } }
  expect(collectCompletion(start, events)).toEqual({
    service_tier: "default",
    id: "chatcmpl-test",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "model-x",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: "let me",
          refusal: null,
          reasoning_content: "hm",
          tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: '{"n":1.0}' } }],
        },
        logprobs: null,
        finish_reason: "tool_calls",
      },
    ],
    usage: {
      prompt_tokens: 3,
      completion_tokens: 2,
      total_tokens: 5,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
  })
})

describe("events that come to no answer throw", () => {
  test("what they failed with", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "context_length_exceeded", message: "too long" }
    expect(() => collectCompletion(CHAT_START, [...events.slice(0, 7), failed])).toThrow(
      expect.objectContaining({ reason: "invalid", message: "too long" }),
    )
  })

  test("that they never ended", () => {
    expect(() => collectCompletion(CHAT_START, events.slice(0, -1))).toThrow(
      expect.objectContaining({ reason: "upstream" }),
    )
    expect(() => collectCompletion(CHAT_START, [])).toThrow()
  })
})
