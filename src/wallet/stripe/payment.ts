/** What Stripe's objects say of a payment, and whether that is what was ordered; pure. */
import type Stripe from "stripe"
import type { Purchase } from "../purchases/purchases.ts"

export interface Card {
  payment_method_id: string
  fingerprint: string
  brand: string
  last4: string
}

/** A payment as its session or intent tells it. */
export interface Payment {
  intent: string
  /** Received, in cents. */
  amount_cents: number
  currency: string
  /** Stripe's customer. */
  stripe_customer: string | null
  is_live: boolean
  /** Our own purchase, by the metadata. */
  purchase_id: string | null
  /** When it succeeded, milliseconds; null while it has not. */
  paid_at: number | null
  card: Card | null
}

/** The id of an object that may or may not be expanded. */
export const idOf = (object: string | { id: string } | null | undefined): string | null =>
  typeof object === "string" ? object : (object?.id ?? null)

const isObject = <Value extends { id: string }>(value: string | Value | null | undefined): value is Value =>
  typeof value === "object" && value !== null

/** An intent with `latest_charge` expanded. */
export function readIntent(intent: Stripe.PaymentIntent): Payment {
  const charge = isObject(intent.latest_charge) ? intent.latest_charge : undefined
  const method = idOf(intent.payment_method)
  const card = charge?.payment_method_details?.card
  return {
    intent: intent.id,
    amount_cents: intent.amount_received,
    currency: intent.currency,
    stripe_customer: idOf(intent.customer),
    is_live: intent.livemode,
    purchase_id: intent.metadata.purchase_id ?? null,
    paid_at: intent.status === "succeeded" ? 1000 * (charge?.created ?? intent.created) : null,
    card: card && method ? toCard(method, card) : null,
  }
}

/** The fingerprint is what tells the same card at two customers; a card without one counts as one of its own. */
export const toCard = (
  payment_method_id: string,
  card: { fingerprint?: string | null; brand?: string | null; last4?: string | null },
): Card => ({
  payment_method_id,
  fingerprint: card.fingerprint ?? payment_method_id,
  brand: card.brand ?? "card",
  last4: card.last4 ?? "",
})

/**
 * Why a payment is not what was ordered; `undefined` when it is. `stripe_customers` are our customer's own there.
 */
export function findMismatch(
  purchase: Purchase,
  payment: Payment,
  stripe_customers: readonly string[],
): string | undefined {
  if (payment.purchase_id !== null && payment.purchase_id !== purchase.id)
    return `it names the purchase ${payment.purchase_id}`
  if (payment.currency !== "usd") return `it is in ${payment.currency}, not usd`
  if (payment.amount_cents !== purchase.price_cents)
    return `it is ${payment.amount_cents} cents, ordered were ${purchase.price_cents}`
  if (payment.is_live !== (purchase.is_live === 1))
    return `it is ${payment.is_live ? "live" : "test"}, the purchase is not`
  if (payment.stripe_customer !== null && !stripe_customers.includes(payment.stripe_customer))
    return `it was paid by ${payment.stripe_customer}, who is not this customer`
  if (purchase.stripe_payment_intent !== null && purchase.stripe_payment_intent !== payment.intent)
    return `the purchase was to be paid by ${purchase.stripe_payment_intent}`
  return undefined
}
