/** How OpenAI's Responses API counts: `input_tokens` includes the cached ones, `output_tokens` the reasoning. */
import { NO_USAGE, type ReportedUsage } from "../../../wallet/pricing/usage.ts"
import { isJsonObject } from "../json.ts"

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
    output: readCount(raw.output_tokens),
    reasoning: readCount(output_details.reasoning_tokens),
  }
  if (all.input === undefined && all.output === undefined) return undefined
  const input = Math.max(0, all.input ?? 0)
  const output = Math.max(0, all.output ?? 0)
  const cached = Math.min(input, Math.max(0, all.cached ?? 0))
  const reasoning = Math.min(output, Math.max(0, all.reasoning ?? 0))
  const flag = doubt(all)
  const usage = {
    ...NO_USAGE,
    input_tokens: input - cached,
    cache_read_tokens: cached,
    output_tokens: output,
    reasoning_tokens: reasoning,
  }
  return flag === undefined ? { usage } : { usage, flag }
}

interface Counts {
  input: number | undefined
  cached: number | undefined
  output: number | undefined
  reasoning: number | undefined
}

function doubt(all: Counts): string | undefined {
  if (Object.values(all).some(count => count !== undefined && count < 0)) return "a negative count"
  if (all.input === undefined) return "no input count"
  if (all.output === undefined) return "no output count"
  if ((all.cached ?? 0) > all.input) return "more cached than input tokens"
  if ((all.reasoning ?? 0) > all.output) return "more reasoning than output tokens"
  return undefined
}

/** A whole number within ±2^53; anything else counts as not reported. */
const readCount = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) ? (value as number) : undefined
