/** Refusals as OpenAI's SDKs read them in Responses, Chat and legacy completions. */
import { expect, test } from "bun:test"
import { writeError } from "../../../src/gateway/protocol/openai-errors.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { statusOf } from "../../../src/platform/problem.ts"

const jsonOf = (error: AppError) => JSON.parse(writeError(error).body as string)

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
