/** Tests of the demonstration's HTTP side: keys, errors, idempotency, faults of calls. */
import { expect, test } from "bun:test"
import Stripe from "stripe"
import { errorIn, errorOf, openStage, purchase, rawCall } from "./stage.ts"

test("a call without a key, and one with another key, are refused as Stripe refuses them", async () => {
  await using stage = openStage()
  const none = await fetch(`${stage.base_url}/v1/events`)
  expect([none.status, (await errorIn(none)).type]).toEqual([401, "invalid_request_error"])
  const stranger = new Stripe("sk_test_other", {
    host: "127.0.0.1",
    port: new URL(stage.base_url).port,
    protocol: "http",
  })
  const error = await errorOf(stranger.events.list())
  expect(error.type).toBe("StripeAuthenticationError")
  expect(error.message).toStartWith("Invalid API Key provided: sk_test_")
})

test("a key may come as the user name of Basic authentication", async () => {
  await using stage = openStage()
  const basic = { authorization: `Basic ${btoa("sk_test_demo:")}` }
  const answer = await rawCall(stage, "/v1/events", { headers: basic })
  expect(answer.status).toBe(200)
  expect(answer.headers.get("request-id")).toStartWith("req_")
})

test("an unknown address and an unknown parameter are refused by name", async () => {
  await using stage = openStage()
  const nowhere = await rawCall(stage, "/v1/subscriptions")
  expect([nowhere.status, (await errorIn(nowhere)).message]).toEqual([
    404,
    expect.stringContaining("Unrecognized request URL (GET: /v1/subscriptions)"),
  ])
  const error = await errorOf(
    stage.stripe.customers.create({ emial: "a@b.c" } as Stripe.CustomerCreateParams),
  )
  expect([error.type, error.code, error.param]).toEqual([
    "StripeInvalidRequestError",
    "parameter_unknown",
    "emial",
  ])
})

test("an object that is not there is 404 in the URL and 400 in a parameter", async () => {
  await using stage = openStage()
  const in_url = await errorOf(stage.stripe.paymentIntents.retrieve("pi_none"))
  expect([in_url.statusCode, in_url.code, in_url.param, in_url.message]).toEqual([
    404,
    "resource_missing",
    "intent",
    "No such payment_intent: 'pi_none'",
  ])
  const in_body = await errorOf(stage.stripe.checkout.sessions.create(purchase({ customer: "cus_none" })))
  expect([in_body.statusCode, in_body.code, in_body.param]).toEqual([400, "resource_missing", "customer"])
})

test("the same key gives the same answer, and does the work once", async () => {
  await using stage = openStage()
  const options = { idempotencyKey: "once" }
  const first = await stage.stripe.customers.create({ email: "ada@example.com" }, options)
  const second = await stage.stripe.customers.create({ email: "ada@example.com" }, options)
  expect(second).toEqual(first)
  const raw = await rawCall(stage, "/v1/customers", {
    method: "POST",
    body: "email=ada%40example.com",
    headers: { "idempotency-key": "once" },
  })
  expect(raw.headers.get("idempotent-replayed")).toBe("true")
  expect(raw.headers.get("original-request")).toBe(first.lastResponse.requestId)
  expect(stage.control.objects.customers.size).toBe(1)
})

test("the same key gives the same decline, though the card has money by then", async () => {
  await using stage = openStage()
  const customer = await stage.stripe.customers.create({})
  stage.control.setCard(customer.id, "insufficient_funds")
  const charge = () =>
    stage.stripe.paymentIntents.create(
      {
        amount: 500,
        currency: "usd",
        payment_method: "pm_card_visa_chargeDeclined",
        confirm: true,
        off_session: true,
      },
      { idempotencyKey: "job-1" },
    )
  const [first, second] = [await errorOf(charge()), await errorOf(charge())]
  expect([first.code, second.code]).toEqual(["card_declined", "card_declined"])
  expect(second.payment_intent?.id).toBe(first.payment_intent!.id)
  expect(stage.control.objects.intents.size).toBe(1)
})

