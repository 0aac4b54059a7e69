/** Customers of the demonstration Stripe. */
import type Stripe from "stripe"
import { listObjects } from "./listing.ts"
import { type Call, type Params, readGroup, readMetadata, readText, readUnsettable } from "./params.ts"
import { attachMethod, usableMethod } from "./payment-methods.ts"
import { refuseParam } from "./refusal.ts"
import { createId, emit, getObject, nowOf, type World } from "./world.ts"

export const CUSTOMER_PARAMS = [
  "email",
  "name",
  "phone",
  "description",
  "metadata",
  "invoice_settings",
  "preferred_locales",
  "expand",
]

export function createCustomer(world: World, { params }: Call): Stripe.Customer {
  const changes = readChanges(params)
  const method_id = readText(params, "payment_method")
  const method = method_id && usableMethod(world, method_id, "payment_method")
  const customer = addCustomer(world, changes)
  Object.assign(customer, changes)
  emit(world, "customer.created", customer)
  if (method) attachMethod(world, method, customer)
  setDefaultMethod(world, customer, params)
  return customer
}

export const retrieveCustomer = (world: World, { id }: Call): Stripe.Customer =>
  getObject(world, "customer", id)

export function updateCustomer(world: World, { id, params }: Call): Stripe.Customer {
  const customer = getObject(world, "customer", id)
  const changes = readChanges(params, customer.metadata)
  setDefaultMethod(world, customer, params)
  Object.assign(customer, changes)
  emit(world, "customer.updated", customer)
  return customer
}

export function listCustomers(world: World, { params }: Call): object {
  const email = readText(params, "email")
  const asked = { kind: "customer", url: "/v1/customers", params } as const
  return listObjects(world, asked, customer => email === undefined || customer.email === email)
}

/** A customer that Checkout or a call makes; says nothing yet. */
export function addCustomer(world: World, known: Pick<Changes, "email" | "name">): Stripe.Customer {
  const id = createId(world, "cus", 14)
  return world.objects.add<Stripe.Customer>({
    id,
    object: "customer",
    address: null,
    balance: 0,
    created: nowOf(world),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description: null,
    discount: null,
    email: known.email ?? null,
    invoice_prefix: id.slice(4, 12).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: world.is_live,
    metadata: {},
    name: known.name ?? null,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
  })
}

type Changes = Partial<Pick<Stripe.Customer, "email" | "name" | "phone" | "description">>

/** What the call changes; nothing is changed before all of it was read. */
function readChanges(
  params: Params,
  metadata?: Record<string, string>,
): Changes & { metadata: Record<string, string> } {
  const changes: Changes = {}
  for (const name of ["email", "name", "phone", "description"] as const) {
    const value = readUnsettable(params, name, name === "email" ? 512 : undefined)
    if (value !== undefined) changes[name] = value
  }
  if (changes.email && !/^[^\s@]+@[^\s@]+$/.test(changes.email)) {
    refuseParam("email", `Invalid email address: ${changes.email}`, "email_invalid")
  }
  return { ...changes, metadata: readMetadata(params, metadata) }
}

/** The default card must be attached to the customer, as Stripe demands. */
function setDefaultMethod(world: World, customer: Stripe.Customer, params: Params): void {
  const settings = readGroup(params, "invoice_settings")
  const id = settings && readUnsettable(settings, "default_payment_method")
  if (id === undefined) return
  const param = "invoice_settings[default_payment_method]"
  if (id !== null && getObject(world, "payment_method", id, param).customer !== customer.id) {
    const message = `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`
    refuseParam(param, message, "resource_missing")
  }
  customer.invoice_settings.default_payment_method = id
}
