/** How much a metered request holds and when it holds more: the policy, pure; meter.ts carries it out. */
import { maxNanos, type Nanos } from "../ledger/nanos.ts"
import { affordableOutputTokens, cost, type Rates } from "../pricing/cost.ts"
import { NO_USAGE, type TokenUsage } from "../pricing/usage.ts"

const FIRST_SLICE_TOKENS = 4096
const LARGEST_SLICE_TOKENS = 16_384
/** The next slice is held when this share of the held output has been delivered. */
const REFILL_AT = 0.75

/** Output tokens of the first slice. */
export const firstSlice = (max_output_tokens: number): number =>
  Math.min(FIRST_SLICE_TOKENS, max_output_tokens)

/** Output tokens of the next slice, doubling; 0 when all that may come is held already. */
export function nextSlice(last: number, held_tokens: number, max_output_tokens: number): number {
  return Math.max(0, Math.min(last * 2, LARGEST_SLICE_TOKENS, max_output_tokens - held_tokens))
}

/** Whether so much has been delivered that the next slice is due. */
export const isRefillDue = (delivered_tokens: number, held_tokens: number): boolean =>
  delivered_tokens >= held_tokens * REFILL_AT

/** What is held for: an input estimate, a slice of output, and whether the input may be written to a cache. */
export interface HoldSize {
  input_tokens: number
  output_tokens: number
  cache_write?: CacheWrite | undefined
}

/** How long a cache is kept that the request asks to be written. */
export type CacheWrite = "5m" | "1h"

/** The price of that: where writing a cache costs more than reading the input, all of it may be written. */
export function holdAmount(
  { input_tokens, output_tokens, cache_write }: HoldSize,
  rates: Rates,
  tier: string,
): Nanos {
  const plain = cost({ ...NO_USAGE, input_tokens, output_tokens }, rates, tier)
  if (cache_write === undefined) return plain
  const key = cache_write === "1h" ? "cache_write_1h_tokens" : "cache_write_5m_tokens"
  const written = cost({ ...NO_USAGE, [key]: input_tokens, output_tokens }, rates, tier)
  return maxNanos(written, plain)
}

/**
 * An estimate that never costs more than what is held: the output is lowered, then the searches; an input that does not
 * fit counts nothing. `held` is in nano-USD.
 */
export function estimateWithin(held: Nanos, usage: TokenUsage, rates: Rates, tier: string): TokenUsage {
  if (cost(usage, rates, tier) <= held) return usage
  const input = { ...usage, output_tokens: 0, reasoning_tokens: 0, web_search_count: 0 }
  const left = held - cost(input, rates, tier)
  if (left < 0) return NO_USAGE
  const by_search = { ...rates, output_rate: rates.web_search_rate }
  const web_search_count = Math.min(
    usage.web_search_count,
    affordableOutputTokens(left as Nanos, by_search, tier),
  )
  const searched = { ...input, web_search_count }
  const rest = held - cost(searched, rates, tier)
  const fitting = affordableOutputTokens(rest as Nanos, rates, tier)
  return { ...searched, output_tokens: Math.min(usage.output_tokens, fitting) }
}
