/** Writing Chat streams: the chunks of every kind of block, one end, and what this wire cannot say. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { ModelEvent, StopReason } from "../../../../src/gateway/protocol/model-event.ts"
import { chatClient } from "../../../../src/gateway/protocol/openai-chat/codec.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { CHAT_START, chunksOf, writeChat } from "../../../support/chat-streams.ts"

const start: ModelEvent = { type: "answer-start", id: "resp_1", model: "secret-upstream-name" }
const end = (stop: StopReason = "end"): ModelEvent => ({ type: "answer-end", stop })
const text = (...words: string[]): ModelEvent[] => [
  { type: "text-start" },
  ...words.map((each): ModelEvent => ({ type: "text-delta", text: each })),
  { type: "text-end" },
]
const call = (call_id: string, tool: "function" | "custom" | "tool_search", args: string): ModelEvent[] => [
  { type: "tool-call-start", tool, call_id, name: "f" },
  { type: "tool-call-delta", text: args },
  { type: "tool-call-end" },
]
const usage: ModelEvent = {
  type: "usage",
  reported: {
    usage: {
      ...NO_USAGE,
      input_tokens: 250,
      cache_read_tokens: 1_000,
      output_tokens: 300,
      reasoning_tokens: 200,
    },
  },
}

/** The deltas of a stream, and its finish_reasons. */
function deltasOf(...events: ModelEvent[]): unknown[] {
  const chunks = chunksOf(writeChat([start, ...events])).filter(chunk => chunk !== "[DONE]") as JsonObject[]
  const choices = chunks.flatMap(chunk => chunk.choices as JsonObject[])
  return choices.map(choice => choice.finish_reason ?? choice.delta)
}

describe("chunks", () => {
  test("a text to the letter: only data lines, the role first, one finish_reason, [DONE]", () => {
    const head =
      '{"id":"chatcmpl-test","object":"chat.completion.chunk","created":1700000000,"model":"model-x"'
    expect(writeChat([start, ...text("hi", "!"), end()])).toBe(
      `data: ${head},"choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":null}]}\n\n` +
        `data: ${head},"choices":[{"index":0,"delta":{"content":"!"},"finish_reason":null}]}\n\n` +
        `data: ${head},"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n` +
        "data: [DONE]\n\n",
    )
  })

  test("an answer that says nothing still has its role", () => {
    expect(chunksOf(writeChat([start, end()]))[0]).toMatchObject({
      choices: [{ delta: { role: "assistant", content: null }, finish_reason: "stop" }],
    })
  })

  test("calls count from 0; id, type and name stand in their first chunk only", () => {
    expect(
      deltasOf(...call("a", "function", '{"x"'), ...call("b", "custom", "raw"), end("tool_call")),
    ).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } }],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] },
      { tool_calls: [{ index: 1, id: "b", type: "custom", custom: { name: "f", input: "" } }] },
      { tool_calls: [{ index: 1, custom: { input: "raw" } }] },
      "tool_calls",
    ])
  })

  test("thinking is reasoning_content; a blank line parts its parts", () => {
    const think = (of: "summary" | "text", index: number, words: string): ModelEvent => ({
      type: "reasoning-delta",
      of,
      index,
      text: words,
    })
    const block: ModelEvent[] = [
      { type: "reasoning-start" },
      think("summary", 0, "a"),
      think("summary", 0, "b"),
      think("summary", 1, "c"),
      { type: "reasoning-end", sealed: "blob" },
    ]
    expect(deltasOf(...block, ...block.slice(0, 2), end()).slice(0, -1)).toEqual([
      { role: "assistant", content: null, reasoning_content: "a" },
      { reasoning_content: "b" },
      { reasoning_content: "\n\nc" },
      { reasoning_content: "a" },
    ])
  })

  test("a refusal is refusal, and the text after it is content again", () => {
    const refusal: ModelEvent[] = [{ type: "text-start", is_refusal: true }, ...text("No.").slice(1)]
    expect(deltasOf(...refusal, ...text("hi"), end()).slice(0, -1)).toEqual([
      { role: "assistant", content: null, refusal: "No." },
      { content: "hi" },
    ])
  })

  test("sources count from the start of the whole content", () => {
    const cite: ModelEvent = {
      type: "text-citation",
      citation: { url: "https://x.test", title: "X", start_index: 1, end_index: 2 },
    }
    const cited = [...text("abc").slice(0, 2), cite, { type: "text-end" } as ModelEvent]
    const found = deltasOf(...cited, ...cited, end()).filter(delta =>
      Object.hasOwn(delta as object, "annotations"),
    )
    expect(found).toMatchObject([
      { annotations: [{ type: "url_citation", url_citation: { start_index: 1, end_index: 2 } }] },
      {
        annotations: [{ url_citation: { url: "https://x.test", title: "X", start_index: 4, end_index: 5 } }],
      },
    ])
  })

  test("hosted calls say nothing", () => {
    const raw = { type: "web_search_call" }
    const hosted: ModelEvent[] = [
      { type: "hosted-call-start", call_type: raw.type },
      { type: "hosted-call-end", raw },
    ]
    expect(writeChat([start, ...hosted, ...text("hi"), end()])).toBe(writeChat([start, ...text("hi"), end()]))
  })
})

