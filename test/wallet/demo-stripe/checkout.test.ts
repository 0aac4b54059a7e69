/** Tests of what a person does on the payment page: which objects change, and which events tell of it. */
import { expect, test } from "bun:test"
import { errorOf, openStage, payOnce, purchase } from "./stage.ts"

test("a paid session shows its intent and its charge, with the card and Stripe's fee", async () => {
  await using stage = openStage()
  const customer = await stage.stripe.customers.create({ email: "ada@example.com" })
  const opened = await stage.stripe.checkout.sessions.create(
    purchase({
      customer: customer.id,
      payment_intent_data: { metadata: { order: "7" }, description: "Credit" },
    }),
  )
  expect(await stage.control.pay(opened.id, { card: "pays" })).toBe("succeeded")
  const session = await stage.stripe.checkout.sessions.retrieve(opened.id, {
    expand: ["payment_intent.latest_charge.balance_transaction"],
  })
  expect(session).toMatchObject({
    status: "complete",
    payment_status: "paid",
    url: null,
    payment_intent: {
      object: "payment_intent",
      status: "succeeded",
      amount: 1000,
      amount_received: 1000,
      currency: "usd",
      customer: customer.id,
      metadata: { order: "7" },
      description: "Credit",
      capture_method: "automatic_async",
      latest_charge: {
        object: "charge",
        status: "succeeded",
        paid: true,
        captured: true,
        refunded: false,
        metadata: { order: "7" },
        outcome: { type: "authorized" },
        payment_method_details: { type: "card", card: { brand: "visa", last4: "4242" } },
        balance_transaction: { amount: 1000, fee: 59, net: 941, type: "charge" },
      },
    },
  })
})

test("the events of a payment come in Stripe's order, the balance transaction after them", async () => {
  await using stage = openStage()
  await payOnce(stage)
  expect(stage.eventTypes()).toEqual([
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "charge.updated",
    "checkout.session.completed",
  ])
  const of = (type: string) =>
    [...stage.control.objects.events.values()].find(event => event.type === type)?.data
  expect(of("charge.succeeded")?.object).toMatchObject({ balance_transaction: null })
  expect(of("charge.updated")?.previous_attributes).toEqual({ balance_transaction: null })
  expect(of("checkout.session.completed")?.object).toMatchObject({
    payment_status: "paid",
    status: "complete",
  })
})

test.each([
  ["declined", "card_declined", "generic_decline", "Your card was declined."],
  ["insufficient_funds", "card_declined", "insufficient_funds", "Your card has insufficient funds."],
  ["expired", "expired_card", undefined, "Your card has expired."],
  ["declined_later", "card_declined", "generic_decline", "Your card was declined."],
] as const)(
  "the card %p leaves the session open with its reason, and another card pays",
  async (card, code, decline_code, message) => {
    await using stage = openStage()
    const { id } = await stage.stripe.checkout.sessions.create(purchase())
    expect(await stage.control.pay(id, { card })).toBe("failed")
    const session = await stage.stripe.checkout.sessions.retrieve(id, {
      expand: ["payment_intent.latest_charge"],
    })
    expect(session).toMatchObject({ status: "open", payment_status: "unpaid" })
    expect(session.payment_intent).toMatchObject({
      status: "requires_payment_method",
      payment_method: null,
      last_payment_error: { type: "card_error", code, message },
      latest_charge: { status: "failed", paid: false, failure_code: code, balance_transaction: null },
    })
    const intent = stage.control.objects.intents.values().next().value
    expect(intent?.last_payment_error?.decline_code).toBe(decline_code)
    expect(stage.eventTypes()).toEqual([
      "payment_intent.created",
      "charge.failed",
      "payment_intent.payment_failed",
    ])
    expect(await stage.control.pay(id, { card: "pays" })).toBe("succeeded")
    expect(stage.control.objects.intents.size).toBe(1)
    expect(intent?.last_payment_error).toBeNull()
  },
)

test("a card with 3-D Secure pays once it is confirmed", async () => {
  await using stage = openStage()
  const { id } = await stage.stripe.checkout.sessions.create(purchase())
  expect(await stage.control.pay(id, { card: "authentication_always", authentication: "left" })).toBe(
    "requires_action",
  )
  const { payment_intent } = await stage.stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] })
  expect(payment_intent).toMatchObject({ status: "requires_action", next_action: { type: "use_stripe_sdk" } })
  const intent_id = [...stage.control.objects.intents.keys()][0]!
  expect(stage.control.authenticate(intent_id, "confirmed")).toBe("succeeded")
  expect((await stage.stripe.checkout.sessions.retrieve(id)).payment_status).toBe("paid")
  const charge = [...stage.control.objects.charges.values()][0]
  expect(charge?.payment_method_details?.card?.three_d_secure?.result).toBe("authenticated")
  expect(stage.eventTypes()).toContain("payment_intent.requires_action")
})

