/** How OpenAI's Responses API counts: `input_tokens` includes the cached ones, `output_tokens` the reasoning. */
import { NO_USAGE, type ReportedUsage } from "../../../wallet/pricing/usage.ts"
import { isJsonObject, present } from "../json.ts"

/**
 * Normalises a `usage` object; `undefined` when there is none (null is not zero).
 * A negative or inconsistent report is flagged and read low.
 */
export function readUsage(raw: unknown): ReportedUsage | undefined {
  if (!isJsonObject(raw)) return undefined
  const input_details = isJsonObject(raw.input_tokens_details) ? raw.input_tokens_details : {}
  const output_details = isJsonObject(raw.output_tokens_details) ? raw.output_tokens_details : {}
  const all = {
    input: readCount(raw.input_tokens),
    cached: readCount(input_details.cached_tokens),
    // OpenRouter, for models whose vendor charges for writing its cache.
    written: readCount(input_details.cache_write_tokens),
    output: readCount(raw.output_tokens),
    reasoning: readCount(output_details.reasoning_tokens),
  }
  if (all.input === undefined && all.output === undefined) return undefined
  const input = Math.max(0, all.input ?? 0)
  const output = Math.max(0, all.output ?? 0)
  const cached = Math.min(input, Math.max(0, all.cached ?? 0))
  const written = Math.min(input - cached, Math.max(0, all.written ?? 0))
  const reasoning = Math.min(output, Math.max(0, all.reasoning ?? 0))
  const flag = doubt(all)
  const usage = {
    ...NO_USAGE,
    input_tokens: input - cached - written,
    cache_read_tokens: cached,
    cache_write_5m_tokens: written,
    output_tokens: output,
    reasoning_tokens: reasoning,
  }
  return present({ usage, flag, is_partial: all.output === undefined ? (true as const) : undefined })
}

interface Counts {
  input: number | undefined
  cached: number | undefined
  written: number | undefined
  output: number | undefined
  reasoning: number | undefined
}

function doubt(all: Counts): string | undefined {
  if (Object.values(all).some(count => count !== undefined && count < 0)) return "a negative count"
  if (all.input === undefined) return "no input count"
  if (all.output === undefined) return "no output count"
  if ((all.cached ?? 0) + (all.written ?? 0) > all.input) return "more cached than input tokens"
  if ((all.reasoning ?? 0) > all.output) return "more reasoning than output tokens"
  return undefined
}

/** A whole number within ±2^53; anything else counts as not reported. */
const readCount = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) ? (value as number) : undefined
