/** Tests of the price: the goldens of money.md to the nano, and laws that any price list must keep. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { affordableOutputTokens, cost, hasTier, type Rates } from "../../../src/wallet/pricing/cost.ts"
import { NO_USAGE, type TokenUsage } from "../../../src/wallet/pricing/usage.ts"
import { priceOf } from "../../simulation/prices.ts"
import { checkProperty } from "../../support/property.ts"
import { EASY_RATES, usageOf } from "../../support/wallet.ts"

/** USD per 1M tokens to the stored rate. */
const perMillion = (usd: number) => Math.round(usd * 1_000_000)

const ratesOf = (usd: { input: number; cached?: number; write?: number; output: number }): Rates => ({
  input_rate: perMillion(usd.input),
  cache_read_rate: perMillion(usd.cached ?? 0),
  cache_write_5m_rate: perMillion(usd.write ?? 0),
  cache_write_1h_rate: 0,
  output_rate: perMillion(usd.output),
  web_search_rate: 0,
  tier_multipliers: {},
})

test.each([
  ["default", true],
  ["priority", true],
  ["flex", true],
  ["fast", false],
  ["Priority", false],
  ["toString", false],
  ["", false],
])("the tier %p has a price: %p", (tier, has_price) => {
  expect(hasTier(EASY_RATES, tier)).toBe(has_price)
})

describe("cost", () => {
  test.each<{ name: string; rates: Rates; usage: Partial<TokenUsage>; nanos: number }>([
    {
      name: "Anthropic: input 3, cache write 12,304, output 550 at 3 / 3.75 / 15",
      rates: ratesOf({ input: 3, write: 3.75, output: 15 }),
      usage: { input_tokens: 3, cache_write_5m_tokens: 12_304, output_tokens: 550 },
      nanos: 54_399_000,
    },
    {
      name: "OpenAI: input 1,250 of which cached 1,000, output 300 of which reasoning 200, at 5 / 0.5 / 30",
      rates: ratesOf({ input: 5, cached: 0.5, output: 30 }),
      usage: { input_tokens: 250, cache_read_tokens: 1_000, output_tokens: 300, reasoning_tokens: 200 },
      nanos: 10_750_000,
    },
    {
      name: "Anthropic: input 56,322 beside cache read 72,960 at 3 / 0.3",
      rates: ratesOf({ input: 3, cached: 0.3, output: 15 }),
      usage: { input_tokens: 56_322, cache_read_tokens: 72_960 },
      nanos: 168_966_000 + 21_888_000,
    },
    {
      name: "7 tokens at 0.075 are 525 nanos, not a micro-dollar",
      rates: ratesOf({ input: 0.075, output: 0 }),
      usage: { input_tokens: 7 },
      nanos: 525,
    },
    {
      name: "reasoning is a part of the output and not priced again",
      rates: ratesOf({ input: 1, output: 10 }),
      usage: { output_tokens: 100, reasoning_tokens: 100 },
      nanos: 1_000_000,
    },
    {
      name: "a hosted search at USD 10 per 1,000",
      rates: { ...ratesOf({ input: 1, output: 1 }), web_search_rate: 10_000_000_000 },
      usage: { web_search_count: 3 },
      nanos: 30_000_000,
    },
    { name: "nothing used costs nothing", rates: EASY_RATES, usage: {}, nanos: 0 },
  ])("$name", ({ rates, usage, nanos }) => {
    expect(cost(usageOf(usage), rates, "default")).toBe(nanos as Nanos)
  })

  test.each([
    [1, 1],
    [999, 1],
    [1_000, 1],
    [1_001, 2],
    [2_000, 2],
  ])("%p picos are %p nanos: rounded up, once for the whole request", (picos, nanos) => {
    const rates: Rates = { ...EASY_RATES, input_rate: 1, output_rate: 1 }
    const half = Math.floor(picos / 2)
    const usage = usageOf({ input_tokens: half, output_tokens: picos - half })
    expect(cost(usage, rates, "default")).toBe(nanos as Nanos)
  })

  test.each([
    ["default", 1_000],
    ["priority", 2_000],
    ["flex", 500],
    ["third", 334],
    ["nobody-knows-it", 1_000],
    ["constructor", 1_000],
    ["__proto__", 1_000],
  ])("1,000 nanos at tier %p are %p", (tier, nanos) => {
    const rates = {
      ...EASY_RATES,
      tier_multipliers: { ...EASY_RATES.tier_multipliers, third: [1, 3] as [number, number] },
    }
    expect(cost(usageOf({ input_tokens: 1_000 }), rates, tier)).toBe(nanos as Nanos)
  })

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    "%p is no count of tokens",
    input_tokens => {
      expect(() => cost(usageOf({ input_tokens }), EASY_RATES, "default")).toThrow(RangeError)
    },
  )

  test("a price beyond the ledger's range is refused, never rounded", () => {
    const usage = usageOf({ input_tokens: Number.MAX_SAFE_INTEGER })
    expect(() => cost(usage, { ...EASY_RATES, input_rate: 1_000_000 }, "default")).toThrow(
      "beyond the ledger",
    )
  })
})

