/** A streamed text completion as the SDK reads it. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { AnswerStart } from "../../../../src/gateway/protocol/codec.ts"
import type { ModelEvent, StopReason } from "../../../../src/gateway/protocol/model-event.ts"
import { startValidator } from "../../../../src/gateway/protocol/openai-completions/validate-events.ts"
import { startWriter } from "../../../../src/gateway/protocol/openai-completions/write-events.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"
import { arbitraryAnswer, arbitraryFailure } from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"

const start: AnswerStart = { id: "cmpl-1", created_at: 1_760_000_000, model: 'the "model"' }
const shell = { id: "cmpl-1", object: "text_completion", created: 1_760_000_000, model: 'the "model"' }
const text = (piece: string): ModelEvent => ({ type: "text-delta", text: piece })
const end: ModelEvent = { type: "answer-end", stop: "end" }
const usage: ModelEvent = {
  type: "usage",
  reported: { usage: { ...NO_USAGE, input_tokens: 3, cache_read_tokens: 4, output_tokens: 5 } },
}

/** The data of each event that was written; `[DONE]` as text. */
function written(events: readonly ModelEvent[], from = start): unknown[] {
  const writer = startWriter(from)
  return dataOf(events.map(writer.write).join(""))
}

function dataOf(stream: string): unknown[] {
  const events = stream.split("\n\n").slice(0, -1)
  return events.map(event => {
    expect(event).toStartWith("data: ")
    const data = event.slice("data: ".length)
    return data === "[DONE]" ? data : JSON.parse(data)
  })
}

const chunk = (piece: string, finish_reason: string | null = null) => ({
  ...shell,
  choices: [{ index: 0, text: piece, logprobs: null, finish_reason }],
})

describe("a stream", () => {
  test("is chunks of text, a reason and the end", () => {
    expect(written([{ type: "answer-start" }, { type: "text-start" }, text("Hi"), text("\n🜚"), end])).toEqual(
      [chunk("Hi"), chunk("\n🜚"), chunk("", "stop"), "[DONE]"],
    )
  })

  test("shows its usage only if the client asked, in a chunk of its own", () => {
    expect(JSON.stringify(written([text("a"), usage, end]))).not.toContain("usage")
    const shown = written([text("a"), usage, end], { ...start, shows_usage: true })
    expect(shown).toEqual([
      { ...chunk("a"), usage: null },
      { ...chunk("", "stop"), usage: null },
      {
        ...shell,
        choices: [],
        usage: {
          prompt_tokens: 7,
          completion_tokens: 5,
          total_tokens: 12,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 0 },
        },
      },
      "[DONE]",
    ])
  })

  test.each<[StopReason, string]>([
    ["end", "stop"],
    ["stop_sequence", "stop"],
    ["tool_call", "stop"],
    ["max_tokens", "length"],
    ["content_filter", "content_filter"],
    ["refusal", "content_filter"],
  ])("that ends by %s says %s", (stop, reason) => {
    expect(written([{ type: "answer-end", stop }])).toEqual([chunk("", reason), "[DONE]"])
  })

  test("says nothing of thinking, tools and sources, and has no empty chunks", () => {
    const silent: ModelEvent[] = [
      { type: "reasoning-start" },
      { type: "reasoning-delta", of: "text", index: 0, text: "hm" },
      { type: "reasoning-end", sealed: "x" },
      { type: "tool-call-start", tool: "function", call_id: "c", name: "f" },
      { type: "tool-call-delta", text: "{}" },
      { type: "tool-call-end" },
      { type: "text-citation", citation: { url: "https://x.test" } },
      text(""),
    ]
    expect(written(silent)).toEqual([])
  })

  test("that fails upstream ends with the error, and with nothing else", () => {
    const failed: ModelEvent = { type: "answer-failed", code: "rate_limit_exceeded", message: "Slow down." }
    const error = {
      message: "Slow down.",
      type: "rate_limit_error",
      code: "rate_limit_exceeded",
      param: null,
    }
    expect(written([text("a"), failed, end, failed])).toEqual([chunk("a"), { error }])
  })

  test("that we end fails once", () => {
    const writer = startWriter(start)
    writer.write(text("a"))
    const ended = writer.fail(
      new AppError("payment_required", "Out of credit.", { code: "insufficient_quota" }),
    )
    expect(dataOf(ended)).toMatchObject([
      { error: { message: "Out of credit.", type: "insufficient_quota" } },
    ])
    expect(writer.fail(new AppError("internal", "x"))).toBe("")
    expect(writer.write(end)).toBe("")
    expect(writer.keepalive()).toBe("")
  })

  test("is kept awake by comments", () => {
    expect(startWriter(start).keepalive()).toBe(": keepalive\n\n")
  })
})

describe("any answer", () => {
  const answers = fc.tuple(fc.oneof(arbitraryAnswer, arbitraryFailure), fc.boolean())

  test("keeps the laws of the protocol", () => {
    checkProperty(import.meta.path, answers, ([events, shows_usage]) => {
      const validator = startValidator()
      for (const data of written(events, { ...start, shows_usage })) validator.note(undefined, data)
      expect(validator.end()).toEqual([])
    })
  })

  test("has all of its text", () => {
    checkProperty(import.meta.path, answers, ([events]) => {
      const said = events.map(event => (event.type === "text-delta" ? event.text : "")).join("")
      const chunks = written(events) as { choices?: { text: string }[] }[]
      expect(chunks.map(one => one.choices?.[0]?.text ?? "").join("")).toBe(said)
    })
  })
})
