/** Stripe's day beside our books: equal when all is well, and every planted difference found and named. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { post } from "../../../src/wallet/ledger/post.ts"
import { compareStripe } from "../../../src/wallet/reconcile/compare-stripe.ts"
import { dayAt } from "../../../src/wallet/reconcile/day.ts"
import { accountOf } from "../../support/payments.ts"
import { transferOf } from "../../support/wallet.ts"
import { linesOf, openStage, type Stage } from "./stage.ts"

const DAY_MS = 86_400_000
const TEN = 10_000_000_000

const compare = (stage: Stage, at = stage.clock.now()) =>
  compareStripe(stage.app, { account: accountOf(stage), day: dayAt(at) })

const objectsOf = (stage: Stage) => stage.stripe.control.objects
const chargeOf = (stage: Stage, intent: string) =>
  [...objectsOf(stage).charges.values()].find(charge => charge.payment_intent === intent)!
const entryOf = (stage: Stage, source: string) =>
  [...objectsOf(stage).balance_transactions.values()].find(one => one.source === source)!

/** Books a transfer that no payment explains. */
const book = (stage: Stage, id: string, way: { from: string; to: string }) =>
  stage.app.store.tx(q =>
    post(q, stage.clock.now(), [transferOf({ id, kind: "planted", amount_nanos: TEN as Nanos, ...way })]),
  )
const MONEY_IN = { from: "system/stripe_test", to: "system/sales_package" }
const MONEY_OUT = { from: "system/sales_package", to: "system/stripe_test" }

describe("books that agree", () => {
  test("have no difference: payments, refunds whole and failed, disputes lost and won; fees are noted", async () => {
    await using stage = await openStage()
    const { control } = stage.stripe
    const paid = [await stage.pay(), await stage.pay(), await stage.pay(), await stage.pay()]
    control.refund(paid[0]!.intent, 300)
    const failing = control.refund(paid[1]!.intent)
    await stage.deliver()
    control.failRefund(failing)
    control.openDispute(paid[2]!.intent)
    const won = control.openDispute(paid[3]!.intent)
    await stage.deliver()
    control.closeDispute(won, "won")
    await stage.deliver()
    const comparison = await compare(stage)
    expect(linesOf(comparison)).toEqual([])
    expect(comparison).toMatchObject({ source: "stripe", day: "2026-01-02", compared_count: 10 })
    // 4 × 10.00 − 3.00 − 10.00 + 10.00 − 10.00 − 10.00 + 10.00
    expect(comparison).toMatchObject({ ours_nanos: 2.7 * TEN, theirs_nanos: 2.7 * TEN })
    // 4 × 0.59 of payments, 2 × 15.00 of disputes.
    expect(comparison.fees).toEqual({ count: 6, nanos: 32_360_000_000 as Nanos })
  })

  test("are read over more pages than one", async () => {
    await using stage = await openStage()
    await stage.pay()
    for (let count = 0; count < 230; count++)
      stage.addEntry({ amount: 1, type: "charge", reporting_category: "charge", source: `ch_${count}` })
    const { compared_count, differences } = await compare(stage)
    expect(compared_count).toBe(231)
    expect(new Set(differences.map(({ key }) => key)).size).toBe(230)
  })

  test("agree about a payment at midnight, which is Stripe's of one day and ours of the next", async () => {
    await using stage = await openStage()
    stage.clock.advance(Date.UTC(2026, 0, 3) - 1 - stage.clock.now())
    const { intent } = await stage.pay({ is_credited: false })
    const refund = stage.stripe.control.refund(intent, 100)
    const dispute_of = await stage.pay({ is_credited: false })
    const dispute = stage.stripe.control.openDispute(dispute_of.intent)
    stage.clock.advance(1)
    await stage.deliver()
    await stage.pay()
    const [before, after] = [await compare(stage, stage.clock.now() - 1), await compare(stage)]
    expect([before, after].flatMap(linesOf)).toEqual([])
    expect([before, after].map(({ compared_count }) => compared_count)).toEqual([4, 1])
    expect(after.ours_nanos).toBe(TEN as Nanos)
    expect([refund, dispute]).toEqual([expect.stringMatching(/^re_/), expect.stringMatching(/^du_/)])
  })

  test("of a day without anything agree", async () => {
    await using stage = await openStage()
    await stage.pay()
    expect(await compare(stage, stage.clock.now() - DAY_MS)).toMatchObject({
      compared_count: 0,
      theirs_nanos: 0,
      differences: [],
    })
  })

  test("leave out the operator's own: payouts, top-ups, and fees that Stripe takes by themselves", async () => {
    await using stage = await openStage()
    stage.addEntry({ amount: -5_000, type: "payout", reporting_category: "payout", source: "po_1" })
    stage.addEntry({ amount: 700, type: "topup", reporting_category: "topup" })
    stage.addEntry({ amount: -250 })
    stage.addEntry({ amount: -99, currency: "eur" })
    const comparison = await compare(stage)
    expect(comparison).toMatchObject({ compared_count: 0, theirs_nanos: 0, differences: [] })
    expect(comparison.fees).toEqual({ count: 1, nanos: 2_500_000_000 as Nanos })
    expect(stage.logs.join("")).toContain('"fee":99,"currency":"eur"')
  })
})

