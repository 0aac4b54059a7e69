/** Tests of payment intents that calls make: off-session outcomes exactly in Stripe's shape, states, refusals. */
import { expect, test } from "bun:test"
import type Stripe from "stripe"
import type { CardChoice } from "../../../src/wallet/demo-stripe/test-cards.ts"
import { errorOf, openStage, payOnce, rawCall, type Stage } from "./stage.ts"

/** A customer with a saved card, and what an automatic top-up sends. */
async function saved(stage: Stage, card: CardChoice) {
  const customer = await stage.stripe.customers.create({ email: "ada@example.com" })
  const payment_method = stage.control.setCard(customer.id, card)
  const params: Stripe.PaymentIntentCreateParams = {
    amount: 2000,
    currency: "usd",
    customer: customer.id,
    payment_method,
    off_session: true,
    confirm: true,
    metadata: { job: "1" },
  }
  return { customer, payment_method, params }
}

test("a saved card pays without the customer", async () => {
  await using stage = openStage()
  const { customer, payment_method, params } = await saved(stage, "pays")
  const intent = await stage.stripe.paymentIntents.create({ ...params, expand: ["latest_charge"] })
  expect(intent).toMatchObject({
    status: "succeeded",
    amount_received: 2000,
    customer: customer.id,
    payment_method,
    metadata: { job: "1" },
    latest_charge: { object: "charge", amount: 2000, metadata: { job: "1" }, customer: customer.id },
  })
  const [event] = stage.control.objects.events.values()
  expect(event?.type).toBe("customer.created")
  const succeeded = [...stage.control.objects.events.values()].find(
    ({ type }) => type === "payment_intent.succeeded",
  )
  expect(succeeded?.request.id).toBe(intent.lastResponse.requestId)
})

test.each([
  ["declined", "card_declined", "generic_decline", "Your card was declined."],
  ["insufficient_funds", "card_declined", "insufficient_funds", "Your card has insufficient funds."],
  // The package gives an absent decline code as an empty text.
  ["expired", "expired_card", "", "Your card has expired."],
  [
    "authentication_always",
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
  ],
] as const)(
  "the saved card %p is 402 with the intent in the error",
  async (card, code, decline_code, message) => {
    await using stage = openStage()
    const { params, payment_method } = await saved(stage, card)
    const error = await errorOf(stage.stripe.paymentIntents.create(params))
    expect(error.type).toBe("StripeCardError")
    expect([error.statusCode, error.code, error.decline_code, error.message]).toEqual([
      402,
      code,
      decline_code,
      message,
    ])
    expect(error.doc_url).toBe(`https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}`)
    expect(error.payment_method?.id).toBe(payment_method)
    expect(error.payment_intent).toMatchObject({
      object: "payment_intent",
      status: "requires_payment_method",
      payment_method: null,
      metadata: { job: "1" },
      latest_charge: String(error.charge),
      last_payment_error: { type: "card_error", code, message, payment_method: { id: payment_method } },
    })
    expect(await stage.stripe.charges.retrieve(error.charge!)).toMatchObject({
      status: "failed",
      failure_code: code,
    })
    expect(stage.eventTypes().slice(-2)).toEqual(["charge.failed", "payment_intent.payment_failed"])
  },
)

test("the error of a decline goes over the wire as Stripe writes it", async () => {
  await using stage = openStage()
  const body = "amount=500&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true&off_session=true"
  const answer = await rawCall(stage, "/v1/payment_intents", { method: "POST", body })
  expect(answer.status).toBe(402)
  expect(Object.keys((await answer.json()) as object)).toEqual(["error"])
})

test("an intent that failed is paid by another card when it is confirmed anew", async () => {
  await using stage = openStage()
  const { customer, params } = await saved(stage, "insufficient_funds")
  const { payment_intent } = await errorOf(stage.stripe.paymentIntents.create(params))
  const better = stage.control.setCard(customer.id, "pays")
  const intent = await stage.stripe.paymentIntents.confirm(payment_intent!.id, {
    payment_method: better,
    off_session: true,
  })
  expect([intent.status, intent.last_payment_error]).toEqual(["succeeded", null])
  const again = await errorOf(stage.stripe.paymentIntents.confirm(intent.id))
  expect([again.statusCode, again.code]).toEqual([400, "payment_intent_unexpected_state"])
})