describe("the end", () => {
  test.each([
    ["end", "stop"],
    ["tool_call", "stop"],
    ["max_tokens", "length"],
    ["content_filter", "content_filter"],
    ["stop_sequence", "stop"],
    ["refusal", "stop"],
  ] as [StopReason, string][])("%s without a call is %s", (stop, reason) => {
    expect(deltasOf(...text("a"), end(stop)).at(-1)).toBe(reason)
  })

  test("a call makes it tool_calls, but for a cut", () => {
    expect(deltasOf(...call("a", "function", "{}"), end("end")).at(-1)).toBe("tool_calls")
    expect(deltasOf(...call("a", "tool_search", "{"), end("max_tokens")).at(-1)).toBe("length")
  })

  test("usage is shown if the client asked, in a chunk without choices (money.md, goldens)", () => {
    const shown = chunksOf(writeChat([start, ...text("a"), usage, end()]))
    expect(shown.at(-2)).toEqual({
      id: "chatcmpl-test",
      object: "chat.completion.chunk",
      created: 1_700_000_000,
      model: "model-x",
      choices: [],
      usage: {
        prompt_tokens: 1_250,
        completion_tokens: 300,
        total_tokens: 1_550,
        prompt_tokens_details: { cached_tokens: 1_000 },
        completion_tokens_details: { reasoning_tokens: 200 },
      },
    })
    const hidden = chunksOf(
      writeChat([start, ...text("a"), usage, end()], { ...CHAT_START, shows_usage: false }),
    )
    expect(hidden).toEqual(shown.toSpliced(-2, 1))
    const unknown = chunksOf(writeChat([start, ...text("a"), end()]))
    expect(unknown).toEqual(hidden)
  })

  test("a failure is an error chunk, without a finish_reason and without [DONE]", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "rate_limit_exceeded", message: "slow down" }
    const chunks = chunksOf(writeChat([start, ...text("a"), failed, ...text("b"), end()]))
    expect(chunks.slice(1)).toEqual([
      { error: { message: "slow down", type: "rate_limit_error", param: null, code: "rate_limit_exceeded" } },
    ])
  })

  test("an error of ours ends the stream once, and never after its end", () => {
    const writer = chatClient.startWriting(CHAT_START)
    writer.write(start)
    const error = new AppError("payment_required", "No credit is left.", { code: "insufficient_quota" })
    expect(chunksOf(writer.fail(error))).toEqual([
      {
        error: {
          message: "No credit is left.",
          type: "insufficient_quota",
          code: "insufficient_quota",
          param: null,
        },
      },
    ])
    expect([writer.fail(error), writer.write(end())]).toEqual(["", ""])
    const done = chatClient.startWriting(CHAT_START)
    done.write(end())
    expect(done.fail(error)).toBe("")
  })

  test("silence is kept with a comment", () => {
    expect(chatClient.startWriting(CHAT_START).keepalive()).toMatch(/^: .*\n\n$/)
  })
})
