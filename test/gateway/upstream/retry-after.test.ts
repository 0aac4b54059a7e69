/** After how long a repeat may succeed: every way upstreams say it, and what must not be believed. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { retryAfterMs } from "../../../src/gateway/upstream/retry-after.ts"
import { START_AT } from "../../support/clock.ts"
import { checkProperty } from "../../support/property.ts"

/** 2026-01-02T03:04:05Z, a Friday. */
const NOW = START_AT
const read = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), NOW)

describe("one header", () => {
  test.each([
    ["retry-after", "7", 7_000],
    ["retry-after", " 1.5 ", 1_500],
    ["Retry-After", "120", 120_000],
    ["retry-after", "Fri, 02 Jan 2026 03:04:35 GMT", 30_000],
    ["retry-after", "Friday, 02-Jan-26 03:04:35 GMT", 30_000],
    ["retry-after", "Fri Jan  2 03:04:35 2026", 30_000],
    ["retry-after-ms", "250", 250],
    ["retry-after-ms", "0.4", 1],
    ["x-ratelimit-reset-requests", "1s", 1_000],
    ["x-ratelimit-reset-requests", "6m0s", 360_000],
    ["x-ratelimit-reset-tokens", "2m59.56s", 179_560],
    ["x-ratelimit-reset-tokens", "120ms", 120],
    ["x-ratelimit-reset-requests", "1h2m3s", 3_723_000],
    ["x-ratelimit-reset-requests", "12", 12_000],
    ["x-ratelimit-reset", String(NOW + 5_000), 5_000],
    ["x-ratelimit-reset", String(NOW / 1000 + 9), 9_000],
    ["anthropic-ratelimit-requests-reset", "2026-01-02T03:05:05Z", 60_000],
    ["anthropic-ratelimit-input-tokens-reset", "2026-01-02T04:04:06+01:00", 1_000],
    ["anthropic-ratelimit-unified-reset", String(NOW / 1000 + 60), 60_000],
  ])("%s: %s is %i ms", (name, value, wait_ms) => {
    expect(read({ [name]: value })).toBe(wait_ms)
  })

  test.each([
    ["retry-after", ""],
    ["retry-after", "0"],
    ["retry-after", "-5"],
    ["retry-after", "soon"],
    ["retry-after", "0x10"],
    ["retry-after", "1e9"],
    ["retry-after", "NaN"],
    ["retry-after", "Infinity"],
    ["retry-after", "Fri, 02 Jan 2026 03:04:05 GMT"],
    ["retry-after", "Thu, 01 Jan 2026 03:04:05 GMT"],
    ["retry-after-ms", "0"],
    ["x-ratelimit-reset-requests", "1 fortnight"],
    ["x-ratelimit-reset-requests", "s"],
    ["anthropic-ratelimit-tokens-reset", "2026-99-99T00:00:00Z"],
    ["anthropic-ratelimit-tokens-reset", "2026-01-02T03:04:04Z"],
    ["x-ratelimit-limit-requests", "60"],
  ])("%s: %p says nothing", (name, value) => {
    expect(read({ [name]: value })).toBeUndefined()
  })

  test("a wait of more than a day is a day", () => {
    expect(read({ "retry-after": "99999999" })).toBe(86_400_000)
  })
})

describe("several headers", () => {
  test("the exact one before the usual one, and that before the limits", () => {
    const limits = { "x-ratelimit-reset-requests": "9s" }
    expect(read({ ...limits, "retry-after": "2", "retry-after-ms": "1500" })).toBe(1_500)
    expect(read({ ...limits, "retry-after": "2" })).toBe(2_000)
    expect(read({ ...limits, "retry-after": "rubbish", "retry-after-ms": "rubbish" })).toBe(9_000)
  })

  test("the limit that is used up counts, not those that are not", () => {
    const openai = {
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "20s",
      "x-ratelimit-remaining-tokens": "149000",
      "x-ratelimit-reset-tokens": "3s",
    }
    expect(read(openai)).toBe(20_000)
    const anthropic = {
      "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": "2026-01-02T03:04:06Z",
      "anthropic-ratelimit-tokens-remaining": "0",
      "anthropic-ratelimit-tokens-reset": "2026-01-02T03:04:45Z",
    }
    expect(read(anthropic)).toBe(40_000)
  })

  test("of two that are used up the later one counts", () => {
    const both = {
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "20s",
      "x-ratelimit-remaining-tokens": "0",
      "x-ratelimit-reset-tokens": "3s",
    }
    expect(read(both)).toBe(20_000)
  })

  test("when none says that it is used up, the first that is reset counts", () => {
    expect(read({ "x-ratelimit-reset-requests": "20s", "x-ratelimit-reset-tokens": "3s" })).toBe(3_000)
  })
})

test("law: whatever a header holds, the answer is a whole wait within a day, or none", () => {
  const name = fc.constantFrom(
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "anthropic-ratelimit-tokens-reset",
  )
  const unit = fc.constantFrom(..."0123456789smhd.-+:TZ GMTFriJan")
  const values = fc.tuple(name, fc.string({ unit, maxLength: 24 }))
  checkProperty(import.meta.path, values, ([header, value]) => {
    const wait_ms = read({ [header]: value })
    if (wait_ms === undefined) return
    expect(Number.isInteger(wait_ms)).toBe(true)
    expect(wait_ms).toBeWithin(1, 86_400_001)
  })
})
