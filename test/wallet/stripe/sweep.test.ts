/** The sweeper: what webhook and confirm both missed, what is given up, and what must not keep it from the rest. */
import { describe, expect, test } from "bun:test"
import { findPackage } from "../../../src/wallet/offers/packages.ts"
import { openPurchase } from "../../../src/wallet/purchases/purchases.ts"
import { sweepPayments } from "../../../src/wallet/stripe/sweep.ts"
import {
  buy,
  openPaymentScene,
  type PaymentScene,
  payCheckout,
  readPurchase,
  readWallets,
  takeEvents,
} from "../../support/payments.ts"

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const CREDITED = ["notice-written", "purchase-paid", "credit-posted"]

const sweep = ({ app }: PaymentScene) => sweepPayments(app)
/** Calls of Stripe's API in one pass. */
async function countCalls(scene: PaymentScene): Promise<number> {
  let count = 0
  const add = () => void count++
  const { api } = scene.app.payments.find()!
  api.on("request", add)
  await sweep(scene)
  api.off("request", add)
  return count
}

const warnings = ({ logs }: PaymentScene, text: string) => logs.filter(line => line.includes(text))

describe("a lost webhook", () => {
  test("of a payment is made up for within minutes, once", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    await payCheckout(scene, customer)
    await payCheckout(scene, customer, { body: { amountUsd: "7.77" } })
    takeEvents(scene)
    scene.clock.advance(MINUTE_MS + 1000)
    await sweep(scene)
    expect(takeEvents(scene)).toEqual([...CREDITED, ...CREDITED])
    await sweep(scene)
    scene.clock.advance(HOUR_MS)
    await sweep(scene)
    expect(takeEvents(scene)).toEqual([])
    expect(await readWallets(scene, customer)).toEqual({ token: "10.00", cash: "7.77", debt: "0.00" })
  })

  test("of refunds, disputes and saved cards too", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await payCheckout(scene, customer, { body: { packageId: "plus", saveCard: true } })
    await sweep(scene)
    scene.stripe.control.refund(paid.intent, 500)
    const dispute = scene.stripe.control.openDispute(paid.intent, 1000)
    await sweep(scene)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "10.40" })
    scene.stripe.control.closeDispute(dispute, "won")
    scene.clock.advance(25 * MINUTE_MS)
    await sweep(scene)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "20.80" })
    expect(await scene.app.store.read.all("SELECT last4 FROM saved_card")).toEqual([{ last4: "4242" }])
  })

  test("of days ago, while the server was off, is found at the next start", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    await sweep(scene)
    await payCheckout(scene, customer)
    scene.clock.advance(5 * 24 * HOUR_MS)
    await sweep(scene)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "10.00" })
  })
})

describe("what is handled", () => {
  test("by webhook is not asked about again: one call lists what is new", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    for (let count = 0; count < 5; count++) await buy(scene, customer)
    expect(await countCalls(scene)).toBe(1)
    scene.clock.advance(MINUTE_MS)
    expect(await countCalls(scene)).toBe(1)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "50.00" })
  })

  test("by a server before this one is looked at once; payments without a call, the rest with one", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = [await buy(scene, customer), await buy(scene, customer)]
    scene.stripe.control.openDispute(paid[0]!.intent)
    await scene.stripe.control.deliverPending()
    const { handled_events } = scene.app.payments.find()!
    expect(handled_events.size).toBeGreaterThan(4)
    handled_events.clear()
    const dispute_events = [...scene.stripe.control.objects.events.values()].filter(event =>
      event.type.startsWith("charge.dispute."),
    )
    expect(await countCalls(scene)).toBe(1 + dispute_events.length)
    expect(await countCalls(scene)).toBe(1)
    scene.clock.advance(2 * HOUR_MS)
    await sweep(scene)
    scene.clock.advance(2 * HOUR_MS)
    await sweep(scene)
    expect(handled_events.size).toBe(0)
  })
})

