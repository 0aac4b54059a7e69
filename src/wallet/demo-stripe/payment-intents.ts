/** Payment intents: created and confirmed by calls, on- and off-session. */
import type Stripe from "stripe"
import { attemptPayment, paymentError } from "./charging.ts"
import { listObjects } from "./listing.ts"
import {
  type Call,
  type Params,
  readFlag,
  readGroup,
  readMetadata,
  readText,
  readTexts,
  readUrl,
  readWord,
  refuseAmount,
  requireCurrency,
  requireInteger,
} from "./params.ts"
import { usableMethod } from "./payment-methods.ts"
import { Refusal, refuseParam, refuseState } from "./refusal.ts"
import { createId, emit, getObject, idOf, nowOf, type World } from "./world.ts"

export const CONFIRM_PARAMS = [
  "payment_method",
  "off_session",
  "return_url",
  "error_on_requires_action",
  "setup_future_usage",
  "receipt_email",
  "use_stripe_sdk",
  "expand",
]

export const INTENT_PARAMS = [
  ...CONFIRM_PARAMS,
  "amount",
  "currency",
  "customer",
  "confirm",
  "metadata",
  "description",
  "payment_method_types",
  "automatic_payment_methods",
  "capture_method",
  "confirmation_method",
  "statement_descriptor",
  "statement_descriptor_suffix",
]

/** What an intent is made of, whoever makes it. */
export interface IntentSeed {
  amount: number
  currency: string
  customer: string | null
  metadata: Record<string, string>
  description?: string | null
  setup_future_usage?: "on_session" | "off_session" | null
  receipt_email?: string | null
  statement_descriptor?: string | null
  statement_descriptor_suffix?: string | null
  payment_method_types: string[]
  is_automatic?: boolean
}

/** A new intent that waits for a payment method. */
export function addIntent(world: World, seed: IntentSeed): Stripe.PaymentIntent {
  const id = createId(world, "pi")
  const intent = world.objects.add<Stripe.PaymentIntent>({
    id,
    object: "payment_intent",
    allowed_payment_method_types: null,
    amount: seed.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: seed.is_automatic ? { allow_redirects: "always", enabled: true } : null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: "automatic_async",
    client_secret: createId(world, `${id}_secret`),
    confirmation_method: "automatic",
    created: nowOf(world),
    currency: seed.currency,
    customer: seed.customer,
    customer_account: null,
    description: seed.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: world.is_live,
    managed_payments: null,
    metadata: seed.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: "automatic" },
    },
    payment_method_types: seed.payment_method_types,
    payment_record: null,
    processing: null,
    receipt_email: seed.receipt_email ?? null,
    review: null,
    setup_future_usage: seed.setup_future_usage ?? null,
    shipping: null,
    source: null,
    statement_descriptor: seed.statement_descriptor ?? null,
    statement_descriptor_suffix: seed.statement_descriptor_suffix ?? null,
    status: "requires_payment_method",
    transfer_data: null,
    transfer_group: null,
  })
  emit(world, "payment_intent.created", intent)
  return intent
}

export function createIntent(world: World, { params }: Call): Stripe.PaymentIntent {
  const amount = requireInteger(params, "amount")
  const currency = requireCurrency(params)
  refuseAmount(amount, currency, "Amount")
  const must_confirm = readFlag(params, "confirm") ?? false
  if (!must_confirm && params.form.off_session !== undefined) {
    refuseParam("off_session", "You cannot set `off_session` unless you also set `confirm=true`.")
  }
  const customer_id = readText(params, "customer") ?? null
  const customer = customer_id && getObject(world, "customer", customer_id, "customer")
  const method = readMethod(world, params, customer ? customer.id : null)
  const types = readTexts(params, "payment_method_types")
  if (must_confirm && !method) refuseWithoutMethod()
  refuseWithoutReturn(params, must_confirm && types.length === 0)
  const how = readHow(params)
  const intent = addIntent(world, {
    amount,
    currency,
    customer: customer ? customer.id : null,
    metadata: readMetadata(params),
    description: readText(params, "description") ?? null,
    setup_future_usage: readUsage(params),
    receipt_email: readText(params, "receipt_email") ?? null,
    statement_descriptor: readText(params, "statement_descriptor", 22) ?? null,
    statement_descriptor_suffix: readText(params, "statement_descriptor_suffix", 22) ?? null,
    payment_method_types: types.length > 0 ? types : ["card"],
    is_automatic: types.length === 0,
  })
  if (method) Object.assign(intent, { payment_method: method.id, status: "requires_confirmation" })
  return must_confirm ? confirm(world, intent, how) : intent
}

