/** How much a metered request holds and when it holds more: the policy, pure; meter.ts carries it out. */
import type { Nanos } from "../ledger/nanos.ts"
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

/** The price of an input estimate and a slice of output. */
export function holdAmount(input_tokens: number, output_tokens: number, rates: Rates, tier: string): Nanos {
  return cost({ ...NO_USAGE, input_tokens, output_tokens }, rates, tier)
}

/**
 * An estimate that never costs more than what is held: the output is lowered; an input that does not fit counts nothing.
 * `held` is in nano-USD.
 */
export function estimateWithin(held: Nanos, usage: TokenUsage, rates: Rates, tier: string): TokenUsage {
  if (cost(usage, rates, tier) <= held) return usage
  const input = { ...usage, output_tokens: 0, reasoning_tokens: 0 }
  const left = held - cost(input, rates, tier)
  if (left < 0) return NO_USAGE
  const fitting = affordableOutputTokens(left as Nanos, rates, tier)
  return { ...input, output_tokens: Math.min(usage.output_tokens, fitting) }
}
