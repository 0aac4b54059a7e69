/** Refusals as the Codex CLI shows them once and in full, and the ends of streams that failed. */
import { describe, expect, test } from "bun:test"
import { writeError } from "../../../../src/gateway/protocol/openai-errors.ts"
import {
  readFailure,
  writeErrorForCodex,
  writeFailure,
} from "../../../../src/gateway/protocol/openai-responses/errors.ts"
import { eventName } from "../../../../src/gateway/protocol/sse.ts"
import { AppError, type Reason } from "../../../../src/platform/errors.ts"
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

test.each([
  ["a code", { code: "context_length_exceeded", type: "x", message: "long" }, "context_length_exceeded"],
  ["a type only", { type: "invalid_request_error", message: "no" }, "invalid_request_error"],
  ["an empty code beside a type", { code: "", type: "server_error", message: "down" }, "server_error"],
  ["the flat event without a code", { type: "error", message: "broken" }, "server_error"],
  ["the type of a rate limit", { type: "rate_limit_error", message: "slow" }, "rate_limit_exceeded"],
  ["a code that JavaScript's objects know", { code: "constructor", message: "odd" }, "constructor"],
  ["a code that is no text", { code: 429, message: "slow" }, "server_error"],
])("an upstream's error with %s is read in OpenAI's codes", (_, { message, ...error }, code) => {
  expect(readFailure({ ...error, message })).toEqual({ code, message })
})

test("an upstream's error without words has ours", () => {
  for (const message of [undefined, "", 5]) {
    expect(readFailure({ code: "c", message }).message).toBe("The upstream failed without saying why.")
  }
})