test("the same key with other parameters, or for another endpoint, is an idempotency error", async () => {
  await using stage = openStage()
  const options = { idempotencyKey: "once" }
  await stage.stripe.customers.create({ name: "Ada" }, options)
  const other = await errorOf(stage.stripe.customers.create({ name: "Bob" }, options))
  expect([other.type, other.statusCode]).toEqual(["StripeIdempotencyError", 400])
  const elsewhere = await errorOf(stage.stripe.checkout.sessions.create(purchase(), options))
  expect(elsewhere.message).toContain("'/v1/checkout/sessions' vs '/v1/customers'")
})

test("a wrong parameter keeps nothing under the key: the corrected call may use it", async () => {
  await using stage = openStage()
  const options = { idempotencyKey: "once" }
  const wrong = await errorOf(stage.stripe.customers.create({ email: "nobody" }, options))
  expect([wrong.code, wrong.param]).toEqual(["email_invalid", "email"])
  expect(stage.control.objects.customers.size).toBe(0)
  await stage.stripe.customers.create({ email: "ada@example.com" }, options)
  expect(stage.control.objects.customers.size).toBe(1)
})

test("a key is free again after a day", async () => {
  await using stage = openStage()
  const create = () => stage.stripe.customers.create({}, { idempotencyKey: "day" })
  const first = await create()
  stage.clock.advance(24 * 3600 * 1000)
  expect((await create()).id).not.toBe(first.id)
})

test("a second call with a key whose first call is under way is a conflict", async () => {
  await using stage = openStage()
  stage.control.faults.nextCall({ kind: "delay", delay_ms: 1000 })
  const call = () =>
    rawCall(stage, "/v1/customers", { method: "POST", body: "", headers: { "idempotency-key": "k" } })
  const slow = call()
  while (stage.clock.timer_count() === 0) await Bun.sleep(1)
  const conflict = await call()
  expect([conflict.status, (await errorIn(conflict)).code]).toEqual([409, "idempotency_key_in_use"])
  stage.clock.advance(1000)
  expect((await slow).status).toBe(200)
  expect((await call()).headers.get("idempotent-replayed")).toBe("true")
  expect(stage.control.objects.customers.size).toBe(1)
})

test("a call that is refused by a fault does nothing", async () => {
  await using stage = openStage()
  stage.control.faults.nextCall({ kind: "refuse", status: 500 })
  stage.control.faults.nextCall({ kind: "refuse", status: 429 })
  const broken = await errorOf(stage.stripe.customers.create({}))
  const limited = await errorOf(stage.stripe.customers.create({}))
  expect([broken.type, broken.statusCode]).toEqual(["StripeAPIError", 500])
  expect([limited.type, limited.code]).toEqual(["StripeRateLimitError", "rate_limit"])
  expect(stage.control.objects.customers.size).toBe(0)
})

test("a lost answer is a connection error, and the key finds what was done", async () => {
  await using stage = openStage()
  const match = { method: "POST", path: "/v1/customers", count: 2 } as const
  stage.control.faults.nextCall({ kind: "lose-answer" }, match)
  const options = { idempotencyKey: "lost" }
  const error = await errorOf(stage.stripe.customers.create({}, options))
  expect(error.type).toBe("StripeConnectionError")
  const found = await stage.stripe.customers.create({}, options)
  expect([...stage.control.objects.customers.keys()]).toEqual([found.id])
})

test("an answer of 500 after the work is found by its key, unless the 500 itself is kept", async () => {
  await using stage = openStage()
  const create = (idempotencyKey: string) => stage.stripe.customers.create({}, { idempotencyKey })
  stage.control.faults.nextCall({ kind: "answer-500" })
  await errorOf(create("a"))
  expect((await create("a")).id).toBe([...stage.control.objects.customers.keys()][0]!)
  stage.control.faults.nextCall({ kind: "answer-500", is_kept: true })
  await errorOf(create("b"))
  expect((await errorOf(create("b"))).statusCode).toBe(500)
  expect(stage.control.objects.customers.size).toBe(2)
})

test("a body above the bound is refused unread", async () => {
  await using stage = openStage()
  const answer = await rawCall(stage, "/v1/customers", { method: "POST", body: "x".repeat(1_100_000) })
  expect(answer.status).toBe(413)
})
