/** What a refund or dispute of a cash load takes of what its cash bought, and what comes back. */
import { describe, expect, test } from "bun:test"
import { setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import { thawWallet } from "../../../src/wallet/purchases/debt.ts"
import { openOrderBook } from "../../support/order-book.ts"

const CENT = 10_000_000

describe("cash that was loaded and spent", () => {
  /** $320 of cash, for most of which VIP and a package with a bonus were bought. */
  async function openSpent() {
    const book = await openOrderBook()
    const load = await book.buy({ kind: "cash-load", price_cents: 32_000 })
    const vip = await book.buyWithCash("vip-365")
    book.clock.advance(1)
    const team = await book.buyWithCash("team")
    expect(await book.cents()).toEqual({ token: 31_000, cash: 2_000, debt: 0 })
    return { book, load, vip, team }
  }

  test("takes what it bought with it, bonus and VIP days too, and brings it back", async () => {
    const { book, load, team } = await openSpent()
    const until = await book.vipUntil()
    book.heard.length = 0
    const taken = {
      purchase_id: load.id,
      amount_cents: 32_000,
      kind: "dispute" as const,
      reversal_id: "du_1",
    }
    const results = await Promise.all(Array.from({ length: 50 }, () => book.takeBack(taken)))
    expect(results.filter(result => result === "taken")).toHaveLength(1)
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
    expect(await book.vipUntil()).toBeNull()
    expect(await book.transfers(team.id)).toContain(
      `stripe:dispute:du_1:${team.id}: system/sales_package > cus_1/cash ${10_000 * CENT}`,
    )
    expect(book.heard.filter(one => !one.startsWith("vip-extended")).map(one => one.split(" ")[0]!)).toEqual([
      "notice-written",
      "payment-reversed",
      "payment-reversed",
      "payment-reversed",
    ])
    const notice = await book.store.read.get<{ body: string }>(
      "SELECT body FROM inbox_message WHERE kind = 'dispute'",
    )
    expect(notice!.body).toContain("$300.00 of it you had spent from your Cash Wallet")
    expect(await book.allFindings()).toEqual([])

    const back = await Promise.all(Array.from({ length: 50 }, () => book.giveBack("du_1")))
    expect(back.filter(result => result === "returned")).toHaveLength(1)
    expect(await book.cents()).toEqual({ token: 31_000, cash: 2_000, debt: 0 })
    expect(await book.vipUntil()).toBe(until)
    expect(await book.allFindings()).toEqual([])
  })

  test("is taken out of the newest purchases first, no more of them than is missing", async () => {
    const { book, load, vip, team } = await openSpent()
    const until = await book.vipUntil()
    await book.takeBack({ purchase_id: load.id, amount_cents: 7_000, reversal_id: "re_1" })
    expect(await book.cents()).toEqual({ token: 25_500, cash: 0, debt: 0 })
    await book.takeBack({ purchase_id: load.id, amount_cents: 6_000, reversal_id: "re_2" })
    expect(await book.cents()).toEqual({ token: 19_000, cash: 0, debt: 0 })
    expect(await book.vipUntil()).toBe(until)
    const rows = await book.store.read.all(
      "SELECT purchase_id, amount_cents FROM reversal WHERE id LIKE '%:%' ORDER BY id",
    )
    expect(rows).toEqual([
      { purchase_id: team.id, amount_cents: 5_000 },
      { purchase_id: vip.id, amount_cents: 1_000 },
      { purchase_id: team.id, amount_cents: 5_000 },
    ])
    await book.giveBack("re_1")
    await book.giveBack("re_2")
    expect(await book.cents()).toEqual({ token: 31_000, cash: 2_000, debt: 0 })
    expect(await book.allFindings()).toEqual([])
  })

  test("and used up is owed, at its price and not with its bonus", async () => {
    const { book, load } = await openSpent()
    await book.spend(31_000 * CENT)
    await book.takeBack({ purchase_id: load.id, amount_cents: 32_000, reversal_id: "du_1" })
    expect(await book.vipUntil()).toBeNull()
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 30_000 })
    await book.buy({}, "standard")
    await book.giveBack("du_1")
    expect(await book.cents()).toEqual({ token: 1_000, cash: 2_000, debt: 0 })
    expect(await book.allFindings()).toEqual([])
  })

  test("is not looked for where the cash is still there, nor at another customer", async () => {
    const { book, load } = await openSpent()
    await book.buy({ kind: "cash-load", price_cents: 32_000 })
    await book.takeBack({ purchase_id: load.id, amount_cents: 32_000 })
    expect((await book.cents()).token).toBe(31_000)
    const other = await book.buy({ kind: "cash-load", price_cents: 500, customer_id: "cus_2" })
    await book.buyWithCash("starter", "cus_2")
    await book.takeBack({ purchase_id: other.id, amount_cents: 500 })
    expect(await book.cents("cus_2")).toEqual({ token: 0, cash: 0, debt: 0 })
    expect((await book.cents()).token).toBe(31_000)
    expect(await book.allFindings()).toEqual([])
  })

  test("from a frozen wallet is owed, and taken when it is thawed", async () => {
    const { book, load } = await openSpent()
    await book.store.tx(q => setFrozen(q, "cus_1", true))
    await book.takeBack({ purchase_id: load.id, amount_cents: 32_000, reversal_id: "du_1" })
    expect(await book.cents()).toEqual({ token: 31_000, cash: 0, debt: 30_000 })
    await book.store.tx(q => thawWallet(q, book.needs, "cus_1"))
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 0 })
    expect(await book.allFindings()).toEqual([])
  })
})
