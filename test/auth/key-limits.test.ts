/** Limits per key: how many requests may be open, and how many a minute. */
import { expect, test } from "bun:test"
import { createKeyLimits } from "../../src/auth/key-limits.ts"
import { createTestClock } from "../support/clock.ts"

function limits(limited: { concurrency?: number; requests_per_minute?: number }) {
  const clock = createTestClock()
  return { clock, limits: createKeyLimits(clock, { concurrency: 100, requests_per_minute: 100, ...limited }) }
}

const busy = expect.objectContaining({
  reason: "rate_limited",
  message: "This API key has 2 open requests, the most it may have.",
  detail: { code: "concurrency_limit", retry_after_ms: 2_000 },
})

test("so many requests may be open, and one more when one has left", () => {
  const { limits: keys } = limits({ concurrency: 2 })
  const leave = keys.enter("key_1")
  keys.enter("key_1")
  expect(() => keys.enter("key_1")).toThrow(busy)
  leave()
  keys.enter("key_1")
  expect(() => keys.enter("key_1")).toThrow(busy)
})

test("leaving twice gives back one place", () => {
  const { limits: keys } = limits({ concurrency: 2 })
  const leave = keys.enter("key_1")
  keys.enter("key_1")
  leave()
  leave()
  keys.enter("key_1")
  expect(() => keys.enter("key_1")).toThrow(busy)
})

test("keys do not share their places or their minute", () => {
  const { limits: keys } = limits({ concurrency: 1, requests_per_minute: 1 })
  keys.enter("key_1")
  keys.enter("key_2")
})

test("so many requests a minute, then the refusal says when the next may come", () => {
  const { clock, limits: keys } = limits({ requests_per_minute: 2 })
  keys.enter("key_1")()
  keys.enter("key_1")()
  expect(() => keys.enter("key_1")).toThrow(
    expect.objectContaining({
      reason: "rate_limited",
      message: "This API key made 2 requests in a minute.",
      detail: { code: "rate_limit_exceeded", retry_after_ms: 30_000 },
    }),
  )
  clock.advance(30_000)
  keys.enter("key_1")()
})

test("a request that found no place does not count as one of the minute", () => {
  const { limits: keys } = limits({ concurrency: 2, requests_per_minute: 3 })
  const leave = keys.enter("key_1")
  keys.enter("key_1")
  for (let count = 0; count < 5; count++) expect(() => keys.enter("key_1")).toThrow(busy)
  leave()
  keys.enter("key_1")
})

test("a request over the minute's limit takes no place", () => {
  const { clock, limits: keys } = limits({ concurrency: 2, requests_per_minute: 1 })
  keys.enter("key_1")
  for (let count = 0; count < 5; count++) expect(() => keys.enter("key_1")).toThrow()
  clock.advance(60_000)
  keys.enter("key_1")
})
