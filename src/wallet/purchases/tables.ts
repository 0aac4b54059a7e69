/** The tables of purchases: what a customer buys, what was paid for it, and what was taken back. */
import { bool, count, id, nanos, oneOf, string, table, time } from "../../../db/kit.ts"

/** Our own order row: what a payment must match before it moves any money. */
export const purchase = table("purchase", {
  /** `ord_…`; the group id of its transfers. */
  id: id(),
  customer_id: string().notNull(),
  /**
   * `package`, `cash-load`: paid by Stripe Checkout. `auto-topup`: a package paid off-session with the saved card.
   * `cash-purchase`: a package paid from the Cash Wallet. `plan-payment`: paid elsewhere, recorded by the operator or a
   * payment link, redeemed by its reference.
   */
  kind: oneOf(["package", "cash-load", "auto-topup", "cash-purchase", "plan-payment"]).notNull(),
  package_id: string(),
  price_cents: count().notNull(),
  /** Token Wallet credit of the package; 0 for a cash load. */
  credit_nanos: nanos().notNull(),
  /** What a bonus code adds. */
  bonus_nanos: nanos().notNull(),
  vip_days: count().notNull(),
  code: string(),
  /** `mismatch`: something was paid that is not what was ordered; the operator decides. */
  state: oneOf(["open", "paid", "expired", "failed", "mismatch"]).notNull(),
  /** Why it failed or does not match, in words. */
  failure: string(),
  /** Whether real money: false in Stripe's test mode and in the demo. */
  is_live: bool().notNull(),
  stripe_session_id: string().unique(),
  stripe_payment_intent: string().unique(),
  /** Of the card that paid; the same card has the same one at every customer. */
  card_fingerprint: string(),
  /** Of a plan payment: what its owner redeems it by. */
  reference: string().unique(),
  created_at: time().notNull(),
  paid_at: time(),
})

/** A refund or a dispute of a paid purchase. */
export const reversal = table("reversal", {
  /** Stripe's id: `re_…` or `du_…`. */
  id: id(),
  purchase_id: string().notNull(),
  customer_id: string().notNull(),
  kind: oneOf(["refund", "dispute"]).notNull(),
  amount_cents: count().notNull(),
  /** Taken from the Token Wallet, from the Cash Wallet, and what is owed for the rest. */
  token_nanos: nanos().notNull(),
  cash_nanos: nanos().notNull(),
  debt_nanos: nanos().notNull(),
  /**
   * VIP time that it took, less what came back with its return, milliseconds: those of a purchase add up to what its
   * customer is without.
   */
  vip_ms: count().notNull(),
  /** `returned`: the refund failed or the dispute was won, and what was taken was given back. */
  state: oneOf(["taken", "returned"]).notNull(),
  created_at: time().notNull(),
  returned_at: time(),
})

/** A customer at Stripe, in each of its modes. */
export const stripe_customer = table("stripe_customer", {
  /** Stripe's id. */
  id: id(),
  customer_id: string().notNull(),
  is_live: bool().notNull(),
  created_at: time().notNull(),
})

/** The card that auto-topup may charge. */
export const saved_card = table("saved_card", {
  customer_id: id(),
  payment_method_id: string().notNull(),
  fingerprint: string().notNull(),
  brand: string().notNull(),
  last4: string().notNull(),
  /** Charges that failed one after the other; at three the card is not tried again. */
  failure_count: count().notNull(),
  created_at: time().notNull(),
})
