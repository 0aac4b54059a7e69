/** Payments by a Stripe Payment Link of the operator: recorded as a plan payment that its customer redeems. */
import type Stripe from "stripe"
import { findPackage } from "../offers/packages.ts"
import { openPurchase, type Purchase } from "../purchases/purchases.ts"
import type { Fulfilment, FulfilNeeds } from "./fulfil.ts"

/**
 * The link names a package in its metadata (`package_id`) and our customer in `client_reference_id`; price and currency
 * must be the package's. A repeat finds what was recorded. Everything else stays unknown, and the reconciliation lists
 * it as money without a purchase.
 */
export async function recordLinkPayment(
  needs: FulfilNeeds,
  session: Stripe.Checkout.Session,
): Promise<Fulfilment> {
  const intent = typeof session.payment_intent === "object" ? session.payment_intent?.id : undefined
  const customer_id = session.client_reference_id
  const { read } = needs.store
  const offer = await findPackage(read, session.metadata?.package_id ?? "")
  const customer = await read.get("SELECT 1 AS found FROM customer WHERE id = ?", customer_id ?? "")
  if (!intent || !customer_id || !customer || !offer) return { kind: "unknown" }
  if (session.amount_total !== offer.price_cents || session.currency !== "usd") return { kind: "unknown" }
  return needs.store.tx(async q => {
    const known = await q.get<Purchase>("SELECT * FROM purchase WHERE reference = ?", intent)
    const purchase =
      known ??
      (await openPurchase(q, needs, {
        customer_id,
        kind: "plan-payment",
        offer,
        is_live: session.livemode,
        reference: intent,
        intent,
      }))
    return { kind: "unpaid", purchase }
  })
}
