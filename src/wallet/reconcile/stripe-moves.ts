/** What a day's balance transactions at Stripe say of customers' money, and what Stripe kept; pure but for the reading. */
import type Stripe from "stripe"
import type { StripeAccount } from "../stripe/account.ts"
import { idOf } from "../stripe/payment.ts"
import type { Day } from "./day.ts"

/** Customers' money that came or went. */
export interface Move {
  /** Of the balance transaction. */
  id: string
  /** The outside id: a payment intent, a refund, a dispute; else what Stripe has of it. */
  ref: string
  /** In words, e.g. `the payment pi_…`. */
  what: string
  /** The id that our transfer of it must have; `null` where we book no such thing. */
  transfer_id: string | null
  /** The payment that it is, or is a part of. */
  intent: string | null
  /** Our own purchase by the payment's metadata. */
  purchase_id: string | null
  /** In the smallest unit of the currency in which the customer paid; what went is negative. */
  amount: number
  currency: string
}

/** A balance transaction as it matters here. */
export interface Entry {
  /** `undefined` for the operator's own: payouts, fees, reserves. */
  move: Move | undefined
  /** What Stripe kept, in the smallest unit of the account's currency. */
  fee: number
  fee_currency: string
}

/** Reads every balance transaction of the day, page by page. Throws when Stripe does not answer. */
export async function* readEntries({ api }: StripeAccount, day: Day): AsyncGenerator<Entry> {
  const transactions = api.balanceTransactions.list({
    created: { gte: day.start_at / 1000, lt: day.end_at / 1000 },
    expand: ["data.source"],
    limit: 100,
  })
  for await (const transaction of transactions) yield readEntry(transaction)
}

/** Source: https://docs.stripe.com/reports/reporting-categories */
const CUSTOMERS = ["charge", "charge_failure", "partial_capture_reversal", "refund", "refund_failure"]
const BANKS = ["dispute", "dispute_reversal"]

function readEntry(transaction: Stripe.BalanceTransaction): Entry {
  const { amount, currency, reporting_category } = transaction
  const fee = reporting_category === "fee" ? transaction.fee - amount : transaction.fee
  return { move: readMove(transaction), fee, fee_currency: currency }
}

function readMove(transaction: Stripe.BalanceTransaction): Move | undefined {
  const source = typeof transaction.source === "object" ? transaction.source : null
  switch (source?.object) {
    case "charge":
      return ofCharge(transaction, source)
    case "refund":
      return { ...ofReversal(transaction, { ...source, kind: "refund" }), ...amountOf(transaction, source) }
    case "dispute":
      return { ...ofReversal(transaction, { ...source, kind: "dispute" }), ...amountOf(transaction, source) }
    default:
      return [...CUSTOMERS, ...BANKS].includes(transaction.reporting_category)
        ? ofUnknown(transaction)
        : undefined
  }
}

/** A payment that came in. One that went out again by itself is neither a refund nor a dispute: we book no such thing. */
function ofCharge(transaction: Stripe.BalanceTransaction, charge: Stripe.Charge): Move {
  const intent = idOf(charge.payment_intent)
  const is_in = transaction.amount > 0
  const ref = intent ?? charge.id
  return {
    id: transaction.id,
    ref,
    what: is_in ? `the payment ${ref}` : `a ${transaction.type} of the payment ${ref}`,
    transfer_id: is_in && intent !== null ? `stripe:pi:${intent}` : null,
    intent,
    purchase_id: charge.metadata?.purchase_id ?? null,
    ...amountOf(transaction, charge),
  }
}

interface Reversing {
  id: string
  kind: "refund" | "dispute"
  payment_intent: string | { id: string } | null
}

/** The money goes when it opens, and comes back when a refund failed or a dispute was won. */
function ofReversal(transaction: Stripe.BalanceTransaction, reversing: Reversing) {
  const { id: ref, kind } = reversing
  const is_back = transaction.amount > 0
  return {
    id: transaction.id,
    ref,
    what: is_back ? `the money that came back from the ${kind} ${ref}` : `the ${kind} ${ref}`,
    transfer_id: `stripe:${kind}:${ref}${is_back ? ":returned" : ""}`,
    intent: idOf(reversing.payment_intent),
    purchase_id: null,
  }
}

/** A transaction of customers' money that does not say whose. */
function ofUnknown(transaction: Stripe.BalanceTransaction): Move {
  const { id, amount, currency, type } = transaction
  const ref = idOf(transaction.source) ?? id
  const what = `a ${type} (${ref})`
  return { id, ref, what, transfer_id: null, intent: null, purchase_id: null, amount, currency }
}

/**
 * In the currency in which the customer paid: an account that is kept in another one shows converted amounts, and those
 * of our purchases are not.
 */
function amountOf(
  transaction: Stripe.BalanceTransaction,
  source: { amount: number; currency: string },
): Pick<Move, "amount" | "currency"> {
  const { amount, currency } = transaction
  if (currency === source.currency) return { amount, currency }
  return { amount: Math.sign(amount) * source.amount, currency: source.currency }
}
