/** Takes the money of a payment intent with one payment method: paid, waiting, to be authenticated, or refused. */
import type Stripe from "stripe"
import { bookCharge } from "./balance.ts"
import { addCharge } from "./charges.ts"
import { attachMethod, cardOfMethod, type Decline, declineOf } from "./payment-methods.ts"
import { codeOf, type ErrorBody } from "./refusal.ts"
import { emit, getObject, idOf, type World } from "./world.ts"

export type Attempt = "succeeded" | "processing" | "requires_action" | "failed"

export interface Trial {
  method: Stripe.PaymentMethod
  is_off_session: boolean
  /** Set once the customer has confirmed with 3-D Secure. */
  is_authenticated: boolean
}

/** Source of the shape and words: https://docs.stripe.com/payments/save-and-reuse#charge-saved-payment-method. */
const AUTHENTICATION_REQUIRED: Decline = {
  code: "authentication_required",
  decline_code: "authentication_required",
  message: "Your card was declined. This transaction requires authentication.",
}

/** One try; the intent, its charge and the events say what came of it. */
export function attemptPayment(world: World, intent: Stripe.PaymentIntent, trial: Trial): Attempt {
  const { method, is_off_session, is_authenticated } = trial
  const card = cardOfMethod(world, method)
  const is_set_up = card.authentication === "once" && world.authenticated.has(method)
  if (card.authentication !== "never" && !is_set_up && !is_authenticated) {
    return is_off_session
      ? failPayment(world, intent, { trial, decline: AUTHENTICATION_REQUIRED })
      : askForAuthentication(world, intent, method)
  }
  if (card.charge !== "pays") return failPayment(world, intent, { trial, decline: declineOf(card) })
  intent.payment_method = method.id
  intent.next_action = null
  intent.last_payment_error = null
  keepMethod(world, intent, trial)
  if (!card.is_bank_account) return succeed(world, intent, trial)
  const charge = addCharge(world, { intent, method, result: "pending", is_authenticated })
  intent.status = "processing"
  intent.latest_charge = charge.id
  emit(world, "charge.pending", charge)
  emit(world, "payment_intent.processing", intent)
  return "processing"
}

/** A method that is to be used again is attached; another can be used this once only. */
function keepMethod(world: World, intent: Stripe.PaymentIntent, trial: Trial): void {
  const { method } = trial
  if (trial.is_authenticated && intent.setup_future_usage) world.authenticated.add(method)
  if (method.customer !== null) return
  const customer = idOf(intent.customer)
  if (intent.setup_future_usage && customer)
    attachMethod(world, method, getObject(world, "customer", customer))
  else world.spent.add(method)
}

function askForAuthentication(
  world: World,
  intent: Stripe.PaymentIntent,
  method: Stripe.PaymentMethod,
): Attempt {
  const return_url = world.return_urls.get(intent)
  const url = `${world.page_url()}/${intent.id}`
  intent.status = "requires_action"
  intent.payment_method = method.id
  intent.next_action = return_url
    ? { type: "redirect_to_url", redirect_to_url: { return_url, url } }
    : { type: "use_stripe_sdk", use_stripe_sdk: { type: "three_d_secure_redirect", stripe_js: url } }
  emit(world, "payment_intent.requires_action", intent)
  return "requires_action"
}

function succeed(world: World, intent: Stripe.PaymentIntent, trial: Trial): Attempt {
  const { method, is_authenticated } = trial
  const charge = addCharge(world, { intent, method, result: "succeeded", is_authenticated })
  finish(world, intent, charge)
  return "succeeded"
}

/** The money is there: with `automatic_async` capture the balance transaction comes just after the events. */
function finish(world: World, intent: Stripe.PaymentIntent, charge: Stripe.Charge): void {
  intent.status = "succeeded"
  intent.amount_received = intent.amount
  intent.latest_charge = charge.id
  emit(world, "charge.succeeded", charge)
  emit(world, "payment_intent.succeeded", intent)
  charge.balance_transaction = bookCharge(world, charge).id
  emit(world, "charge.updated", charge, { balance_transaction: null })
}

/** The bank's answer to a payment that was `processing`. */
export function settlePayment(world: World, intent: Stripe.PaymentIntent, is_paid: boolean): void {
  const charge = getObject(world, "charge", idOf(intent.latest_charge) ?? "")
  if (is_paid) {
    Object.assign(charge, { status: "succeeded", paid: true, captured: true, amount_captured: charge.amount })
    finish(world, intent, charge)
    return
  }
  const decline = {
    code: "payment_intent_payment_attempt_failed",
    message: "The customer's account has insufficient funds to cover this payment.",
  }
  Object.assign(charge, { status: "failed", failure_code: decline.code, failure_message: decline.message })
  const method = getObject(world, "payment_method", idOf(intent.payment_method) ?? "")
  emit(world, "charge.failed", charge)
  recordFailure(world, intent, { charge, method, decline })
}

function failPayment(
  world: World,
  intent: Stripe.PaymentIntent,
  failure: { trial: Trial; decline: Decline },
): Attempt {
  const { trial, decline } = failure
  const { method, is_authenticated } = trial
  const charge = addCharge(world, { intent, method, result: decline, is_authenticated })
  intent.latest_charge = charge.id
  emit(world, "charge.failed", charge)
  return recordFailure(world, intent, { charge, method, decline })
}

function recordFailure(
  world: World,
  intent: Stripe.PaymentIntent,
  failure: {
    charge?: Stripe.Charge
    method: Stripe.PaymentMethod
    decline: Decline
    type?: "invalid_request_error"
  },
): Attempt {
  const { charge, method, decline, type = "card_error" } = failure
  intent.status = "requires_payment_method"
  intent.payment_method = null
  intent.next_action = null
  intent.last_payment_error = {
    ...(charge && { charge: charge.id }),
    ...codeOf(decline.code),
    ...(decline.decline_code && { decline_code: decline.decline_code }),
    message: decline.message,
    payment_method: structuredClone(method),
    type,
  }
  emit(world, "payment_intent.payment_failed", intent)
  return "failed"
}

/** The customer refused, or failed, 3-D Secure: there is no charge at all. */
export function refuseAuthentication(world: World, intent: Stripe.PaymentIntent): void {
  const method = getObject(world, "payment_method", idOf(intent.payment_method) ?? "")
  const message =
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new " +
    "PaymentMethod to attempt to fulfill this PaymentIntent again."
  const decline = { code: "payment_intent_authentication_failure", message }
  recordFailure(world, intent, { method, decline, type: "invalid_request_error" })
}

/** The member `error` of the 402 that a confirmation answers: the intent as it is now goes with it. */
export function paymentError(intent: Stripe.PaymentIntent): ErrorBody {
  const { code, decline_code, charge, payment_method, message } = intent.last_payment_error!
  return {
    ...(charge && { charge }),
    ...codeOf(code),
    ...(decline_code && { decline_code }),
    message: message ?? "Your card was declined.",
    payment_intent: structuredClone(intent),
    ...(payment_method && { payment_method }),
    type: "card_error",
  }
}
