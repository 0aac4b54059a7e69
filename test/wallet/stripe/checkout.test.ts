/** Opening a payment page when Stripe refuses, does not answer, or answers something unexpected; codes; fifty at once. */
import { describe, expect, test } from "bun:test"
import type { CallFault } from "../../../src/wallet/demo-stripe/faults.ts"
import { createCode, formatCode } from "../../../src/wallet/offers/code-book.ts"
import { TERMS } from "../../support/offers.ts"
import {
  buy,
  liftLimits,
  openPaymentScene,
  type PaymentScene,
  payCheckout,
  readPurchase,
  readWallets,
  refusalOf,
  takeEvents,
} from "../../support/payments.ts"

const PATH = "/api/v1/wallet/stripe/checkout"
const SESSIONS = { method: "POST", path: "/v1/checkout/sessions", count: 3 } as const

const addCode = ({ app, clock }: PaymentScene, terms: Partial<typeof TERMS> = {}) =>
  app.store.tx(q => createCode(q, { random: app.random, now: clock.now() }, { ...TERMS, ...terms }))

const listPurchases = ({ app }: PaymentScene) =>
  app.store.read.all<{ id: string; state: string; failure: string | null }>(
    "SELECT id, state, failure FROM purchase ORDER BY rowid",
  )

describe("when there is no page to give", () => {
  const faults: [string, CallFault, unknown[]][] = [
    ["Stripe is down", { kind: "refuse", status: 500 }, [503, "payments_unavailable"]],
    ["Stripe is asked too often", { kind: "refuse", status: 429 }, [503, "payments_unavailable"]],
    ["every answer is lost", { kind: "lose-answer" }, [503, "payments_unavailable"]],
  ]
  for (const [name, fault, refusal] of faults)
    test(`because ${name}, the purchase fails, its code is free again, and a repeat works`, async () => {
      await using scene = await openPaymentScene()
      const { key } = await scene.createCustomer()
      const { code } = await addCode(scene)
      scene.stripe.control.faults.nextCall(fault, SESSIONS)
      const asked = { key, body: { packageId: "plus", code }, headers: { "idempotency-key": "k" } }
      const answer = await scene.send(PATH, asked)
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual(
        refusal as [number, string],
      )
      expect(answer.headers.get("retry-after")).toBe("30")
      expect(takeEvents(scene)).toEqual(["purchase-opened", "purchase-ended", "request-refused"])
      expect(await listPurchases(scene)).toMatchObject([
        { state: "failed", failure: expect.stringMatching(/./) },
      ])
      scene.stripe.control.faults.clear()
      expect((await scene.send(PATH, asked)).status).toBe(201)
      expect((await listPurchases(scene)).map(one => one.state)).toEqual(["failed", "open"])
    })

  test("a page that was made although its answer was lost is credited if it is paid", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    scene.stripe.control.faults.nextCall({ kind: "lose-answer" }, SESSIONS)
    await scene.send(PATH, { key: customer.key, body: { packageId: "plus" } })
    const [session] = scene.stripe.control.objects.sessions.values()
    await scene.stripe.control.pay(session!.id, { card: "pays" })
    await scene.stripe.control.deliverPending()
    expect((await listPurchases(scene)).map(one => one.state)).toEqual(["paid"])
    expect(await readWallets(scene, customer)).toMatchObject({ token: "26.00" })
  })

  test("because Stripe refuses the address, the caller is told which one", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    const account = scene.app.payments.find()!
    const { sessions } = account.api.checkout
    const create = sessions.create.bind(sessions)
    sessions.create = ((params: object, options: object) =>
      create({ ...params, cancel_url: "nonsense" } as Parameters<typeof create>[0], options)) as typeof create
    const asked = { key, body: { packageId: "plus", cancelUrl: "https://a.example" } }
    const answer = await scene.send(PATH, asked)
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      { code: "invalid_url", field: "cancelUrl" },
    ])
    expect(await listPurchases(scene)).toMatchObject([{ state: "failed" }])
  })

  test("because Stripe refuses the price, that is the operator's to mend, not told as the caller's fault", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    await scene.app.store.tx(q => q.run("UPDATE package_offer SET label = ' ' WHERE id = 'plus'"))
    await scene.app.store.tx(q => q.run("UPDATE package_offer SET label = '' WHERE id = 'pro'"))
    const answer = await scene.send(PATH, { key, body: { packageId: "pro" } })
    expect([answer.status, await answer.json()]).toMatchObject([502, { code: "payment_refused" }])
    expect(await listPurchases(scene)).toMatchObject([{ state: "failed" }])
  })
})

describe("a bonus code", () => {
  test("is shown, credited with the package, and used once", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const { code } = await addCode(scene)
    const body = { packageId: "plus", code: code.toLowerCase() }
    const opened = await scene.sendJson(PATH, { key: customer.key, body })
    expect(opened.purchase).toMatchObject({
      code: formatCode(code),
      priceUsd: "25.00",
      bonusUsd: "2.60",
      creditUsd: "28.60",
    })
    expect(await refusalOf(scene, PATH, { key: customer.key, body })).toEqual([422, "code_used", "code"])
    await scene.stripe.control.pay(String(opened.sessionId), { card: "pays" })
    await scene.confirm(customer.key, String(opened.sessionId))
    expect(await readWallets(scene, customer)).toMatchObject({ token: "28.60" })
  })

  test("of a page that expired is free again; a late payment still gives what was promised", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const { code } = await addCode(scene)
    const ask = () => scene.checkout(customer.key, { packageId: "plus", code })
    const first = await ask()
    scene.stripe.control.expire(first.sessionId)
    await scene.stripe.control.deliverPending()
    expect(await readPurchase(scene, first.purchase.id)).toMatchObject({ state: "expired" })
    const second = await ask()
    for (const opened of [second, first]) {
      // As if the money of the expired page had been on its way.
      Object.assign(scene.stripe.control.objects.sessions.get(opened.sessionId)!, { status: "open" })
      await scene.stripe.control.pay(opened.sessionId, { card: "pays" })
    }
    await scene.stripe.control.deliverPending()
    expect(await readWallets(scene, customer)).toMatchObject({ token: "57.20" })
  })
})