describe("what Stripe has and we have not", () => {
  test("is a payment that was never credited, with what we know of it", async () => {
    await using stage = await openStage()
    const { intent, purchase_id } = await stage.pay({ is_credited: false })
    const comparison = await compare(stage)
    expect(linesOf(comparison)).toEqual([`${intent}: null / ${TEN}`])
    expect(comparison.differences[0]!.finding).toBe(
      `the payment ${intent} is not in our books: its purchase ${purchase_id} is open`,
    )
    expect(comparison).toMatchObject({ ours_nanos: 0, theirs_nanos: TEN })
    await stage.deliver()
    expect(linesOf(await compare(stage))).toEqual([])
  })

  test("is a payment of nobody we know, and one without a payment intent", async () => {
    await using stage = await openStage()
    const api = accountOf(stage).api
    const { id } = await api.paymentIntents.create({
      amount: 1_234,
      currency: "usd",
      payment_method: "pm_card_visa",
      confirm: true,
      return_url: "https://example.com",
    })
    const { intent } = await stage.pay()
    stage.addEntry({ amount: 50, type: "charge", reporting_category: "charge", source: "ch_gone" })
    const charge = chargeOf(stage, intent)
    charge.payment_intent = null
    const found = (await compare(stage)).differences.map(({ ref, finding }) => [ref, finding])
    expect(found).toContainEqual([id, `the payment ${id} is not in our books: no purchase was paid by ${id}`])
    expect(found).toContainEqual([
      "ch_gone",
      "a charge (ch_gone) is not in our books: it belongs to no payment",
    ])
    expect(found.map(([ref]) => ref)).toContain(charge.id)
    expect(found).toHaveLength(3)
  })

  test("is a refund, a dispute, and money of them that came back, whose news was lost", async () => {
    await using stage = await openStage()
    const { control } = stage.stripe
    const [one, two] = [await stage.pay(), await stage.pay()]
    const refund = control.refund(one.intent, 300)
    const dispute = control.openDispute(two.intent)
    control.closeDispute(dispute, "won")
    const comparison = await compare(stage)
    expect(linesOf(comparison)).toEqual(
      [`${dispute}: null / ${-TEN}`, `${dispute}: null / ${TEN}`, `${refund}: null / ${-0.3 * TEN}`].sort(),
    )
  })

  test("is a payment that the bank took back by itself", async () => {
    await using stage = await openStage()
    const { intent, purchase_id } = await stage.pay()
    const source = chargeOf(stage, intent).id
    stage.addEntry({
      amount: -1_000,
      type: "payment_failure_refund",
      reporting_category: "charge_failure",
      source,
    })
    const { differences } = await compare(stage)
    expect(differences.map(({ finding }) => finding)).toEqual([
      `a payment_failure_refund of the payment ${intent} is not in our books: it belongs to the purchase ${purchase_id}`,
    ])
  })

  test("is a payment that was flagged because it was not what was ordered", async () => {
    await using stage = await openStage()
    const { intent } = await stage.pay({ is_credited: false })
    objectsOf(stage).intents.get(intent)!.amount_received = 999
    await stage.deliver()
    const { differences } = await compare(stage)
    expect(differences[0]!.finding).toMatch(/is mismatch \(Payment pi_\w+: it is 999 cents/)
  })
})

describe("what we have and Stripe has not", () => {
  test.each([
    ["stripe:pi:pi_fake", MONEY_IN, `pi_fake: ${TEN} / null`, "Stripe does not know pi_fake"],
    ["stripe:refund:re_fake", MONEY_OUT, `re_fake: ${-TEN} / null`, "Stripe does not know re_fake"],
    ["stripe:dispute:du_fake", MONEY_OUT, `du_fake: ${-TEN} / null`, "Stripe does not know du_fake"],
    ["stripe:dispute:du_fake:returned", MONEY_IN, `du_fake: ${TEN} / null`, "Stripe does not know du_fake"],
    ["gift", MONEY_IN, `gift: ${TEN} / null`, "it names no payment, refund or dispute of Stripe's"],
  ])("is a transfer %s", async (id, way, line, why) => {
    await using stage = await openStage()
    await book(stage, id, way)
    const comparison = await compare(stage)
    expect(linesOf(comparison)).toEqual([line])
    expect(comparison.differences[0]!.finding).toBe(`the transfer ${id} is in our books, but ${why}`)
  })

  test("is a payment that is not paid, a refund that holds, and a dispute that was not won", async () => {
    await using stage = await openStage()
    const { control } = stage.stripe
    const one = await stage.pay()
    const two = await stage.pay()
    const refund = control.refund(one.intent)
    const dispute = control.openDispute(two.intent)
    await stage.deliver()
    const open = await stage.checkout(stage.customer.key)
    const setup = await accountOf(stage).api.paymentIntents.create({ amount: 900, currency: "usd" })
    await book(stage, `stripe:pi:${setup.id}`, MONEY_IN)
    await book(stage, `stripe:refund:${refund}:returned`, MONEY_IN)
    await book(stage, `stripe:dispute:${dispute}:returned`, MONEY_IN)
    const { differences } = await compare(stage)
    expect(differences.map(({ finding }) => finding.split(", but ")[1]).sort()).toEqual([
      `Stripe has no money of ${setup.id}, which is requires_payment_method`,
      "at Stripe the dispute is needs_response",
      "at Stripe the refund is succeeded, not undone",
    ])
    expect(open.purchase.state).toBe("open")
  })

  test("is not what was booked to another account: real money is none of the test mode's", async () => {
    await using stage = await openStage()
    await book(stage, "stripe:pi:pi_live", { from: "system/stripe", to: "system/sales_package" })
    expect(linesOf(await compare(stage))).toEqual([])
  })

  test("is not compared with another customer's plan payment that came another way", async () => {
    await using stage = await openStage()
    await book(stage, "plan:INV-1", { from: "system/plan_payments", to: "system/sales_package" })
    expect(linesOf(await compare(stage))).toEqual([])
  })
})

test("a payment that Stripe has without any money of it is one that it has not", async () => {
  await using stage = await openStage()
  const { intent } = await stage.pay()
  const charge = chargeOf(stage, intent)
  entryOf(stage, charge.id).created += DAY_MS / 1000
  expect(linesOf(await compare(stage))).toEqual([])
  charge.balance_transaction = null
  expect((await compare(stage)).differences.map(({ finding }) => finding)).toEqual([
    `the transfer stripe:pi:${intent} is in our books, but Stripe has no money of ${intent}, which is succeeded`,
  ])
})

test("Stripe is asked about nothing that its day has shown", async () => {
  await using stage = await openStage()
  for (let count = 0; count < 3; count++) await stage.pay()
  const account = accountOf(stage)
  const refuse = () => Promise.reject(new Error("asked again"))
  account.api.paymentIntents.retrieve = refuse
  const day = dayAt(stage.clock.now())
  expect(await compareStripe(stage.app, { account, day })).toMatchObject({ compared_count: 3 })
})

describe("what both have, but not the same", () => {
  test("is an amount", async () => {
    await using stage = await openStage()
    const { intent } = await stage.pay()
    const charge = chargeOf(stage, intent)
    charge.amount = 1_200
    entryOf(stage, charge.id).amount = 1_200
    const comparison = await compare(stage)
    expect(linesOf(comparison)).toEqual([`${intent}: ${TEN} / ${1.2 * TEN}`])
    expect(comparison.differences[0]!.finding).toBe(
      `the payment ${intent} is $12.00 at Stripe, and was booked with $10.00`,
    )
  })

  test("is a currency, booked or not", async () => {
    await using stage = await openStage()
    const [booked, unbooked] = [await stage.pay(), await stage.pay({ is_credited: false })]
    for (const { intent } of [booked, unbooked]) {
      const charge = chargeOf(stage, intent)
      charge.currency = "eur"
      entryOf(stage, charge.id).currency = "eur"
    }
    const comparison = await compare(stage)
    expect(linesOf(comparison)).toEqual(
      [`${booked.intent}: ${TEN} / null`, `${unbooked.intent}: null / null`].sort(),
    )
    expect(comparison.differences.map(({ finding }) => finding).sort()).toEqual(
      [
        `the payment ${booked.intent} is 1000 of the smallest unit of eur, not usd, and was booked with $10.00`,
        `the payment ${unbooked.intent} is 1000 of the smallest unit of eur, not usd: its purchase ${unbooked.purchase_id} is open`,
      ].sort(),
    )
    expect(comparison).toMatchObject({ ours_nanos: TEN, theirs_nanos: 0 })
  })

  test("is not the currency in which the account is kept", async () => {
    await using stage = await openStage()
    const { intent } = await stage.pay()
    const entry = entryOf(stage, chargeOf(stage, intent).id)
    Object.assign(entry, { currency: "cad", amount: 1_370, exchange_rate: 1.37 })
    const comparison = await compare(stage)
    expect(comparison).toMatchObject({ theirs_nanos: TEN, differences: [] })
    // A fee in another currency is no amount in USD.
    expect(comparison.fees).toEqual({ count: 0, nanos: 0 as Nanos })
  })

  test("is money that moved twice for what was booked once", async () => {
    await using stage = await openStage()
    const { intent } = await stage.pay()
    const source = chargeOf(stage, intent).id
    stage.addEntry({ amount: 1_000, type: "charge", reporting_category: "charge", source })
    expect(linesOf(await compare(stage))).toEqual([`${intent}: null / ${TEN}`])
  })
})

test("a live account is compared with real money", async () => {
  await using stage = await openStage({ is_live: true })
  await stage.pay()
  expect(await compare(stage)).toMatchObject({ compared_count: 1, ours_nanos: TEN, differences: [] })
})
