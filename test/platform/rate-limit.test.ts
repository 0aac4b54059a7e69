/** Token buckets: how many at once, how fast they refill, and that names do not share. */
import { expect, test } from "bun:test"
import { createRateLimit } from "../../src/platform/rate-limit.ts"
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
