/** Errors as Chat clients read them in a stream: OpenAI's object as a chunk. */
import { expect, test } from "bun:test"
import { failureChunk, writeFailure } from "../../../../src/gateway/protocol/openai-chat/errors.ts"
import { writeError } from "../../../../src/gateway/protocol/openai-errors.ts"
import { AppError } from "../../../../src/platform/errors.ts"

test("a failure of ours in a stream is the same object in one data line", () => {
  const error = new AppError("payment_required", "No credit is left.", { extra: { required_usd: "0.1" } })
  expect(writeFailure(error)).toBe(`data: ${writeError(error).body}\n\n`)
  expect(writeFailure(error)).toContain('"required_usd":"0.1"')
})

test.each([
  ["rate_limit_exceeded", "rate_limit_error"],
  ["context_length_exceeded", "invalid_request_error"],
  ["insufficient_quota", "insufficient_quota"],
  ["server_error", "server_error"],
  ["something_new", "server_error"],
  ["constructor", "server_error"],
])("a failure of an upstream with the code %s has the type %s", (code, type) => {
  expect(failureChunk({ code, message: "m" })).toEqual({ error: { message: "m", type, param: null, code } })
})
