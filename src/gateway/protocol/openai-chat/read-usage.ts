/** How Chat upstreams count: as Responses does, under other names; `prompt_tokens` includes the cached ones. */
import type { ReportedUsage } from "../../../wallet/pricing/usage.ts"
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"
import { readUsage as readResponsesUsage } from "../openai-responses/read-usage.ts"

/**
 * Normalises a `usage` object; `undefined` when there is none (null is not zero). A negative or inconsistent
 * report is flagged and read low. Prices that vendors add (OpenRouter's cost) are not read.
 */
export function readUsage(raw: unknown): ReportedUsage | undefined {
  if (!isJsonObject(raw)) return undefined
  return readResponsesUsage({
    input_tokens: promptTokens(raw),
    input_tokens_details: { cached_tokens: cachedTokens(raw), cache_write_tokens: writtenTokens(raw) },
    output_tokens: raw.completion_tokens,
    output_tokens_details: raw.completion_tokens_details,
  })
}

/** DeepSeek counts hits and misses of its cache beside the sum of both, or instead of it. */
function promptTokens(raw: JsonObject): unknown {
  if (raw.prompt_tokens !== undefined) return raw.prompt_tokens
  const { prompt_cache_hit_tokens: hits, prompt_cache_miss_tokens: misses } = raw
  return typeof hits === "number" && typeof misses === "number" ? hits + misses : undefined
}

const detailsOf = (raw: JsonObject): JsonObject =>
  isJsonObject(raw.prompt_tokens_details) ? raw.prompt_tokens_details : {}

const writtenTokens = (raw: JsonObject): unknown => detailsOf(raw).cache_write_tokens

function cachedTokens(raw: JsonObject): unknown {
  return detailsOf(raw).cached_tokens ?? raw.prompt_cache_hit_tokens
}