/** A customer who is there could be sent to another page, and has to find back; Stripe insists. */
function refuseWithoutReturn(params: Params, is_automatic_confirm: boolean): void {
  const automatic = readGroup(params, "automatic_payment_methods")
  const is_never_sent = automatic && readText(automatic, "allow_redirects") === "never"
  const is_present = params.form.off_session === undefined || params.form.off_session === "false"
  if (!is_automatic_confirm || is_never_sent || !is_present || params.form.return_url) return
  const message =
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these " +
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't " +
    "want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and " +
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
  refuseState(message)
}

export const readUsage = (params: Params): "on_session" | "off_session" | null =>
  readWord(params, "setup_future_usage", ["on_session", "off_session"]) ?? null

/** The method that the call names; it must be the customer's, or nobody's. */
function readMethod(world: World, params: Params, customer: string | null): Stripe.PaymentMethod | undefined {
  const id = readText(params, "payment_method")
  if (!id) return undefined
  const method = usableMethod(world, id, "payment_method")
  if (method.customer === null || method.customer === customer) return method
  const message = customer
    ? `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`
    : "The PaymentMethod you provided is attached to a customer so for security purposes you must provide the customer in the request."
  return refuseParam("payment_method", message, customer ? "resource_missing" : undefined)
}

export function confirmIntent(world: World, { id, params }: Call): Stripe.PaymentIntent {
  const intent = getObject(world, "payment_intent", id)
  const is_waiting = ["requires_payment_method", "requires_confirmation", "requires_action"].includes(
    intent.status,
  )
  if (!is_waiting) {
    const message = `You cannot confirm this PaymentIntent because it has already ${intent.status} after being previously confirmed.`
    refuseState(message, { code: "payment_intent_unexpected_state" })
  }
  const method = readMethod(world, params, idOf(intent.customer))
  const usage = readUsage(params)
  const how = readHow(params)
  if (method) intent.payment_method = method.id
  if (usage) intent.setup_future_usage = usage
  return confirm(world, intent, how)
}

interface How {
  return_url: string | undefined
  is_off_session: boolean
}

/** `off_session` is a flag, or a word of old that means the same. */
function readHow(params: Params): How {
  const off_session = readText(params, "off_session") ?? "false"
  const is_refused_action = readFlag(params, "error_on_requires_action") ?? false
  return {
    return_url: readUrl(params, "return_url"),
    is_off_session: is_refused_action || off_session !== "false",
  }
}

function refuseWithoutMethod(): never {
  const message =
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the " +
    "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment " +
    "method or ConfirmationToken."
  return refuseState(message, { code: "payment_intent_unexpected_state" })
}

function confirm(world: World, intent: Stripe.PaymentIntent, how: How): Stripe.PaymentIntent {
  const method_id = idOf(intent.payment_method) ?? refuseWithoutMethod()
  if (how.return_url) world.return_urls.set(intent, how.return_url)
  const attempt = attemptPayment(world, intent, {
    method: usableMethod(world, method_id),
    is_off_session: how.is_off_session,
    is_authenticated: false,
  })
  if (attempt === "failed") throw new Refusal(402, paymentError(intent), true)
  return intent
}

export const retrieveIntent = (world: World, { id }: Call): Stripe.PaymentIntent =>
  getObject(world, "payment_intent", id)

export function listIntents(world: World, { params }: Call): object {
  const customer = readText(params, "customer")
  const asked = { kind: "payment_intent", url: "/v1/payment_intents", params } as const
  return listObjects(world, asked, intent => customer === undefined || intent.customer === customer)
}

/** Ends an intent that will not be paid; Stripe does so with the intent of an expired session. */
export function cancelIntent(world: World, intent: Stripe.PaymentIntent): void {
  if (intent.status === "succeeded" || intent.status === "canceled") return
  Object.assign(intent, {
    status: "canceled",
    canceled_at: nowOf(world),
    cancellation_reason: "automatic",
    next_action: null,
  })
  emit(world, "payment_intent.canceled", intent)
}
