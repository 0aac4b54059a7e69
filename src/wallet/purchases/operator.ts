/** What the operator does with purchases: listing them, and crediting one whose payment did not match. */
import { AppError } from "../../platform/errors.ts"
import type { Query } from "../../platform/store.ts"
import { creditPurchase } from "./credit.ts"
import { getPurchase, type Purchase, type PurchaseState } from "./purchases.ts"
import type { RedeemNeeds } from "./redeem.ts"

const LIST = `SELECT * FROM purchase WHERE (?1 IS NULL OR customer_id = ?1) AND (?2 IS NULL OR state = ?2)
  ORDER BY created_at DESC, id DESC LIMIT ?3`

/** Newest first. */
export const listPurchases = (
  q: Query,
  asked: { customer_id: string | null; state: PurchaseState | null; limit: number },
): Promise<Purchase[]> => q.all<Purchase>(LIST, asked.customer_id, asked.state, asked.limit)

/** Stripe's id of a payment. */
const INTENT = /^pi_[A-Za-z0-9_]{1,250}$/

/**
 * Credits a purchase as it was ordered, by a payment that the operator has looked at. Throws `invalid` for what is no
 * payment's id, `conflict` unless its payment was found not to match, or when the payment has paid for another purchase.
 */
export function acceptMismatch(
  needs: RedeemNeeds,
  { purchase_id, intent }: { purchase_id: string; intent: string },
): Promise<Purchase> {
  return needs.store.tx(async q => {
    if (!INTENT.test(intent)) {
      const message = `intent must be the payment's id at Stripe, pi_…, not ${intent}.`
      throw new AppError("invalid", message, { field: "intent" })
    }
    const purchase = await getPurchase(q, purchase_id)
    if (purchase.state !== "mismatch") {
      throw new AppError(
        "conflict",
        `${purchase_id} is ${purchase.state}, not mismatch: there is nothing to accept.`,
      )
    }
    const used = await q.get<{ id: string }>(
      "SELECT id FROM purchase WHERE stripe_payment_intent = ?",
      intent,
    )
    if (used && used.id !== purchase_id) throw new AppError("conflict", `${intent} has paid for ${used.id}.`)
    await creditPurchase(q, needs, {
      purchase_id,
      paid_at: needs.clock.now(),
      actor: "admin:cli",
      payment: { intent, card_fingerprint: null },
    })
    return getPurchase(q, purchase_id)
  })
}
