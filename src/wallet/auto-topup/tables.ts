/** The tables of auto-topup: what a customer wants, and one row for each attempt to charge. */
import { bool, count, id, nanos, oneOf, string, table, time } from "../../../db/kit.ts"

export const auto_topup = table("auto_topup", {
  customer_id: id(),
  is_enabled: bool().notNull(),
  /** Below this much available credit the package is bought. */
  threshold_nanos: nanos().notNull(),
  package_id: string().notNull(),
  /** The most that is charged in a calendar month (UTC). */
  monthly_cap_cents: count().notNull(),
  /** Why it is off although the customer enabled it: `card`, `authentication`, `dispute`; null when it works. */
  suspended_for: oneOf(["card", "authentication", "dispute"]),
  updated_at: time().notNull(),
})

export const auto_topup_job = table("auto_topup_job", {
  /** `atj_…`; Stripe's idempotency key. */
  id: id(),
  customer_id: string().notNull(),
  purchase_id: string().notNull().unique(),
  /** `claimed` until Stripe has said what became of it; kept on errors nobody can interpret. */
  state: oneOf(["claimed", "paid", "declined", "action-required", "abandoned"]).notNull(),
  failure: string(),
  created_at: time().notNull(),
  ended_at: time(),
})
