/** Tests of the holding policy: how large slices are, when the next is due, and what an estimate may cost. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  estimateWithin,
  firstSlice,
  holdAmount,
  isRefillDue,
  nextSlice,
} from "../../../src/wallet/metering/slices.ts"
import { cost } from "../../../src/wallet/pricing/cost.ts"
import { checkProperty } from "../../support/property.ts"
import { EASY_RATES, usageOf } from "../../support/wallet.ts"

/** Every slice of a request that uses all its output. */
function slicesOf(max_output_tokens: number): number[] {
  const slices = [firstSlice(max_output_tokens)]
  for (let held = slices[0]!; ; ) {
    const slice = nextSlice(slices.at(-1)!, held, max_output_tokens)
    if (slice === 0) return slices
    slices.push(slice)
    held += slice
  }
}

describe("slices", () => {
  test.each([
    [1, [1]],
    [4_096, [4_096]],
    [4_097, [4_096, 1]],
    [10_000, [4_096, 5_904]],
    [32_000, [4_096, 8_192, 16_384, 3_328]],
    [60_000, [4_096, 8_192, 16_384, 16_384, 14_944]],
    [128_000, [4_096, 8_192, 16_384, 16_384, 16_384, 16_384, 16_384, 16_384, 16_384, 1_024]],
  ])("%p tokens of output are held as %p", (max_output_tokens, slices) => {
    expect(slicesOf(max_output_tokens)).toEqual(slices)
  })

  test("nothing more is held when more is held than may come", () => {
    expect(nextSlice(4_096, 5_000, 4_096)).toBe(0)
  })

  test.each([
    [0, 4_096, false],
    [3_071, 4_096, false],
    [3_072, 4_096, true],
    [9_999, 4_096, true],
    [0, 1, false],
    [1, 1, true],
  ])("with %p of %p tokens delivered, the next slice is due: %p", (delivered, held, is_due) => {
    expect(isRefillDue(delivered, held)).toBe(is_due)
  })

  test("a hold is the price of the input estimate and the slice, at the tier asked", () => {
    expect(holdAmount({ input_tokens: 1_000, output_tokens: 4_096 }, EASY_RATES, "default")).toBe(
      41_960 as Nanos,
    )
    expect(holdAmount({ input_tokens: 1_000, output_tokens: 4_096 }, EASY_RATES, "priority")).toBe(
      83_920 as Nanos,
    )
    expect(holdAmount({ input_tokens: 0, output_tokens: 0 }, EASY_RATES, "default")).toBe(0 as Nanos)
  })

  test("input that may be written to a cache is held for at the price of that, where it is dearer", () => {
    const rates = {
      ...EASY_RATES,
      input_rate: 1_000_000,
      cache_write_5m_rate: 1_250_000,
      cache_write_1h_rate: 2_000_000,
    }
    const held = (cache_write?: "5m" | "1h") =>
      holdAmount({ input_tokens: 1_000, output_tokens: 0, cache_write }, rates, "default")
    expect([held(), held("5m"), held("1h")]).toEqual([1_000_000, 1_250_000, 2_000_000] as Nanos[])
    const cheap = { ...rates, cache_write_5m_rate: 0 }
    expect(holdAmount({ input_tokens: 1_000, output_tokens: 0, cache_write: "5m" }, cheap, "default")).toBe(
      1_000_000 as Nanos,
    )
  })
})

describe("an estimate within a hold", () => {
  test.each([
    [2_000, 3, 100, [3, 97]],
    [1_025, 3, 100, [2, 0]],
    [1_000, 3, 100, [0, 0]],
    [9_999, 3, 100, [3, 100]],
  ])("%i held: of %i searches and %i out it counts %j", (held, web_search_count, output_tokens, gives) => {
    const rates = { ...EASY_RATES, web_search_rate: 10_000 }
    const usage = usageOf({ input_tokens: 1_000, output_tokens, web_search_count })
    const estimate = estimateWithin(held as Nanos, usage, rates, "default")
    expect([estimate.web_search_count, estimate.output_tokens]).toEqual(gives)
    expect(cost(estimate, rates, "default")).toBeLessThanOrEqual(held)
  })

  test.each<{ held: number; input: number; output: number; gives: number[] }>([
    { held: 3_000, input: 1_000, output: 100, gives: [1_000, 100] },
    { held: 2_000, input: 1_000, output: 100, gives: [1_000, 100] },
    { held: 1_999, input: 1_000, output: 100, gives: [1_000, 99] },
    { held: 1_010, input: 1_000, output: 100, gives: [1_000, 1] },
    { held: 1_009, input: 1_000, output: 100, gives: [1_000, 0] },
    { held: 1_000, input: 1_000, output: 100, gives: [1_000, 0] },
    { held: 999, input: 1_000, output: 100, gives: [0, 0] },
    { held: 0, input: 0, output: 100, gives: [0, 0] },
  ])("$held held, $input in and $output out: $gives", ({ held, input, output, gives }) => {
    const usage = usageOf({ input_tokens: input, output_tokens: output })
    const { input_tokens, output_tokens } = estimateWithin(held as Nanos, usage, EASY_RATES, "default")
    expect([input_tokens, output_tokens]).toEqual(gives)
  })

  test("it never costs more than is held, and is not lowered without need", () => {
    const rate = fc.integer({ min: 0, max: 5_000 })
    const values = fc.record({
      held: fc.integer({ min: 0, max: 100_000 }),
      input_tokens: fc.integer({ min: 0, max: 20_000 }),
      output_tokens: fc.integer({ min: 0, max: 20_000 }),
      input_rate: rate,
      output_rate: rate,
      tier: fc.constantFrom("default", "priority", "flex"),
    })
    checkProperty(import.meta.path, values, ({ held, input_tokens, output_tokens, tier, ...given }) => {
      const rates = { ...EASY_RATES, ...given }
      const usage = usageOf({ input_tokens, output_tokens })
      const estimate = estimateWithin(held as Nanos, usage, rates, tier)
      expect(cost(estimate, rates, tier)).toBeLessThanOrEqual(held)
      if (cost(usage, rates, tier) <= held) expect(estimate).toEqual(usage)
    })
  })
})