test("a refused 3-D Secure is a failed payment without a charge", async () => {
  await using stage = openStage()
  const { id } = await stage.stripe.checkout.sessions.create(purchase())
  const attempt = await stage.control.pay(id, { card: "authentication_always", authentication: "refused" })
  expect(attempt).toBe("failed")
  const intent = [...stage.control.objects.intents.values()][0]
  expect(intent).toMatchObject({
    status: "requires_payment_method",
    next_action: null,
    latest_charge: null,
    last_payment_error: { code: "payment_intent_authentication_failure", type: "invalid_request_error" },
  })
  expect((await stage.stripe.checkout.sessions.retrieve(id)).status).toBe("open")
})

test("a bank account completes the session unpaid; the money, or its failure, comes later", async () => {
  await using stage = openStage()
  for (const [end, payment_status] of [
    ["succeeded", "paid"],
    ["failed", "unpaid"],
  ] as const) {
    const { id } = await stage.stripe.checkout.sessions.create(purchase())
    expect(await stage.control.pay(id, { card: "bank_account" })).toBe("processing")
    const before = await stage.stripe.checkout.sessions.retrieve(id, { expand: ["payment_intent"] })
    expect(before).toMatchObject({
      status: "complete",
      payment_status: "unpaid",
      payment_intent: { status: "processing" },
    })
    stage.control.settle(id, end)
    const after = await stage.stripe.checkout.sessions.retrieve(id)
    expect(after.payment_status).toBe(payment_status)
    expect(stage.eventTypes().at(-1)).toBe(`checkout.session.async_payment_${end}`)
  }
  expect([...stage.control.objects.balance_transactions.values()].map(({ type }) => type)).toEqual([
    "payment",
  ])
})

test("a guest who saves the card becomes a customer, and the card is theirs", async () => {
  await using stage = openStage()
  const { session, intent } = await payOnce(stage, {
    payment_intent_data: { setup_future_usage: "off_session" },
  })
  const customer = String(session.customer)
  expect(intent.customer).toBe(customer)
  expect(await stage.stripe.customers.retrieve(customer)).toMatchObject({ email: "ada@example.com" })
  const methods = await stage.stripe.paymentMethods.list({ customer, type: "card" })
  expect(methods.data.map(({ id }) => id)).toEqual([String(intent.payment_method)])
})

test("a card that is not saved cannot be used again", async () => {
  await using stage = openStage()
  const { intent } = await payOnce(stage)
  expect(intent.customer).toBeNull()
  const params = { amount: 500, currency: "usd", payment_method: String(intent.payment_method) }
  const error = await errorOf(
    stage.stripe.paymentIntents.create({ ...params, confirm: true, off_session: true }),
  )
  expect(error.message).toContain("may not be used again")
})

test("a setup session saves the card for payments without the customer", async () => {
  await using stage = openStage()
  const customer = await stage.stripe.customers.create({})
  const params = { mode: "setup", currency: "usd", success_url: "https://example.com/done" } as const
  const { id } = await stage.stripe.checkout.sessions.create({ ...params, customer: customer.id })
  expect(await stage.control.pay(id, { card: "declined" })).toBe("failed")
  expect(await stage.control.pay(id, { card: "authentication_once", authentication: "refused" })).toBe(
    "failed",
  )
  expect(await stage.control.pay(id, { card: "authentication_once" })).toBe("succeeded")
  const session = await stage.stripe.checkout.sessions.retrieve(id, {
    expand: ["setup_intent.payment_method"],
  })
  expect(session).toMatchObject({
    status: "complete",
    payment_status: "no_payment_required",
    setup_intent: {
      status: "succeeded",
      last_setup_error: null,
      payment_method: { customer: customer.id, card: { last4: "3155" } },
    },
  })
  expect(stage.eventTypes().slice(-3)).toEqual([
    "payment_method.attached",
    "setup_intent.succeeded",
    "checkout.session.completed",
  ])
  const [setup] = stage.control.objects.setup_intents.values()
  const paid = await stage.stripe.paymentIntents.create({
    amount: 700,
    currency: "usd",
    customer: customer.id,
    payment_method: String(setup?.payment_method),
    confirm: true,
    off_session: true,
  })
  expect(paid.status).toBe("succeeded")
})
