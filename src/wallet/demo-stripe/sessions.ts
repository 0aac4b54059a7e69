/** Checkout sessions as calls see them: created, read, listed, expired; paying is in checkout.ts. */
import type Stripe from "stripe"
import { listObjects } from "./listing.ts"
import {
  type Call,
  type Params,
  readGroup,
  readGroups,
  readInteger,
  readMetadata,
  readText,
  readTexts,
  readUrl,
  readWord,
  refuseAmount,
  refuseUnknown,
  requireCurrency,
  requireInteger,
  requireText,
} from "./params.ts"
import { cancelIntent, readUsage } from "./payment-intents.ts"
import { refuseParam, refuseState } from "./refusal.ts"
import { addSession, createLineItem } from "./session-object.ts"
import { addSetup } from "./setup-intents.ts"
import { emit, getObject, idOf, type LineItem, nowOf, type SessionDetails, type World } from "./world.ts"

export const SESSION_PARAMS = [
  "mode",
  "line_items",
  "currency",
  "customer",
  "customer_email",
  "customer_creation",
  "client_reference_id",
  "metadata",
  "payment_intent_data",
  "setup_intent_data",
  "payment_method_types",
  "expires_at",
  "success_url",
  "cancel_url",
  "ui_mode",
  "locale",
  "submit_type",
  "billing_address_collection",
  "expand",
]

const PAYMENT_DATA_PARAMS = [
  "metadata",
  "description",
  "setup_future_usage",
  "receipt_email",
  "statement_descriptor",
  "statement_descriptor_suffix",
  "capture_method",
]

export function createSession(world: World, { params }: Call): Stripe.Checkout.Session {
  const mode = readWord(params, "mode", ["payment", "setup"])
  if (!mode) refuseParam("mode", "You must provide `mode`: this demonstration knows `payment` and `setup`.")
  readWord(params, "ui_mode", ["hosted_page"])
  const customer_id = readText(params, "customer")
  const customer_email = readText(params, "customer_email") ?? null
  if (customer_id && customer_email) {
    refuseState("You may only specify one of these parameters: customer, customer_email.")
  }
  const customer = customer_id ? getObject(world, "customer", customer_id, "customer") : null
  const details = mode === "payment" ? readPayment(world, params) : readSetup(world, params)
  const amount_total = mode === "payment" ? totalOf(details.line_items) : null
  const currency = details.line_items[0]?.currency ?? readText(params, "currency") ?? null
  if (amount_total !== null) {
    refuseAmount(amount_total, currency ?? "usd", "The Checkout Session's total amount due", "line_items")
  }
  const types = readTexts(params, "payment_method_types")
  const seed = {
    mode,
    currency,
    amount_total,
    customer,
    customer_email,
    customer_creation: readCreation(params, { mode, customer }),
    client_reference_id: readText(params, "client_reference_id", 200) ?? null,
    metadata: readMetadata(params),
    payment_method_types: types.length > 0 ? types : ["card"],
    locale: readText(params, "locale") ?? null,
    submit_type: readWord(params, "submit_type", ["auto", "pay", "book", "donate"]) ?? null,
    billing_address_collection: readWord(params, "billing_address_collection", ["auto", "required"]) ?? null,
    expires_at: readExpiry(world, params),
    success_url: readUrl(params, "success_url") ?? refuseWithoutSuccess(),
    cancel_url: readUrl(params, "cancel_url") ?? null,
  }
  const setup = mode === "setup" && addSetup(world, { ...details, customer: customer?.id ?? null })
  const session = addSession(world, { ...seed, setup_intent: setup ? setup.id : null })
  if (setup) world.session_of.set(setup, session)
  const cancelExpiry = world.clock.after(session.expires_at * 1000 - world.clock.now(), () => {
    if (session.status === "open") expire(world, session)
  })
  world.details.set(session, { ...details, cancelExpiry })
  return session
}

function refuseWithoutSuccess(): never {
  refuseParam("success_url", "Missing required param: success_url.", "parameter_missing")
}

type Unscheduled = Omit<SessionDetails, "cancelExpiry">

const NOTHING: Unscheduled = {
  line_items: [],
  description: null,
  metadata: {},
  setup_future_usage: null,
  receipt_email: null,
  statement_descriptor: null,
  statement_descriptor_suffix: null,
}

function readPayment(world: World, params: Params): Unscheduled {
  const items = readGroups(params, "line_items")
  if (items.length === 0) refuseParam("line_items", "The `line_items` parameter is required in payment mode.")
  if (params.form.setup_intent_data) {
    refuseState("You can not pass `setup_intent_data` in `payment` mode.", { param: "setup_intent_data" })
  }
  const line_items = items.map(item => readLineItem(world, item))
  const currencies = new Set(line_items.map(item => item.currency))
  if (currencies.size > 1) {
    refuseState("All line items must have the same currency.", { param: "line_items" })
  }
  const data = readGroup(params, "payment_intent_data")
  if (!data) return { ...NOTHING, line_items }
  refuseUnknown(data, PAYMENT_DATA_PARAMS)
  return {
    line_items,
    description: readText(data, "description") ?? null,
    metadata: readMetadata(data),
    setup_future_usage: readUsage(data),
    receipt_email: readText(data, "receipt_email") ?? null,
    statement_descriptor: readText(data, "statement_descriptor", 22) ?? null,
    statement_descriptor_suffix: readText(data, "statement_descriptor_suffix", 22) ?? null,
  }
}

