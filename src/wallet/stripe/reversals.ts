/** Refunds and disputes as Stripe tells them: fetched anew, found by their payment, taken or returned. */
import type Stripe from "stripe"
import type { TxQuery } from "../../platform/store.ts"
import { creditPurchase } from "../purchases/credit.ts"
import { findPurchaseByIntent, getPurchase, type Purchase } from "../purchases/purchases.ts"
import { returnReversal, reversePurchase } from "../purchases/reverse.ts"
import { getAccount } from "./account.ts"
import { type FulfilNeeds, fulfilIntent } from "./fulfil.ts"
import { idOf } from "./payment.ts"

export type ReversalOutcome = "taken" | "returned" | "unchanged" | "unknown"

/** A refund that is under way or done takes the credit back; one that failed or was cancelled returns it. */
export async function applyRefund(needs: FulfilNeeds, refund_id: string): Promise<ReversalOutcome> {
  const refund = await getAccount(needs).api.refunds.retrieve(refund_id)
  const is_undone = refund.status === "failed" || refund.status === "canceled"
  return apply(needs, {
    reversal_id: refund.id,
    kind: "refund",
    intent: idOf(refund.payment_intent),
    amount_cents: refund.amount,
    event_at: refund.created * 1000,
    is_undone,
  })
}

/** An inquiry (`warning_…`) moves no money; a dispute does when it opens, and back when it is won. */
export async function applyDispute(needs: FulfilNeeds, dispute_id: string): Promise<ReversalOutcome> {
  const dispute: Stripe.Dispute = await getAccount(needs).api.disputes.retrieve(dispute_id)
  if (dispute.status.startsWith("warning_")) return "unchanged"
  return apply(needs, {
    reversal_id: dispute.id,
    kind: "dispute",
    intent: idOf(dispute.payment_intent),
    amount_cents: dispute.amount,
    event_at: dispute.created * 1000,
    is_undone: dispute.status === "won",
  })
}

interface Told {
  reversal_id: string
  kind: "refund" | "dispute"
  intent: string | null
  amount_cents: number
  event_at: number
  is_undone: boolean
}

async function apply(needs: FulfilNeeds, told: Told): Promise<ReversalOutcome> {
  const purchase = await findPaid(needs, told.intent)
  if (!purchase) return "unknown"
  return needs.store.tx(async q => {
    // Read here: it may be redeemed between the look above and this transaction.
    const now = await getPurchase(q, purchase.id)
    if (now.state !== "paid" && !(await creditUnredeemed(q, needs, { purchase: now, told })))
      return "unchanged"
    // What was undone before we heard of it is booked both ways, so that it stays visible.
    const taken = await reversePurchase(q, needs, { ...told, purchase_id: purchase.id })
    if (!told.is_undone) return taken === "taken" ? "taken" : "unchanged"
    const returned = await returnReversal(q, needs, told)
    return returned === "returned" ? "returned" : "unchanged"
  })
}

/**
 * A plan payment that waits for its customer is redeemed for them before a part of it, or all, is taken back: what is
 * left stays theirs, what is undone comes back, and the books show what Stripe's show. The answer says whether it was.
 */
async function creditUnredeemed(
  q: TxQuery,
  needs: FulfilNeeds,
  { purchase, told }: { purchase: Purchase; told: Told },
): Promise<boolean> {
  const { id: purchase_id, state, stripe_payment_intent: intent } = purchase
  if (told.is_undone || state !== "open" || intent === null) return false
  const payment = { intent, card_fingerprint: null }
  await creditPurchase(q, needs, { purchase_id, paid_at: told.event_at, actor: "stripe", payment })
  return true
}

/** What has happened to a payment already, for one that was recorded only now: its news came before it was known. */
export async function applyReversals(needs: FulfilNeeds, payment_intent: string): Promise<void> {
  const { api } = getAccount(needs)
  const asked = { payment_intent, limit: 100 }
  for await (const refund of api.refunds.list(asked)) await applyRefund(needs, refund.id)
  for await (const dispute of api.disputes.list(asked)) await applyDispute(needs, dispute.id)
}

/** The news of a refund may come before the news of its payment: then the payment is credited first. */
async function findPaid(needs: FulfilNeeds, intent: string | null): Promise<Purchase | undefined> {
  if (intent === null) return undefined
  const known = await findPurchaseByIntent(needs.store.read, intent)
  if (known?.state === "paid" || known?.kind === "plan-payment") return known
  const fulfilled = await fulfilIntent(needs, intent)
  return fulfilled.kind === "credited" || fulfilled.kind === "credited-before"
    ? fulfilled.purchase
    : undefined
}
