/** The price list: versioned, append-only rate cards. */
import { count, id, json, string, table, time } from "../../../db/kit.ts"
import type { TierMultipliers } from "./cost.ts"

/** All rates are micro-USD per 1M units, which is the same number as pico-USD per unit. */
export const rate_card = table("rate_card", {
  id: id(),
  model_id: string().notNull(),
  /** Counts from 1 within a model; the highest is in force. */
  version: count().notNull(),
  input_rate: count().notNull(),
  cache_read_rate: count().notNull(),
  cache_write_5m_rate: count().notNull(),
  cache_write_1h_rate: count().notNull(),
  output_rate: count().notNull(),
  web_search_rate: count().notNull(),
  tier_multipliers: json<TierMultipliers>().notNull(),
  /** Where the numbers come from, with a date. */
  source: string().notNull(),
  created_at: time().notNull(),
})
