/** Setup intents: a card that is saved and checked without a payment. */
import type Stripe from "stripe"
import type { Attempt } from "./charging.ts"
import type { Call } from "./params.ts"
import { attachMethod, cardOfMethod, declineOf } from "./payment-methods.ts"
import { codeOf } from "./refusal.ts"
import { createId, emit, getObject, idOf, nowOf, type World } from "./world.ts"

interface SetupSeed {
  customer: string | null
  metadata: Record<string, string>
  description: string | null
}

export function addSetup(world: World, seed: SetupSeed): Stripe.SetupIntent {
  const id = createId(world, "seti")
  const setup = world.objects.add<Stripe.SetupIntent>({
    id,
    object: "setup_intent",
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: null,
    cancellation_reason: null,
    client_secret: createId(world, `${id}_secret`),
    created: nowOf(world),
    customer: seed.customer,
    customer_account: null,
    description: seed.description,
    excluded_payment_method_types: null,
    flow_directions: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: world.is_live,
    managed_payments: null,
    mandate: null,
    metadata: seed.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { mandate_options: null, network: null, request_three_d_secure: "automatic" },
    },
    payment_method_types: ["card"],
    single_use_mandate: null,
    status: "requires_payment_method",
    usage: "off_session",
  })
  emit(world, "setup_intent.created", setup)
  return setup
}

/** Checks the card and, when it is good, gives it to the customer. */
export function attemptSetup(
  world: World,
  setup: Stripe.SetupIntent,
  trial: { method: Stripe.PaymentMethod; is_authenticated: boolean },
): Attempt {
  const { method, is_authenticated } = trial
  const card = cardOfMethod(world, method)
  setup.latest_attempt = createId(world, "setatt")
  if (card.authentication !== "never" && !is_authenticated) {
    setup.status = "requires_action"
    setup.payment_method = method.id
    setup.next_action = { type: "use_stripe_sdk", use_stripe_sdk: { type: "three_d_secure_redirect" } }
    emit(world, "setup_intent.requires_action", setup)
    return "requires_action"
  }
  if (card.charge !== "pays" && !card.is_saved_anyway) {
    const { code, ...decline } = declineOf(card)
    return failSetup(world, setup, {
      ...codeOf(code),
      ...decline,
      payment_method: structuredClone(method),
      type: "card_error",
    })
  }
  setup.status = "succeeded"
  setup.payment_method = method.id
  setup.next_action = null
  setup.last_setup_error = null
  if (is_authenticated) world.authenticated.add(method)
  const customer = idOf(setup.customer)
  if (customer) attachMethod(world, method, getObject(world, "customer", customer))
  emit(world, "setup_intent.succeeded", setup)
  return "succeeded"
}

/** The customer refused 3-D Secure. */
export function refuseSetupAuthentication(world: World, setup: Stripe.SetupIntent): void {
  failSetup(world, setup, {
    ...codeOf("setup_intent_authentication_failure"),
    message:
      "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
    type: "invalid_request_error",
  })
}

function failSetup(
  world: World,
  setup: Stripe.SetupIntent,
  error: Stripe.SetupIntent.LastSetupError,
): Attempt {
  setup.status = "requires_payment_method"
  setup.payment_method = null
  setup.next_action = null
  setup.last_setup_error = error
  emit(world, "setup_intent.setup_failed", setup)
  return "failed"
}

export const retrieveSetup = (world: World, { id }: Call): Stripe.SetupIntent =>
  getObject(world, "setup_intent", id)
