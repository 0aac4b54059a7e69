/** Payment methods: a test card, or a bank account, that is attached to a customer or used once. */
import type Stripe from "stripe"
import { listObjects } from "./listing.ts"
import { type Call, readText, requireText } from "./params.ts"
import { codeOf, Refusal, refuseState } from "./refusal.ts"
import { cardOf, findShortcut, fingerprintOf, type TestCard } from "./test-cards.ts"
import { createId, emit, getObject, nowOf, type World } from "./world.ts"

const NO_CHECKS = { address_line1_check: null, address_postal_code_check: null, cvc_check: "pass" }

/** A new payment method of a test card; attached to nobody. */
export function addMethod(world: World, card: TestCard, email: string | null = null): Stripe.PaymentMethod {
  const method = world.objects.add<Stripe.PaymentMethod>({
    id: createId(world, "pm"),
    object: "payment_method",
    allow_redisplay: "unspecified",
    billing_details: billingOf(email),
    ...(card.is_bank_account ? { us_bank_account: bankAccountOf(card) } : { card: cardDetailsOf(card) }),
    created: nowOf(world),
    customer: null,
    customer_account: null,
    livemode: world.is_live,
    metadata: {},
    type: card.is_bank_account ? "us_bank_account" : "card",
  })
  world.cards.set(method, card)
  return method
}

export const billingOf = (email: string | null): Stripe.PaymentMethod.BillingDetails => ({
  address: { city: null, country: "US", line1: null, line2: null, postal_code: "94103", state: null },
  email,
  name: null,
  phone: null,
  tax_id: null,
})

const cardDetailsOf = (card: TestCard): Stripe.PaymentMethod.Card => ({
  brand: card.brand,
  checks: { ...NO_CHECKS },
  country: "US",
  display_brand: card.brand,
  exp_month: 12,
  exp_year: 2034,
  fingerprint: fingerprintOf(card.number),
  funding: "credit",
  generated_from: null,
  last4: card.number.slice(-4),
  networks: { available: [card.brand], preferred: null },
  regulated_status: "unregulated",
  three_d_secure_usage: { supported: true },
  wallet: null,
})

const bankAccountOf = (card: TestCard): Stripe.PaymentMethod.UsBankAccount => ({
  account_holder_type: "individual",
  account_type: "checking",
  bank_name: "STRIPE TEST BANK",
  financial_connections_account: null,
  fingerprint: fingerprintOf(card.number),
  last4: card.number.slice(-4),
  networks: { preferred: "ach", supported: ["ach"] },
  routing_number: "110000000",
  status_details: {},
})

/** A method by its id, or a new one by a name of Stripe's test mode such as `pm_card_visa`. */
export function usableMethod(world: World, id: string, param?: string): Stripe.PaymentMethod {
  const shortcut = findShortcut(id)
  const method = shortcut ? addMethod(world, cardOf(shortcut)) : getObject(world, "payment_method", id, param)
  if (!world.spent.has(method)) return method
  const message =
    "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, " +
    "and may not be used again."
  return refuseState(message, { code: "payment_method_invalid_parameter" })
}

/** The test card of a method. */
export const cardOfMethod = (world: World, method: Stripe.PaymentMethod): TestCard =>
  world.cards.get(method) ?? cardOf("pays")

/** Gives the method to the customer; nothing happens when it is theirs already. */
export function attachMethod(
  world: World,
  method: Stripe.PaymentMethod,
  customer: Stripe.Customer,
): Stripe.PaymentMethod {
  if (method.customer === customer.id) return method
  if (method.customer !== null) {
    refuseState("The payment method you provided has already been attached to a customer.", {
      param: "payment_method",
    })
  }
  method.customer = customer.id
  emit(world, "payment_method.attached", method)
  return method
}

export const retrieveMethod = (world: World, { id }: Call): Stripe.PaymentMethod => {
  const shortcut = findShortcut(id)
  return shortcut ? addMethod(world, cardOf(shortcut)) : getObject(world, "payment_method", id)
}

export function listMethods(world: World, { params }: Call): object {
  const customer = readText(params, "customer")
  if (customer) getObject(world, "customer", customer, "customer")
  return listMethodsOf(world, customer, params)
}

/** `GET /v1/customers/:id/payment_methods`. */
export function listCustomerMethods(world: World, { id, params }: Call): object {
  return listMethodsOf(world, getObject(world, "customer", id).id, params)
}

function listMethodsOf(world: World, customer: string | undefined, params: Call["params"]): object {
  const type = readText(params, "type")
  const asked = { kind: "payment_method", url: "/v1/payment_methods", params } as const
  return listObjects(world, asked, method => {
    const is_theirs = customer !== undefined && method.customer === customer
    return is_theirs && (type === undefined || method.type === type)
  })
}

/** `POST /v1/payment_methods/:id/attach`: a card that is declined cannot be attached, as Stripe checks it. */
export function attachCalled(world: World, { id, params }: Call): Stripe.PaymentMethod {
  const method = usableMethod(world, id)
  const customer = getObject(world, "customer", requireText(params, "customer"), "customer")
  const card = cardOfMethod(world, method)
  if (card.charge !== "pays" && !card.is_saved_anyway) {
    const decline = declineOf(card)
    const body = { ...codeOf(decline.code), ...decline, type: "card_error" as const }
    throw new Refusal(402, body, true)
  }
  return attachMethod(world, method, customer)
}

export function detachMethod(world: World, { id }: Call): Stripe.PaymentMethod {
  const method = getObject(world, "payment_method", id)
  const customer = typeof method.customer === "string" ? world.objects.find(method.customer) : undefined
  if (!customer) {
    refuseState("The payment method you provided is not attached to a customer so detachment is impossible.")
  }
  const previous = { customer: method.customer }
  method.customer = null
  world.spent.add(method)
  if (customer.object === "customer" && customer.invoice_settings.default_payment_method === id) {
    customer.invoice_settings.default_payment_method = null
  }
  emit(world, "payment_method.detached", method, previous)
  return method
}

/** What Stripe says when an issuer refuses; source: https://docs.stripe.com/declines/codes. */
export interface Decline {
  code: string
  decline_code?: string
  message: string
}

/** The decline of a card that does not pay. */
export function declineOf(card: TestCard): Decline {
  switch (card.charge) {
    case "insufficient_funds":
      return {
        code: "card_declined",
        decline_code: "insufficient_funds",
        message: "Your card has insufficient funds.",
      }
    case "expired":
      return { code: "expired_card", message: "Your card has expired." }
    default:
      return { code: "card_declined", decline_code: "generic_decline", message: "Your card was declined." }
  }
}