describe("an unpaid purchase", () => {
  test("is not asked about in its first minute, and ends when its page has expired", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const { key } = await scene.createCustomer()
    const opened = await scene.checkout(key)
    takeEvents(scene)
    for (const [wait_ms, state] of [
      [MINUTE_MS - 1, "open"],
      [20 * MINUTE_MS, "open"],
      [11 * MINUTE_MS, "expired"],
    ] as const) {
      scene.clock.advance(wait_ms)
      await sweep(scene)
      expect((await readPurchase(scene, opened.purchase.id)).state).toBe(state)
    }
    expect(takeEvents(scene)).toEqual(["purchase-ended"])
  })

  test("that a crash left without a page is given up after an hour", async () => {
    await using scene = await openPaymentScene()
    const { id: customer_id } = await scene.createCustomer()
    const offer = (await findPackage(scene.app.store.read, "plus"))!
    const { id } = await scene.app.store.tx(q =>
      openPurchase(q, scene.app, { customer_id, kind: "package", offer, is_live: false }),
    )
    scene.clock.advance(HOUR_MS)
    await sweep(scene)
    expect(await readPurchase(scene, id)).toMatchObject({ state: "open" })
    scene.clock.advance(1)
    await sweep(scene)
    expect(await readPurchase(scene, id)).toMatchObject({
      state: "failed",
      failure: "the payment service gave no page",
    })
  })

  test("of which there are hundreds does not keep the sweeper from the paid ones behind them", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const offer = (await findPackage(scene.app.store.read, "plus"))!
    const other = await scene.createCustomer()
    const order = { customer_id: other.id, kind: "package", offer, is_live: false } as const
    await scene.app.store.tx(async q => {
      for (let count = 0; count < 400; count++) await openPurchase(q, scene.app, order)
    })
    scene.clock.advance(1000)
    await payCheckout(scene, customer)
    scene.clock.advance(2 * MINUTE_MS)
    // Only its purchase tells of it: the events are too old to be listed.
    ;(scene.stripe.control.objects.events as Map<string, unknown>).clear()
    for (let pass = 0; pass < 3; pass++) await sweep(scene)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "10.00" })
    const opened = await scene.checkout(customer.key)
    await scene.stripe.control.pay(opened.sessionId, { card: "pays" })
    ;(scene.stripe.control.objects.events as Map<string, unknown>).clear()
    scene.clock.advance(2 * MINUTE_MS)
    for (let pass = 0; pass < 3; pass++) await sweep(scene)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "20.00" })
  })
})

describe("what fails", () => {
  test("is logged, does not keep the sweeper from the rest, and is tried again", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const first = await payCheckout(scene, customer)
    const second = await payCheckout(scene, customer)
    scene.clock.advance(2 * MINUTE_MS)
    ;(scene.stripe.control.objects.events as Map<string, unknown>).clear()
    const path = `/v1/checkout/sessions/${first.session_id}`
    scene.stripe.control.faults.nextCall({ kind: "refuse", status: 500 }, { path, count: 3 })
    await sweep(scene)
    expect((await readPurchase(scene, first.purchase_id)).state).toBe("open")
    expect((await readPurchase(scene, second.purchase_id)).state).toBe("paid")
    expect(warnings(scene, first.purchase_id)).toHaveLength(1)
    await sweep(scene)
    expect((await readPurchase(scene, first.purchase_id)).state).toBe("paid")
  })

  test("of an event is asked for again, however late it succeeds", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    await payCheckout(scene, customer).then(paid => scene.confirm(customer.key, paid.session_id))
    const [intent] = scene.stripe.control.objects.intents.keys()
    scene.stripe.control.refund(intent!)
    scene.stripe.control.faults.someCalls(1, { kind: "refuse", status: 500 }, { path: "/v1/refunds" })
    for (let pass = 0; pass < 4; pass++) {
      await sweep(scene)
      scene.clock.advance(HOUR_MS)
    }
    expect(warnings(scene, "an event could not be handled").length).toBeGreaterThan(3)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "10.00" })
    scene.stripe.control.faults.clear()
    await sweep(scene)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "0.00" })
  })

  test("of an event pins the sweeper's look for three days, not for ever", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await payCheckout(scene, customer)
    await scene.confirm(customer.key, paid.session_id)
    scene.stripe.control.refund(paid.intent)
    scene.stripe.control.faults.someCalls(1, { kind: "refuse", status: 500 }, { path: "/v1/refunds" })
    const until = async () => {
      await sweep(scene)
      const row = await scene.app.store.read.get<{ value: string }>(
        "SELECT value FROM setting WHERE key = 'stripe-events-until:test'",
      )
      return scene.clock.now() - Number(row!.value)
    }
    expect(await until()).toBeLessThan(1000)
    scene.clock.advance(48 * HOUR_MS)
    expect(await until()).toBeGreaterThanOrEqual(48 * HOUR_MS)
    scene.clock.advance(48 * HOUR_MS)
    expect(await until()).toBe(72 * HOUR_MS)
    const { length } = warnings(scene, "an event could not be handled")
    scene.clock.advance(2 * HOUR_MS)
    expect(await until()).toBe(0)
    expect(warnings(scene, "an event could not be handled")).toHaveLength(length)
  })

  test("a sweep without payments, or while Stripe is silent, changes nothing", async () => {
    await using off = await openPaymentScene({ env: { CODEXAPI_PAYMENTS: "off" } })
    await sweep(off)
    await using scene = await openPaymentScene()
    await buy(scene, await scene.createCustomer())
    scene.stripe.control.faults.someCalls(1, { kind: "refuse", status: 500 })
    await expect(sweep(scene)).rejects.toThrow()
    expect(takeEvents(scene)).toEqual([])
  })
})
