/** What a usage costs by a rate card: exact integer arithmetic, rounded up once; pure. */
import type { Nanos } from "../ledger/nanos.ts"
import { toNanos } from "../ledger/nanos.ts"
import type { TokenUsage } from "./usage.ts"

/** Factor per service tier as a rational `[numerator, denominator]`; a tier without an entry costs ×1. */
export type TierMultipliers = Record<string, [number, number]>

/** Rates in pico-USD per token or per search (= micro-USD per 1M of them). */
export interface Rates {
  input_rate: number
  cache_read_rate: number
  cache_write_5m_rate: number
  cache_write_1h_rate: number
  output_rate: number
  web_search_rate: number
  tier_multipliers: TierMultipliers
}

/** One version of a model's price. */
export interface RateCard extends Rates {
  id: string
  model_id: string
  version: number
}

const PICOS_PER_NANO = 1000n

/**
 * The price of a usage in nano-USD: tokens × rate summed exactly, times the tier's multiplier,
 * rounded up once. Throws when a counter is not a safe integer ≥ 0 or the price exceeds the ledger's range.
 */
export function cost(usage: TokenUsage, rates: Rates, tier: string): Nanos {
  const picos =
    line(usage.input_tokens, rates.input_rate) +
    line(usage.cache_read_tokens, rates.cache_read_rate) +
    line(usage.cache_write_5m_tokens, rates.cache_write_5m_rate) +
    line(usage.cache_write_1h_tokens, rates.cache_write_1h_rate) +
    line(usage.output_tokens, rates.output_rate) +
    line(usage.web_search_count, rates.web_search_rate)
  const [numerator, denominator] = multiplierOf(rates, tier)
  const scaled = picos * BigInt(numerator)
  const divisor = PICOS_PER_NANO * BigInt(denominator)
  return toNanos((scaled + divisor - 1n) / divisor)
}

/** How many units of output an amount buys, rounded down; `Infinity` when output is free. */
export function affordableOutputTokens(amount: Nanos, rates: Rates, tier: string): number {
  if (rates.output_rate === 0) return Number.POSITIVE_INFINITY
  const [numerator, denominator] = multiplierOf(rates, tier)
  const picos = BigInt(Math.max(0, amount)) * PICOS_PER_NANO * BigInt(denominator)
  return Number(picos / (BigInt(rates.output_rate) * BigInt(numerator)))
}

/** The tier to hold and charge by when nobody says which was served: never a cheaper one than the default. */
export function dearerTier(rates: Rates, tier: string): string {
  const [numerator, denominator] = multiplierOf(rates, tier)
  return numerator < denominator ? "default" : tier
}

/** Whether the card has a price for the tier. */
export const hasTier = (rates: Rates, tier: string): boolean =>
  tier === "default" || Object.hasOwn(rates.tier_multipliers, tier)

function multiplierOf(rates: Rates, tier: string): [number, number] {
  return Object.hasOwn(rates.tier_multipliers, tier) ? rates.tier_multipliers[tier]! : [1, 1]
}

function line(units: number, rate: number): bigint {
  if (!Number.isSafeInteger(units) || units < 0) throw new RangeError(`not a count of units: ${units}`)
  return BigInt(units) * BigInt(rate)
}
