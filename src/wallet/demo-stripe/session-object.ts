/** A checkout session as the wire shows it, with every member of the pinned API version. */
import type Stripe from "stripe"
import { createId, type LineItem, nowOf, type World } from "./world.ts"

/** What a session is made of once its parameters were checked. */
export interface SessionSeed {
  mode: "payment" | "setup"
  currency: string | null
  amount_total: number | null
  customer: Stripe.Customer | null
  customer_email: string | null
  customer_creation: "always" | "if_required" | null
  client_reference_id: string | null
  metadata: Record<string, string>
  payment_method_types: string[]
  locale: string | null
  submit_type: string | null
  billing_address_collection: string | null
  expires_at: number
  success_url: string
  cancel_url: string | null
  setup_intent: string | null
}

/** Members of what our checkouts do not ask for, or not yet have. */
const NOT_OFFERED = {
  after_expiration: null,
  allow_promotion_codes: null,
  allowed_payment_method_types: null,
  client_secret: null,
  collected_information: null,
  consent: null,
  consent_collection: null,
  currency_conversion: null,
  customer_account: null,
  integration_identifier: null,
  invoice: null,
  invoice_creation: null,
  managed_payments: null,
  origin_context: null,
  payment_intent: null,
  payment_link: null,
  payment_method_configuration_details: null,
  permissions: null,
  recovered_from: null,
  saved_payment_method_options: null,
  shipping_address_collection: null,
  shipping_cost: null,
  subscription: null,
  wallet_options: null,
}

export function addSession(world: World, seed: SessionSeed): Stripe.Checkout.Session {
  const id = createId(world, world.is_live ? "cs_live" : "cs_test", 58)
  const { mode, customer, amount_total } = seed
  return world.objects.add<Stripe.Checkout.Session>({
    ...NOT_OFFERED,
    id,
    object: "checkout.session",
    adaptive_pricing: mode === "payment" ? { enabled: false } : null,
    amount_subtotal: amount_total,
    amount_total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: seed.billing_address_collection,
    cancel_url: seed.cancel_url,
    client_reference_id: seed.client_reference_id,
    created: nowOf(world),
    currency: seed.currency,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: customer?.id ?? null,
    customer_creation: seed.customer_creation,
    customer_details: detailsOf(customer?.email ?? seed.customer_email, customer?.name ?? null),
    customer_email: seed.customer_email,
    discounts: mode === "payment" ? [] : null,
    expires_at: seed.expires_at,
    livemode: world.is_live,
    locale: seed.locale,
    metadata: seed.metadata,
    mode,
    payment_method_collection: mode === "payment" ? "if_required" : "always",
    payment_method_options: { card: { request_three_d_secure: "automatic" } },
    payment_method_types: seed.payment_method_types,
    payment_status: mode === "payment" ? "unpaid" : "no_payment_required",
    phone_number_collection: { enabled: false },
    setup_intent: seed.setup_intent,
    shipping_options: [],
    status: "open",
    submit_type: seed.submit_type,
    success_url: seed.success_url,
    total_details: mode === "payment" ? { amount_discount: 0, amount_shipping: 0, amount_tax: 0 } : null,
    ui_mode: "hosted_page",
    url: `${world.page_url()}/${id}`,
  })
}

/** Who pays, as far as it is known; null before that. */
export const detailsOf = (
  email: string | null,
  name: string | null,
): Stripe.Checkout.Session.CustomerDetails | null =>
  email === null
    ? null
    : {
        address: null,
        business_name: null,
        email,
        individual_name: null,
        name,
        phone: null,
        tax_exempt: "none",
        tax_ids: null,
      }

/** One thing that is bought. */
export function createLineItem(
  world: World,
  bought: { currency: string; name: string; unit_amount: number; quantity: number },
): LineItem {
  const { currency, name, unit_amount, quantity } = bought
  const total = unit_amount * quantity
  return {
    id: createId(world, "li"),
    object: "item",
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: total,
    amount_tax: 0,
    amount_total: total,
    currency,
    description: name,
    metadata: {},
    price: {
      id: createId(world, "price"),
      object: "price",
      active: false,
      billing_scheme: "per_unit",
      created: nowOf(world),
      currency,
      custom_unit_amount: null,
      livemode: world.is_live,
      lookup_key: null,
      metadata: {},
      nickname: null,
      product: createId(world, "prod", 14),
      recurring: null,
      tax_behavior: "unspecified",
      tiers_mode: null,
      transform_quantity: null,
      type: "one_time",
      unit_amount,
      unit_amount_decimal: String(unit_amount),
    },
    quantity,
  }
}
