/** Doors at which Stripe's news arrive: however many tell of the same, and from however many sides. */
import type Stripe from "stripe"
import { runAutoTopup } from "../../src/wallet/auto-topup/run.ts"
import { sweepPayments } from "../../src/wallet/stripe/sweep.ts"
import type { TestCustomer } from "../support/app.ts"
import {
  buy,
  eventOfType,
  type PaymentScene,
  payCheckout,
  postEvent,
  readWallets,
} from "../support/payments.ts"
import {
  addCustomers,
  ask,
  countAnswers,
  countRows,
  crowd,
  type Door,
  expectSame,
  readMoved,
} from "./race.ts"

const HOUR_MS = 3_600_000

/** Stripe's news of the last moments, which nobody has delivered. */
const newsOf = ({ stripe }: PaymentScene, type: string, object_id: string) =>
  [...stripe.control.objects.events.values()].filter(
    event => event.type === type && (event.data.object as { id?: string }).id === object_id,
  )

/** One paid page: the customer, Stripe and the sweeper all come with it. */
const confirm: Door = {
  name: "confirm, webhook and sweep",
  open: async scene => async hall => {
    // What was swept before is not swept again.
    scene.clock.advance(3 * HOUR_MS)
    const [customer] = await addCustomers(scene, 1)
    const { session_id } = await payCheckout(scene, customer!)
    scene.clock.advance(HOUR_MS)
    const [event] = newsOf(scene, "checkout.session.completed", session_id)
    const path = "/api/v1/wallet/stripe/confirm"
    const answers = await crowd(hall, async number => {
      if (number % 25 === 24) return sweepPayments(scene.app).then(() => "200")
      if (number % 2 === 0) return ask(scene, path, { key: customer!.key, body: { sessionId: session_id } })
      return String((await postEvent(scene, event!)).status)
    })
    expectSame("answers", countAnswers(answers), { 200: hall.width })
    expectSame("credited", await readMoved(scene, customer!, "package_credit"), { count: 1, cents: 1_000 })
  },
}

/** A customer with a payment that is credited. */
async function addPayer(scene: PaymentScene): Promise<{ customer: TestCustomer; intent: string }> {
  const [customer] = await addCustomers(scene, 1)
  const { intent } = await buy(scene, customer!)
  return { customer: customer!, intent }
}

/** One refund, told of as often. */
const refund: Door = {
  name: "refund",
  open: async scene => async hall => {
    const { customer, intent } = await addPayer(scene)
    const cents = hall.random.between(1, 1_000)
    const id = scene.stripe.control.refund(intent, cents)
    const [event] = newsOf(scene, "refund.created", id)
    const answers = await crowd(hall, async () => String((await postEvent(scene, event!)).status))
    expectSame("answers", countAnswers(answers), { 200: hall.width })
    expectSame("taken", await readMoved(scene, customer, "refund_credit"), { count: 1, cents })
    expectSame("rows", await countRows(scene, "reversal WHERE id = ?", id), 1)
  },
}

/** One dispute that is opened and won: both news at once, and again. */
const dispute: Door = {
  name: "dispute won",
  open: async scene => async hall => {
    const { customer, intent } = await addPayer(scene)
    const id = scene.stripe.control.openDispute(intent)
    const [opened] = newsOf(scene, "charge.dispute.created", id)
    const early = hall.random.chance(0.5) ? [opened!] : []
    for (const event of early) await postEvent(scene, event)
    scene.stripe.control.closeDispute(id, "won")
    const [closed] = newsOf(scene, "charge.dispute.closed", id)
    const answers = await crowd(hall, async number =>
      String((await postEvent(scene, number % 2 === 0 ? opened! : closed!)).status),
    )
    expectSame("answers", countAnswers(answers), { 200: hall.width })
    expectSame("taken", await readMoved(scene, customer, "dispute_credit"), { count: 1, cents: 1_000 })
    const returned = await readMoved(scene, customer, "dispute_credit_returned")
    expectSame("returned", returned, { count: 1, cents: 1_000 })
  },
}

/** One low balance, and as many passes of auto-topup. */
const topUp: Door = {
  name: "auto-topup",
  open: async scene => async hall => {
    const [customer] = await addCustomers(scene, 1)
    const { id, key } = customer!
    const body = { enabled: true, thresholdUsd: "5.00", packageId: "standard" }
    const { setupUrl } = await scene.sendJson<{ setupUrl: string }>("/api/v1/wallet/auto-topup", {
      key,
      body,
    })
    await scene.stripe.control.pay(setupUrl.split("/").at(-1)!, { card: "pays" })
    await postEvent(scene, eventOfType(scene, "checkout.session.completed"))
    await crowd(hall, () => runAutoTopup(scene.app))
    expectSame("wallets", await readWallets(scene, customer!), { token: "10.00", cash: "0.00", debt: "0.00" })
    expectSame("charges", await countRows(scene, "auto_topup_job WHERE customer_id = ?", id), 1)
    const own = [...scene.stripe.control.objects.intents.values()].filter(
      (intent: Stripe.PaymentIntent) => intent.metadata.customer_id === id,
    )
    expectSame("charged", own.length, 1)
  },
}

export const PAYMENT_DOORS: readonly Door[] = [confirm, refund, dispute, topUp]
