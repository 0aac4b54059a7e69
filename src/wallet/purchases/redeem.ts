/** Purchases that need no payment page: plan payments that were recorded, and packages from the Cash Wallet. */
import { AppError } from "../../platform/errors.ts"
import type { Store, TxQuery } from "../../platform/store.ts"
import { getOfferedPackage, type PackageOffer } from "../offers/packages.ts"
import { type CreditNeeds, creditPurchase } from "./credit.ts"
import { getPurchase, openPurchase, type Purchase } from "./purchases.ts"

export interface RedeemNeeds extends CreditNeeds {
  store: Store
}

/** What is answered in the transaction that did the work, so that it is remembered with it. */
export type Answer<T> = (q: TxQuery, purchase: Purchase) => Promise<T>

/**
 * Credits a plan payment that the operator or a payment link recorded for this customer. Throws `not_found` for an
 * unknown reference and another customer's alike, `conflict` when it was redeemed or refunded before.
 */
export function redeemPlanPayment<T>(
  needs: RedeemNeeds,
  { customer_id, reference }: { customer_id: string; reference: string },
  answer: Answer<T>,
): Promise<T> {
  return needs.store.tx(async q => {
    const purchase = await q.get<Purchase>(
      "SELECT * FROM purchase WHERE reference = ? AND customer_id = ?",
      reference,
      customer_id,
    )
    if (!purchase) {
      throw new AppError(
        "not_found",
        "There is no plan payment with this reference. Check it, or ask the operator.",
        {
          code: "unknown_reference",
          field: "reference",
        },
      )
    }
    if (purchase.state !== "open") {
      const why =
        purchase.state === "paid" ? "was redeemed before" : `cannot be redeemed: ${purchase.failure}`
      throw new AppError("conflict", `This plan payment ${why}.`, {
        code: purchase.state === "paid" ? "already_redeemed" : "not_redeemable",
        field: "reference",
      })
    }
    const actor = `customer:${customer_id}`
    const intent = purchase.stripe_payment_intent
    const payment = intent === null ? undefined : { intent, card_fingerprint: null }
    await creditPurchase(q, needs, { purchase_id: purchase.id, paid_at: needs.clock.now(), actor, payment })
    return answer(q, await getPurchase(q, purchase.id))
  })
}

/** What a customer can send back as it is: no line breaks, no blanks at its ends. */
const REFERENCE = /^(?=.{1,128}$)[^\s\p{Cc}](?:[^\p{Cc}]*[^\s\p{Cc}])?$/u

/**
 * Records a payment that came another way; its customer redeems it by the reference. Throws `invalid` for a reference
 * that no customer could send, `conflict` for a known one.
 */
export async function recordPlanPayment(
  needs: RedeemNeeds,
  payment: { customer_id: string; offer: PackageOffer; reference: string },
): Promise<Purchase> {
  if (!REFERENCE.test(payment.reference)) {
    const message = "reference must be 1 to 128 characters on one line, without blanks at its ends."
    throw new AppError("invalid", message, { field: "reference" })
  }
  return needs.store.tx(q => openPurchase(q, needs, { ...payment, kind: "plan-payment", is_live: true }))
}

/** Nobody knows which cash was spent: with some of a test in the wallet, what it buys counts as test too. */
const TEST_CASH = `SELECT 1 AS found FROM purchase
  WHERE customer_id = ? AND kind = 'cash-load' AND is_live = 0 AND state = 'paid' LIMIT 1`

/**
 * Buys a package from the Cash Wallet in one transaction. Throws
 * `payment_required` when the cash does not reach, `unprocessable` for an unknown package or a code that does not fit.
 */
export function buyWithCash<T>(
  needs: RedeemNeeds,
  order: { customer_id: string; package_id: string; code: string | undefined },
  answer: Answer<T>,
): Promise<T> {
  const { customer_id, code } = order
  return needs.store.tx(async q => {
    const offer = await getOfferedPackage(q, order.package_id)
    const kind = "cash-purchase"
    const is_live = !(await q.get(TEST_CASH, customer_id))
    const purchase = await openPurchase(q, needs, { customer_id, kind, offer, code, is_live })
    const actor = `customer:${customer_id}`
    await creditPurchase(q, needs, { purchase_id: purchase.id, paid_at: needs.clock.now(), actor })
    return answer(q, await getPurchase(q, purchase.id))
  })
}
