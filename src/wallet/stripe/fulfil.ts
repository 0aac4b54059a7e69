/** The one way a payment becomes credit: webhook, confirm endpoint and sweeper all end here. */
import type Stripe from "stripe"
import type { Store, TxQuery } from "../../platform/store.ts"
import { saveCard } from "../auto-topup/saved-card.ts"
import { type CreditNeeds, creditPurchase } from "../purchases/credit.ts"
import {
  endPurchase,
  findPurchase,
  findPurchaseByIntent,
  findPurchaseBySession,
  type Purchase,
} from "../purchases/purchases.ts"
import { getAccount, isMissing, type PaymentNeeds } from "./account.ts"
import { type Card, findMismatch, idOf, type Payment, readIntent, toCard } from "./payment.ts"
import { recordLinkPayment } from "./payment-link.ts"

export interface FulfilNeeds extends PaymentNeeds, CreditNeeds {
  store: Store
}

/** What became of a payment. */
export type Fulfilment =
  | { kind: "credited" | "credited-before"; purchase: Purchase }
  /** `ended`: it can not be paid any more. */
  | { kind: "unpaid" | "ended"; purchase: Purchase }
  /** Something was paid that was not ordered; nothing was credited, and the operator sees it. */
  | { kind: "mismatch"; purchase: Purchase; why: string }
  /** A card was saved; there was nothing to pay. */
  | { kind: "card-saved" }
  /** Not one of ours. */
  | { kind: "unknown" }

const EXPAND = ["payment_intent.latest_charge", "setup_intent.payment_method"]

/** Fetches a Checkout Session anew and credits what it paid. Throws when Stripe does not answer. */
export async function fulfilSession(needs: FulfilNeeds, session_id: string): Promise<Fulfilment> {
  const session = await getAccount(needs)
    .api.checkout.sessions.retrieve(session_id, { expand: EXPAND })
    .catch(error => (isMissing(error) ? undefined : Promise.reject(error)))
  if (!session) return endMissing(needs, session_id)
  if (session.mode === "setup") return saveSetupCard(needs, session)
  const purchase =
    (await findPurchaseBySession(needs.store.read, session_id)) ??
    (await findPurchase(needs.store.read, session.metadata?.purchase_id ?? ""))
  const intent = session.payment_intent
  const is_paid = session.payment_status === "paid" && typeof intent === "object" && intent !== null
  if (!purchase)
    return is_paid && session.payment_link ? recordLinkPayment(needs, session) : { kind: "unknown" }
  if (is_paid) {
    const payment = { ...readIntent(intent), purchase_id: session.metadata?.purchase_id ?? null }
    return settlePayment(needs, {
      purchase,
      payment,
      is_card_kept: intent.setup_future_usage === "off_session",
    })
  }
  if (session.status === "expired")
    return endUnpaid(needs, purchase, { state: "expired", failure: "the payment page expired" })
  // Money that was to come later did not: such a page cannot be paid at again, and never expires.
  const is_failed = typeof intent === "object" && intent?.status === "requires_payment_method"
  if (session.status === "complete" && is_failed)
    return endUnpaid(needs, purchase, { state: "failed", failure: "the payment failed" })
  return { kind: "unpaid", purchase }
}

/** The same for a payment without a session (auto-topup), or one whose session's event was lost. */
export async function fulfilIntent(needs: FulfilNeeds, intent_id: string): Promise<Fulfilment> {
  const intent = await getAccount(needs).api.paymentIntents.retrieve(intent_id, { expand: ["latest_charge"] })
  const payment = readIntent(intent)
  const purchase =
    (await findPurchaseByIntent(needs.store.read, intent_id)) ??
    (await findPurchase(needs.store.read, payment.purchase_id ?? ""))
  if (!purchase) return { kind: "unknown" }
  // A plan payment waits for its customer to redeem it.
  if (payment.paid_at === null || purchase.kind === "plan-payment") return { kind: "unpaid", purchase }
  return settlePayment(needs, {
    purchase,
    payment,
    is_card_kept: intent.setup_future_usage === "off_session",
  })
}

