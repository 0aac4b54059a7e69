/** Charges: one try to take money from a payment method, and what came of it. */
import type Stripe from "stripe"
import { listObjects } from "./listing.ts"
import { type Call, readText } from "./params.ts"
import { billingOf, cardOfMethod, type Decline } from "./payment-methods.ts"
import { fingerprintOf } from "./test-cards.ts"
import { createId, getObject, idOf, nowOf, type World } from "./world.ts"

interface ChargeTry {
  intent: Stripe.PaymentIntent
  method: Stripe.PaymentMethod
  result: "succeeded" | "pending" | Decline
  is_authenticated: boolean
}

/** A new charge of the intent's amount; says nothing yet. */
export function addCharge(
  world: World,
  { intent, method, result, is_authenticated }: ChargeTry,
): Stripe.Charge {
  const is_paid = result === "succeeded"
  const decline = typeof result === "object" ? result : undefined
  const id = createId(world, "ch")
  return world.objects.add<Stripe.Charge>({
    id,
    object: "charge",
    amount: intent.amount,
    amount_captured: is_paid ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: billingOf(method.billing_details.email),
    calculated_statement_descriptor: intent.statement_descriptor ?? "CODEXAPI DEMO",
    captured: is_paid,
    created: nowOf(world),
    currency: intent.currency,
    customer: idOf(intent.customer),
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: intent.livemode,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: outcomeOf(decline),
    paid: is_paid,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: paidWith(world, intent, { method, is_authenticated }),
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: decline ? "failed" : result === "succeeded" ? "succeeded" : "pending",
    transfer_data: null,
    transfer_group: null,
  })
}

const outcomeOf = (decline: Decline | undefined): Stripe.Charge.Outcome => ({
  advice_code: decline ? "try_again_later" : null,
  network_advice_code: null,
  network_decline_code: decline ? "05" : null,
  network_status: decline ? "declined_by_network" : "approved_by_network",
  reason: decline ? (decline.decline_code ?? decline.code) : null,
  risk_level: "normal",
  risk_score: 0,
  seller_message: decline
    ? "The bank did not return any further details with this decline."
    : "Payment complete.",
  type: decline ? "issuer_declined" : "authorized",
})

interface PaidWith {
  method: Stripe.PaymentMethod
  is_authenticated: boolean
}

function paidWith(
  world: World,
  intent: Stripe.PaymentIntent,
  { method, is_authenticated }: PaidWith,
): Stripe.Charge.PaymentMethodDetails {
  const card = cardOfMethod(world, method)
  const last4 = card.number.slice(-4)
  const fingerprint = fingerprintOf(card.number)
  if (card.is_bank_account) {
    const us_bank_account: Stripe.Charge.PaymentMethodDetails.UsBankAccount = {
      account_holder_type: "individual",
      account_type: "checking",
      bank_name: "STRIPE TEST BANK",
      fingerprint,
      last4,
      payment_reference: null,
      routing_number: "110000000",
    }
    return { type: "us_bank_account", us_bank_account }
  }
  return {
    type: "card",
    card: {
      amount_authorized: intent.amount,
      authorization_code: "123456",
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: "pass", cvc_check: "pass" },
      country: "US",
      electronic_commerce_indicator: is_authenticated ? "05" : null,
      exp_month: 12,
      exp_year: 2034,
      extended_authorization: { status: "disabled" },
      fingerprint,
      funding: "credit",
      incremental_authorization: { status: "unavailable" },
      installments: null,
      last4,
      mandate: null,
      multicapture: { status: "unavailable" },
      network: card.brand,
      network_token: { used: false },
      network_transaction_id: "123456789012345",
      overcapture: { maximum_amount_capturable: intent.amount, status: "unavailable" },
      regulated_status: "unregulated",
      three_d_secure: is_authenticated ? AUTHENTICATED : null,
      transaction_link_id: null,
      wallet: null,
    },
  }
}

const AUTHENTICATED: Stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure = {
  authentication_flow: "challenge",
  electronic_commerce_indicator: "05",
  exemption_indicator: null,
  result: "authenticated",
  result_reason: null,
  transaction_id: null,
  version: "2.2.0",
}

export const retrieveCharge = (world: World, { id }: Call): Stripe.Charge => getObject(world, "charge", id)

export function listCharges(world: World, { params }: Call): object {
  const customer = readText(params, "customer")
  const intent = readText(params, "payment_intent")
  const asked = { kind: "charge", url: "/v1/charges", params } as const
  return listObjects(
    world,
    asked,
    charge =>
      (customer === undefined || charge.customer === customer) &&
      (intent === undefined || charge.payment_intent === intent),
  )
}
