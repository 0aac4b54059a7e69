/** The completion that a stream amounts to, with everything that only its upstream says. */
import { describe, expect, test } from "bun:test"
import { wholeAnswer } from "../../../../src/gateway/protocol/openai-chat/whole-answer.ts"
import { chunk, streamOf } from "../../../support/chat-streams.ts"

const whole = (...data: (object | string)[]): unknown => {
  const text = wholeAnswer(Buffer.from(streamOf(...data)).toString("latin1"))
  return text === undefined ? undefined : JSON.parse(text)
}
const stop = chunk({}, "stop")

describe("complete streams", () => {
  test("texts are joined, calls put together by index, vendor members kept", () => {
    const piece = (index: number, rest: object) => chunk({ tool_calls: [{ index, ...rest }] })
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, cost: 0.1 }
    const answer = whole(
      { ...chunk({ role: "assistant", content: "" }), system_fingerprint: "fp", service_tier: "default" },
      chunk({ reasoning_content: "h" }),
      chunk({ reasoning_content: "m", content: "é" }),
      chunk({ content: "🜚" }),
      piece(0, { id: "a", type: "function", function: { name: "f", arguments: "" } }),
      piece(1, { id: "b", type: "function", function: { name: "g", arguments: '{"y"' } }),
      piece(0, { id: "a", function: { name: "f", arguments: '{"n": 9007199254740993}' } }),
      piece(1, { function: { arguments: ":1.0}" } }),
      chunk({}, "tool_calls"),
      { id: "c1", choices: [], usage },
      "[DONE]",
    )
    expect(answer).toEqual({
      id: "c1",
      object: "chat.completion",
      created: 1,
      model: "up",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: "é🜚",
            refusal: null,
            reasoning_content: "hm",
            tool_calls: [
              { id: "a", type: "function", function: { name: "f", arguments: '{"n": 9007199254740993}' } },
              { id: "b", type: "function", function: { name: "g", arguments: '{"y":1.0}' } },
            ],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
      system_fingerprint: "fp",
      service_tier: "default",
      usage,
    })
  })

  test("several choices stay apart, whatever their order", () => {
    const of = (index: number, content: string, finish_reason: string | null = null) => ({
      id: "c1",
      choices: [{ index, delta: { content }, finish_reason }],
    })
    const answer = whole(of(1, "b"), of(0, "a"), of(1, "B", "length"), of(0, "A", "stop"))
    expect(answer).toMatchObject({
      choices: [
        { index: 0, message: { content: "aA" }, finish_reason: "stop" },
        { index: 1, message: { content: "bB" }, finish_reason: "length" },
      ],
    })
  })

  test("log probabilities and sources are lists that go on", () => {
    const logged = (token: string) => ({
      id: "c1",
      choices: [
        { index: 0, delta: { content: token, annotations: [{ token }] }, logprobs: { content: [{ token }] } },
      ],
    })
    expect(whole(logged("a"), logged("b"), stop)).toMatchObject({
      choices: [
        {
          message: { content: "ab", annotations: [{ token: "a" }, { token: "b" }] },
          logprobs: { content: [{ token: "a" }, { token: "b" }] },
        },
      ],
    })
  })

  test("an answer without any text has null for it", () => {
    expect(whole(chunk({ role: "assistant", content: null }), stop)).toMatchObject({
      choices: [{ message: { content: null } }],
    })
  })
})

describe("streams that are no answer", () => {
  test.each([
    ["empty", []],
    ["cut", [chunk({ content: "a" })]],
    ["one of two choices cut", [stop, { choices: [{ index: 1, delta: { content: "b" } }] }]],
    ["failed", [chunk({ content: "a" }), stop, { error: { message: "m" } }]],
    ["nonsense", ["{", "[]", "null"]],
  ])("%s", (_name, data) => {
    expect(whole(...data)).toBeUndefined()
  })
})
