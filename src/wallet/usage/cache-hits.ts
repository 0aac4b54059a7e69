/** How much of what each key sent to each model came from the upstreams' prompt caches: a figure over receipts. */
import type { Query } from "../../platform/store.ts"
import { NO_USAGE, type TokenUsage } from "../pricing/usage.ts"
import { cacheHitRate } from "./receipts.ts"

/** The traffic of one key on one model. */
export interface CacheHits {
  customer_id: string
  key_id: string
  model: string
  request_count: number
  input_tokens: number
  cache_read_tokens: number
  /** 0 to 1; null without any input. */
  cache_hit_rate: number | null
}

type Sums = Omit<CacheHits, "cache_hit_rate"> &
  Pick<TokenUsage, "cache_write_5m_tokens" | "cache_write_1h_tokens">

const SUMS = `SELECT customer_id, key_id, model_served AS model, count(*) AS request_count,
    sum(input_tokens) AS input_tokens, sum(cache_read_tokens) AS cache_read_tokens,
    sum(cache_write_5m_tokens) AS cache_write_5m_tokens, sum(cache_write_1h_tokens) AS cache_write_1h_tokens
  FROM metered_request
  WHERE state = 'settled' AND ended_at >= ?1 AND (?2 IS NULL OR customer_id = ?2)
  GROUP BY customer_id, key_id, model_served ORDER BY sum(input_tokens) + sum(cache_read_tokens) DESC LIMIT ?3`

/** The keys and models with the most input since a time, of one customer or of all (`null`). */
export async function listCacheHits(
  q: Query,
  asked: { since: number; customer_id: string | null; limit: number },
): Promise<CacheHits[]> {
  const rows = await q.all<Sums>(SUMS, asked.since, asked.customer_id, asked.limit)
  return rows.map(({ cache_write_5m_tokens, cache_write_1h_tokens, ...row }) => {
    const { input_tokens, cache_read_tokens } = row
    const sums = { input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens }
    return { ...row, cache_hit_rate: cacheHitRate({ ...NO_USAGE, ...sums }) }
  })
}
