/** Tests of checkout sessions as calls see them: creation, refusals, expiry, lists. */
import { expect, test } from "bun:test"
import { API_VERSION } from "../../../src/wallet/demo-stripe/world.ts"
import { errorOf, openStage, payOnce, purchase } from "./stage.ts"

test("a payment session is open, unpaid and leads to the payment page", async () => {
  await using stage = openStage()
  const customer = await stage.stripe.customers.create({ email: "ada@example.com", name: "Ada" })
  const session = await stage.stripe.checkout.sessions.create(
    purchase({ customer: customer.id, client_reference_id: "order_1", metadata: { order: "1" } }),
  )
  expect(session).toMatchObject({
    object: "checkout.session",
    mode: "payment",
    status: "open",
    payment_status: "unpaid",
    amount_subtotal: 1000,
    amount_total: 1000,
    currency: "usd",
    customer: customer.id,
    customer_details: { email: "ada@example.com", name: "Ada" },
    client_reference_id: "order_1",
    metadata: { order: "1" },
    payment_intent: null,
    livemode: false,
    ui_mode: "hosted_page",
    url: `${stage.base_url}/demo-checkout/${session.id}`,
    created: Math.floor(stage.clock.now() / 1000),
    expires_at: Math.floor(stage.clock.now() / 1000) + 24 * 3600,
  })
  expect(session.id).toStartWith("cs_test_")
  expect(session.lastResponse.apiVersion).toBe(API_VERSION)
})

test("a live server makes live objects", async () => {
  await using stage = openStage({ is_live: true })
  const { session, intent } = await payOnce(stage)
  expect(session.id).toStartWith("cs_live_")
  expect([session.livemode, intent.livemode]).toEqual([true, true])
  expect([...stage.control.objects.events.values()].every(event => event.livemode)).toBe(true)
})

test("line items add up and are shown when they are asked for", async () => {
  await using stage = openStage()
  const price = (name: string, unit_amount: number) => ({
    currency: "usd",
    unit_amount,
    product_data: { name },
  })
  const session = await stage.stripe.checkout.sessions.create({
    ...purchase(),
    line_items: [
      { quantity: 2, price_data: price("Small", 300) },
      { quantity: 1, price_data: price("Large", 900) },
    ],
    expand: ["line_items"],
  })
  expect(session.amount_total).toBe(1500)
  expect(session.line_items?.data.map(item => [item.description, item.quantity, item.amount_total])).toEqual([
    ["Small", 2, 600],
    ["Large", 1, 900],
  ])
  const listed = await stage.stripe.checkout.sessions.listLineItems(session.id)
  expect(listed.data[0]?.price?.unit_amount).toBe(300)
  expect(listed.data[0]?.price?.unit_amount_decimal?.toString()).toBe("300")
})

const item = (cents: number | string, currency = "usd") => [
  { quantity: 1, price_data: { currency, unit_amount: cents as number, product_data: { name: "Credit" } } },
]
const now_s = Math.floor(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000)

test.each([
  ["49 cents", { line_items: item(49) }, "amount_too_small", "line_items"],
  ["a million dollars", { line_items: item(100_000_000) }, "amount_too_large", "line_items"],
  [
    "half a cent",
    { line_items: item("1000.5") },
    "parameter_invalid_integer",
    "line_items[0][price_data][unit_amount]",
  ],
  [
    "a negative price",
    { line_items: item(-1) },
    "parameter_invalid_integer",
    "line_items[0][price_data][unit_amount]",
  ],
  [
    "an unknown currency",
    { line_items: item(1000, "xyz") },
    undefined,
    "line_items[0][price_data][currency]",
  ],
  ["nothing to buy", { line_items: [] }, undefined, "line_items"],
  ["an address that is none", { success_url: "done" }, "url_invalid", "success_url"],
  ["a script for an address", { cancel_url: "javascript:alert(1)" }, "url_invalid", "cancel_url"],
  ["an end in 29 minutes", { expires_at: now_s + 28 * 60 }, undefined, "expires_at"],
  ["an end in two days", { expires_at: now_s + 48 * 3600 }, undefined, "expires_at"],
  [
    "a customer and an e-mail",
    { customer: "", customer_email: "a@b.c" },
    "parameter_invalid_empty",
    "customer",
  ],
])("a session with %s is refused", async (_, change, code, param) => {
  await using stage = openStage()
  const error = await errorOf(stage.stripe.checkout.sessions.create(purchase(change)))
  expect([error.statusCode, error.code, error.param]).toEqual([400, code, param])
  expect(stage.control.objects.sessions.size).toBe(0)
})

test("a session in setup mode has a setup intent and no price", async () => {
  await using stage = openStage()
  const customer = await stage.stripe.customers.create({})
  const session = await stage.stripe.checkout.sessions.create({
    mode: "setup",
    currency: "usd",
    customer: customer.id,
    success_url: "https://example.com/done",
    setup_intent_data: { metadata: { why: "auto" } },
    expand: ["setup_intent"],
  })
  expect(session).toMatchObject({
    amount_total: null,
    payment_status: "no_payment_required",
    setup_intent: { object: "setup_intent", status: "requires_payment_method", metadata: { why: "auto" } },
  })
})

test("a session expires by a call, once", async () => {
  await using stage = openStage()
  const { id } = await stage.stripe.checkout.sessions.create(purchase())
  const expired = await stage.stripe.checkout.sessions.expire(id)
  expect([expired.status, expired.url]).toEqual(["expired", null])
  const error = await errorOf(stage.stripe.checkout.sessions.expire(id))
  expect(error.message).toContain("has a status of `expired`")
  expect(stage.eventTypes()).toEqual(["checkout.session.expired"])
})

test("a session expires by itself when its time has come, and its unpaid intent is cancelled", async () => {
  await using stage = openStage()
  const { id } = await stage.stripe.checkout.sessions.create(purchase({ expires_at: now_s + 1800 }))
  await stage.control.pay(id, { card: "declined" })
  stage.clock.advance(1800 * 1000)
  const session = await stage.stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] })
  expect(session).toMatchObject({ status: "expired", payment_intent: { status: "canceled" } })
  await expect(stage.control.pay(id, { card: "pays" })).rejects.toThrow("is expired, not open")
})

test("a paid session does not expire", async () => {
  await using stage = openStage()
  const { session } = await payOnce(stage)
  stage.clock.advance(25 * 3600 * 1000)
  expect(stage.control.objects.sessions.get(session.id)?.status).toBe("complete")
  expect((await errorOf(stage.stripe.checkout.sessions.expire(session.id))).message).toContain("`complete`")
})

test("sessions are listed by customer, by intent and by status", async () => {
  await using stage = openStage()
  const customer = await stage.stripe.customers.create({})
  const { session } = await payOnce(stage, { customer: customer.id })
  const open = await stage.stripe.checkout.sessions.create(purchase())
  const list = async (params: object) =>
    (await stage.stripe.checkout.sessions.list(params)).data.map(({ id }) => id)
  expect(await list({})).toEqual([open.id, session.id])
  expect(await list({ customer: customer.id })).toEqual([session.id])
  expect(await list({ payment_intent: String(session.payment_intent) })).toEqual([session.id])
  expect(await list({ status: "open" })).toEqual([open.id])
})
