/** The one error class. */
import { expect, test } from "bun:test"
import { AppError } from "../../src/platform/errors.ts"

test("it is an Error with a reason, a message and a detail", () => {
  const error = new AppError("not_found", "There is no such key.", { code: "no_key", field: "key_id" })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({
    name: "AppError",
    reason: "not_found",
    message: "There is no such key.",
    detail: { code: "no_key", field: "key_id" },
  })
  expect(error.stack).toContain("errors.test.ts")
})

test("without a detail it has an empty one", () => {
  expect(new AppError("internal", "x").detail).toEqual({})
})
