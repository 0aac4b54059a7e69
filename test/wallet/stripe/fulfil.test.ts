/** The one way a payment becomes credit: what is compared with our order, and that every way to it credits once. */
import { describe, expect, test } from "bun:test"
import type Stripe from "stripe"
import { fulfilIntent, fulfilSession } from "../../../src/wallet/stripe/fulfil.ts"
import { sweepPayments } from "../../../src/wallet/stripe/sweep.ts"
import { runForRecord } from "../../support/operator.ts"
import {
  eventOfType,
  liftLimits,
  openPaymentScene,
  type PaidCheckout,
  type PaymentScene,
  payCheckout,
  postEvent,
  readPurchase,
  readWallets,
  takeEvents,
} from "../../support/payments.ts"

const CREDITED = ["notice-written", "purchase-paid", "credit-posted"]

async function openPaid(body?: Record<string, unknown>) {
  const scene = await openPaymentScene()
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const paid = await payCheckout(scene, customer, body ? { body } : {})
  scene.events.length = 0
  return { ...scene, customer, paid }
}

const sessionOf = ({ stripe }: PaymentScene, { session_id }: PaidCheckout) =>
  stripe.control.objects.sessions.get(session_id)!
const intentOf = ({ stripe }: PaymentScene, { intent }: PaidCheckout) =>
  stripe.control.objects.intents.get(intent)!

describe("what was paid is compared with what was ordered", () => {
  type Change = { session?: Partial<Stripe.Checkout.Session>; intent?: Partial<Stripe.PaymentIntent> }
  const rows: [name: string, change: Change, why: RegExp][] = [
    ["too little", { intent: { amount_received: 999 } }, /it is 999 cents, ordered were 1000$/],
    ["too much", { intent: { amount_received: 1001 } }, /it is 1001 cents/],
    ["another currency", { intent: { currency: "eur" } }, /it is in eur, not usd/],
    ["another customer", { intent: { customer: "cus_stranger" } }, /it was paid by cus_stranger, who is not/],
    ["live money", { intent: { livemode: true } }, /it is live, the purchase is not/],
    [
      "another purchase's",
      { session: { metadata: { purchase_id: "ord_other" } } },
      /it names the purchase ord_other/,
    ],
  ]
  for (const [name, change, why] of rows)
    test(`${name} credits nothing, and the operator sees it`, async () => {
      await using scene = await openPaid()
      Object.assign(sessionOf(scene, scene.paid), change.session)
      Object.assign(intentOf(scene, scene.paid), change.intent)
      const answer = await scene.confirm(scene.customer.key, scene.paid.session_id)
      expect([answer.status, await answer.json()]).toMatchObject([
        409,
        { code: "payment_mismatch", detail: expect.stringContaining(scene.paid.purchase_id) },
      ])
      expect(takeEvents(scene)).toEqual(["purchase-ended", "request-refused"])
      for (const type of ["checkout.session.completed", "checkout.session.completed"])
        expect((await postEvent(scene, eventOfType(scene, type))).status).toBe(200)
      expect(takeEvents(scene)).toEqual([])
      expect(await readPurchase(scene, scene.paid.purchase_id)).toMatchObject({
        state: "mismatch",
        failure: expect.stringMatching(why),
        paid_at: null,
      })
      expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
    })

  test("a purchase that had expired gets its wrong payment all the same", async () => {
    await using scene = await openPaid()
    const { purchase_id, session_id } = scene.paid
    await scene.app.store.tx(q => q.run("UPDATE purchase SET state = 'expired' WHERE id = ?", purchase_id))
    Object.assign(intentOf(scene, scene.paid), { amount_received: 1 })
    expect((await fulfilSession(scene.app, session_id)).kind).toBe("mismatch")
    expect((await fulfilSession(scene.app, session_id)).kind).toBe("mismatch")
    expect(takeEvents(scene)).toEqual(["purchase-ended"])
    expect(await readPurchase(scene, purchase_id)).toMatchObject({ state: "mismatch" })
  })

  test("a paid purchase stays paid by the payment that paid it", async () => {
    await using scene = await openPaid()
    await scene.confirm(scene.customer.key, scene.paid.session_id)
    const before = await readPurchase(scene, scene.paid.purchase_id)
    const second = { ...intentOf(scene, scene.paid), id: "pi_second" }
    Object.assign(sessionOf(scene, scene.paid), { payment_intent: "pi_second" })
    ;(scene.stripe.control.objects.intents as Map<string, Stripe.PaymentIntent>).set("pi_second", second)
    takeEvents(scene)
    await fulfilIntent(scene.app, "pi_second")
    expect(takeEvents(scene)).toEqual([])
    expect(await readPurchase(scene, scene.paid.purchase_id)).toEqual(before)
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
  })

  test("what the operator accepts is credited as it was ordered, once", async () => {
    await using scene = await openPaid()
    Object.assign(intentOf(scene, scene.paid), { amount_received: 999 })
    await fulfilSession(scene.app, scene.paid.session_id)
    const options = ["--purchase", scene.paid.purchase_id, "--intent", scene.paid.intent]
    await runForRecord(scene, "purchase accept", ...options)
    await expect(runForRecord(scene, "purchase accept", ...options)).rejects.toThrow("nothing to accept")
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
  })
})

