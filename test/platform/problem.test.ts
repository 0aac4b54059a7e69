/** Problem documents: the status of each reason, the members of RFC 9457, and when to come back. */
import { describe, expect, test } from "bun:test"
import { AppError, type Reason } from "../../src/platform/errors.ts"
import { problemResponse, retryAfterHeader, statusOf } from "../../src/platform/problem.ts"

const STATUSES: [Reason, number][] = [
  ["invalid", 400],
  ["unauthorized", 401],
  ["payment_required", 402],
  ["forbidden", 403],
  ["not_found", 404],
  ["conflict", 409],
  ["too_large", 413],
  ["unsupported_media", 415],
  ["unprocessable", 422],
  ["upgrade_required", 426],
  ["rate_limited", 429],
  ["internal", 500],
  ["upstream", 502],
  ["unavailable", 503],
]

describe("each reason has its status, in the answer and in the document", () => {
  test.each(STATUSES)("%s is %i", async (reason, status) => {
    expect(statusOf(reason)).toBe(status)
    const answer = problemResponse(new AppError(reason, "why"), "req_1")
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ status, code: reason, detail: "why" })
  })
})

test("a problem has every member of RFC 9457, a code and the request's id", async () => {
  const error = new AppError("conflict", "This address has an account.", {
    code: "email_taken",
    field: "email",
  })
  const answer = problemResponse(error, "req_1")
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(answer.headers.get("x-request-id")).toBe("req_1")
  expect(await answer.json()).toEqual({
    type: "urn:codexapi:problem:email_taken",
    title: "Conflict",
    status: 409,
    code: "email_taken",
    detail: "This address has an account.",
    requestId: "req_1",
    field: "email",
  })
})

test("a problem without a field names none", async () => {
  const body = await problemResponse(new AppError("not_found", "no"), "req_1").json()
  expect(body).not.toHaveProperty("field")
})

test("further members stand beside the others", async () => {
  const error = new AppError("payment_required", "no credit", { extra: { available_usd: "0.50" } })
  expect(await problemResponse(error, "req_1").json()).toMatchObject({ available_usd: "0.50", status: 402 })
})

test("retry-after is in whole seconds, rounded up, and absent when nobody knows", () => {
  const after = (retry_after_ms: number) =>
    retryAfterHeader(new AppError("rate_limited", "x", { retry_after_ms }))
  expect(after(1)).toEqual({ "retry-after": "1" })
  expect(after(2_000)).toEqual({ "retry-after": "2" })
  expect(after(2_001)).toEqual({ "retry-after": "3" })
  expect(retryAfterHeader(new AppError("rate_limited", "x"))).toEqual({})
})
