/** The catalogue: what is sold (models), who makes it (upstreams), and how one leads to the other (routes). */
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
})
