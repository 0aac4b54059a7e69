/** The operator's commands for purchases: looking at them, recording plan payments, deciding what does not match. */
import { toIso, toIsoOrNull } from "../../platform/schema.ts"
import { centsToNanos, formatUsd } from "../../wallet/ledger/nanos.ts"
import { getOfferedPackage } from "../../wallet/offers/packages.ts"
import { acceptMismatch, listPurchases } from "../../wallet/purchases/operator.ts"
import type { Purchase } from "../../wallet/purchases/purchases.ts"
import { recordPlanPayment } from "../../wallet/purchases/redeem.ts"
import { type Command, positiveOf } from "../command.ts"
import { readChoice } from "../option-values.ts"
import { findCustomer } from "./customers.ts"

const STATES = ["open", "paid", "expired", "failed", "mismatch"] as const

const list: Command = {
  name: "purchase list",
  summary: "Purchases, newest first",
  options: { "customer?": "id or e-mail", "state?": STATES.join("|"), "limit?": "rows" },
  async run(needs, values) {
    const customer = values.customer === undefined ? undefined : await findCustomer(needs, values.customer)
    const purchases = await listPurchases(needs.store.read, {
      customer_id: customer?.id ?? null,
      state: values.state === undefined ? null : readChoice("state", values.state, STATES),
      limit: positiveOf(values, "limit", 50),
    })
    return purchases.map(toOutput)
  },
}

const accept: Command = {
  name: "purchase accept",
  summary: "Credit a purchase whose payment did not match it, as it was ordered",
  options: { purchase: "id", intent: "Stripe's payment, pi_…" },
  async run(needs, values) {
    const { purchase, intent } = values
    return toOutput(await acceptMismatch(needs, { purchase_id: purchase!, intent: intent! }))
  },
}

const recordPayment: Command = {
  name: "plan-payment record",
  summary: "Record a payment that came another way; the customer redeems it by its reference",
  options: { customer: "id or e-mail", package: "id", reference: "text" },
  async run(needs, values) {
    const customer = await findCustomer(needs, values.customer!)
    const offer = await getOfferedPackage(needs.store.read, values.package!)
    const payment = { customer_id: customer.id, offer, reference: values.reference! }
    return toOutput(await recordPlanPayment(needs, payment))
  },
}

const toOutput = (purchase: Purchase) => ({
  id: purchase.id,
  customerId: purchase.customer_id,
  kind: purchase.kind,
  package: purchase.package_id,
  priceUsd: formatUsd(centsToNanos(purchase.price_cents)),
  state: purchase.state,
  isLive: purchase.is_live === 1,
  failure: purchase.failure,
  reference: purchase.reference ?? purchase.stripe_payment_intent ?? purchase.stripe_session_id,
  createdAt: toIso(purchase.created_at),
  paidAt: toIsoOrNull(purchase.paid_at),
})

export const purchaseCommands: readonly Command[] = [list, accept, recordPayment]
