/** What a failed attempt says about its route, for every failure there is. */
import { expect, test } from "bun:test"
import { isFailure, type Outcome, outcomeOf } from "../../../src/gateway/routing/outcome.ts"
import { cutOff, readFailure, silent, unreachable } from "../../../src/gateway/upstream/failures.ts"
import { AppError } from "../../../src/platform/errors.ts"

const byStatus = (status: number, headers: Record<string, string> = {}) =>
  outcomeOf(readFailure({ status, headers: new Headers(headers) }, "{}", 0))

test.each([
  [400, "client-fault"],
  [413, "client-fault"],
  [422, "client-fault"],
  [401, "key-refused"],
  [402, "key-refused"],
  [403, "key-refused"],
  [404, "error"],
  [429, "rate-limited"],
  [500, "error"],
  [503, "error"],
  [529, "error"],
] as const)("status %i is %s", (status, kind) => {
  expect(byStatus(status).kind).toBe(kind)
})

test("a limit is as long as the upstream says", () => {
  expect(byStatus(429, { "retry-after": "7" })).toEqual({ kind: "rate-limited", retry_after_ms: 7_000 })
})

test.each([
  ["unreachable", unreachable()],
  ["timeout", silent()],
  ["cut", cutOff()],
] as const)("%s keeps its name", (kind, failure) => {
  expect(outcomeOf(failure)).toEqual({ kind })
})

const inStream = (code: string, reason: "upstream" | "rate_limited" | "invalid"): Outcome =>
  outcomeOf({
    result: `failed-${code}`,
    error: new AppError(reason, "x", { code }),
    is_final: reason === "invalid",
  })

test.each([
  ["server_error", "upstream", { kind: "error" }],
  ["rate_limit_exceeded", "rate_limited", { kind: "rate-limited", retry_after_ms: 1_000 }],
  ["insufficient_quota", "rate_limited", { kind: "key-refused" }],
  ["authentication_error", "upstream", { kind: "key-refused" }],
  ["context_length_exceeded", "invalid", { kind: "client-fault" }],
] as const)("a stream that fails with %s before output (%s) is %o", (code, reason, outcome) => {
  expect(inStream(code, reason)).toEqual(outcome)
})

test.each([
  [{ kind: "answered", first_output_ms: null }, false],
  [{ kind: "rate-limited", retry_after_ms: 1 }, false],
  [{ kind: "client-fault" }, false],
  [{ kind: "client-left" }, false],
  [{ kind: "unasked" }, false],
  [{ kind: "unreachable" }, true],
  [{ kind: "timeout" }, true],
  [{ kind: "cut" }, true],
  [{ kind: "error" }, true],
  [{ kind: "key-refused" }, true],
] as [Outcome, boolean][])("%o counts against the route: %p", (outcome, counts) => {
  expect(isFailure(outcome)).toBe(counts)
})
