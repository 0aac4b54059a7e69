/** Refunds and disputes as Stripe tells them: in any order, again and again, of what is ours and what is not. */
import { describe, expect, test } from "bun:test"
import type Stripe from "stripe"
import { applyDispute, applyRefund } from "../../../src/wallet/stripe/reversals.ts"
import { runCommand } from "../../support/operator.ts"
import {
  buy,
  eventOfType,
  openPaymentScene,
  type PaymentScene,
  payCheckout,
  postEvent,
  readPurchase,
  readWallets,
  takeEvents,
} from "../../support/payments.ts"

async function openBought(body: Record<string, unknown> = { packageId: "standard" }) {
  const scene = await openPaymentScene()
  const customer = await scene.createCustomer({ credit_usd: "0" })
  const bought = await buy(scene, customer, { body })
  return { ...scene, customer, ...bought, control: scene.stripe.control }
}

const listReversals = ({ app }: PaymentScene) =>
  app.store.read.all("SELECT id, kind, amount_cents, state FROM reversal ORDER BY rowid")

describe("a refund", () => {
  test("takes the credit back once, though four events tell of it", async () => {
    await using scene = await openBought()
    const id = scene.control.refund(scene.intent)
    await scene.control.deliverPending()
    expect(takeEvents(scene)).toEqual(["notice-written", "payment-reversed"])
    expect(await listReversals(scene)).toEqual([{ id, kind: "refund", amount_cents: 1000, state: "taken" }])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
    expect(await readPurchase(scene, scene.purchase_id)).toMatchObject({ state: "paid" })
  })

  test("in parts takes each part, and all of it together exactly what was given", async () => {
    await using scene = await openBought({ packageId: "plus" })
    for (const cents of [333, 333, 333, 1501]) scene.control.refund(scene.intent, cents)
    await scene.control.deliverPending()
    expect(await listReversals(scene)).toHaveLength(4)
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
  })

  test("is heard of by the event of its charge alone", async () => {
    await using scene = await openBought()
    scene.control.refund(scene.intent, 200)
    scene.control.refund(scene.intent, 300)
    expect((await postEvent(scene, eventOfType(scene, "charge.refunded"))).status).toBe(200)
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "5.00" })
  })

  test("that comes before the news of its payment is booked after it", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await payCheckout(scene, customer)
    takeEvents(scene)
    const id = scene.stripe.control.refund(paid.intent, 400)
    expect(await applyRefund(scene.app, id)).toBe("taken")
    expect(takeEvents(scene)).toEqual([
      "notice-written",
      "purchase-paid",
      "credit-posted",
      "notice-written",
      "payment-reversed",
    ])
    await scene.stripe.control.deliverPending()
    expect(takeEvents(scene)).toEqual([])
    expect(await readWallets(scene, customer)).toMatchObject({ token: "6.00" })
  })

  test("that the bank sends back returns what it took; before we heard of it, it is booked both ways", async () => {
    await using scene = await openBought()
    const heard = scene.control.refund(scene.intent, 400)
    await scene.control.deliverPending()
    scene.control.failRefund(heard)
    await scene.control.deliverPending()
    expect(takeEvents(scene).slice(-2)).toEqual(["notice-written", "reversal-returned"])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
    const unheard = scene.control.refund(scene.intent, 300)
    scene.control.failRefund(unheard)
    expect(await applyRefund(scene.app, unheard)).toBe("returned")
    expect(await applyRefund(scene.app, unheard)).toBe("unchanged")
    await scene.control.deliverPending()
    expect(await listReversals(scene)).toMatchObject([
      { id: heard, state: "returned" },
      { id: unheard, state: "returned" },
    ])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "10.00", cash: "0.00", debt: "0.00" })
  })

  test("that is cancelled while it was under way returns what it took", async () => {
    await using scene = await openBought()
    const id = scene.control.refund(scene.intent)
    const refund = scene.control.objects.refunds.get(id)!
    for (const [status, outcome] of [
      ["pending", "taken"],
      ["requires_action", "unchanged"],
      ["canceled", "returned"],
      ["canceled", "unchanged"],
    ] as const) {
      refund.status = status
      expect(await applyRefund(scene.app, id)).toBe(outcome)
    }
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
  })

  test("fifty times at once takes once", async () => {
    await using scene = await openBought()
    const id = scene.control.refund(scene.intent)
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => applyRefund(scene.app, id)))
    expect(outcomes.filter(outcome => outcome === "taken")).toHaveLength(1)
    expect(takeEvents(scene)).toEqual(["notice-written", "payment-reversed"])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
  })

  test("fails whole when the database does: 503, nothing taken, and the repeat takes it", async () => {
    await using scene = await openBought()
    scene.control.refund(scene.intent)
    const { store } = scene.app
    const real = store.tx
    store.tx = job =>
      real(q =>
        job({
          ...q,
          run: (sql, ...values) =>
            sql.startsWith("INSERT INTO inbox_message")
              ? Promise.reject(new Error("canary"))
              : q.run(sql, ...values),
        }),
      )
    const event = eventOfType(scene, "refund.created")
    expect((await postEvent(scene, event)).status).toBe(503)
    store.tx = real
    expect(await listReversals(scene)).toEqual([])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
    expect((await postEvent(scene, event)).status).toBe(200)
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "0.00" })
  })
})