describe("laws of any price list", () => {
  const units = fc.integer({ min: 0, max: 2_000_000 })
  const rate = fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 100_000_000 }))
  const usages = fc.record<TokenUsage>({
    input_tokens: units,
    cache_read_tokens: units,
    cache_write_5m_tokens: units,
    cache_write_1h_tokens: units,
    output_tokens: units,
    reasoning_tokens: units,
    web_search_count: fc.integer({ min: 0, max: 20 }),
  })
  const factor = fc.integer({ min: 1, max: 50 })
  const price_lists = fc.record({
    input_rate: rate,
    cache_read_rate: rate,
    cache_write_5m_rate: rate,
    cache_write_1h_rate: rate,
    output_rate: rate,
    web_search_rate: rate,
    tier_multipliers: fc.record({ t: fc.tuple(factor, factor) }),
  })

  test("the price is what fractions worked out by hand give", () => {
    checkProperty(import.meta.path, fc.tuple(usages, price_lists), ([usage, rates]) => {
      const card = { ...rates, id: "c", model_id: "m", version: 1 }
      expect(BigInt(cost(usage, rates, "t"))).toBe(priceOf(card, usage, "t"))
    })
  })

  test("two requests never cost less than the same usage in one, and at most one nano more", () => {
    checkProperty(import.meta.path, fc.tuple(usages, usages, price_lists), ([a, b, rates]) => {
      const apart = cost(a, rates, "t") + cost(b, rates, "t")
      const together = cost(sumOf(a, b), rates, "t")
      expect([0, 1]).toContain(apart - together)
    })
  })

  test("no usage is free, and more usage never costs less", () => {
    checkProperty(import.meta.path, fc.tuple(usages, usages, price_lists), ([a, b, rates]) => {
      expect(cost(NO_USAGE, rates, "t")).toBe(0 as Nanos)
      expect(cost(sumOf(a, b), rates, "t")).toBeGreaterThanOrEqual(cost(a, rates, "t"))
    })
  })

  test("what an amount affords costs no more than it, and one token more does", () => {
    checkProperty(
      import.meta.path,
      fc.tuple(fc.integer({ min: 0, max: 10 ** 11 }), price_lists),
      ([amount, rates]) => {
        fc.pre(rates.output_rate > 0)
        const output_tokens = affordableOutputTokens(amount as Nanos, rates, "t")
        expect(cost(usageOf({ output_tokens }), rates, "t")).toBeLessThanOrEqual(amount)
        expect(cost(usageOf({ output_tokens: output_tokens + 1 }), rates, "t")).toBeGreaterThan(amount)
      },
    )
  })

  test("free output is affordable without end, and nothing is affordable with a negative amount", () => {
    expect(affordableOutputTokens(0 as Nanos, { ...EASY_RATES, output_rate: 0 }, "t")).toBe(
      Number.POSITIVE_INFINITY,
    )
    expect(affordableOutputTokens(-5 as Nanos, EASY_RATES, "t")).toBe(0)
  })
})

function sumOf(a: TokenUsage, b: TokenUsage): TokenUsage {
  const sum = { ...a }
  for (const counter of Object.keys(a) as (keyof TokenUsage)[]) sum[counter] += b[counter]
  return sum
}
