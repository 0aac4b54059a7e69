/** Refunds of charges, whole or in part. */
import type Stripe from "stripe"
import { bookRefund, bookRefundFailure } from "./balance.ts"
import { listObjects } from "./listing.ts"
import { type Call, formatCents, readInteger, readMetadata, readText, readWord } from "./params.ts"
import { refuseParam, refuseState } from "./refusal.ts"
import { createId, emit, getObject, idOf, nowOf, type World } from "./world.ts"

export const REFUND_PARAMS = ["payment_intent", "charge", "amount", "reason", "metadata", "expand"]

const REASONS = ["duplicate", "fraudulent", "requested_by_customer"] as const

export function createRefund(world: World, { params }: Call): Stripe.Refund {
  const intent_id = readText(params, "payment_intent")
  const charge_id = readText(params, "charge")
  if (!intent_id && !charge_id) {
    refuseState("One of the following params should be provided for this request: payment_intent or charge.")
  }
  const charge = intent_id
    ? paidChargeOf(world, getObject(world, "payment_intent", intent_id, "payment_intent"))
    : getObject(world, "charge", charge_id!, "charge")
  return refundCharge(world, charge, {
    amount: readInteger(params, "amount"),
    reason: readWord(params, "reason", REASONS) ?? null,
    metadata: readMetadata(params),
  })
}

/** The charge of an intent that was paid. */
export function paidChargeOf(world: World, intent: Stripe.PaymentIntent): Stripe.Charge {
  const charge = world.objects.all("charge").get(idOf(intent.latest_charge) ?? "")
  if (charge?.status === "succeeded") return charge
  return refuseState(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
    param: "payment_intent",
  })
}

interface Asked {
  amount: number | undefined
  reason: (typeof REASONS)[number] | null
  metadata: Record<string, string>
}

/** Refunds what is left of the charge unless an amount is said. */
export function refundCharge(world: World, charge: Stripe.Charge, asked: Asked): Stripe.Refund {
  const left = charge.amount - charge.amount_refunded
  const amount = asked.amount ?? left
  if (charge.disputed) {
    refuseState(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: "charge_disputed",
    })
  }
  if (left === 0) {
    refuseState(`Charge ${charge.id} has already been refunded.`, { code: "charge_already_refunded" })
  }
  if (amount <= 0) refuseParam("amount", "Invalid positive integer", "parameter_invalid_integer")
  if (amount > left) {
    const [what, most] =
      left === charge.amount ? ["charge amount", charge.amount] : ["unrefunded amount on charge", left]
    const [said, bound] = [amount, most].map(cents => formatCents(cents, charge.currency).split(" ")[0])
    refuseState(`Refund amount (${said}) is greater than ${what} (${bound})`, { param: "amount" })
  }
  const refund = addRefund(world, charge, { ...asked, amount })
  const previous = { amount_refunded: charge.amount_refunded, refunded: charge.refunded }
  charge.amount_refunded += amount
  charge.refunded = charge.amount_refunded === charge.amount
  emit(world, "refund.created", refund)
  emit(world, "charge.refunded", charge, previous)
  makeReferenceKnown(world, refund)
  return refund
}

function addRefund(world: World, charge: Stripe.Charge, asked: Asked & { amount: number }): Stripe.Refund {
  const is_card = charge.payment_method_details?.type === "card"
  const refund = world.objects.add<Stripe.Refund>({
    id: createId(world, "re"),
    object: "refund",
    amount: asked.amount,
    balance_transaction: null,
    charge: charge.id,
    created: nowOf(world),
    currency: charge.currency,
    customer: null,
    customer_account: null,
    destination_details: is_card
      ? {
          type: "card",
          card: { reference_status: "pending", reference_type: "acquirer_reference_number", type: "refund" },
        }
      : { type: "us_bank_transfer" },
    metadata: asked.metadata,
    payment_intent: idOf(charge.payment_intent),
    payment_method: null,
    reason: asked.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: "succeeded",
    transfer_reversal: null,
  })
  refund.balance_transaction = bookRefund(world, refund, is_card).id
  return refund
}

/** The card network's reference comes a little later, which Stripe tells with two events. */
function makeReferenceKnown(world: World, refund: Stripe.Refund): void {
  const card = refund.destination_details?.card
  if (!card) return
  const previous = { destination_details: structuredClone(refund.destination_details) }
  card.reference = createId(world, "arn", 20).slice(4).toUpperCase()
  card.reference_status = "available"
  emit(world, "refund.updated", refund, previous)
  emit(world, "charge.refund.updated", refund, previous)
}

/** The bank sends a refund back: the money is the operator's again. */
export function failRefund(world: World, refund: Stripe.Refund): void {
  if (refund.status !== "succeeded") throw new Error(`refund ${refund.id} is ${refund.status}`)
  const charge = getObject(world, "charge", idOf(refund.charge) ?? "")
  refund.status = "failed"
  refund.failure_reason = "expired_or_canceled_card"
  refund.failure_balance_transaction = bookRefundFailure(world, refund).id
  charge.amount_refunded -= refund.amount
  charge.refunded = false
  emit(world, "refund.failed", refund, { status: "succeeded" })
  emit(world, "refund.updated", refund, { status: "succeeded" })
  emit(world, "charge.refund.updated", refund, { status: "succeeded" })
}

export const retrieveRefund = (world: World, { id }: Call): Stripe.Refund => getObject(world, "refund", id)

export function listRefunds(world: World, { params }: Call): object {
  const charge = readText(params, "charge")
  const intent = readText(params, "payment_intent")
  const asked = { kind: "refund", url: "/v1/refunds", params } as const
  return listObjects(
    world,
    asked,
    refund =>
      (charge === undefined || refund.charge === charge) &&
      (intent === undefined || refund.payment_intent === intent),
  )
}
