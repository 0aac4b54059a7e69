/** What a person does on the payment page: pays with a card, confirms or refuses 3-D Secure. */
import type Stripe from "stripe"
import { type Attempt, attemptPayment, refuseAuthentication, settlePayment } from "./charging.ts"
import { addCustomer } from "./customers.ts"
import { addIntent } from "./payment-intents.ts"
import { addMethod } from "./payment-methods.ts"
import { detailsOf } from "./session-object.ts"
import { attemptSetup, refuseSetupAuthentication } from "./setup-intents.ts"
import type { TestCard } from "./test-cards.ts"
import { emit, getObject, idOf, type World } from "./world.ts"

export interface Payer {
  card: TestCard
  /** What the page asks for when the session does not know it. */
  email?: string | undefined
}

/** One try with a card; the session must be open. */
export function payCheckout(world: World, session: Stripe.Checkout.Session, payer: Payer): Attempt {
  if (session.status !== "open") throw new Error(`session ${session.id} is ${session.status}, not open`)
  const email = session.customer_details?.email ?? payer.email ?? null
  session.customer_details ??= detailsOf(email, null)
  const method = addMethod(world, payer.card, email)
  const attempt =
    session.mode === "setup"
      ? attemptSetup(world, setupOf(world, session), { method, is_authenticated: false })
      : attemptPayment(world, openIntent(world, session), {
          method,
          is_off_session: false,
          is_authenticated: false,
        })
  return complete(world, session, attempt)
}

const setupOf = (world: World, session: Stripe.Checkout.Session): Stripe.SetupIntent =>
  getObject(world, "setup_intent", idOf(session.setup_intent) ?? "")

/** The session's intent; Stripe makes it with the first try and keeps it for the next. */
function openIntent(world: World, session: Stripe.Checkout.Session): Stripe.PaymentIntent {
  const known = world.objects.all("payment_intent").get(idOf(session.payment_intent) ?? "")
  if (known) return known
  const { line_items: _, cancelExpiry: __, ...details } = world.details.get(session)!
  if (session.customer === null && (session.customer_creation === "always" || details.setup_future_usage)) {
    const customer = addCustomer(world, { email: session.customer_details?.email ?? null })
    session.customer = customer.id
    emit(world, "customer.created", customer)
  }
  const intent = addIntent(world, {
    ...details,
    metadata: { ...details.metadata },
    amount: session.amount_total ?? 0,
    currency: session.currency ?? "usd",
    customer: idOf(session.customer),
    payment_method_types: session.payment_method_types,
  })
  session.payment_intent = intent.id
  world.session_of.set(intent, session)
  return intent
}

/** Ends the session when the try went well; money that comes later leaves it `unpaid`. */
function complete(world: World, session: Stripe.Checkout.Session, attempt: Attempt): Attempt {
  if (attempt !== "succeeded" && attempt !== "processing") return attempt
  world.details.get(session)?.cancelExpiry()
  session.status = "complete"
  session.url = null
  if (session.mode === "payment" && attempt === "succeeded") session.payment_status = "paid"
  emit(world, "checkout.session.completed", session)
  return attempt
}

/** The answer to 3-D Secure, for an intent that waits for it; its session, if any, goes on with it. */
export function authenticate(world: World, intent_id: string, is_confirmed: boolean): Attempt {
  const intent = world.objects.find(intent_id)
  const is_intent = intent?.object === "payment_intent" || intent?.object === "setup_intent"
  if (!is_intent || intent.status !== "requires_action") {
    throw new Error(`${intent_id} does not wait for authentication`)
  }
  const session = world.session_of.get(intent)
  if (!is_confirmed) {
    if (intent.object === "payment_intent") refuseAuthentication(world, intent)
    else refuseSetupAuthentication(world, intent)
    return "failed"
  }
  const method = getObject(world, "payment_method", idOf(intent.payment_method) ?? "")
  const attempt =
    intent.object === "payment_intent"
      ? attemptPayment(world, intent, { method, is_off_session: false, is_authenticated: true })
      : attemptSetup(world, intent, { method, is_authenticated: true })
  return session?.status === "open" ? complete(world, session, attempt) : attempt
}

/** The bank's answer, days later, to a session that was paid by bank account. */
export function settleCheckout(world: World, session: Stripe.Checkout.Session, is_paid: boolean): void {
  const intent = getObject(world, "payment_intent", idOf(session.payment_intent) ?? "")
  if (intent.status !== "processing") throw new Error(`${intent.id} is ${intent.status}, not processing`)
  settlePayment(world, intent, is_paid)
  if (is_paid) session.payment_status = "paid"
  emit(world, `checkout.session.async_payment_${is_paid ? "succeeded" : "failed"}`, session)
}
