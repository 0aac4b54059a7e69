/** What tests and the operator's demo do in the place of customers, banks and the weather. */
import type Stripe from "stripe"
import type { Attempt } from "./charging.ts"
import { authenticate, payCheckout, settleCheckout } from "./checkout.ts"
import { closeDispute, openDispute } from "./disputes.ts"
import type { Faults } from "./faults.ts"
import type { EventObject } from "./object-store.ts"
import { addMethod, attachMethod } from "./payment-methods.ts"
import { failRefund, paidChargeOf, refundCharge } from "./refunds.ts"
import { expireSession } from "./sessions.ts"
import { type CardChoice, cardOf } from "./test-cards.ts"
import type { Webhooks } from "./webhooks.ts"
import { emit, getObject, type World } from "./world.ts"

export interface PayChoice {
  card: CardChoice
  /** For a session that does not know the customer. */
  email?: string
  /** What the customer answers if 3-D Secure is asked for; `left` leaves it unanswered. */
  authentication?: "confirmed" | "refused" | "left"
}

export interface Control {
  /** Pays a session on its page, or saves the card of a setup session; the answer says what came of it. */
  pay(session_id: string, choice: PayChoice): Promise<Attempt>
  /** Answers 3-D Secure of a payment or setup intent that waits for it. */
  authenticate(intent_id: string, answer: "confirmed" | "refused"): Attempt
  /** The bank's answer to a session that was paid with the card `bank_account`. */
  settle(session_id: string, end: "succeeded" | "failed"): void
  expire(session_id: string): void
  /** Refunds the rest, or this much of it, as the dashboard would; answers the refund's id. */
  refund(payment_intent: string, amount_cents?: number): string
  /** The bank sends a refund back. */
  failRefund(refund_id: string): void
  /** Answers the dispute's id. */
  openDispute(payment_intent: string, amount_cents?: number): string
  closeDispute(dispute_id: string, end: "won" | "lost"): void
  /** Attaches a card that was set up well, and makes it the customer's default; answers the method's id. */
  setCard(stripe_customer_id: string, card: CardChoice): string
  faults: Faults
  /** Delivers what waits now, retries included; answers how many requests were sent. */
  deliverPending(): Promise<number>
  objects: DemoObjects
}

/** The objects as they are now, by id, oldest first; to read only. */
export interface DemoObjects {
  customers: ReadonlyMap<string, Stripe.Customer>
  sessions: ReadonlyMap<string, Stripe.Checkout.Session>
  intents: ReadonlyMap<string, Stripe.PaymentIntent>
  setup_intents: ReadonlyMap<string, Stripe.SetupIntent>
  payment_methods: ReadonlyMap<string, Stripe.PaymentMethod>
  charges: ReadonlyMap<string, Stripe.Charge>
  refunds: ReadonlyMap<string, Stripe.Refund>
  disputes: ReadonlyMap<string, Stripe.Dispute>
  events: ReadonlyMap<string, EventObject>
  balance_transactions: ReadonlyMap<string, Stripe.BalanceTransaction>
}

export function createControl(world: World, parts: { faults: Faults; webhooks: Webhooks }): Control {
  return {
    async pay(session_id, { card, email, authentication = "confirmed" }) {
      const session = getObject(world, "checkout.session", session_id)
      const attempt = payCheckout(world, session, { card: cardOf(card), email })
      if (attempt !== "requires_action" || authentication === "left") return attempt
      const intent = session.mode === "setup" ? session.setup_intent : session.payment_intent
      return authenticate(world, String(intent), authentication === "confirmed")
    },
    authenticate: (intent_id, answer) => authenticate(world, intent_id, answer === "confirmed"),
    settle(session_id, end) {
      settleCheckout(world, getObject(world, "checkout.session", session_id), end === "succeeded")
    },
    expire: id => void expireSession(world, { id }),
    refund(payment_intent, amount) {
      const charge = paidChargeOf(world, getObject(world, "payment_intent", payment_intent))
      return refundCharge(world, charge, { amount, reason: "requested_by_customer", metadata: {} }).id
    },
    failRefund: refund_id => failRefund(world, getObject(world, "refund", refund_id)),
    openDispute: (payment_intent, amount) =>
      openDispute(world, getObject(world, "payment_intent", payment_intent), amount).id,
    closeDispute: (dispute_id, end) => closeDispute(world, getObject(world, "dispute", dispute_id), end),
    setCard(stripe_customer_id, card) {
      const customer = getObject(world, "customer", stripe_customer_id)
      const method = addMethod(world, cardOf(card), customer.email)
      world.authenticated.add(method)
      attachMethod(world, method, customer)
      customer.invoice_settings.default_payment_method = method.id
      emit(world, "customer.updated", customer)
      return method.id
    },
    faults: parts.faults,
    deliverPending: parts.webhooks.deliverPending,
    objects: objectsOf(world),
  }
}

const objectsOf = ({ objects }: World): DemoObjects => ({
  customers: objects.all("customer"),
  sessions: objects.all("checkout.session"),
  intents: objects.all("payment_intent"),
  setup_intents: objects.all("setup_intent"),
  payment_methods: objects.all("payment_method"),
  charges: objects.all("charge"),
  refunds: objects.all("refund"),
  disputes: objects.all("dispute"),
  events: objects.all("event"),
  balance_transactions: objects.all("balance_transaction"),
})
