/** What a paid purchase gives: its transfers to the nano, once, with all that follows from it, or nothing at all. */
import { describe, expect, test } from "bun:test"
import { creditPurchase } from "../../../src/wallet/purchases/credit.ts"
import { openOrderBook } from "../../support/order-book.ts"

const CENT = 10_000_000

describe("the transfers of a paid purchase", () => {
  test("by Stripe: the money to the sales, the credit to the wallet, in both ledgers", async () => {
    const book = await openOrderBook()
    const { id } = await book.open({}, "plus")
    expect(await book.pay(id, "pi_1")).toBe("credited")
    expect(await book.transfers(id)).toEqual([
      `stripe:pi:pi_1: system/stripe > system/sales_package ${2500 * CENT}`,
      `stripe:pi:pi_1:credit: system/issue_package > cus_1/token ${2600 * CENT}`,
    ])
    expect(await book.findings()).toEqual([])
  })

  test("by Stripe's test mode: the money that was none is booked apart", async () => {
    const book = await openOrderBook()
    const { id } = await book.buy({ is_live: false })
    const [payment] = await book.transfers(id)
    expect(payment).toStartWith(`stripe:pi:pi_${id}: system/stripe_test > `)
  })

  test("of cash: only the Cash Wallet", async () => {
    const book = await openOrderBook()
    const { id } = await book.buy({ kind: "cash-load", price_cents: 1234 })
    expect(await book.transfers(id)).toEqual([
      `stripe:pi:pi_${id}: system/stripe > cus_1/cash ${1234 * CENT}`,
    ])
    expect(await book.cents()).toEqual({ token: 0, cash: 1234, debt: 0 })
  })

  test("with a code: the bonus under the code's own id, from the second use on with its number", async () => {
    const book = await openOrderBook()
    const { code } = await book.createCode({ max_use_count_per_customer: 2 })
    for (const number of ["", ":2"]) {
      const { id } = await book.buy({ code })
      expect(await book.transfers(id)).toContain(
        `code:${code}:cus_1${number}: system/issue_bonus > cus_1/token ${100 * CENT}`,
      )
    }
    expect(await book.findings()).toEqual([])
  })

  test("with a code that was given back before the money came: what was promised is credited all the same", async () => {
    const book = await openOrderBook()
    const { code } = await book.createCode()
    const { id } = await book.open({ code })
    await book.end(id, "expired")
    expect(await book.pay(id)).toBe("credited")
    expect(await book.transfers(id)).toContain(
      `code:${code}:cus_1:late:${id}: system/issue_bonus > cus_1/token ${100 * CENT}`,
    )
    await book.buy({ code })
    expect(await book.cents()).toEqual({ token: 2200, cash: 0, debt: 0 })
    expect(await book.findings()).toEqual([])
  })
})

describe("what follows from it", () => {
  test("events, a receipt and the state, in that transaction", async () => {
    const book = await openOrderBook()
    const { id } = await book.open({}, "vip-30")
    book.heard.length = 0
    await book.pay(id, "pi_1")
    const names = book.heard.map(one => one.split(" ")[0]!)
    expect(names).toEqual(["vip-extended", "notice-written", "purchase-paid", "credit-posted"])
    const message = await book.store.read.get("SELECT kind, key, subject, body FROM inbox_message")
    expect(message).toEqual({
      kind: "receipt",
      key: `receipt:${id}`,
      subject: "Receipt: $20.00",
      body: expect.stringContaining("It gave you $20.00 of Token Wallet credit and 30 days of VIP Priority"),
    })
    const row = await book.store.read.get(
      "SELECT state, failure, paid_at, stripe_payment_intent FROM purchase",
    )
    expect(row).toEqual({
      state: "paid",
      failure: null,
      paid_at: book.clock.now(),
      stripe_payment_intent: "pi_1",
    })
  })

  test("a debt is collected before the rest is the customer's", async () => {
    const book = await openOrderBook()
    const first = await book.buy()
    await book.spend(800 * CENT)
    await book.takeBack({ purchase_id: first.id, amount_cents: 1000 })
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 800 })
    await book.buy({ kind: "cash-load", price_cents: 500 })
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 300 })
    await book.buy()
    expect(await book.cents()).toEqual({ token: 700, cash: 0, debt: 0 })
    expect(await book.findings()).toEqual([])
  })

  test("VIP days are added to what is left", async () => {
    const book = await openOrderBook()
    await book.buy({}, "vip-30")
    await book.buy({}, "vip-30")
    const row = await book.store.read.get("SELECT vip_until FROM customer WHERE id = 'cus_1'")
    expect(row).toEqual({ vip_until: book.clock.now() + 60 * 86_400_000 })
  })
})

describe("once", () => {
  test("a repeat changes nothing, whatever it says, and fifty at once credit once", async () => {
    const book = await openOrderBook()
    const { id } = await book.open()
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => book.pay(id, `pi_${index % 3}`)),
    )
    expect(results.filter(result => result === "credited")).toHaveLength(1)
    expect(await book.cents()).toEqual({ token: 1000, cash: 0, debt: 0 })
    expect(await book.store.read.all("SELECT stripe_payment_intent AS intent FROM purchase")).toEqual([
      { intent: "pi_0" },
    ])
  })

  test("one payment does not pay for two purchases, and leaves the second as it was", async () => {
    const book = await openOrderBook()
    const [first, second] = [await book.open(), await book.open({}, "plus")]
    await book.pay(first.id, "pi_1")
    await expect(book.pay(second.id, "pi_1")).rejects.toThrow("UNIQUE")
    expect(await book.store.read.get("SELECT state FROM purchase WHERE id = ?", second.id)).toEqual({
      state: "open",
    })
    expect(await book.cents()).toEqual({ token: 1000, cash: 0, debt: 0 })
  })
})

describe("is refused whole", () => {
  test("when the cash does not cover the package: it says how much there is", async () => {
    const book = await openOrderBook()
    await book.buy({ kind: "cash-load", price_cents: 999 })
    const { id } = await book.open({ kind: "cash-purchase" })
    const paid = { purchase_id: id, paid_at: 0, actor: "customer:cus_1" }
    const error = await book.store.tx(q => creditPurchase(q, book.needs, paid)).catch(error => error)
    expect(error).toMatchObject({
      reason: "payment_required",
      detail: { code: "insufficient_cash", extra: { availableUsd: "9.99", requiredUsd: "10.00" } },
    })
    expect(await book.cents()).toEqual({ token: 0, cash: 999, debt: 0 })
    expect(await book.transfers(id)).toEqual([])
    const row = await book.store.read.get("SELECT state FROM purchase WHERE id = ?", id)
    expect(row).toEqual({ state: "open" })
  })

  test("when the wallet would hold more than a wallet may", async () => {
    const book = await openOrderBook()
    const offer = { ...(await book.offerOf("team")), credit_nanos: 9_000_000_000_000_000 as never }
    const vast = await book.open({ offer })
    await book.pay(vast.id)
    const { id } = await book.open()
    await expect(book.pay(id)).rejects.toMatchObject({ reason: "conflict", detail: { code: "wallet_full" } })
    expect(await book.transfers(id)).toEqual([])
    expect(await book.findings()).toEqual([])
  })
})
