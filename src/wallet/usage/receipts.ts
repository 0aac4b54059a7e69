/** Receipts: what each ended request asked, was served, used and cost; read from the metered requests. */
import type { Query } from "../../platform/store.ts"
import { formatUsd } from "../ledger/nanos.ts"
import type { PricedAttempt } from "../metering/receipt.ts"
import type { TokenUsage } from "../pricing/usage.ts"

/** An ended request with the name of its key. */
export interface Receipt extends TokenUsage {
  id: string
  state: "settled" | "released"
  key_id: string
  key_name: string
  endpoint: string
  is_streamed: number
  model_asked: string
  model_served: string
  upstream_id: string | null
  upstream_model: string | null
  rate_card_id: string
  rate_card_version: number
  tier_asked: string
  tier_served: string
  /** Everything that was held for it, in nano-USD. */
  peak_held_nanos: number
  usage_source: "reported" | "estimated" | "none"
  usage_flag: string | null
  cost_nanos: number
  charged_nanos: number
  loss_nanos: number
  end_reason: string
  attempts: string
  /** JSON list of what was left out of the request; null when nothing was. */
  notes: string | null
  first_output_ms: number | null
  duration_ms: number
  started_at: number
  ended_at: number
}

const SELECT = `SELECT r.id, r.state, r.key_id, k.name AS key_name, r.endpoint, r.is_streamed, r.model_asked,
    r.model_served, r.upstream_id, r.upstream_model, r.rate_card_id, c.version AS rate_card_version, r.tier_asked,
    r.tier_served, r.input_tokens, r.cache_read_tokens, r.cache_write_5m_tokens, r.cache_write_1h_tokens,
    r.output_tokens, r.reasoning_tokens, r.web_search_count, r.usage_source, r.usage_flag, r.cost_nanos,
    r.charged_nanos, r.loss_nanos, r.end_reason, r.attempts, r.notes, r.first_output_ms, r.duration_ms,
    r.started_at, r.ended_at,
    (SELECT coalesce(sum(amount_nanos), 0) FROM ledger_transfer t
      WHERE t.id > r.id || ':hold:' AND t.id < r.id || ':hold;') AS peak_held_nanos
  FROM metered_request r JOIN api_key k ON k.id = r.key_id JOIN rate_card c ON c.id = r.rate_card_id`

/** A page of a customer's receipts, newest first; `before` is the id the last page ended with. */
export function listReceipts(
  q: Query,
  page: { customer_id: string; limit: number; before: string | undefined },
): Promise<Receipt[]> {
  const { customer_id, limit, before = null } = page
  return q.all<Receipt>(
    `${SELECT} WHERE r.customer_id = ? AND r.state <> 'open' AND (? IS NULL OR r.id < ?) ORDER BY r.id DESC LIMIT ?`,
    customer_id,
    before,
    before,
    limit,
  )
}

/** What a customer spent on one UTC day; amounts in nano-USD. */
export interface DaySpend {
  day: string
  request_count: number
  input_tokens: number
  output_tokens: number
  charged_nanos: number
}

/** Days with spend since `since` (milliseconds), oldest first. */
export function listDailySpend(q: Query, span: { customer_id: string; since: number }): Promise<DaySpend[]> {
  return q.all<DaySpend>(
    `SELECT date(started_at / 1000, 'unixepoch') AS day, count(*) AS request_count,
       sum(input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens, sum(charged_nanos) AS charged_nanos
     FROM metered_request WHERE customer_id = ? AND state <> 'open' AND started_at >= ? GROUP BY day ORDER BY day`,
    span.customer_id,
    span.since,
  )
}

const usd = (nanos: number): string => formatUsd(BigInt(nanos))
const iso = (at: number): string => new Date(at).toISOString()

/** The share of the input that came from the cache, 0 to 1 with four decimals; null when there was no input. */
export function cacheHitRate(usage: TokenUsage): number | null {
  const read = usage.cache_read_tokens
  const input = usage.input_tokens + read + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
  return input === 0 ? null : Math.round((read / input) * 10_000) / 10_000
}

/** Receipts of before attempts had a cost have none. */
const toApiAttempt = (attempt: Omit<PricedAttempt, "cost_nanos"> & { cost_nanos?: number }) => ({
  upstreamId: attempt.upstream_id,
  result: attempt.result,
  durationMs: attempt.duration_ms,
  costUsd: usd(attempt.cost_nanos ?? 0),
})

const attemptsOf = ({ attempts }: Receipt) => (JSON.parse(attempts) as PricedAttempt[]).map(toApiAttempt)

/** A receipt as our API shows it: camelCase, exact decimal USD, ISO times. */
export const toApiReceipt = (receipt: Receipt) => ({
  requestId: receipt.id,
  state: receipt.state,
  startedAt: iso(receipt.started_at),
  endedAt: iso(receipt.ended_at),
  endpoint: receipt.endpoint,
  isStreamed: receipt.is_streamed === 1,
  keyId: receipt.key_id,
  keyName: receipt.key_name,
  modelAsked: receipt.model_asked,
  modelServed: receipt.model_served,
  upstream: receipt.upstream_id,
  tierAsked: receipt.tier_asked,
  tierServed: receipt.tier_served,
  rateCardId: receipt.rate_card_id,
  rateCardVersion: receipt.rate_card_version,
  inputTokens: receipt.input_tokens,
  cacheReadTokens: receipt.cache_read_tokens,
  cacheWrite5mTokens: receipt.cache_write_5m_tokens,
  cacheWrite1hTokens: receipt.cache_write_1h_tokens,
  cacheHitRate: cacheHitRate(receipt),
  outputTokens: receipt.output_tokens,
  reasoningTokens: receipt.reasoning_tokens,
  webSearchCount: receipt.web_search_count,
  usageSource: receipt.usage_source,
  usageFlag: receipt.usage_flag,
  heldUsd: usd(receipt.peak_held_nanos),
  costUsd: usd(receipt.cost_nanos),
  chargedUsd: usd(receipt.charged_nanos),
  lossUsd: usd(receipt.loss_nanos),
  endReason: receipt.end_reason,
  attemptCount: (JSON.parse(receipt.attempts) as unknown[]).length,
  attempts: attemptsOf(receipt),
  notes: receipt.notes === null ? [] : (JSON.parse(receipt.notes) as string[]),
  firstOutputMs: receipt.first_output_ms,
  durationMs: receipt.duration_ms,
})

/** The same for a table: each try in words. */
export const toCsvReceipt = (receipt: ReturnType<typeof toApiReceipt>) => ({
  ...receipt,
  attempts: receipt.attempts.map(({ upstreamId, result, costUsd }) => `${upstreamId} ${result} ${costUsd}`),
})

export const toApiDay = (day: DaySpend) => ({
  day: day.day,
  requestCount: day.request_count,
  inputTokens: day.input_tokens,
  outputTokens: day.output_tokens,
  chargedUsd: usd(day.charged_nanos),
})