describe("every way credits once", () => {
  test("webhook, confirm and sweeper, fifty of them at once, in any order", async () => {
    await using scene = await openPaid()
    const events = ["checkout.session.completed", "payment_intent.succeeded"].map(type =>
      eventOfType(scene, type),
    )
    liftLimits(scene)
    scene.clock.advance(61_000)
    const ways: (() => Promise<unknown>)[] = [
      () => scene.confirm(scene.customer.key, scene.paid.session_id),
      () => postEvent(scene, events[0]!),
      () => postEvent(scene, events[1]!),
      () => sweepPayments(scene.app),
    ]
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => ways[index % ways.length]!()))
    for (const answer of answers) if (answer instanceof Response) expect(answer.status).toBe(200)
    expect(takeEvents(scene)).toEqual(CREDITED)
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "10.00", cash: "0.00", debt: "0.00" })
    const legs = await scene.app.store.read.all("SELECT id FROM ledger_transfer ORDER BY id")
    expect(legs).toEqual([
      { id: `stripe:pi:${scene.paid.intent}` },
      { id: `stripe:pi:${scene.paid.intent}:credit` },
    ])
  })

  test("ten payments at once, whatever order their events come in", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await Promise.all(Array.from({ length: 10 }, () => payCheckout(scene, customer)))
    const events = [...scene.stripe.control.objects.events.values()]
    const shuffled = events.toSorted((a, b) => (Bun.hash(a.id) < Bun.hash(b.id) ? -1 : 1))
    await Promise.all([
      ...shuffled.map(event => postEvent(scene, event)),
      ...paid.map(one => scene.confirm(customer.key, one.session_id)),
      ...events.map(event => postEvent(scene, event)),
    ])
    expect(await readWallets(scene, customer)).toEqual({ token: "100.00", cash: "0.00", debt: "0.00" })
  })

  test("a payment that comes after its page was given up is credited", async () => {
    for (const state of ["expired", "failed"]) {
      await using scene = await openPaid()
      const end = "UPDATE purchase SET state = ?, failure = 'given up' WHERE id = ?"
      await scene.app.store.tx(q => q.run(end, state, scene.paid.purchase_id))
      expect((await fulfilSession(scene.app, scene.paid.session_id)).kind).toBe("credited")
      const { state: now, failure } = await readPurchase(scene, scene.paid.purchase_id)
      expect([now, failure]).toEqual(["paid", null])
    }
  })

  test("VIP days and cash come the same way", async () => {
    await using vip = await openPaid({ packageId: "vip-30" })
    await vip.confirm(vip.customer.key, vip.paid.session_id)
    expect(takeEvents(vip)).toEqual(["vip-extended", ...CREDITED])
    const row = await vip.app.store.read.get("SELECT vip_until FROM customer WHERE id = ?", vip.customer.id)
    expect(row).toEqual({ vip_until: vip.clock.now() + 30 * 86_400_000 })
    await using cash = await openPaid({ amountUsd: "12.34" })
    await cash.stripe.control.deliverPending()
    expect(takeEvents(cash)).toEqual(CREDITED)
    expect(await readWallets(cash, cash.customer)).toEqual({ token: "0.00", cash: "12.34", debt: "0.00" })
  })
})

