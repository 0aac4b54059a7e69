/** Token buckets: how many at once, how fast they refill, and that names do not share. */
import { expect, test } from "bun:test"
import { createRateLimit, limitAttempts } from "../../src/platform/rate-limit.ts"
import { createTestClock } from "../support/clock.ts"

function limit(rate: { burst: number; per_minute: number }) {
  const clock = createTestClock()
  const limited = createRateLimit(clock, rate)
  const take = (count: number, name = "a") => Array.from({ length: count }, () => limited.take(name))
  return { clock, take }
}

test("a burst passes, the next one waits for one refill", () => {
  const { take } = limit({ burst: 3, per_minute: 60 })
  expect(take(4)).toEqual([0, 0, 0, 1_000])
})

test("after the wait it was told, a repeat passes", () => {
  const { clock, take } = limit({ burst: 2, per_minute: 7 })
  const wait_ms = take(3)[2]!
  clock.advance(wait_ms)
  expect(take(1)).toEqual([0])
})

test("one millisecond earlier it does not", () => {
  const { clock, take } = limit({ burst: 1, per_minute: 60 })
  take(1)
  clock.advance(999)
  expect(take(1)[0]).toBeGreaterThan(0)
})

test("a refused attempt takes nothing: asking again and again does not lengthen the wait", () => {
  const { take } = limit({ burst: 1, per_minute: 60 })
  expect(take(4)).toEqual([0, 1_000, 1_000, 1_000])
})

test("a bucket refills evenly and never above its burst", () => {
  const { clock, take } = limit({ burst: 3, per_minute: 60 })
  take(3)
  clock.advance(2_500)
  expect(take(3)).toEqual([0, 0, 500])
  clock.advance(3_600_000)
  expect(take(4)).toEqual([0, 0, 0, 1_000])
})

test("names do not share", () => {
  const { take } = limit({ burst: 1, per_minute: 60 })
  expect(take(1, "a")).toEqual([0])
  expect(take(1, "b")).toEqual([0])
  expect(take(1, "a")).toEqual([1_000])
})

test("of too many names the idle ones are forgotten, those that are used up are not", () => {
  const { clock, take } = limit({ burst: 1, per_minute: 60 })
  for (let name = 0; name < 99_999; name++) take(1, `idle-${name}`)
  clock.advance(1_000)
  take(1, "used up")
  take(1, "one more name than is kept")
  expect(take(1, "used up")).toEqual([1_000])
})

/** Throttling of attempts by several names at once. */
function openAttempts(burst: number) {
  const clock = createTestClock()
  const needs = { attempt_limit: createRateLimit(clock, { burst, per_minute: 60 }) }
  return { clock, attempt: (...names: string[]) => limitAttempts(needs, names) }
}

test("an attempt is refused when one of its names had too many, however fresh the others are", () => {
  const { attempt } = openAttempts(2)
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
  const { attempt } = openAttempts(3)
  for (let count = 0; count < 3; count++) attempt("ada", `address ${count}`)
  expect(() => attempt("ada", "address 3")).toThrow()
  for (let count = 0; count < 3; count++) attempt(`account ${count}`, "here")
  expect(() => attempt("account 3", "here")).toThrow()
})

test("nobody is locked out: after the wait it goes on", () => {
  const { attempt, clock } = openAttempts(1)
  attempt("ada")
  expect(() => attempt("ada")).toThrow()
  clock.advance(1_000)
  attempt("ada")
})
