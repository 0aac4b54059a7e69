/** Balance transactions: what charges, refunds and disputes do to the operator's balance at Stripe, with its fees. */
import type Stripe from "stripe"
import { listObjects } from "./listing.ts"
import { type Call, readText } from "./params.ts"
import { createId, getObject, nowOf, type World } from "./world.ts"

/** Source: https://stripe.com/pricing (United States): 2.9 % and 30 ¢ a card payment, $15 a dispute. */
const FEE_PER_MILLE = 29
const FEE_FIXED_CENTS = 30
const DISPUTE_FEE_CENTS = 1500
const TWO_DAYS_S = 2 * 24 * 3600

/** The fee of a payment, rounded to the nearest cent. */
export const feeOf = (amount: number): number =>
  Math.floor((amount * FEE_PER_MILLE + 500) / 1000) + FEE_FIXED_CENTS

interface Movement {
  source: { id: string; currency: string }
  amount: number
  type: Stripe.BalanceTransaction["type"]
  reporting_category: string
  description: string | null
  fee?: { amount: number; description: string }
}

function addMovement(world: World, movement: Movement): Stripe.BalanceTransaction {
  const { source, amount, type, reporting_category, description, fee } = movement
  const details = { application: null, currency: source.currency, type: "stripe_fee" }
  return world.objects.add<Stripe.BalanceTransaction>({
    id: createId(world, "txn"),
    object: "balance_transaction",
    amount,
    available_on: nowOf(world) + TWO_DAYS_S,
    balance_type: "payments",
    created: nowOf(world),
    currency: source.currency,
    description,
    exchange_rate: null,
    fee: fee?.amount ?? 0,
    fee_details: fee ? [{ ...details, ...fee }] : [],
    net: amount - (fee?.amount ?? 0),
    reporting_category,
    source: source.id,
    status: "pending",
    type,
  })
}

/** Money of a payment came in. A payment by bank account is of the type `payment`. */
export function bookCharge(world: World, charge: Stripe.Charge): Stripe.BalanceTransaction {
  const is_card = charge.payment_method_details?.type === "card"
  return addMovement(world, {
    source: charge,
    amount: charge.amount,
    type: is_card ? "charge" : "payment",
    reporting_category: "charge",
    description: charge.description,
    fee: { amount: feeOf(charge.amount), description: "Stripe processing fees" },
  })
}

/** Stripe keeps the fee of the payment when it is refunded. */
export function bookRefund(world: World, refund: Stripe.Refund, is_card: boolean): Stripe.BalanceTransaction {
  return addMovement(world, {
    source: refund,
    amount: -refund.amount,
    type: is_card ? "refund" : "payment_refund",
    reporting_category: "refund",
    description: "REFUND FOR PAYMENT",
  })
}

/** A refund that the bank sent back. */
export function bookRefundFailure(world: World, refund: Stripe.Refund): Stripe.BalanceTransaction {
  return addMovement(world, {
    source: refund,
    amount: refund.amount,
    type: "refund_failure",
    reporting_category: "refund_failure",
    description: "REFUND FAILURE",
  })
}

export function bookDispute(world: World, dispute: Stripe.Dispute): Stripe.BalanceTransaction {
  return addMovement(world, {
    source: dispute,
    amount: -dispute.amount,
    type: "adjustment",
    reporting_category: "dispute",
    description: `Chargeback withdrawal for ${dispute.charge}`,
    fee: { amount: DISPUTE_FEE_CENTS, description: "Dispute fee" },
  })
}

/** A dispute was won: the money comes back, the fee does not. */
export function bookDisputeReversal(world: World, dispute: Stripe.Dispute): Stripe.BalanceTransaction {
  return addMovement(world, {
    source: dispute,
    amount: dispute.amount,
    type: "adjustment",
    reporting_category: "dispute_reversal",
    description: `Chargeback reversal for ${dispute.charge}`,
  })
}

export const retrieveTransaction = (world: World, { id }: Call): Stripe.BalanceTransaction =>
  getObject(world, "balance_transaction", id)

export function listTransactions(world: World, { params }: Call): object {
  const type = readText(params, "type")
  const source = readText(params, "source")
  const currency = readText(params, "currency")
  const asked = { kind: "balance_transaction", url: "/v1/balance_transactions", params } as const
  return listObjects(
    world,
    asked,
    transaction =>
      (type === undefined || transaction.type === type) &&
      (source === undefined || transaction.source === source) &&
      (currency === undefined || transaction.currency === currency),
  )
}
