/** Confirming a session: unpaid, ended, repeated, while Stripe is silent; fifty at once. */
import { expect, test } from "bun:test"
import {
  liftLimits,
  openPaymentScene,
  payCheckout,
  readPurchase,
  readWallets,
  refusalOf,
  takeEvents,
} from "../../support/payments.ts"

const PATH = "/api/v1/wallet/stripe/confirm"
const CREDITED = ["notice-written", "purchase-paid", "credit-posted"]

test("an unpaid session is 402, also after a declined card, and credits nothing", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const { sessionId } = await scene.checkout(customer.key)
  const asked = { key: customer.key, body: { sessionId } }
  expect(await refusalOf(scene, PATH, asked)).toEqual([402, "session_unpaid", "sessionId"])
  await scene.stripe.control.pay(sessionId, { card: "declined" })
  expect(await refusalOf(scene, PATH, asked)).toEqual([402, "session_unpaid", "sessionId"])
  await scene.stripe.control.pay(sessionId, { card: "authentication_always", authentication: "left" })
  expect(await refusalOf(scene, PATH, asked)).toEqual([402, "session_unpaid", "sessionId"])
  expect(await readWallets(scene, customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
})

test("an expired session is 409, ends its purchase, and says to start anew", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const opened = await scene.checkout(key)
  scene.clock.advance(31 * 60_000)
  scene.events.length = 0
  const answer = await scene.confirm(key, opened.sessionId)
  expect([answer.status, await answer.json()]).toMatchObject([409, { code: "session_expired" }])
  expect(takeEvents(scene)).toEqual(["purchase-ended", "request-refused"])
  expect(await readPurchase(scene, opened.purchase.id)).toMatchObject({
    state: "expired",
    failure: "the payment page expired",
  })
  const body = { sessionId: opened.sessionId }
  expect(await refusalOf(scene, PATH, { key, body })).toEqual([409, "session_expired", "sessionId"])
})

test("a bank's refusal that comes days later ends the session", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer()
  const { session_id } = await payCheckout(scene, customer, { card: "bank_account" })
  const asked = { key: customer.key, body: { sessionId: session_id } }
  expect(await refusalOf(scene, PATH, asked)).toEqual([402, "session_unpaid", "sessionId"])
  scene.stripe.control.settle(session_id, "failed")
  const answer = await scene.confirm(customer.key, session_id)
  expect([answer.status, await answer.json()]).toMatchObject([409, { code: "session_expired" }])
})

test("a repeat gives the same purchase and credits nothing; Stripe is not even asked", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const { session_id } = await payCheckout(scene, customer)
  scene.events.length = 0
  const first = await (await scene.confirm(customer.key, session_id)).json()
  scene.stripe.control.faults.someCalls(1, { kind: "refuse", status: 500 })
  const again = await scene.confirm(customer.key, session_id)
  expect([again.status, await again.json()]).toEqual([200, first])
  expect(takeEvents(scene)).toEqual(CREDITED)
})

test("while Stripe does not answer it is 503 with a time to come back, and nothing is moved", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const { session_id, purchase_id } = await payCheckout(scene, customer)
  scene.events.length = 0
  scene.stripe.control.faults.someCalls(1, { kind: "lose-answer" })
  const answer = await scene.confirm(customer.key, session_id)
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "30"])
  expect(await answer.json()).toMatchObject({ code: "payments_unavailable" })
  expect(takeEvents(scene)).toEqual(["request-refused"])
  expect(await readPurchase(scene, purchase_id)).toMatchObject({ state: "open" })
  scene.stripe.control.faults.clear()
  expect((await scene.confirm(customer.key, session_id)).status).toBe(200)
})

test("asking Stripe again and again is throttled; what is paid is told all the same", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const { sessionId } = await scene.checkout(key)
  const ask = () => refusalOf(scene, PATH, { key, body: { sessionId } })
  for (let count = 0; count < 10; count++) expect(await ask()).toEqual([402, "session_unpaid", "sessionId"])
  scene.stripe.control.faults.someCalls(1, { kind: "refuse", status: 500 })
  expect(await ask()).toEqual([429, "too_many_attempts"])
  scene.stripe.control.faults.clear()
  await scene.stripe.control.pay(sessionId, { card: "pays" })
  expect(await ask()).toEqual([429, "too_many_attempts"])
  await scene.stripe.control.deliverPending()
  expect((await scene.confirm(key, sessionId)).status).toBe(200)
})

test("a session that Stripe has forgotten is ended, not asked for again and again", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const opened = await scene.checkout(key)
  const forget = "UPDATE purchase SET stripe_session_id = 'cs_test_of_the_last_demo' WHERE id = ?"
  await scene.app.store.tx(q => q.run(forget, opened.purchase.id))
  const body = { sessionId: "cs_test_of_the_last_demo" }
  expect((await scene.send(PATH, { key, body })).status).toBe(409)
  expect(await readPurchase(scene, opened.purchase.id)).toMatchObject({ state: "expired" })
})

test("fifty confirmations at once all get the purchase, and one of them credits", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const { session_id } = await payCheckout(scene, customer)
  liftLimits(scene)
  scene.events.length = 0
  const answers = await Promise.all(Array.from({ length: 50 }, () => scene.confirm(customer.key, session_id)))
  const bodies = await Promise.all(answers.map(answer => answer.json()))
  expect(answers.map(answer => answer.status)).toEqual(Array(50).fill(200))
  for (const body of bodies) expect(body).toMatchObject({ wallet: { balanceUsd: "10.00" } })
  expect(takeEvents(scene)).toEqual(CREDITED)
  expect(await readWallets(scene, customer)).toEqual({ token: "10.00", cash: "0.00", debt: "0.00" })
})
