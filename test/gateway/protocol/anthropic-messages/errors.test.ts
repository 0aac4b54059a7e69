/** Errors as Claude Code and the SDKs read them (claude-code-wire 7, sdk-wire 3). */
import { describe, expect, test } from "bun:test"
import {
  errorOf,
  readError,
  writeError,
  writeFailure,
} from "../../../../src/gateway/protocol/anthropic-messages/errors.ts"
import { AppError, type ErrorDetail, type Reason } from "../../../../src/platform/errors.ts"

const write = (reason: Reason, detail: ErrorDetail = {}, message = "Words.") => {
  const { status, headers, body } = writeError(new AppError(reason, message, detail))
  return { status, headers, body: JSON.parse(body as string) }
}

describe("statuses and types", () => {
  const cases: [Reason, number, string][] = [
    ["invalid", 400, "invalid_request_error"],
    ["unprocessable", 400, "invalid_request_error"],
    ["conflict", 400, "invalid_request_error"],
    ["unauthorized", 401, "authentication_error"],
    ["payment_required", 402, "billing_error"],
    ["forbidden", 403, "permission_error"],
    ["not_found", 404, "not_found_error"],
    ["too_large", 413, "request_too_large"],
    ["rate_limited", 429, "rate_limit_error"],
    ["internal", 500, "api_error"],
    ["upstream", 502, "api_error"],
    ["unavailable", 529, "overloaded_error"],
  ]
  for (const [reason, status, type] of cases) {
    test(`${reason} is ${status} ${type}`, () => {
      expect(write(reason)).toMatchObject({
        status,
        body: { type: "error", error: { type, message: "Words." }, request_id: null },
      })
      expect(errorOf(new AppError(reason, "Words."))).toEqual({ type, message: "Words." })
    })
  }
})

describe("what the client does next", () => {
  test("an overloaded upstream is 529: the third makes Claude Code fall back", () => {
    expect(write("upstream", { code: "server_is_overloaded", retry_after_ms: 7_000 })).toMatchObject({
      status: 529,
      headers: { "retry-after": "7" },
      body: { error: { type: "overloaded_error" } },
    })
  })

  test("a limit says when to come back", () => {
    expect(write("rate_limited", { retry_after_ms: 1500 }).headers["retry-after"]).toBe("2")
  })

  test("a wrong key is not tried again for minutes", () => {
    expect(write("unauthorized").headers["x-should-retry"]).toBe("false")
    expect(write("rate_limited").headers).not.toHaveProperty("x-should-retry")
  })

  test("an overflow has its two numbers in the words that are parsed", () => {
    const extra = { tokens: 250_000, maximum: 200_000 }
    expect(write("upstream", { code: "context_length_exceeded", extra })).toMatchObject({
      status: 400,
      body: {
        error: {
          type: "invalid_request_error",
          message: "prompt is too long: 250000 tokens > 200000 maximum",
        },
      },
    })
  })

  test("an overflow without numbers has the words all the same, once", () => {
    const detail = { code: "context_length_exceeded" }
    expect(write("invalid", detail, "Too big.").body.error.message).toBe("prompt is too long: Too big.")
    expect(write("invalid", detail, "prompt is too long: 2 tokens > 1 maximum").body.error.message).toBe(
      "prompt is too long: 2 tokens > 1 maximum",
    )
  })

  test("amounts stand beside the message, the request id in its place", () => {
    const error = new AppError("payment_required", "Words.", { extra: { required: "0.1" } })
    const { body } = writeError(error, "req_1")
    expect(JSON.parse(body as string)).toEqual({
      type: "error",
      error: { type: "billing_error", message: "Words.", required: "0.1" },
      request_id: "req_1",
    })
  })
})

test("failures in OpenAI's codes and errors of this protocol are each other's reverse where both have a word", () => {
  const codes = [
    "server_is_overloaded",
    "rate_limit_exceeded",
    "context_length_exceeded",
    "invalid_prompt",
    "server_error",
  ]
  for (const code of codes) expect(readError(writeFailure({ code, message: "m" })).code).toBe(code)
  expect(writeFailure({ code: "insufficient_quota", message: "m" }).type).toBe("billing_error")
  expect(writeFailure({ code: "toString", message: "m" }).type).toBe("api_error")
  expect(readError(null)).toMatchObject({ code: "server_error", message: expect.stringContaining("without") })
})
