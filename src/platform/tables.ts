/** The tables of the platform: change counters in the main file, the event log in the cache file. */
import { count, id, json, string, table, time } from "../../db/kit.ts"

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

/** In cache.db: what happened lately, for the operator. May be lost. */
export const event_log = table("event_log", {
  id: id(),
  name: string().notNull(),
  data: json<Record<string, unknown>>().notNull(),
  created_at: time().notNull(),
})