test("codes cannot be guessed by checkouts: after ten they are throttled, and checkouts without one are not", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const guess = () => refusalOf(scene, PATH, { key, body: { packageId: "plus", code: "NOSUCH" } })
  for (let count = 0; count < 10; count++) expect(await guess()).toEqual([422, "code_unknown", "code"])
  expect(await guess()).toEqual([429, "too_many_attempts"])
  expect((await scene.send(PATH, { key, body: { packageId: "plus" } })).status).toBe(201)
})

test("checkouts are throttled by customer, and only those that reach Stripe count", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const other = await scene.createCustomer()
  for (let count = 0; count < 12; count++)
    expect((await scene.send(PATH, { key, body: { packageId: "gold" } })).status).toBe(422)
  const cash = { key, body: { amountUsd: "25.00" } }
  for (let count = 0; count < 5; count++) {
    expect((await scene.send(PATH, { key, body: { packageId: "plus" } })).status).toBe(201)
    expect((await scene.send("/api/v1/cash-wallet/stripe/checkout", cash)).status).toBe(201)
  }
  takeEvents(scene)
  expect(await refusalOf(scene, PATH, { key, body: { packageId: "plus" } })).toEqual([
    429,
    "too_many_attempts",
  ])
  expect(await refusalOf(scene, "/api/v1/cash-wallet/stripe/checkout", cash)).toEqual([
    429,
    "too_many_attempts",
  ])
  expect(await listPurchases(scene)).toHaveLength(10)
  expect((await scene.send(PATH, { key: other.key, body: { packageId: "plus" } })).status).toBe(201)
  scene.clock.advance(6_000)
  expect((await scene.send(PATH, { key, body: { packageId: "plus" } })).status).toBe(201)
})

test("a customer has at most twenty pages open, also by fifty checkouts at once; an end makes room", async () => {
  await using scene = await openPaymentScene()
  liftLimits(scene)
  const { key } = await scene.createCustomer()
  const asked = { key, body: { packageId: "plus" } }
  const answers = await Promise.all(Array.from({ length: 50 }, () => scene.send(PATH, asked)))
  expect(answers.filter(answer => answer.status === 201)).toHaveLength(20)
  expect(answers.filter(answer => answer.status === 429)).toHaveLength(30)
  expect(await listPurchases(scene)).toHaveLength(20)
  expect(scene.stripe.control.objects.sessions.size).toBe(20)
  const headers = { "idempotency-key": "k" }
  scene.clock.advance(60_000)
  const refused = await scene.send(PATH, { ...asked, headers })
  expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toMatchObject([
    429,
    "1800",
    { code: "too_many_open_payments" },
  ])
  const [session_id = ""] = scene.stripe.control.objects.sessions.keys()
  await scene.stripe.control.pay(session_id, { card: "pays" })
  await scene.confirm(key, session_id)
  expect((await scene.send(PATH, { ...asked, headers })).status).toBe(201)
  expect((await scene.send(PATH, asked)).status).toBe(429)
})

test("checkouts at once make as many purchases of one customer at Stripe, and one use of a code", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const { code } = await addCode(scene)
  liftLimits(scene)
  const answers = await Promise.all(
    Array.from({ length: 38 }, (_, index) =>
      scene.send(PATH, { key, body: { packageId: "plus", ...(index % 2 === 0 && { code }) } }),
    ),
  )
  const statuses = answers.map(answer => answer.status)
  expect(statuses.filter(status => status === 201)).toHaveLength(20)
  expect(statuses.filter(status => status === 422)).toHaveLength(18)
  expect(scene.stripe.control.objects.customers.size).toBe(1)
})

test("fifty with one Idempotency-Key open one page", async () => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  const asked = { key, body: { packageId: "plus" }, headers: { "idempotency-key": "k" } }
  const answers = await Promise.all(Array.from({ length: 50 }, () => scene.send(PATH, asked)))
  const statuses = new Set(answers.map(answer => answer.status))
  expect([...statuses].every(status => status === 201 || status === 409)).toBe(true)
  expect(scene.stripe.control.objects.sessions.size).toBe(1)
})

test("a card is kept only when the customer says so", async () => {
  await using scene = await openPaymentScene()
  const customer = await scene.createCustomer()
  const listCards = () => scene.app.store.read.all("SELECT customer_id, brand, last4 FROM saved_card")
  await buy(scene, customer)
  expect(await listCards()).toEqual([])
  await payCheckout(scene, customer, { body: { packageId: "plus", saveCard: true }, card: "pays_mastercard" })
  await scene.stripe.control.deliverPending()
  expect(await listCards()).toEqual([{ customer_id: customer.id, brand: "mastercard", last4: "4444" }])
  expect(takeEvents(scene)).toContain("auto-topup-changed")
})
