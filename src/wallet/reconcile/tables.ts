/** The tables of reconciliation: what outside books say, and where ours differ. */
import { count, id, keyedBy, nanos, string, table, time } from "../../../db/kit.ts"

/** A day's comparison with an outside source; doing it again replaces it. */
export const reconciliation = table(
  "reconciliation",
  {
    /** `stripe`, or `upstream:<id>`. */
    source: string().notNull(),
    /** UTC day. */
    day: string().notNull(),
    compared_count: count().notNull(),
    ours_nanos: nanos().notNull(),
    theirs_nanos: nanos().notNull(),
    created_at: time().notNull(),
  },
  columns => [keyedBy({ columns: [columns.source, columns.day] })],
)

export const reconciliation_difference = table("reconciliation_difference", {
  id: id(),
  source: string().notNull(),
  day: string().notNull(),
  /** The outside id: a payment intent, a refund, a dispute, a model. */
  ref: string().notNull(),
  /** What is wrong, in words. */
  finding: string().notNull(),
  ours_nanos: nanos(),
  theirs_nanos: nanos(),
  created_at: time().notNull(),
})

/** What an upstream says a day cost, in nano-USD. */
export const upstream_cost = table(
  "upstream_cost",
  {
    upstream_id: string().notNull(),
    day: string().notNull(),
    cost_nanos: nanos().notNull(),
    created_at: time().notNull(),
  },
  columns => [keyedBy({ columns: [columns.upstream_id, columns.day] })],
)