describe("the modes never mix", () => {
  test("a live payment is money, and a test payment is booked apart and says so", async () => {
    for (const is_live of [true, false]) {
      await using scene = await openPaymentScene({ is_live })
      const customer = await scene.createCustomer({ credit_usd: "0" })
      const paid = await payCheckout(scene, customer)
      const { purchase } = (await (await scene.confirm(customer.key, paid.session_id)).json()) as {
        purchase: { isTest: boolean }
      }
      expect(purchase.isTest).toBe(!is_live)
      const [leg] = await scene.app.store.read.all<{ from_account: string }>(
        "SELECT from_account FROM ledger_transfer WHERE kind = 'package_payment'",
      )
      expect(leg?.from_account).toBe(is_live ? "system/stripe" : "system/stripe_test")
      const receipt = await scene.app.store.read.get<{ body: string }>("SELECT body FROM inbox_message")
      expect(receipt?.body.includes("This was a test payment")).toBe(!is_live)
    }
  })

  test("a test purchase is not paid by a live session, nor ended by a live account that does not know it", async () => {
    await using scene = await openPaymentScene({ is_live: true })
    const { key } = await scene.createCustomer()
    const opened = await scene.checkout(key)
    const change = "UPDATE purchase SET is_live = 0, stripe_session_id = 'cs_test_demo' WHERE id = ?"
    await scene.app.store.tx(q => q.run(change, opened.purchase.id))
    expect(await fulfilSession(scene.app, "cs_test_demo")).toMatchObject({ kind: "unpaid" })
    scene.clock.advance(61_000)
    await sweepPayments(scene.app)
    expect(await readPurchase(scene, opened.purchase.id)).toMatchObject({ state: "open" })
  })
})

describe("a card that is saved without a payment", () => {
  const setup = async (scene: PaymentScene, key: string) => {
    const body = { enabled: true, packageId: "starter" }
    const { setupUrl } = await scene.sendJson("/api/v1/wallet/auto-topup", {
      key,
      body: { ...body, newCard: true },
    })
    return String(setupUrl).split("/").at(-1)!
  }
  const readCard = ({ app }: PaymentScene) =>
    app.store.read.get<{ customer_id: string; last4: string }>("SELECT customer_id, last4 FROM saved_card")

  test("belongs to the customer at Stripe that is ours; another server's is ignored", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer()
    const session_id = await setup(scene, customer.key)
    await scene.stripe.control.pay(session_id, { card: "pays" })
    const session = scene.stripe.control.objects.sessions.get(session_id)!
    const real = session.customer
    session.customer = "cus_of_another_server"
    expect(await fulfilSession(scene.app, session_id)).toEqual({ kind: "unknown" })
    session.customer = real
    session.metadata = { customer_id: "cus_somebody" }
    expect(await fulfilSession(scene.app, session_id)).toEqual({ kind: "unknown" })
    expect(await readCard(scene)).toBeUndefined()
    session.metadata = { customer_id: customer.id }
    expect(await fulfilSession(scene.app, session_id)).toEqual({ kind: "card-saved" })
    expect(await readCard(scene)).toEqual({ customer_id: customer.id, last4: "4242" })
  })

  test("stays the one that was given last, whatever order the news come in, and repeats change nothing", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    const sessions: string[] = []
    for (const card of ["pays", "pays_mastercard"] as const) {
      const session_id = await setup(scene, key)
      scene.clock.advance(2_000)
      await scene.stripe.control.pay(session_id, { card })
      sessions.push(session_id)
    }
    const [older = "", newer = ""] = sessions
    takeEvents(scene)
    for (const session_id of [older, newer, older, newer, older]) await fulfilSession(scene.app, session_id)
    expect(await readCard(scene)).toMatchObject({ last4: "4444" })
    expect(takeEvents(scene)).toEqual(["auto-topup-changed", "auto-topup-changed"])
  })

  test("is not there while the page is only open, or was declined", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    const session_id = await setup(scene, key)
    expect(await fulfilSession(scene.app, session_id)).toEqual({ kind: "unknown" })
    await scene.stripe.control.pay(session_id, { card: "declined" })
    expect(await fulfilSession(scene.app, session_id)).toEqual({ kind: "unknown" })
    expect(await readCard(scene)).toBeUndefined()
  })

  test("is not replaced by one whose owner left at 3-D Secure, and is by one that went through it", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    const first = await setup(scene, key)
    await scene.stripe.control.pay(first, { card: "pays_mastercard" })
    await fulfilSession(scene.app, first)
    scene.clock.advance(60_000)
    const left = await setup(scene, key)
    await scene.stripe.control.pay(left, { card: "authentication_always", authentication: "left" })
    expect(await fulfilSession(scene.app, left)).toEqual({ kind: "unknown" })
    scene.stripe.control.expire(left)
    await scene.stripe.control.deliverPending()
    expect(await readCard(scene)).toMatchObject({ last4: "4444" })
    const confirmed = await setup(scene, key)
    await scene.stripe.control.pay(confirmed, { card: "authentication_once" })
    expect(await fulfilSession(scene.app, confirmed)).toEqual({ kind: "card-saved" })
    expect(await readCard(scene)).toMatchObject({ last4: "3155" })
  })
})
