/** What an upstream's refusal means for the customer and for the next route. */
import { describe, expect, test } from "bun:test"
import { cutOff, readFailure, silent, unreachable } from "../../../src/gateway/upstream/failures.ts"

const error = (message: string, more = {}) => JSON.stringify({ error: { message, ...more } })
const read = (status: number, body = "", headers = {}) =>
  readFailure({ status, headers: new Headers(headers) }, body, 0)

describe("a fault of the request", () => {
  test.each([400, 413, 415, 422])("status %i is final, and said in the upstream's words", status => {
    const body = error("Unknown parameter: 'x'.", { param: "x", code: "unknown_parameter" })
    expect(read(status, body)).toMatchObject({
      result: `status-${status}`,
      is_final: true,
      error: {
        reason: status === 413 ? "too_large" : "invalid",
        message: "Unknown parameter: 'x'.",
        detail: { code: "unknown_parameter", field: "x" },
      },
    })
  })

  test.each([
    [
      "the error's type when it has no code",
      error("x", { type: "invalid_request_error" }),
      "invalid_request_error",
    ],
    ["a code of ours when it has neither", error("x"), "invalid_request"],
    ["a code of ours when its code is no text", error("x", { code: 5 }), "invalid_request"],
  ])("has as its code %s", (_, body, code) => {
    expect(read(400, body).error.detail).toEqual({ code })
  })

  test.each([
    ["no JSON", "<html>proxy at 10.0.0.7</html>"],
    ["an empty body", ""],
    ["a list", "[1]"],
    ["an error without words", "{}"],
  ])("with %s says only that it was refused", (_, body) => {
    expect(read(400, body).error.message).toBe("The model's server refused the request.")
  })

  test("in other shapes is read too", () => {
    expect(read(400, '{"error":"flat words"}').error.message).toBe("flat words")
    expect(read(400, '{"message":"bare words","code":"c"}').error).toMatchObject({
      message: "bare words",
      detail: { code: "c" },
    })
  })

  test("shows neither keys, nor organisations, nor addresses of the operator's account", () => {
    const words =
      "Key sk-proj-AbC123_xyz-456 or sk-ant-api03-secret of org-AbCdEf123 and proj_AbCdEf12: " +
      "see https://platform.openai.com/account?k=1 now"
    const { message } = read(400, error(words)).error
    expect(message).toBe("Key [redacted] or [redacted] of [redacted] and [redacted]: see [address] now")
  })

  test("is cut when it is long", () => {
    expect(read(400, error("x".repeat(5_000))).error.message).toHaveLength(600)
  })
})

describe("a fault of the upstream", () => {
  test.each([
    [401, "unavailable", "upstream_access"],
    [403, "unavailable", "upstream_access"],
    [402, "unavailable", "upstream_quota"],
    [404, "unavailable", "upstream_model"],
    [429, "rate_limited", "upstream_rate_limit"],
    [408, "upstream", "upstream_error"],
    [500, "upstream", "upstream_error"],
    [503, "upstream", "upstream_error"],
    [529, "upstream", "server_is_overloaded"],
    [302, "upstream", "upstream_error"],
    [204, "upstream", "upstream_error"],
  ] as const)("status %i is %s, and another route may be tried", (status, reason, code) => {
    expect(read(status)).toMatchObject({
      result: `status-${status}`,
      is_final: false,
      error: { reason, detail: { code } },
    })
  })

  test("says nothing of the upstream's own words", () => {
    for (const status of [401, 402, 403, 404, 429, 500]) {
      expect(read(status, error("Incorrect API key provided: sk-canary12345")).error.message).not.toContain(
        "canary",
      )
    }
  })
})

describe("the operator's account is exhausted", () => {
  test.each([
    [400, error("Your credit balance is too low to access the Anthropic API.")],
    [429, error("You exceeded your current quota.", { code: "insufficient_quota" })],
    [402, ""],
  ])("by status %i: no fault of the customer, another route may answer", (status, body) => {
    expect(read(status, body)).toMatchObject({
      is_final: false,
      error: { reason: "unavailable", detail: { code: "upstream_quota" } },
    })
  })
})

test("a prompt that does not fit is said with its numbers, for every client's own words", () => {
  expect(read(400, error("prompt is too long: 9000 tokens > 8192 maximum"))).toMatchObject({
    is_final: true,
    error: { detail: { code: "context_length_exceeded", extra: { tokens: 9_000, maximum: 8_192 } } },
  })
})

describe("when to come back after 429", () => {
  test.each([
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "250" }, 250],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after": "86400" }, 86_400_000],
    [{ "retry-after": "-1" }, 1_000],
    [{ "retry-after": "0" }, 1_000],
    [{}, 1_000],
  ] as const)("%j is %i ms", (headers, retry_after_ms) => {
    expect(read(429, "", headers).error.detail).toMatchObject({ retry_after_ms })
  })
})

describe("when to come back, in the upstream's own words", () => {
  test.each([
    [503, ""],
    [529, ""],
    [500, ""],
    [503, error("busy", { type: "overloaded_error" })],
  ])("status %i %s is passed on", (status, body) => {
    expect(read(status, body, { "retry-after": "7" }).error.detail.retry_after_ms).toBe(7_000)
  })

  test("nothing is made up for an error that says nothing", () => {
    expect(read(503).error.detail).not.toHaveProperty("retry_after_ms")
  })

  test.each(["server_is_overloaded", "slow_down"])("%s is overloaded, whatever the status", code => {
    expect(read(500, error("x", { code })).error.detail.code).toBe("server_is_overloaded")
  })
})

test.each([
  ["api_key=abcd1234", "[redacted]"],
  ["api-key: 'ab12cd34'", "[redacted]'"],
  ["token abcd1234", "[redacted]"],
  ["sk-ab12", "[redacted]"],
  ["the token limit", "the token limit"],
  ["max_tokens: 4096", "max_tokens: 4096"],
])("of %p the customer sees %p", (words, seen) => {
  expect(read(400, error(words)).error.message).toBe(seen)
})

test.each([
  [unreachable(), "unreachable", "upstream_unreachable"],
  [silent(), "timeout", "upstream_timeout"],
  [cutOff(), "cut", "upstream_cut"],
] as const)("an upstream that gives no answer may be followed by another: %#", (failure, result, code) => {
  expect(failure).toMatchObject({ result, is_final: false, error: { reason: "upstream", detail: { code } } })
})
