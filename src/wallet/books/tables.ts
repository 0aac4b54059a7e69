/** The table of seals: what the ledger was at the end of a day, so that a later change of history shows. */
import { count, id, string, table, time } from "../../../db/kit.ts"

export const ledger_seal = table("ledger_seal", {
  /** The UTC day it closes, e.g. `2026-11-22`. */
  day: id(),
  /** Transfers created before this instant (milliseconds) and not sealed by an earlier day. */
  sealed_until: time().notNull(),
  transfer_count: count().notNull(),
  /** SHA-256 over the seal before and the day's transfers in order, hex. */
  hash: string().notNull(),
  created_at: time().notNull(),
})