describe("a dispute", () => {
  test("takes when it opens, and gives back when it is won", async () => {
    await using scene = await openBought()
    const id = scene.control.openDispute(scene.intent)
    await scene.control.deliverPending()
    expect(takeEvents(scene)).toEqual(["notice-written", "payment-reversed"])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "0.00" })
    scene.control.closeDispute(id, "won")
    await scene.control.deliverPending()
    expect(takeEvents(scene)).toEqual(["notice-written", "reversal-returned"])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "10.00", cash: "0.00", debt: "0.00" })
  })

  test("that is lost stays taken", async () => {
    await using scene = await openBought()
    const id = scene.control.openDispute(scene.intent, 250)
    scene.control.closeDispute(id, "lost")
    await scene.control.deliverPending()
    expect(takeEvents(scene)).toEqual(["notice-written", "payment-reversed"])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "7.50" })
  })

  test("whose end is heard of before its beginning ends the same", async () => {
    await using scene = await openBought()
    const id = scene.control.openDispute(scene.intent)
    const opened = eventOfType(scene, "charge.dispute.created")
    scene.control.closeDispute(id, "won")
    expect((await postEvent(scene, eventOfType(scene, "charge.dispute.closed"))).status).toBe(200)
    expect((await postEvent(scene, opened)).status).toBe(200)
    expect(await listReversals(scene)).toMatchObject([{ id, state: "returned" }])
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "10.00" })
  })

  test("that is only an inquiry moves nothing", async () => {
    await using scene = await openBought()
    const id = scene.control.openDispute(scene.intent)
    const dispute = scene.control.objects.disputes.get(id)!
    for (const status of ["warning_needs_response", "warning_under_review", "warning_closed"] as const) {
      dispute.status = status
      expect(await applyDispute(scene.app, id)).toBe("unchanged")
    }
    expect(takeEvents(scene)).toEqual([])
    dispute.status = "under_review"
    expect(await applyDispute(scene.app, id)).toBe("taken")
  })

  test("of all after a refund of a part leaves a debt, which the next payment covers first", async () => {
    await using scene = await openBought()
    scene.control.refund(scene.intent, 300)
    scene.control.openDispute(scene.intent)
    await scene.control.deliverPending()
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "3.00" })
    await buy(scene, scene.customer)
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "7.00", cash: "0.00", debt: "0.00" })
  })
})

