/** Opening a payment page: our purchase first, then Stripe's session for it. */
import type Stripe from "stripe"
import { AppError } from "../../platform/errors.ts"
import { type AttemptNeeds, limitAttempts } from "../../platform/rate-limit.ts"
import type { Query } from "../../platform/store.ts"
import { centsToNanos, formatUsd } from "../ledger/nanos.ts"
import { endPurchase, type Order, openPurchase, type Purchase, setSession } from "../purchases/purchases.ts"
import { getAccount, type StripeAccount, toPaymentError } from "./account.ts"
import type { FulfilNeeds } from "./fulfil.ts"
import { ensureStripeCustomer } from "./stripe-customers.ts"

/** Where the browser goes afterwards; Stripe puts the session's id for `{CHECKOUT_SESSION_ID}`. */
export interface ReturnUrls {
  success_url: string
  cancel_url: string
}

export interface Checkout {
  order: Omit<Order, "is_live">
  urls: ReturnUrls
  /** Whether the card may be charged again by auto-topup. */
  is_card_kept: boolean
  label: string
  /** How long the page can be paid at; `SHORT_MS` unless said. */
  open_ms?: number
}

/** Stripe's shortest is 30 minutes and its longest a day; a little more and less, because clocks differ. */
const SHORT_MS = 31 * 60_000
export const LONGEST_OPEN_MS = 23 * 3_600_000

/** Pages that a customer may have open at once: each is a row of ours, and is asked about until it ends. */
const MOST_OPEN = 20

/** An expired page is known to be so about this much later. */
const LEAST_WAIT_MS = 60_000

export type CheckoutNeeds = FulfilNeeds & AttemptNeeds

/**
 * Gives the purchase and the address of its payment page. When there is none to give, the purchase ends as failed and
 * gives its code back, also when nobody knows whether Stripe made a page: nobody knows its address. Should it be paid
 * nevertheless, a failed purchase is credited like an open one. Throws `rate_limited`, with nothing opened, for too many
 * pages in a minute or at once.
 */
export async function openCheckout(
  needs: CheckoutNeeds,
  checkout: Checkout,
): Promise<{ purchase: Purchase; url: string; session_id: string; expires_at: number }> {
  const account = getAccount(needs)
  const order: Order = { ...checkout.order, is_live: account.is_live }
  const purchase = await needs.store.tx(async q => {
    await assertFewOpen(q, order, needs.clock.now())
    const opened = await openPurchase(q, needs, order)
    // After everything that can be wrong with an order: only what reaches Stripe counts.
    limitPayAttempts(needs, order.customer_id)
    return opened
  })
  try {
    const session = await createSession(needs, account, { ...checkout, purchase })
    if (!session.url) throw new AppError("upstream", "The payment service gave no address to pay at.")
    await needs.store.tx(q => setSession(q, purchase.id, session.id))
    return {
      purchase: { ...purchase, stripe_session_id: session.id },
      url: session.url,
      session_id: session.id,
      expires_at: session.expires_at * 1000,
    }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    await needs.store.tx(q => endPurchase(q, needs, { purchase_id: purchase.id, state: "failed", failure }))
    throw toPaymentError(error)
  }
}

const limitPayAttempts = (needs: AttemptNeeds, customer_id: string): void =>
  limitAttempts(needs, [`pay by ${customer_id}`])

const OPEN = `SELECT count(*) AS count, min(created_at) AS oldest_at FROM purchase
  WHERE customer_id = ? AND state = 'open' AND kind IN ('package', 'cash-load') AND is_live = ?`

async function assertFewOpen(q: Query, { customer_id, is_live }: Order, now: number): Promise<void> {
  const open = await q.get<{ count: number; oldest_at: number | null }>(OPEN, customer_id, is_live ? 1 : 0)
  if (open!.count < MOST_OPEN) return
  throw new AppError(
    "rate_limited",
    `You have ${MOST_OPEN} payment pages open, the most you may have. Pay on one of them, or wait until they expire.`,
    {
      code: "too_many_open_payments",
      retry_after_ms: Math.max(LEAST_WAIT_MS, open!.oldest_at! + SHORT_MS - now),
    },
  )
}

async function createSession(
  needs: FulfilNeeds,
  account: StripeAccount,
  checkout: Checkout & { purchase: Purchase },
): Promise<Stripe.Checkout.Session> {
  const { purchase, urls, open_ms = SHORT_MS } = checkout
  const { customer_id, id: purchase_id } = purchase
  const customer = await ensureStripeCustomer(needs, account, customer_id)
  const metadata = { purchase_id, customer_id }
  return account.api.checkout.sessions.create(
    {
      mode: "payment",
      customer,
      client_reference_id: customer_id,
      metadata,
      line_items: [
        {
          quantity: 1,
          price_data: {
            currency: "usd",
            unit_amount: purchase.price_cents,
            product_data: { name: checkout.label },
          },
        },
      ],
      payment_intent_data: {
        metadata,
        description: `${checkout.label} ($${formatUsd(centsToNanos(purchase.price_cents))}), purchase ${purchase_id}`,
        ...(checkout.is_card_kept && { setup_future_usage: "off_session" as const }),
      },
      expires_at: Math.floor((needs.clock.now() + open_ms) / 1000),
      ...urls,
    },
    { idempotencyKey: `checkout:${purchase_id}` },
  )
}

/** A page on which the customer saves a card for auto-topup, without paying. Throws `rate_limited` for too many. */
export async function openCardSetup(
  needs: CheckoutNeeds,
  setup: { customer_id: string; urls: ReturnUrls },
): Promise<string> {
  const account = getAccount(needs)
  limitPayAttempts(needs, setup.customer_id)
  try {
    const customer = await ensureStripeCustomer(needs, account, setup.customer_id)
    const { url } = await account.api.checkout.sessions.create({
      mode: "setup",
      customer,
      currency: "usd",
      metadata: { customer_id: setup.customer_id },
      ...setup.urls,
    })
    if (url) return url
    throw new AppError("upstream", "The payment service gave no address to save a card at.")
  } catch (error) {
    throw toPaymentError(error)
  }
}
