/** What things cost, worked out with bigint fractions for the oracle, without src/wallet/pricing. */
import type { RateCard } from "../../src/wallet/pricing/cost.ts"
import type { TokenUsage } from "../../src/wallet/pricing/usage.ts"

/** The price in nano-USD: the exact sum times the multiplier, and every begun nano counts. */
export function priceOf(card: RateCard, usage: TokenUsage, tier: string): bigint {
  const lines: [number, number][] = [
    [usage.input_tokens, card.input_rate],
    [usage.cache_read_tokens, card.cache_read_rate],
    [usage.cache_write_5m_tokens, card.cache_write_5m_rate],
    [usage.cache_write_1h_tokens, card.cache_write_1h_rate],
    [usage.output_tokens, card.output_rate],
    [usage.web_search_count, card.web_search_rate],
  ]
  const [numerator, denominator] = card.tier_multipliers[tier] ?? [1, 1]
  const exact =
    lines.reduce((sum, [units, rate]) => sum + BigInt(units) * BigInt(rate), 0n) * BigInt(numerator)
  const unit = 1000n * BigInt(denominator)
  return exact / unit + (exact % unit === 0n ? 0n : 1n)
}

/** The tier that counts while nobody says which was served: asking for a cheaper one must not make it cheaper. */
export function unservedTier(card: RateCard, tier: string): string {
  const [numerator, denominator] = card.tier_multipliers[tier] ?? [1, 1]
  return numerator < denominator ? "default" : tier
}

/** A usage of nothing but input and output. */
export const tokens = (input_tokens: number, output_tokens: number): TokenUsage => ({
  input_tokens,
  output_tokens,
  cache_read_tokens: 0,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  reasoning_tokens: 0,
  web_search_count: 0,
})

type Price = Pick<RateCard, "id" | "input_rate" | "output_rate"> & Partial<RateCard>

const card = (price: Price): RateCard => ({
  model_id: price.id,
  version: 1,
  cache_read_rate: Math.floor(price.input_rate / 10),
  cache_write_5m_rate: Math.floor(price.input_rate * 1.25),
  cache_write_1h_rate: price.input_rate * 2,
  web_search_rate: price.output_rate * 300,
  tier_multipliers: { priority: [2, 1], flex: [1, 2], odd: [7, 3] },
  ...price,
})

/** Price lists that make every kind of amount: usual, with fractions of a nano, free. */
export const CARDS: readonly RateCard[] = [
  card({ id: "usual", input_rate: 5_000_000, output_rate: 30_000_000 }),
  card({ id: "cheap", input_rate: 75_000, output_rate: 300_000 }),
  card({ id: "odd", input_rate: 333_333, output_rate: 1_234_567 }),
  card({ id: "tiny", input_rate: 1, output_rate: 7 }),
  card({ id: "free-output", input_rate: 1_000_000, output_rate: 0 }),
  card({ id: "free", input_rate: 0, output_rate: 0 }),
]

export const TIERS: readonly string[] = ["default", "priority", "flex", "odd"]
