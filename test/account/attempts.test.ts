/** Throttling of attempts by several names at once. */
import { expect, test } from "bun:test"
import { limitAttempts } from "../../src/account/attempts.ts"
import { createRateLimit } from "../../src/platform/rate-limit.ts"
import { createTestClock } from "../support/clock.ts"

function open(burst: number) {
  const clock = createTestClock()
  const needs = { attempt_limit: createRateLimit(clock, { burst, per_minute: 60 }) }
  return { clock, attempt: (...names: string[]) => limitAttempts(needs, names) }
}

test("an attempt is refused when one of its names had too many, however fresh the others are", () => {
  const { attempt } = open(2)
  attempt("ada", "here")
  attempt("ada", "there")
  expect(() => attempt("ada", "elsewhere")).toThrow(
    expect.objectContaining({
      reason: "rate_limited",
      message: "Too many attempts. Try again in 1 s.",
      detail: { code: "too_many_attempts", retry_after_ms: 1_000 },
    }),
  )
  attempt("bob", "elsewhere")
})

test("rotating addresses does not help against one account, nor accounts against one address", () => {
  const { attempt } = open(3)
  for (let count = 0; count < 3; count++) attempt("ada", `address ${count}`)
  expect(() => attempt("ada", "address 3")).toThrow()
  for (let count = 0; count < 3; count++) attempt(`account ${count}`, "here")
  expect(() => attempt("account 3", "here")).toThrow()
})

test("nobody is locked out: after the wait it goes on", () => {
  const { attempt, clock } = open(1)
  attempt("ada")
  expect(() => attempt("ada")).toThrow()
  clock.advance(1_000)
  attempt("ada")
})
