/** Refusals as OpenAI's clients read them, and as the Codex CLI shows them once and in full. */
import { describe, expect, test } from "bun:test"
import {
  writeError,
  writeErrorForCodex,
  writeFailure,
} from "../../../../src/gateway/protocol/openai-responses/errors.ts"
import { eventName } from "../../../../src/gateway/protocol/sse.ts"
import { AppError, type Reason } from "../../../../src/platform/errors.ts"
import { statusOf } from "../../../../src/platform/problem.ts"
import { parseStream } from "../../../support/responses-fixtures.ts"

const REASONS: Reason[] = [
  "invalid",
  "unprocessable",
  "payment_required",
  "forbidden",
  "not_found",
  "conflict",
  "too_large",
  "unsupported_media",
  "upgrade_required",
  "rate_limited",
  "upstream",
  "unavailable",
  "internal",
]

const failed = { response_id: "req_1", created_at: 1_760_000_000 }
const textOf = (body: string | Uint8Array) =>
  typeof body === "string" ? body : new TextDecoder().decode(body)
const jsonOf = (error: AppError) => JSON.parse(textOf(writeError(error).body))

describe("for SDKs", () => {
  test("an error is OpenAI's object with the status of its reason", () => {
    const error = new AppError("not_found", "The model is unknown.", {
      code: "model_not_found",
      field: "model",
    })
    const answer = writeError(error)
    expect(answer.status).toBe(404)
    expect(answer.headers).toEqual({ "content-type": "application/json" })
    expect(jsonOf(error)).toEqual({
      error: {
        message: "The model is unknown.",
        type: "invalid_request_error",
        code: "model_not_found",
        param: "model",
      },
    })
  })

  test("without a code the reason is the code, without a field the parameter is null", () => {
    expect(jsonOf(new AppError("conflict", "x")).error).toMatchObject({ code: "conflict", param: null })
  })

  test("further members stand in the error object", () => {
    const extra = { available_usd: "0.50", affordable_output_tokens: 12 }
    expect(jsonOf(new AppError("payment_required", "x", { extra })).error).toMatchObject(extra)
  })

  test("when to come back is a header", () => {
    const error = new AppError("rate_limited", "x", { retry_after_ms: 1_500 })
    expect(writeError(error).headers).toMatchObject({ "retry-after": "2" })
  })

  test.each([
    ["payment_required", "insufficient_quota"],
    ["rate_limited", "rate_limit_error"],
    ["internal", "server_error"],
    ["upstream", "server_error"],
    ["unavailable", "server_error"],
    ["invalid", "invalid_request_error"],
    ["unauthorized", "invalid_request_error"],
    ["too_large", "invalid_request_error"],
  ] as const)("%s has the type %s", (reason, type) => {
    expect(jsonOf(new AppError(reason, "x")).error.type).toBe(type)
    expect(writeError(new AppError(reason, "x")).status).toBe(statusOf(reason))
  })
})

describe("for the Codex CLI", () => {
  const eventsFor = (error: AppError) => parseStream(textOf(writeErrorForCodex(error, failed).body))

  test("a wrong key keeps its 401", () => {
    const error = new AppError("unauthorized", "wrong key")
    expect(writeErrorForCodex(error, failed)).toEqual(writeError(error))
  })

  test.each(REASONS)("%s is a stream with status 200 that has failed, so that it is shown once", reason => {
    const answer = writeErrorForCodex(new AppError(reason, "Read this."), failed)
    expect(answer.status).toBe(200)
    expect(answer.headers["content-type"]).toBe("text/event-stream")
    const [created, end, ...rest] = parseStream(textOf(answer.body))
    expect(created).toMatchObject({ type: "response.created", sequence_number: 0, response: { id: "req_1" } })
    expect(end).toMatchObject({
      type: "response.failed",
      sequence_number: 1,
      response: {
        id: "req_1",
        status: "failed",
        created_at: 1_760_000_000,
        error: { message: "Read this." },
      },
    })
    expect(rest).toEqual([])
  })

  test("every event's name is its type", () => {
    const text = textOf(writeErrorForCodex(new AppError("invalid", "x"), failed).body)
    const names = text.split("\n\n").filter(Boolean).map(eventName)
    expect(names).toEqual(["response.created", "response.failed"])
  })

  // codex-cli-wire 5.2: what the CLI prints once, repeats after a time, or repeats five times.
  test.each([
    ["invalid", "invalid_prompt"],
    ["payment_required", "invalid_prompt"],
    ["forbidden", "invalid_prompt"],
    ["not_found", "invalid_prompt"],
    ["too_large", "invalid_prompt"],
    ["unavailable", "invalid_prompt"],
    ["rate_limited", "rate_limit_exceeded"],
    ["upstream", "server_error"],
    ["internal", "server_error"],
  ] as const)("%s has the code %s", (reason, code) => {
    expect(eventsFor(new AppError(reason, "x"))[1]).toMatchObject({ response: { error: { code } } })
  })

  test("a context that is too long keeps its code, whatever the reason", () => {
    const error = new AppError("invalid", "x", { code: "context_length_exceeded" })
    expect(eventsFor(error)[1]).toMatchObject({ response: { error: { code: "context_length_exceeded" } } })
  })

  test("a rate limit says in its message when to come back, as the CLI reads it", () => {
    const after = (retry_after_ms: number) =>
      eventsFor(new AppError("rate_limited", "Too many requests.", { retry_after_ms }))[1]
    expect(after(1_500)).toMatchObject({
      response: { error: { message: "Too many requests. Please try again in 2s." } },
    })
    expect(after(1)).toMatchObject({
      response: { error: { message: "Too many requests. Please try again in 1s." } },
    })
  })
})

test("a failure within a stream continues its id and its numbers", () => {
  const bytes = writeFailure(new AppError("upstream", "cut"), {
    ...failed,
    response_id: "resp_9",
    sequence_number: 41,
  })
  expect(parseStream(textOf(bytes))).toMatchObject([
    {
      type: "response.failed",
      sequence_number: 41,
      response: { id: "resp_9", error: { code: "server_error" } },
    },
  ])
})
