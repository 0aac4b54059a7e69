/** Disputes: a customer's bank takes a payment back, until the dispute is won or lost. */
import type Stripe from "stripe"
import { bookDispute, bookDisputeReversal } from "./balance.ts"
import { listObjects } from "./listing.ts"
import { type Call, readText } from "./params.ts"
import { paidChargeOf } from "./refunds.ts"
import { createId, emit, getObject, idOf, nowOf, type World } from "./world.ts"

const WEEK_S = 7 * 24 * 3600

/** Opens a dispute of the whole payment, or of `amount` cents; the money goes at once, with the fee. */
export function openDispute(world: World, intent: Stripe.PaymentIntent, amount?: number): Stripe.Dispute {
  const charge = paidChargeOf(world, intent)
  if (charge.disputed) throw new Error(`charge ${charge.id} is disputed already`)
  const dispute = world.objects.add<Stripe.Dispute>({
    id: createId(world, "du"),
    object: "dispute",
    amount: amount ?? charge.amount,
    balance_transactions: [],
    charge: charge.id,
    created: nowOf(world),
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: NO_EVIDENCE,
    evidence_details: {
      due_by: nowOf(world) + WEEK_S,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: "not_submitted",
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: charge.livemode,
    metadata: {},
    payment_intent: idOf(charge.payment_intent),
    payment_method_details: {
      type: "card",
      card: { brand: "visa", case_type: "chargeback", network: "visa", network_reason_code: "10.4" },
    },
    reason: "fraudulent",
    status: "needs_response",
  })
  charge.disputed = true
  emit(world, "charge.dispute.created", dispute)
  dispute.balance_transactions = [bookDispute(world, dispute)]
  emit(world, "charge.dispute.funds_withdrawn", dispute, { balance_transactions: [] })
  return dispute
}

/** Ends it; won, the money comes back without the fee. */
export function closeDispute(world: World, dispute: Stripe.Dispute, end: "won" | "lost"): void {
  if (dispute.status !== "needs_response") throw new Error(`dispute ${dispute.id} is ${dispute.status}`)
  dispute.status = end
  emit(world, "charge.dispute.closed", dispute, { status: "needs_response" })
  if (end === "lost") return
  const previous = { balance_transactions: structuredClone(dispute.balance_transactions) }
  dispute.balance_transactions.push(bookDisputeReversal(world, dispute))
  emit(world, "charge.dispute.funds_reinstated", dispute, previous)
}

const NO_EVIDENCE: Stripe.Dispute.Evidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
}

export const retrieveDispute = (world: World, { id }: Call): Stripe.Dispute => getObject(world, "dispute", id)

export function listDisputes(world: World, { params }: Call): object {
  const charge = readText(params, "charge")
  const intent = readText(params, "payment_intent")
  const asked = { kind: "dispute", url: "/v1/disputes", params } as const
  return listObjects(
    world,
    asked,
    dispute =>
      (charge === undefined || dispute.charge === charge) &&
      (intent === undefined || dispute.payment_intent === intent),
  )
}
