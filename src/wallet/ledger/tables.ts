/** The tables of the money room: accounts with a cached balance, and the append-only transfers. */
import { bool, id, nanos, oneOf, string, table, time } from "../../../db/kit.ts"

/** A customer's account. System accounts have no row: their balance is the sum of their transfers. */
export const ledger_account = table("ledger_account", {
  /** `<customer id>/<kind>`. */
  id: id(),
  customer_id: string().notNull(),
  kind: oneOf(["token", "token_held", "cash", "cash_debt", "referral_pending"]).notNull(),
  ledger: oneOf(["token", "cash"]).notNull(),
  balance_nanos: nanos().notNull(),
  floor_nanos: nanos().notNull(),
  is_frozen: bool().notNull(),
})

export const ledger_transfer = table("ledger_transfer", {
  /** The idempotency key, made by the caller; it states the business rule. */
  id: id(),
  /** What the transfer belongs to: a request id, an order id … */
  group_id: string().notNull(),
  kind: string().notNull(),
  ledger: oneOf(["token", "cash"]).notNull(),
  from_account: string().notNull(),
  to_account: string().notNull(),
  amount_nanos: nanos().notNull(),
  /** The outside reference or the reason an operator gave. */
  ref: string().notNull(),
  /** Who caused it: `system`, `customer:<id>`, `admin:<name>`. */
  actor: string().notNull(),
  event_at: time().notNull(),
  created_at: time().notNull(),
})
