/** What Stripe's objects say of a payment, read from their own shapes; comparing it is in fulfil.test.ts. */
import { expect, test } from "bun:test"
import type Stripe from "stripe"
import type { Purchase } from "../../../src/wallet/purchases/purchases.ts"
import { findMismatch, type Payment, readIntent, toCard } from "../../../src/wallet/stripe/payment.ts"

const charge = {
  id: "ch_1",
  created: 1_700_000_010,
  payment_method_details: { card: { fingerprint: "fp_1", brand: "visa", last4: "4242" } },
}
const intentOf = (change: object = {}): Stripe.PaymentIntent =>
  ({
    id: "pi_1",
    amount: 1000,
    amount_received: 1000,
    currency: "usd",
    customer: "cus_s",
    livemode: true,
    status: "succeeded",
    created: 1_700_000_000,
    metadata: { purchase_id: "ord_1" },
    payment_method: "pm_1",
    latest_charge: charge,
    ...change,
  }) as unknown as Stripe.PaymentIntent

test("a payment is what was received, when its charge was made, with the card that paid", () => {
  expect(readIntent(intentOf())).toEqual({
    intent: "pi_1",
    amount_cents: 1000,
    currency: "usd",
    stripe_customer: "cus_s",
    is_live: true,
    purchase_id: "ord_1",
    paid_at: 1_700_000_010_000,
    card: { payment_method_id: "pm_1", fingerprint: "fp_1", brand: "visa", last4: "4242" },
  })
})

test.each(["processing", "requires_action", "requires_payment_method", "canceled", "requires_capture"])(
  "an intent that is %s is not paid",
  status => expect(readIntent(intentOf({ status })).paid_at).toBeNull(),
)

test("expanded objects and their ids are read alike, and what is absent is null", () => {
  const expanded = intentOf({ customer: { id: "cus_s" }, payment_method: { id: "pm_1" } })
  expect(readIntent(expanded)).toEqual(readIntent(intentOf()))
  const bare = readIntent(
    intentOf({ customer: null, latest_charge: "ch_1", metadata: {}, payment_method: null }),
  )
  expect(bare).toMatchObject({
    stripe_customer: null,
    purchase_id: null,
    card: null,
    paid_at: 1_700_000_000_000,
  })
})

test("a card without a fingerprint counts as one of its own", () => {
  expect(toCard("pm_1", { fingerprint: null, brand: null, last4: null })).toEqual({
    payment_method_id: "pm_1",
    fingerprint: "pm_1",
    brand: "card",
    last4: "",
  })
})

test("a payment without a customer is nobody else's, so that a session of ours decides", () => {
  const purchase = { id: "ord_1", price_cents: 1000, is_live: 1, stripe_payment_intent: null } as Purchase
  const payment: Payment = { ...readIntent(intentOf()), stripe_customer: null }
  expect(findMismatch(purchase, payment, [])).toBeUndefined()
  expect(findMismatch(purchase, { ...payment, stripe_customer: "cus_s" }, [])).toContain(
    "who is not this customer",
  )
  const other = { ...purchase, stripe_payment_intent: "pi_2" }
  expect(findMismatch(other, payment, [])).toBe("the purchase was to be paid by pi_2")
})
