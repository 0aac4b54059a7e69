/** How Anthropic counts: input, cache reads and cache writes are apart, and a stream reports in two places. */
import { NO_USAGE, type ReportedUsage } from "../../../wallet/pricing/usage.ts"
import { isJsonObject, type JsonObject, present } from "../json.ts"

/**
 * The report so far: what `message_start` said, overridden by what is present and not null later
 * (claude-code-wire 6, Usage). A split of cache writes that belongs to another total is forgotten.
 */
export function mergeUsage(before: JsonObject | undefined, after: unknown): JsonObject | undefined {
  if (!isJsonObject(after)) return before
  const news = Object.fromEntries(Object.entries(after).filter(([, value]) => value !== null))
  if (before === undefined) return news
  const merged: JsonObject = { ...before, ...news }
  const has_new_total = news.cache_creation_input_tokens !== undefined && news.cache_creation === undefined
  if (has_new_total && news.cache_creation_input_tokens !== before.cache_creation_input_tokens) {
    delete merged.cache_creation
  }
  return merged
}

/**
 * Normalises a `usage` object; `undefined` when there is none (null is not zero). A negative or inconsistent
 * report is flagged and read low. Cache writes without a split are of the five-minute kind.
 */
export function readUsage(raw: unknown): ReportedUsage | undefined {
  if (!isJsonObject(raw)) return undefined
  const all = withIterations(countsOf(raw), raw.iterations)
  if (all.input === undefined && all.output === undefined) return undefined
  const written = writesOf(all)
  const output = atLeastZero(all.output)
  const usage = {
    ...NO_USAGE,
    input_tokens: atLeastZero(all.input),
    cache_read_tokens: atLeastZero(all.cache_read),
    cache_write_5m_tokens: written.of_5m,
    cache_write_1h_tokens: written.of_1h,
    output_tokens: output,
    reasoning_tokens: Math.min(output, atLeastZero(all.reasoning)),
    web_search_count: atLeastZero(all.searches),
  }
  const is_partial = all.output === undefined ? (true as const) : undefined
  return present({ usage, flag: doubt(all), is_partial })
}

interface Counts {
  input: number | undefined
  cache_read: number | undefined
  cache_write: number | undefined
  split_5m: number | undefined
  split_1h: number | undefined
  output: number | undefined
  reasoning: number | undefined
  searches: number | undefined
}

function countsOf(raw: JsonObject): Counts {
  const split = isJsonObject(raw.cache_creation) ? raw.cache_creation : {}
  const details = isJsonObject(raw.output_tokens_details) ? raw.output_tokens_details : {}
  const server = isJsonObject(raw.server_tool_use) ? raw.server_tool_use : {}
  return {
    input: readCount(raw.input_tokens),
    cache_read: readCount(raw.cache_read_input_tokens),
    cache_write: readCount(raw.cache_creation_input_tokens),
    split_5m: readCount(split.ephemeral_5m_input_tokens),
    split_1h: readCount(split.ephemeral_1h_input_tokens),
    output: readCount(raw.output_tokens),
    reasoning: readCount(details.thinking_tokens) ?? readCount(details.reasoning_tokens),
    searches: readCount(server.web_search_requests),
  }
}

/**
 * An answer during which the vendor compacted the context reports each sampling by itself; all of them are billed, and
 * the sums at the top leave the compactions out.
 */
function withIterations(top: Counts, iterations: unknown): Counts {
  const each = (Array.isArray(iterations) ? iterations : []).filter(isJsonObject).map(countsOf)
  if (each.length < 2) return top
  const sum = (key: keyof Counts) => {
    const counts = each.map(counts => counts[key]).filter(count => count !== undefined)
    const total = counts.length === 0 ? undefined : counts.reduce((left, right) => left + right, 0)
    return total === undefined ? top[key] : Math.max(total, top[key] ?? 0)
  }
  const keys = Object.keys(top) as (keyof Counts)[]
  return Object.fromEntries(keys.map(key => [key, sum(key)])) as unknown as Counts
}

/** The lower of total and split; what the split does not name was written for five minutes. */
function writesOf(all: Counts): { of_5m: number; of_1h: number } {
  const sum = atLeastZero(all.split_5m) + atLeastZero(all.split_1h)
  const total = Math.min(atLeastZero(all.cache_write ?? sum), hasSplit(all) ? sum : Number.MAX_SAFE_INTEGER)
  const of_1h = Math.min(total, atLeastZero(all.split_1h))
  return { of_5m: total - of_1h, of_1h }
}

const hasSplit = (all: Counts): boolean => all.split_5m !== undefined || all.split_1h !== undefined

function doubt(all: Counts): string | undefined {
  if (Object.values(all).some(count => count !== undefined && count < 0)) return "a negative count"
  if (all.input === undefined) return "no input count"
  if (all.output === undefined) return "no output count"
  const sum = (all.split_5m ?? 0) + (all.split_1h ?? 0)
  if (hasSplit(all) && sum !== (all.cache_write ?? sum))
    return "cache writes that are not the sum of their kinds"
  if ((all.reasoning ?? 0) > all.output) return "more reasoning than output tokens"
  return undefined
}

const atLeastZero = (count: number | undefined): number => Math.max(0, count ?? 0)

/** A whole number within ±2^53; anything else counts as not reported. */
const readCount = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) ? (value as number) : undefined