interface Settlement {
  purchase: Purchase
  payment: Payment
  /** Whether the customer let the card be charged again. */
  is_card_kept: boolean
}

/** Compares a successful payment with our purchase and moves state and money in one transaction. */
export function settlePayment(
  needs: CreditNeeds & { store: Store },
  { purchase, payment, is_card_kept }: Settlement,
): Promise<Fulfilment> {
  return needs.store.tx(async q => {
    const now = (await findPurchase(q, purchase.id))!
    const why = findMismatch(now, payment, await stripeCustomersOf(q, purchase.customer_id))
    if (why !== undefined) return flag(q, needs, { purchase, why: `Payment ${payment.intent}: ${why}` })
    const kind = await creditPurchase(q, needs, {
      purchase_id: purchase.id,
      paid_at: payment.paid_at ?? needs.clock.now(),
      actor: "stripe",
      payment: { intent: payment.intent, card_fingerprint: payment.card?.fingerprint ?? null },
    })
    if (kind === "credited" && is_card_kept && payment.card)
      await saveCard(q, needs, {
        customer_id: purchase.customer_id,
        card: payment.card,
        used_at: payment.paid_at ?? needs.clock.now(),
      })
    return { kind, purchase: (await findPurchase(q, purchase.id))! }
  })
}

async function flag(
  q: TxQuery,
  needs: CreditNeeds,
  { purchase, why }: { purchase: Purchase; why: string },
): Promise<Fulfilment> {
  await endPurchase(q, needs, { purchase_id: purchase.id, state: "mismatch", failure: why })
  return { kind: "mismatch", purchase, why }
}

const stripeCustomersOf = async (q: TxQuery, customer_id: string): Promise<string[]> =>
  (await q.all<{ id: string }>("SELECT id FROM stripe_customer WHERE customer_id = ?", customer_id)).map(
    one => one.id,
  )

/** Ends an unpaid purchase; one that was paid meanwhile stays paid. */
function endUnpaid(
  needs: FulfilNeeds,
  purchase: Purchase,
  end: { state: "expired" | "failed"; failure: string },
): Promise<Fulfilment> {
  return needs.store.tx(async q => {
    await endPurchase(q, needs, { purchase_id: purchase.id, ...end })
    const now = (await findPurchase(q, purchase.id))!
    return { kind: now.state === "paid" ? "credited-before" : "ended", purchase: now }
  })
}

/** A session that Stripe does not know (any more): of the demo before a restart, or of another account. */
async function endMissing(needs: FulfilNeeds, session_id: string): Promise<Fulfilment> {
  const purchase = await findPurchaseBySession(needs.store.read, session_id)
  if (!purchase) return { kind: "unknown" }
  // What was opened in the other mode is for the other mode to say.
  if (purchase.is_live !== (getAccount(needs).is_live ? 1 : 0)) return { kind: "unpaid", purchase }
  return endUnpaid(needs, purchase, {
    state: "expired",
    failure: "the payment service does not know its session",
  })
}

const OWNER = "SELECT customer_id FROM stripe_customer WHERE id = ?"

/** A page that was left at 3-D Secure names its card too, which cannot be charged: only a setup that succeeded counts. */
async function saveSetupCard(needs: FulfilNeeds, session: Stripe.Checkout.Session): Promise<Fulfilment> {
  const setup = typeof session.setup_intent === "object" ? session.setup_intent : null
  const is_done = session.status === "complete" && setup?.status === "succeeded"
  const method = is_done ? setup?.payment_method : null
  if (typeof method !== "object" || !method?.card) return { kind: "unknown" }
  const card: Card = toCard(method.id, method.card)
  const used_at = method.created * 1000
  return needs.store.tx(async q => {
    const owner = await q.get<{ customer_id: string }>(OWNER, idOf(session.customer) ?? "")
    // The account may serve another server too: its customers are not ours, whatever the metadata says.
    if (!owner || owner.customer_id !== session.metadata?.customer_id) return { kind: "unknown" }
    await saveCard(q, needs, { customer_id: owner.customer_id, card, used_at })
    return { kind: "card-saved" }
  })
}