function readLineItem(world: World, item: Params): LineItem {
  refuseUnknown(item, ["price_data", "quantity"])
  const price = readGroup(item, "price_data")
  if (!price)
    refuseParam(`${item.path}[price_data]`, "This demonstration knows line items with `price_data` only.")
  refuseUnknown(price, ["currency", "product_data", "unit_amount", "tax_behavior"])
  const product = readGroup(price, "product_data")
  if (!product) {
    const param = `${price.path}[product_data]`
    refuseParam(param, `Missing required param: ${param}.`, "parameter_missing")
  }
  refuseUnknown(product, ["name", "description", "images", "metadata", "tax_code"])
  const unit_amount = requireInteger(price, "unit_amount")
  if (unit_amount < 0) {
    refuseParam(`${price.path}[unit_amount]`, "Invalid non-negative integer", "parameter_invalid_integer")
  }
  const quantity = readInteger(item, "quantity", { least: 1, most: 999_999 })
  if (quantity === undefined) {
    refuseParam(`${item.path}[quantity]`, "Quantity is required. Add `quantity` to `line_items`.")
  }
  const name = requireText(product, "name")
  return createLineItem(world, { currency: requireCurrency(price), name, unit_amount, quantity })
}

function readSetup(_world: World, params: Params): Unscheduled {
  for (const name of ["line_items", "payment_intent_data", "customer_creation"]) {
    if (params.form[name]) refuseState(`You can not pass \`${name}\` in \`setup\` mode.`, { param: name })
  }
  const data = readGroup(params, "setup_intent_data")
  if (!data) return NOTHING
  refuseUnknown(data, ["metadata", "description"])
  return { ...NOTHING, metadata: readMetadata(data), description: readText(data, "description") ?? null }
}

const totalOf = (items: readonly LineItem[]): number =>
  items.reduce((total, item) => total + item.amount_total, 0)

function readCreation(
  params: Params,
  { mode, customer }: { mode: string; customer: unknown },
): "always" | "if_required" | null {
  const asked = readWord(params, "customer_creation", ["always", "if_required"])
  if (asked && customer) {
    refuseState("You may only specify one of these parameters: customer, customer_creation.")
  }
  return asked ?? (mode === "payment" && !customer ? "if_required" : null)
}

const HALF_HOUR_S = 30 * 60
const DAY_S = 24 * 3600

/** Between half an hour and a day from now; a day unless said. A minute is given for clocks that differ. */
function readExpiry(world: World, params: Params): number {
  const now = nowOf(world)
  const asked = readInteger(params, "expires_at") ?? now + DAY_S
  if (asked < now + HALF_HOUR_S - 60) {
    refuseParam(
      "expires_at",
      "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
    )
  }
  if (asked > now + DAY_S + 60) {
    refuseParam(
      "expires_at",
      "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
    )
  }
  return asked
}

export const retrieveSession = (world: World, { id }: Call): Stripe.Checkout.Session =>
  getObject(world, "checkout.session", id)

export function listSessions(world: World, { params }: Call): object {
  const customer = readText(params, "customer")
  const intent = readText(params, "payment_intent")
  const status = readWord(params, "status", ["open", "complete", "expired"])
  const asked = { kind: "checkout.session", url: "/v1/checkout/sessions", params } as const
  return listObjects(
    world,
    asked,
    session =>
      (customer === undefined || session.customer === customer) &&
      (intent === undefined || session.payment_intent === intent) &&
      (status === undefined || session.status === status),
  )
}

/** `GET /v1/checkout/sessions/:id/line_items`. */
export function listLineItems(world: World, { id }: Call): object {
  const session = getObject(world, "checkout.session", id)
  const data = world.details.get(session)?.line_items ?? []
  return { object: "list", data, has_more: false, url: `/v1/checkout/sessions/${id}/line_items` }
}

export function expireSession(world: World, { id }: { id: string }): Stripe.Checkout.Session {
  const session = getObject(world, "checkout.session", id)
  if (session.status !== "open") {
    const message =
      'Only Checkout Sessions with a status in ["open"] can be expired. ' +
      `This Checkout Session has a status of \`${session.status}\`.`
    refuseState(message)
  }
  expire(world, session)
  return session
}

function expire(world: World, session: Stripe.Checkout.Session): void {
  world.details.get(session)?.cancelExpiry()
  session.status = "expired"
  session.url = null
  const intent = world.objects.all("payment_intent").get(idOf(session.payment_intent) ?? "")
  if (intent) cancelIntent(world, intent)
  emit(world, "checkout.session.expired", session)
}
