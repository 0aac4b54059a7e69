/** The one function that turns a paid purchase into credit; called by Stripe's payments, cash and plan payments alike. */
import { extendVip } from "../../auth/vip.ts"
import { type NoticeNeeds, notify } from "../../notices/notify.ts"
import { AppError } from "../../platform/errors.ts"
import type { TxQuery } from "../../platform/store.ts"
import { addNanos, centsToNanos, formatUsd } from "../ledger/nanos.ts"
import { type PostResult, post } from "../ledger/post.ts"
import { codeTransferId } from "../offers/codes.ts"
import { recordCommission } from "../rewards/commission.ts"
import { collectDebt } from "./debt.ts"
import { creditLegs, paymentTransferId, toTransfers } from "./purchase-legs.ts"
import { getPurchase, type Purchase } from "./purchases.ts"

export type CreditNeeds = NoticeNeeds

export interface Paid {
  purchase_id: string
  /** When the money came, milliseconds. */
  paid_at: number
  actor: string
  /** Of a payment by Stripe. */
  payment?: { intent: string; card_fingerprint: string | null } | undefined
}

const PAY = `UPDATE purchase SET state = 'paid', failure = NULL, paid_at = ?, stripe_payment_intent = ?, card_fingerprint = ?
  WHERE id = ? AND state <> 'paid'`

/**
 * Moves state and money of a paid purchase in the caller's transaction, with everything that follows from it: VIP days,
 * a debt collected, the referrer's commission, the receipt. The caller has compared the payment with the purchase.
 * A repeat answers `credited-before`. Throws `payment_required` when the Cash Wallet does not cover a cash purchase.
 */
export async function creditPurchase(
  q: TxQuery,
  needs: CreditNeeds,
  paid: Paid,
): Promise<"credited" | "credited-before"> {
  const ordered = await getPurchase(q, paid.purchase_id)
  if (ordered.state === "paid") return "credited-before"
  const { intent = null, card_fingerprint = null } = paid.payment ?? {}
  await q.run(PAY, paid.paid_at, intent, card_fingerprint, ordered.id)
  const purchase = await getPurchase(q, ordered.id)
  const legs = creditLegs(purchase, await bonusTransferId(q, purchase))
  const about = {
    purchase_id: purchase.id,
    ref: purchase.package_id ?? "cash",
    actor: paid.actor,
    event_at: paid.paid_at,
  }
  assertPosted(await post(q, needs.clock.now(), toTransfers(legs, about)), purchase)
  if (purchase.vip_days > 0) await extendVip(q, needs, purchase)
  await collectDebt(q, needs, { customer_id: purchase.customer_id, group_id: purchase.id })
  await recordCommission(q, needs, { ...purchase, paid_at: paid.paid_at })
  await notify(q, needs, receiptOf(purchase))
  q.afterCommit(() => {
    const { customer_id, id: purchase_id } = purchase
    needs.events.emit("purchase-paid", { customer_id, purchase_id })
    needs.events.emit("credit-posted", { customer_id, transfer_id: paymentTransferId(purchase) })
  })
  return "credited"
}

/** A use that was given back before a late payment has no number any more; what was promised is credited all the same. */
async function bonusTransferId(q: TxQuery, purchase: Purchase): Promise<string> {
  const use = await q.get<{ code: string; customer_id: string; number: number }>(
    "SELECT code, customer_id, number FROM code_use WHERE purchase_id = ?",
    purchase.id,
  )
  return use ? codeTransferId(use) : `code:${purchase.code}:${purchase.customer_id}:late:${purchase.id}`
}

function assertPosted(result: PostResult, purchase: Purchase): void {
  switch (result.kind) {
    case "posted":
      return
    case "insufficient":
      throw new AppError(
        "payment_required",
        `The Cash Wallet has $${formatUsd(result.available_nanos)}; this package costs $${priceOf(purchase)}. Load cash first.`,
        {
          code: "insufficient_cash",
          extra: { availableUsd: formatUsd(result.available_nanos), requiredUsd: priceOf(purchase) },
        },
      )
    case "frozen":
      throw new AppError("conflict", "The Cash Wallet is frozen. Please ask support.", {
        code: "wallet_frozen",
      })
    case "limit":
      throw new AppError("conflict", "The wallet holds as much as a wallet may hold: spend some first.", {
        code: "wallet_full",
      })
    default:
      throw new AppError("internal", `${purchase.id} was not credited: ${JSON.stringify(result)}`)
  }
}

const priceOf = (purchase: Purchase): string => formatUsd(centsToNanos(purchase.price_cents))

function receiptOf(purchase: Purchase) {
  const credit = addNanos(purchase.credit_nanos, purchase.bonus_nanos)
  const gift = purchase.bonus_nanos > 0 ? ` (of which $${formatUsd(purchase.bonus_nanos)} bonus)` : ""
  const got =
    purchase.kind === "cash-load"
      ? `$${priceOf(purchase)} in your Cash Wallet`
      : `$${formatUsd(credit)} of Token Wallet credit${gift}`
  const vip = purchase.vip_days > 0 ? ` and ${purchase.vip_days} days of VIP Priority` : ""
  const test = purchase.is_live ? "" : "\n\nThis was a test payment: no money moved."
  return {
    customer_id: purchase.customer_id,
    kind: "receipt" as const,
    key: `receipt:${purchase.id}`,
    subject: `Receipt${purchase.kind === "auto-topup" ? " for your automatic top-up" : ""}: $${priceOf(purchase)}`,
    body: `We received $${priceOf(purchase)}. It gave you ${got}${vip}.\n\nPurchase ${purchase.id}.${test}`,
  }
}
