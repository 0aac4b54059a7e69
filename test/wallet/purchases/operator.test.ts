/** The operator's view of purchases, and what becomes of one whose payment did not match. */
import { describe, expect, test } from "bun:test"
import { acceptMismatch, listPurchases } from "../../../src/wallet/purchases/operator.ts"
import { type OrderBook, openOrderBook } from "../../support/order-book.ts"

const accept = (book: OrderBook, purchase_id: string, intent = "pi_1") =>
  acceptMismatch(book.needs, { purchase_id, intent })

test("purchases are listed newest first, of one customer, in one state, so many", async () => {
  const { open, pay, end, clock, store } = await openOrderBook()
  const ids: string[] = []
  for (const customer_id of ["cus_1", "cus_2", "cus_1", "cus_2"]) {
    clock.advance(1)
    ids.push((await open({ customer_id })).id)
  }
  const [first, second, third, fourth] = ids as [string, string, string, string]
  await pay(first)
  await end(second, "mismatch")
  const list = async (asked: Partial<Parameters<typeof listPurchases>[1]>) => {
    const rows = await listPurchases(store.read, { customer_id: null, state: null, limit: 50, ...asked })
    return rows.map(row => row.id)
  }
  expect(await list({})).toEqual([fourth, third, second, first])
  expect(await list({ customer_id: "cus_1" })).toEqual([third, first])
  expect(await list({ state: "open" })).toEqual([fourth, third])
  expect(await list({ state: "mismatch", customer_id: "cus_2" })).toEqual([second])
  expect(await list({ state: "mismatch", customer_id: "cus_1" })).toEqual([])
  expect(await list({ limit: 1 })).toEqual([fourth])
})

describe("accepting a mismatch", () => {
  /** A purchase of $10 with a bonus, whose payment was found not to match. */
  async function openMismatch() {
    const book = await openOrderBook()
    const { code } = await book.createCode({ percent: 10 })
    const { id } = await book.open({ code })
    await book.end(id, "mismatch", "it is 900 cents, ordered were 1000")
    book.heard.length = 0
    return { book, id, code }
  }

  test("credits it as it was ordered, with the bonus whose use it kept", async () => {
    const { book, id, code } = await openMismatch()
    expect(await accept(book, id)).toMatchObject({
      id,
      state: "paid",
      failure: null,
      stripe_payment_intent: "pi_1",
    })
    expect(await book.cents()).toEqual({ token: 1_100, cash: 0, debt: 0 })
    expect(await book.transfers(id)).toEqual([
      `code:${code}:cus_1: system/issue_bonus > cus_1/token 1000000000`,
      "stripe:pi:pi_1: system/stripe > system/sales_package 10000000000",
      "stripe:pi:pi_1:credit: system/issue_package > cus_1/token 10000000000",
    ])
    const actors = await book.store.read.all("SELECT DISTINCT actor FROM ledger_transfer")
    expect(actors).toEqual([{ actor: "admin:cli" }])
    expect(book.heard.map(event => event.split(" ")[0]).toSorted()).toEqual([
      "credit-posted",
      "notice-written",
      "purchase-paid",
    ])
    expect(await book.findings()).toEqual([])
  })

  test("does not use a code a second time: while it waits, its use stands", async () => {
    const book = await openOrderBook()
    const { code } = await book.createCode({ percent: 10, max_use_count: 1 })
    const { id } = await book.open({ code })
    await book.end(id, "mismatch", "it is 900 cents, ordered were 1000")
    await expect(book.open({ code })).rejects.toMatchObject({ reason: "unprocessable" })
    await accept(book, id)
    expect(await book.cents()).toEqual({ token: 1_100, cash: 0, debt: 0 })
    expect(await book.findings()).toEqual([])
  })

  test("fifty times at once credits it once, and says what the others found", async () => {
    const { book, id } = await openMismatch()
    const accepted = await Promise.allSettled(Array.from({ length: 50 }, () => accept(book, id)))
    const refused = accepted.filter(one => one.status === "rejected")
    expect(refused).toHaveLength(49)
    for (const { reason } of refused) {
      expect(reason).toMatchObject({
        reason: "conflict",
        message: `${id} is paid, not mismatch: there is nothing to accept.`,
      })
    }
    expect(await book.cents()).toEqual({ token: 1_100, cash: 0, debt: 0 })
  })

  test("can come after the payment page expired, when something was paid after all", async () => {
    const book = await openOrderBook()
    const { id } = await book.open()
    await book.end(id, "expired")
    await book.end(id, "mismatch", "it is in eur, not usd")
    await accept(book, id)
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 0 })
  })

  test("is refused for an order in any other state", async () => {
    const book = await openOrderBook()
    const open = await book.open()
    const expired = await book.open()
    await book.end(expired.id, "expired")
    for (const { id } of [open, expired])
      await expect(accept(book, id)).rejects.toMatchObject({ reason: "conflict" })
    await expect(accept(book, "ord_nobody")).rejects.toMatchObject({ reason: "not_found" })
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
  })

  test("is refused with a payment that has paid for another one", async () => {
    const { book, id } = await openMismatch()
    const other = await book.buy({ customer_id: "cus_2" })
    const refused = accept(book, id, `pi_${other.id}`)
    await expect(refused).rejects.toThrow(`pi_${other.id} has paid for ${other.id}.`)
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
  })

  test.each(["", "1", "cs_test_1", "pi_", "pi_1 ", "pi_1\n", "pi_'--"])(
    "is refused with %j, which is no payment of Stripe's",
    async intent => {
      const { book, id } = await openMismatch()
      await expect(accept(book, id, intent)).rejects.toMatchObject({
        reason: "invalid",
        detail: { field: "intent" },
      })
      expect(
        await listPurchases(book.store.read, { customer_id: null, state: "mismatch", limit: 9 }),
      ).toHaveLength(1)
    },
  )
})