test("with the customer present 3-D Secure is asked for on a page, which leads back", async () => {
  await using stage = openStage()
  const { params } = await saved(stage, "authentication_always")
  const intent = await stage.stripe.paymentIntents.create({
    ...params,
    off_session: false,
    return_url: "https://example.com/back?a=1",
  })
  const url = intent.next_action?.redirect_to_url?.url
  expect(intent).toMatchObject({ status: "requires_action", next_action: { type: "redirect_to_url" } })
  const page = await fetch(url!)
  expect(await page.text()).toContain("pay $20.00 usd")
  const answer = await fetch(url!, {
    method: "POST",
    body: new URLSearchParams({ action: "confirm" }),
    redirect: "manual",
  })
  expect([answer.status, answer.headers.get("location")]).toEqual([
    303,
    expect.stringMatching(
      /^https:\/\/example\.com\/back\?a=1&payment_intent=pi_.*&redirect_status=succeeded$/,
    ),
  ])
  expect((await stage.stripe.paymentIntents.retrieve(intent.id)).status).toBe("succeeded")
})

test("an intent may wait: for a method, then for its confirmation", async () => {
  await using stage = openStage()
  const bare = await stage.stripe.paymentIntents.create({ amount: 500, currency: "usd" })
  expect(bare).toMatchObject({
    status: "requires_payment_method",
    automatic_payment_methods: { enabled: true },
  })
  const error = await errorOf(stage.stripe.paymentIntents.confirm(bare.id))
  expect(error.message).toContain("missing a payment method")
  const ready = await stage.stripe.paymentIntents.create({
    amount: 500,
    currency: "usd",
    payment_method: "pm_card_visa",
  })
  expect(ready.status).toBe("requires_confirmation")
  expect((await stage.stripe.paymentIntents.confirm(ready.id)).status).toBe("succeeded")
})

const base = { amount: 500, currency: "usd" } as const

test.each([
  ["too little", { ...base, amount: 49 }, "amount_too_small", "amount"],
  ["too much", { ...base, amount: 100_000_000 }, "amount_too_large", "amount"],
  ["no amount", { currency: "usd" }, "parameter_missing", "amount"],
  ["a fraction of a cent", { ...base, amount: 500.5 }, "parameter_invalid_integer", "amount"],
  ["what is no number", { ...base, amount: Number.NaN }, "parameter_invalid_integer", "amount"],
  ["an absurd number", { ...base, amount: Number.POSITIVE_INFINITY }, "parameter_invalid_integer", "amount"],
  ["off_session without confirm", { ...base, off_session: true }, undefined, "off_session"],
  ["no return_url", { ...base, confirm: true, payment_method: "pm_card_visa" }, undefined, undefined],
  ["no method", { ...base, confirm: true, off_session: true }, "payment_intent_unexpected_state", undefined],
])("an intent with %s is refused and does not come to be", async (_, params, code, param) => {
  await using stage = openStage()
  const error = await errorOf(stage.stripe.paymentIntents.create(params as Stripe.PaymentIntentCreateParams))
  expect([error.statusCode, error.code, error.param]).toEqual([400, code, param])
  expect(stage.control.objects.intents.size).toBe(0)
})

test("a method of another customer is refused, with and without a customer", async () => {
  await using stage = openStage()
  const { params } = await saved(stage, "pays")
  const stranger = await stage.stripe.customers.create({})
  const foreign = await errorOf(stage.stripe.paymentIntents.create({ ...params, customer: stranger.id }))
  expect([foreign.code, foreign.param]).toEqual(["resource_missing", "payment_method"])
  const { customer: _, ...nobodys } = params
  const nobody = await errorOf(stage.stripe.paymentIntents.create(nobodys))
  expect(nobody.message).toContain("you must provide the customer")
})

test("intents are listed by customer", async () => {
  await using stage = openStage()
  const { customer, params } = await saved(stage, "pays")
  const intent = await stage.stripe.paymentIntents.create(params)
  await payOnce(stage)
  const { data } = await stage.stripe.paymentIntents.list({ customer: customer.id })
  expect(data.map(({ id }) => id)).toEqual([intent.id])
})