describe("what is not ours to reverse", () => {
  test("is ignored: another product's payment, a charge without a payment", async () => {
    await using scene = await openBought()
    const { api } = scene.app.payments.find()!
    const other = await api.paymentIntents.create({
      amount: 5000,
      currency: "usd",
      payment_method: "pm_card_visa",
      off_session: true,
      confirm: true,
    })
    const refund = scene.control.refund(other.id)
    const dispute = scene.control.openDispute(other.id)
    expect(await applyRefund(scene.app, refund)).toBe("unknown")
    expect(await applyDispute(scene.app, dispute)).toBe("unknown")
    scene.control.objects.refunds.get(refund)!.payment_intent = null
    expect(await applyRefund(scene.app, refund)).toBe("unknown")
    await scene.control.deliverPending()
    expect(takeEvents(scene)).toEqual([])
  })

  test("is a payment that did not match its order, until the operator accepts it", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await payCheckout(scene, customer)
    const intent = scene.stripe.control.objects.intents.get(paid.intent)!
    intent.amount_received = 900
    await scene.stripe.control.deliverPending()
    const refund = scene.stripe.control.refund(paid.intent, 100)
    expect(await applyRefund(scene.app, refund)).toBe("unknown")
    await runCommand(scene, "purchase accept", "--purchase", paid.purchase_id, "--intent", paid.intent)
    expect(await applyRefund(scene.app, refund)).toBe("taken")
    expect(await readWallets(scene, customer)).toMatchObject({ token: "9.00" })
  })
})

describe("of a plan payment that is not redeemed yet", () => {
  async function openRecorded() {
    const scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const paid = await payCheckout(scene, customer, { body: { packageId: "plus" } })
    const session = scene.stripe.control.objects.sessions.get(paid.session_id)!
    const link: Partial<Stripe.Checkout.Session> = {
      payment_link: "plink_1",
      metadata: { package_id: "plus" },
    }
    Object.assign(session, link)
    const forget = "UPDATE purchase SET stripe_session_id = NULL, state = 'failed' WHERE id = ?"
    await scene.app.store.tx(q => q.run(forget, paid.purchase_id))
    scene.stripe.control.objects.intents.get(paid.intent)!.metadata = {}
    await scene.stripe.control.deliverPending()
    takeEvents(scene)
    const redeem = () =>
      scene.send("/api/v1/wallet/top-up", { key: customer.key, body: { reference: paid.intent } })
    return { ...scene, ...paid, customer, redeem, control: scene.stripe.control }
  }

  test("a refund of all leaves nothing to redeem, and is undone with everything", async () => {
    await using scene = await openRecorded()
    const refund = scene.control.refund(scene.intent)
    expect(await applyRefund(scene.app, refund)).toBe("taken")
    expect(await applyRefund(scene.app, refund)).toBe("unchanged")
    expect(takeEvents(scene).filter(name => name !== "notice-written")).toEqual([
      "purchase-paid",
      "credit-posted",
      "payment-reversed",
    ])
    const answer = await scene.redeem()
    expect([answer.status, await answer.json()]).toMatchObject([409, { code: "already_redeemed" }])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
    scene.control.failRefund(refund)
    expect(await applyRefund(scene.app, refund)).toBe("returned")
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "26.00" })
  })

  test("a refund of a part leaves the rest to its customer, and what fails comes back", async () => {
    await using scene = await openRecorded()
    const refund = scene.control.refund(scene.intent, 500)
    await scene.control.deliverPending()
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "20.80" })
    scene.control.failRefund(refund)
    await scene.control.deliverPending()
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "26.00" })
  })

  test("a refund that failed before it was heard of changes nothing: it can still be redeemed", async () => {
    await using scene = await openRecorded()
    const refund = scene.control.refund(scene.intent)
    scene.control.failRefund(refund)
    await scene.control.deliverPending()
    expect(takeEvents(scene)).toEqual([])
    expect((await scene.redeem()).status).toBe(200)
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "26.00" })
  })

  test("a redemption between the look and the transaction is taken back all the same", async () => {
    await using scene = await openRecorded()
    const refund = scene.control.refund(scene.intent)
    const { store } = scene.app
    let is_first = true
    const tx: typeof store.tx = async job => {
      if (is_first) {
        is_first = false
        expect((await scene.redeem()).status).toBe(200)
      }
      return store.tx(job)
    }
    expect(await applyRefund({ ...scene.app, store: { ...store, tx } }, refund)).toBe("taken")
    expect(await readWallets(scene, scene.customer)).toMatchObject({ token: "0.00", debt: "0.00" })
  })

  test("a refund beside fifty redemptions takes once", async () => {
    await using scene = await openRecorded()
    const refund = scene.control.refund(scene.intent)
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        index % 5 === 0 ? applyRefund(scene.app, refund) : scene.redeem(),
      ),
    )
    expect(await listReversals(scene)).toMatchObject([{ id: refund, state: "taken" }])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
  })
})
