/** Payments by the operator's payment links: recorded for their customer, redeemed once, or left alone. */
import { describe, expect, test } from "bun:test"
import type Stripe from "stripe"
import { fulfilSession } from "../../../src/wallet/stripe/fulfil.ts"
import { sweepPayments } from "../../../src/wallet/stripe/sweep.ts"
import {
  eventOfType,
  openPaymentScene,
  type PaymentScene,
  payCheckout,
  postEvent,
  readWallets,
  refusalOf,
  takeEvents,
} from "../../support/payments.ts"

const PATH = "/api/v1/wallet/top-up"

/** A session as a payment link makes it: it names no purchase of ours. */
async function payLink(scene: PaymentScene, change: Partial<Stripe.Checkout.Session> = {}) {
  const payer = await scene.createCustomer({ credit_usd: "0", email: `${crypto.randomUUID()}@example.com` })
  const { session_id, intent, purchase_id } = await payCheckout(scene, payer, { body: { packageId: "plus" } })
  const session = scene.stripe.control.objects.sessions.get(session_id)!
  Object.assign(session, { payment_link: "plink_1", metadata: { package_id: "plus" } }, change)
  scene.stripe.control.objects.intents.get(intent)!.metadata = {}
  const forget = "UPDATE purchase SET stripe_session_id = NULL, state = 'failed' WHERE id = ?"
  await scene.app.store.tx(q => q.run(forget, purchase_id))
  takeEvents(scene)
  return { payer, session_id, intent }
}

const listRecorded = ({ app }: PaymentScene) =>
  app.store.read.all("SELECT customer_id, state, reference FROM purchase WHERE kind = 'plan-payment'")

test("a payment by a link is recorded once, and its owner alone redeems it, once", async () => {
  await using scene = await openPaymentScene()
  const { payer, session_id, intent } = await payLink(scene)
  const other = await scene.createCustomer({ credit_usd: "0" })
  const all = await Promise.all(Array.from({ length: 50 }, () => fulfilSession(scene.app, session_id)))
  expect(new Set(all.map(one => one.kind))).toEqual(new Set(["unpaid"]))
  expect(takeEvents(scene)).toEqual(["purchase-opened"])
  expect(await listRecorded(scene)).toEqual([{ customer_id: payer.id, state: "open", reference: intent }])
  const body = { reference: intent }
  expect(await refusalOf(scene, PATH, { key: other.key, body })).toEqual([
    404,
    "unknown_reference",
    "reference",
  ])
  takeEvents(scene)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => scene.send(PATH, { key: payer.key, body })),
  )
  expect(answers.filter(answer => answer.status === 200)).toHaveLength(1)
  expect(answers.filter(answer => answer.status === 409)).toHaveLength(49)
  expect(takeEvents(scene).filter(name => name !== "request-refused")).toEqual([
    "notice-written",
    "purchase-paid",
    "credit-posted",
  ])
  expect(await readWallets(scene, payer)).toEqual({ token: "26.00", cash: "0.00", debt: "0.00" })
  expect((await fulfilSession(scene.app, session_id)).kind).toBe("unpaid")
  await scene.stripe.control.deliverPending()
  expect(await readWallets(scene, payer)).toMatchObject({ token: "26.00" })
})

test.each<[string, Partial<Stripe.Checkout.Session>]>([
  ["names no package", { metadata: {} }],
  ["names no package of ours", { metadata: { package_id: "gold" } }],
  ["names nobody", { client_reference_id: null }],
  ["names nobody of ours", { client_reference_id: "cus_stranger" }],
  ["has another price", { amount_total: 2499 }],
  ["has another currency", { currency: "eur" }],
  ["is no payment link's", { payment_link: null }],
  ["is not paid", { payment_status: "unpaid" }],
])("a payment that %s is not recorded", async (_, change) => {
  await using scene = await openPaymentScene()
  const { session_id } = await payLink(scene, change)
  expect(await fulfilSession(scene.app, session_id)).toEqual({ kind: "unknown" })
  expect(await listRecorded(scene)).toEqual([])
  expect(takeEvents(scene)).toEqual([])
})

describe("a payment whose money went back before it was recorded", () => {
  const redeem = (scene: PaymentScene, key: string, reference: string) =>
    refusalOf(scene, PATH, { key, body: { reference } })
  const NOTHING = { token: "0.00", cash: "0.00", debt: "0.00" }

  test("while the server was off gives nothing to redeem", async () => {
    await using scene = await openPaymentScene({ has_webhook: false })
    await sweepPayments(scene.app)
    const refunded = await payLink(scene)
    const disputed = await payLink(scene)
    scene.clock.advance(60_000)
    scene.stripe.control.refund(refunded.intent)
    scene.stripe.control.openDispute(disputed.intent)
    scene.clock.advance(2 * 3_600_000)
    for (let pass = 0; pass < 3; pass++) await sweepPayments(scene.app)
    for (const { payer, intent } of [refunded, disputed]) {
      expect(await redeem(scene, payer.key, intent)).toEqual([409, "already_redeemed", "reference"])
      expect(await readWallets(scene, payer)).toEqual(NOTHING)
    }
  })

  test("is taken back although the news of the refund came first, and was not for anything we knew", async () => {
    await using scene = await openPaymentScene()
    const { payer, intent } = await payLink(scene)
    scene.stripe.control.refund(intent, 500)
    expect((await postEvent(scene, eventOfType(scene, "refund.created"))).status).toBe(200)
    expect(await listRecorded(scene)).toEqual([])
    expect((await postEvent(scene, eventOfType(scene, "checkout.session.completed"))).status).toBe(200)
    // Four fifths of $26.00 are left.
    expect(await readWallets(scene, payer)).toEqual({ token: "20.80", cash: "0.00", debt: "0.00" })
    await scene.stripe.control.deliverPending()
    expect(await readWallets(scene, payer)).toMatchObject({ token: "20.80" })
  })
})
