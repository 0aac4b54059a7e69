/** The catalogue: what is sold (models and their other names), who makes it (upstreams), and the routes between. */
import { bool, count, id, json, string, table, time } from "../../../db/kit.ts"

export const model = table("model", {
  /** The public name that clients send. */
  id: id(),
  label: string().notNull(),
  description: string().notNull(),
  owned_by: string().notNull(),
  context_window_tokens: count().notNull(),
  max_output_tokens: count().notNull(),
  reasoning_efforts: json<string[]>().notNull(),
  input_modalities: json<string[]>().notNull(),
  /** Order in lists, lowest first. */
  priority: count().notNull(),
  is_enabled: bool().notNull(),
  created_at: time().notNull(),
  /** The cheaper model of its family that a customer on a budget gets instead, or null. */
  budget_model_id: string(),
})

export const model_alias = table("model_alias", {
  /** Another name that clients send; with `*` at its end, every name that begins so. */
  alias: string().primaryKey(),
  model_id: string().notNull(),
  created_at: time().notNull(),
})

export const upstream = table("upstream", {
  /** The operator's short name for it. */
  id: id(),
  /** Wire protocol: `openai-responses`, … */
  protocol: string().notNull(),
  base_url: string().notNull(),
  /** Name of the environment variable that holds the key, or null. */
  key_env: string(),
  /** AES-256-GCM copy of a key given on the command line, or null. */
  sealed_key: string(),
  is_enabled: bool().notNull(),
  created_at: time().notNull(),
  /** What it needs different from its protocol's plain form: names of `QUIRKS`. */
  quirks: json<string[]>().notNull().default([]),
  /** The longest tool name that it takes. */
  tool_name_length: count().notNull().default(64),
  /** Requests at once; null is no limit. */
  max_concurrency: count(),
})

export const route = table("route", {
  id: id(),
  model_id: string().notNull(),
  upstream_id: string().notNull(),
  /** The model's name at that upstream. */
  upstream_model: string().notNull(),
  /** Tried in order of tier, lowest first. */
  tier: count().notNull(),
  /** Share of the traffic within its tier. */
  weight: count().notNull(),
  is_enabled: bool().notNull(),
  created_at: time().notNull(),
  /** Only customers with VIP Priority are led here. */
  is_vip_only: bool().notNull().default(false),
})
