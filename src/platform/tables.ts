/** The tables of the platform: change counters and remembered answers in the main file, the event log in the cache file. */
import { count, id, json, keyedBy, string, table, time } from "../../db/kit.ts"

/** Counts changes per topic, by triggers, so that a running server sees what another process changed. */
export const change_count = table("change_count", {
  topic: string().primaryKey(),
  version: count().notNull(),
})

/** What is true of the whole database, by name. */
export const setting = table("setting", {
  key: string().primaryKey(),
  value: string().notNull(),
})

/** What a request with an `Idempotency-Key` was answered, for its repeats. */
export const remembered_answer = table(
  "remembered_answer",
  {
    customer_id: string().notNull(),
    key: string().notNull(),
    /** Method and path. */
    endpoint: string().notNull(),
    /** SHA-256 of the body, hex. */
    body_hash: string().notNull(),
    /** Which run of the server works on it; another run may take it over. */
    boot_id: string().notNull(),
    /** Null while the first request runs. */
    status: count(),
    body: string(),
    created_at: time().notNull(),
  },
  columns => [keyedBy({ columns: [columns.customer_id, columns.key] })],
)

/** In cache.db: what happened lately, for the operator. May be lost. */
export const event_log = table("event_log", {
  id: id(),
  name: string().notNull(),
  data: json<Record<string, unknown>>().notNull(),
  created_at: time().notNull(),
})
