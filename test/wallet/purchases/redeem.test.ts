/** Plan payments and packages from the Cash Wallet: recorded, redeemed and bought once, or nothing at all. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import { getPurchase, type Purchase } from "../../../src/wallet/purchases/purchases.ts"
import { buyWithCash, recordPlanPayment, redeemPlanPayment } from "../../../src/wallet/purchases/redeem.ts"
import { type OrderBook, openOrderBook } from "../../support/order-book.ts"
import { checkPropertyAsync } from "../../support/property.ts"

const asItIs = async (_: unknown, purchase: Purchase) => purchase

const record = async (book: OrderBook, reference = "INV-1", package_id = "standard") =>
  recordPlanPayment(book.needs, { customer_id: "cus_1", offer: await book.offerOf(package_id), reference })

const redeem = (book: OrderBook, customer_id = "cus_1", reference = "INV-1") =>
  redeemPlanPayment(book.needs, { customer_id, reference }, asItIs)

const buy = (book: OrderBook, package_id = "standard", code?: string) =>
  buyWithCash(book.needs, { customer_id: "cus_1", package_id, code }, asItIs)

describe("recording a plan payment", () => {
  test("moves nothing: it waits for its customer", async () => {
    const book = await openOrderBook()
    expect(await record(book)).toMatchObject({
      kind: "plan-payment",
      state: "open",
      reference: "INV-1",
      price_cents: 1_000,
      is_live: 1,
      stripe_payment_intent: null,
    })
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
    expect(book.heard).toEqual(["purchase-opened cus_1 ord_1"])
  })

  test("under a known reference is a conflict, and changes nothing", async () => {
    const book = await openOrderBook()
    const first = await record(book)
    await expect(record(book, "INV-1", "team")).rejects.toMatchObject({
      reason: "conflict",
      detail: { code: "reference_known", field: "reference" },
    })
    expect(await getPurchase(book.store.read, first.id)).toEqual(first)
  })

  test.each(["", " ", " INV-1", "INV-1 ", "INV\n1", "a\u0000b", "x".repeat(129)])(
    "refuses the reference %j, which its customer could not send",
    async reference => {
      const book = await openOrderBook()
      await expect(record(book, reference)).rejects.toMatchObject({
        reason: "invalid",
        detail: { field: "reference" },
      })
      expect(await book.store.read.all("SELECT id FROM purchase")).toEqual([])
    },
  )

  test.each(["x", "Überweisung 12/2026", "x".repeat(128), "'; DROP TABLE purchase; --"])(
    "takes the reference %j, and its customer redeems it",
    async reference => {
      const book = await openOrderBook()
      await record(book, reference)
      expect(await redeem(book, "cus_1", reference)).toMatchObject({ state: "paid", reference })
    },
  )
})

describe("redeeming a plan payment", () => {
  test("credits it, with its VIP days, from the operator's plan payments", async () => {
    const book = await openOrderBook()
    const { id } = await record(book, "INV-1", "vip-30")
    book.heard.length = 0
    expect(await redeem(book)).toMatchObject({ id, state: "paid", paid_at: book.clock.now() })
    expect(await book.cents()).toEqual({ token: 2_000, cash: 0, debt: 0 })
    expect(await book.transfers(id)).toEqual([
      "plan:INV-1: system/plan_payments > system/sales_package 20000000000",
      "plan:INV-1:credit: system/issue_package > cus_1/token 20000000000",
    ])
    const vip_until = book.clock.now() + 30 * 86_400_000
    expect(book.heard.toSorted()).toEqual([
      "credit-posted cus_1 plan:INV-1",
      expect.stringMatching(/^notice-written cus_1 msg_\d+ receipt$/),
      "purchase-paid cus_1 ord_1",
      `vip-extended cus_1 ${vip_until}`,
    ])
    expect(await book.findings()).toEqual([])
  })

  test("of a payment link takes the money from Stripe", async () => {
    const book = await openOrderBook()
    const { id } = await book.open({
      kind: "plan-payment",
      reference: "pi_7",
      intent: "pi_7",
      is_live: false,
    })
    await redeem(book, "cus_1", "pi_7")
    expect((await book.transfers(id))[0]).toBe(
      "stripe:pi:pi_7: system/stripe_test > system/sales_package 10000000000",
    )
  })

  test("is refused in the same words for an unknown reference and another customer's", async () => {
    const book = await openOrderBook()
    await record(book)
    const refusalOf = (customer_id: string, reference: string) =>
      redeem(book, customer_id, reference).catch(({ reason, message, detail }) => ({
        reason,
        message,
        detail,
      }))
    const foreign = await refusalOf("cus_2", "INV-1")
    expect(foreign).toMatchObject({
      reason: "not_found",
      detail: { code: "unknown_reference", field: "reference" },
    })
    expect(await refusalOf("cus_1", "INV-2")).toEqual(foreign)
    expect(await refusalOf("cus_1", "inv-1")).toEqual(foreign)
    expect(await book.cents("cus_2")).toEqual({ token: 0, cash: 0, debt: 0 })
  })

  test("is refused when it ended meanwhile, and says why", async () => {
    const book = await openOrderBook()
    const { id } = await record(book)
    await book.end(id, "failed", "it was refunded")
    await expect(redeem(book)).rejects.toMatchObject({
      reason: "conflict",
      message: "This plan payment cannot be redeemed: it was refunded.",
      detail: { code: "not_redeemable", field: "reference" },
    })
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
  })

  test("a hundred rounds of fifty at once credit it once", async () => {
    const book = await openOrderBook()
    for (let round = 1; round <= 100; round++) {
      await record(book, `INV-${round}`, "starter")
      const redeemed = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) =>
          redeem(book, index % 2 === 0 ? "cus_1" : "cus_2", `INV-${round}`),
        ),
      )
      const refused = redeemed.filter(one => one.status === "rejected").map(one => one.reason.detail.code)
      expect(refused.toSorted()).toEqual([
        ...Array(24).fill("already_redeemed"),
        ...Array(25).fill("unknown_reference"),
      ])
    }
    expect(await book.cents()).toEqual({ token: 50_000, cash: 0, debt: 0 })
    expect(await book.cents("cus_2")).toEqual({ token: 0, cash: 0, debt: 0 })
    expect(await book.findings()).toEqual([])
  })

  test("is undone with what is answered: a failure there leaves it to be redeemed", async () => {
    const book = await openOrderBook()
    await record(book)
    const failing = redeemPlanPayment(book.needs, { customer_id: "cus_1", reference: "INV-1" }, async () => {
      throw new Error("the disk is full")
    })
    await expect(failing).rejects.toThrow("the disk is full")
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
    await redeem(book)
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 0 })
  })
})

describe("buying with cash", () => {
  const load = (book: OrderBook, price_cents: number) => book.buy({ kind: "cash-load", price_cents })

  test("with cash of a test payment is a test purchase, as its statement says", async () => {
    const book = await openOrderBook()
    await load(book, 2_000)
    expect((await buy(book, "starter")).is_live).toBe(1)
    await book.buy({ kind: "cash-load", price_cents: 2_000, is_live: false })
    expect((await buy(book, "starter")).is_live).toBe(0)
    expect(await book.findings()).toEqual([])
  })

  test("moves the price and the credit with the bonus in one transaction", async () => {
    const book = await openOrderBook()
    const { code } = await book.createCode({ percent: 20 })
    await load(book, 6_000)
    const purchase = await buy(book, "pro", code)
    expect(purchase).toMatchObject({ kind: "cash-purchase", state: "paid", bonus_nanos: 10_600_000_000 })
    expect(await book.cents()).toEqual({ token: 6_360, cash: 1_000, debt: 0 })
    expect(await book.transfers(purchase.id)).toEqual([
      `code:${code}:cus_1: system/issue_bonus > cus_1/token 10600000000`,
      `package:${purchase.id}: cus_1/cash > system/sales_package 50000000000`,
      `package:${purchase.id}:credit: system/issue_package > cus_1/token 53000000000`,
    ])
    expect(await book.findings()).toEqual([])
  })

  test("is refused with what there is and what is missing, and neither order nor use of the code stays", async () => {
    const book = await openOrderBook()
    const { code } = await book.createCode({ max_use_count: 1 })
    await load(book, 999)
    book.heard.length = 0
    await expect(buy(book, "standard", code)).rejects.toMatchObject({
      reason: "payment_required",
      detail: { code: "insufficient_cash", extra: { availableUsd: "9.99", requiredUsd: "10.00" } },
    })
    expect(await book.cents()).toEqual({ token: 0, cash: 999, debt: 0 })
    expect(await book.store.read.all("SELECT id FROM purchase WHERE kind = 'cash-purchase'")).toEqual([])
    expect(await book.store.read.all("SELECT * FROM code_use")).toEqual([])
    expect(book.heard).toEqual([])
  })

  test("refuses a package that is not offered and a code that does not fit, before it looks at the cash", async () => {
    const book = await openOrderBook()
    await expect(buy(book, "gold")).rejects.toMatchObject({
      detail: { code: "unknown_package", field: "packageId" },
    })
    await expect(buy(book, "standard", "nothing")).rejects.toMatchObject({
      detail: { code: "code_unknown", field: "code" },
    })
  })

  test("works while the Token Wallet is frozen: credit still comes in", async () => {
    const book = await openOrderBook()
    await load(book, 1_000)
    await book.store.tx(q => setFrozen(q, "cus_1", true))
    await buy(book)
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 0 })
  })

  test("fifty at once buy as much as the cash reaches for", async () => {
    const book = await openOrderBook()
    for (let round = 1; round <= 20; round++) {
      await load(book, 7_400)
      const bought = await Promise.allSettled(Array.from({ length: 50 }, () => buy(book)))
      expect(bought.filter(one => one.status === "fulfilled")).toHaveLength(7)
      await load(book, 600)
      await buy(book)
      expect(await book.cents()).toEqual({ token: round * 8_000, cash: 0, debt: 0 })
    }
    expect(await book.findings()).toEqual([])
  })
})

type Step = { kind: "load"; cents: number } | { kind: "buy"; package_id: string; has_code: boolean }

test("whatever is loaded and bought, cash is exactly what came in less the prices, and never below nothing", async () => {
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("load" as const), cents: fc.integer({ min: 1, max: 9_000 }) }),
      fc.record({
        kind: fc.constant("buy" as const),
        package_id: fc.constantFrom("starter", "standard", "plus", "vip-30"),
        has_code: fc.boolean(),
      }),
    ),
    { maxLength: 30 },
  )
  await checkPropertyAsync(import.meta.path, steps, async history => {
    const book = await openOrderBook()
    const { code } = await book.createCode({ percent: 10, max_use_count_per_customer: 1_000 })
    let cash = 0
    let token = 0
    for (const step of history) {
      if (step.kind === "load") {
        await book.buy({ kind: "cash-load", price_cents: step.cents })
        cash += step.cents
        continue
      }
      const offer = await book.offerOf(step.package_id)
      const order = buy(book, offer.id, step.has_code ? code : undefined)
      if (cash < offer.price_cents) {
        await expect(order).rejects.toMatchObject({ reason: "payment_required" })
        continue
      }
      const { bonus_nanos } = await order
      cash -= offer.price_cents
      token += (offer.credit_nanos + bonus_nanos) / 1e7
    }
    expect(await book.cents()).toEqual({ token, cash, debt: 0 })
    expect(await book.findings()).toEqual([])
  })
})
