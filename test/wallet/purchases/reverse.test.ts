/** What refunds and disputes take, to the cent, and what comes back: tables to check by eye, then random histories. */
import { describe, expect, test } from "bun:test"
import { openOrderBook } from "../../support/order-book.ts"
import { createTestRandom } from "../../support/random.ts"

const CENT = 10_000_000
const DAY_MS = 86_400_000

describe("a reversal takes what was given, from where it is, the rest as a debt", () => {
  interface Row {
    name: string
    /** `plus` costs 2500 and gives 2600; a number loads so much cash. */
    buys: string | number
    spends?: number
    has_cash?: number
    takes: number[]
    leaves: { token: number; cash: number; debt: number }
  }
  const rows: Row[] = [
    { name: "all of it, untouched", buys: "plus", takes: [2500], leaves: { token: 0, cash: 0, debt: 0 } },
    { name: "a part, in proportion", buys: "plus", takes: [1250], leaves: { token: 1300, cash: 0, debt: 0 } },
    {
      name: "parts that add up to all",
      buys: "plus",
      takes: [1, 999, 1500],
      leaves: { token: 0, cash: 0, debt: 0 },
    },
    {
      name: "all, after a part was spent",
      buys: "plus",
      spends: 600,
      takes: [2500],
      leaves: { token: 0, cash: 0, debt: 600 },
    },
    {
      name: "all, after all was spent: no more than the money",
      buys: "plus",
      spends: 2600,
      takes: [2500],
      leaves: { token: 0, cash: 0, debt: 2500 },
    },
    {
      name: "a part, which what is left covers",
      buys: "plus",
      spends: 1300,
      takes: [1250],
      leaves: { token: 0, cash: 0, debt: 0 },
    },
    {
      name: "from the Cash Wallet, before it is owed",
      buys: "plus",
      spends: 2600,
      has_cash: 1000,
      takes: [2500],
      leaves: { token: 0, cash: 0, debt: 1500 },
    },
    {
      name: "not from the Cash Wallet while there is credit",
      buys: "plus",
      has_cash: 1000,
      takes: [2500],
      leaves: { token: 0, cash: 1000, debt: 0 },
    },
    {
      name: "more than is left of the price: the excess is owed",
      buys: "plus",
      takes: [1000, 2500],
      leaves: { token: 0, cash: 0, debt: 1000 },
    },
    {
      name: "more than the price at once",
      buys: "plus",
      takes: [3000],
      leaves: { token: 0, cash: 0, debt: 500 },
    },
    {
      name: "again, when nothing is left at all",
      buys: "plus",
      takes: [2500, 2500],
      leaves: { token: 0, cash: 0, debt: 2500 },
    },
    { name: "cash, untouched", buys: 2000, takes: [500, 1500], leaves: { token: 0, cash: 0, debt: 0 } },
  ]
  for (const { name, buys, spends = 0, has_cash = 0, takes, leaves } of rows)
    test(name, async () => {
      const book = await openOrderBook()
      const { id: purchase_id } =
        typeof buys === "string"
          ? await book.buy({}, buys)
          : await book.buy({ kind: "cash-load", price_cents: buys })
      if (has_cash > 0) await book.buy({ kind: "cash-load", price_cents: has_cash })
      await book.spend(spends * CENT)
      for (const amount_cents of takes)
        expect(await book.takeBack({ purchase_id, amount_cents })).toBe("taken")
      expect(await book.cents()).toEqual(leaves)
      expect(await book.findings()).toEqual([])
    })

  test("nothing is taken from a frozen wallet, nor from what is held: it is owed", async () => {
    const book = await openOrderBook()
    const { id: purchase_id } = await book.buy()
    await book.store.tx(q => q.run("UPDATE ledger_account SET is_frozen = 1 WHERE id = 'cus_1/token'"))
    await book.takeBack({ purchase_id, amount_cents: 400 })
    expect(await book.cents()).toEqual({ token: 1000, cash: 0, debt: 400 })
    expect(await book.findings()).toEqual([])
  })
})

describe("a reversal is booked", () => {
  test("on both sides, under its own id, once, with a notice", async () => {
    const book = await openOrderBook()
    const { id } = await book.buy()
    await book.spend(400 * CENT)
    const taken = { purchase_id: id, amount_cents: 1000, reversal_id: "re_1" }
    book.heard.length = 0
    const results = await Promise.all(Array.from({ length: 50 }, () => book.takeBack(taken)))
    expect(results.filter(result => result === "taken")).toHaveLength(1)
    expect(book.heard.map(one => one.split(" ")[0]!)).toEqual(["notice-written", "payment-reversed"])
    expect((await book.transfers(id)).filter(one => one.startsWith("stripe:refund"))).toEqual([
      `stripe:refund:re_1: system/sales_package > system/stripe ${1000 * CENT}`,
      `stripe:refund:re_1:debt: system/debt > cus_1/cash_debt ${400 * CENT}`,
      `stripe:refund:re_1:token: cus_1/token > system/issue_package ${600 * CENT}`,
    ])
    const notice = await book.store.read.get("SELECT subject, body FROM inbox_message WHERE kind = 'refund'")
    expect(notice).toEqual({
      subject: "Refund of $10.00",
      body: `The refund re_1 of purchase ${id} is $10.00. It took back $6.00 of Token Wallet credit. You owe $4.00, which your next payment covers first.`,
    })
  })

  test("and not at all for a purchase that is not paid", async () => {
    const book = await openOrderBook()
    const { id: purchase_id } = await book.open()
    await expect(book.takeBack({ purchase_id, amount_cents: 1000 })).rejects.toThrow("is not paid")
    expect(await book.store.read.all("SELECT id FROM reversal")).toEqual([])
  })

  test("of a VIP plan takes the days when the whole price has gone back, and returns them", async () => {
    const book = await openOrderBook()
    const { id: purchase_id } = await book.buy({}, "vip-30")
    const readVip = () => book.vipUntil()
    const until = await readVip()
    await book.takeBack({ purchase_id, amount_cents: 1999, reversal_id: "re_1" })
    expect(await readVip()).toBe(until)
    await book.takeBack({ purchase_id, amount_cents: 1, reversal_id: "re_2" })
    expect(await readVip()).toBeNull()
    await book.giveBack("re_1")
    expect(await readVip()).toBe(until)
    await book.giveBack("re_2")
    expect(await readVip()).toBe(until)
    expect(await book.allFindings()).toEqual([])
  })

  test("of a VIP plan gives back the time that it took, not what was used before", async () => {
    const book = await openOrderBook()
    const start = book.clock.now()
    const { id: purchase_id, price_cents: amount_cents } = await book.buy({}, "vip-30")
    const taken = { purchase_id, amount_cents, kind: "dispute" as const }
    book.clock.advance(29 * DAY_MS)
    await book.takeBack({ ...taken, reversal_id: "du_1" })
    expect(await book.vipUntil()).toBeNull()
    await book.giveBack("du_1")
    expect(await book.vipUntil()).toBe(start + 30 * DAY_MS)
    book.clock.advance(DAY_MS)
    await book.takeBack({ ...taken, reversal_id: "du_2" })
    await book.giveBack("du_2")
    expect(await book.vipUntil()).toBeNull()
    expect(await book.allFindings()).toEqual([])
  })

  test("of a VIP plan takes its days once, whichever of several reversals is returned first", async () => {
    const book = await openOrderBook()
    const { id: purchase_id, price_cents: price } = await book.buy({}, "vip-30")
    await book.buy({}, "vip-30")
    const both = await book.vipUntil()
    const one = both! - 30 * DAY_MS
    const steps: [step: () => Promise<unknown>, until: number | null][] = [
      [() => book.takeBack({ purchase_id, amount_cents: price, reversal_id: "re_1" }), one],
      [() => book.takeBack({ purchase_id, amount_cents: price, reversal_id: "du_1", kind: "dispute" }), one],
      [() => book.giveBack("re_1"), one],
      [() => book.giveBack("du_1"), both],
      [() => book.takeBack({ purchase_id, amount_cents: price, reversal_id: "re_2" }), one],
      [() => book.giveBack("re_2"), both],
    ]
    for (const [step, until] of steps) {
      await step()
      expect(await book.vipUntil()).toBe(until)
      expect(await book.allFindings()).toEqual([])
    }
  })
})

describe("what is returned", () => {
  test("is exactly what was taken, once, from credit, cash and debt", async () => {
    const book = await openOrderBook()
    const { id: purchase_id } = await book.buy()
    await book.buy({ kind: "cash-load", price_cents: 100 })
    await book.spend(500 * CENT)
    await book.takeBack({ purchase_id, amount_cents: 1000, reversal_id: "du_1", kind: "dispute" })
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 400 })
    book.heard.length = 0
    const results = await Promise.all(Array.from({ length: 50 }, () => book.giveBack("du_1")))
    expect(results.filter(result => result === "returned")).toHaveLength(1)
    expect(book.heard.map(one => one.split(" ")[0]!)).toEqual(["notice-written", "reversal-returned"])
    expect(await book.cents()).toEqual({ token: 500, cash: 100, debt: 0 })
    expect(await book.findings()).toEqual([])
  })

  test("of a debt that was collected meanwhile is credit where credit paid it, and cash where cash did", async () => {
    for (const bought of ["package", "cash"] as const)
      for (const [pays, leaves] of [
        [{ package_id: "plus" }, { token: 2600, cash: 0, debt: 0 }],
        [{ price_cents: 2600 }, { token: 0, cash: 2600, debt: 0 }],
      ] as const) {
        const book = await openOrderBook()
        const is_load = bought === "cash"
        const { id: purchase_id } = await book.buy(is_load ? { kind: "cash-load", price_cents: 1000 } : {})
        if (is_load) await book.buyWithCash("standard")
        await book.spend(1000 * CENT)
        await book.takeBack({ purchase_id, amount_cents: 1000, reversal_id: "re_1" })
        expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 1000 })
        if ("package_id" in pays) await book.buy({}, pays.package_id)
        else await book.buy({ kind: "cash-load", ...pays })
        await book.giveBack("re_1")
        expect(await book.cents()).toEqual(leaves)
        expect(await book.allFindings()).toEqual([])
      }
  })

  test("is never cash for credit that was given: of two debts the credit that paid comes back first", async () => {
    const book = await openOrderBook()
    const owe = async (reversal_id: string) => {
      const { id: purchase_id } = await book.buy({ kind: "cash-load", price_cents: 1000 })
      await book.buyWithCash("standard")
      await book.spend(1000 * CENT)
      await book.takeBack({ purchase_id, amount_cents: 1000, reversal_id })
    }
    await owe("du_1")
    await book.buy({ kind: "cash-load", price_cents: 1000 })
    await owe("du_2")
    await book.buy()
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 0 })
    await book.giveBack("du_1")
    expect(await book.cents()).toEqual({ token: 1000, cash: 0, debt: 0 })
    await book.giveBack("du_2")
    expect(await book.cents()).toEqual({ token: 1000, cash: 1000, debt: 0 })
    expect(await book.allFindings()).toEqual([])
  })

  test("is nothing for what nobody took", async () => {
    const book = await openOrderBook()
    expect(await book.giveBack("re_none")).toBe("unknown")
  })
})

describe("random histories", () => {
  /** Purchases, spending of credit and cash, partial refunds, disputes and their returns, in any order. */
  async function live(seed: number) {
    const book = await openOrderBook()
    const random = createTestRandom(seed)
    const int = (below: number) => ((random(1)[0]! << 8) | random(1)[0]!) % below
    const purchases: { id: string; price_cents: number; taken_cents: number }[] = []
    const taken: { reversal_id: string; purchase: (typeof purchases)[number]; cents: number }[] = []
    for (let step = 0; step < 40; step++) {
      book.clock.advance(1)
      const what = int(5)
      const purchase = purchases[int(Math.max(1, purchases.length))]
      if (what === 0 || !purchase) {
        const is_cash = int(3) === 0
        const { id, price_cents } = is_cash
          ? await book.buy({ kind: "cash-load", price_cents: 500 + int(2000) })
          : await book.buy({}, ["starter", "plus", "pro"][int(3)])
        purchases.push({ id, price_cents, taken_cents: 0 })
      } else if (what === 1) {
        // Cash too, where it reaches.
        for (let count = int(4); count > 0; count--) await book.buyWithCash("starter").catch(() => {})
        await book.spend(int(5000) * CENT + int(1000))
      } else if (what < 4) {
        const cents = Math.min(purchase.price_cents - purchase.taken_cents, 1 + int(purchase.price_cents))
        if (cents === 0) continue
        const reversal_id = `re_${step}`
        await book.takeBack({ purchase_id: purchase.id, amount_cents: cents, reversal_id })
        purchase.taken_cents += cents
        taken.push({ reversal_id, purchase, cents })
      } else {
        const [back] = taken.splice(int(Math.max(1, taken.length)), 1)
        if (!back) continue
        await book.giveBack(back.reversal_id)
        back.purchase.taken_cents -= back.cents
      }
    }
    return { book, purchases, taken }
  }

  test("keep every law, and what has not gone back is what Stripe has", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { book, purchases } = await live(seed)
      expect({ seed, findings: await book.allFindings() }).toEqual({ seed, findings: [] })
      const kept = purchases.reduce((sum, one) => sum + one.price_cents - one.taken_cents, 0)
      const row = await book.store.read.get<{ nanos: number }>(
        `SELECT sum(CASE WHEN from_account = 'system/stripe' THEN amount_nanos ELSE -amount_nanos END) AS nanos
         FROM ledger_transfer WHERE 'system/stripe' IN (from_account, to_account)`,
      )
      expect({ seed, cents: (row!.nanos ?? 0) / CENT }).toEqual({ seed, cents: kept })
    }
  })

  test("after which everything that was taken is returned leave nobody in debt", async () => {
    for (let seed = 100; seed <= 130; seed++) {
      const { book, taken } = await live(seed)
      for (const { reversal_id } of taken) await book.giveBack(reversal_id)
      expect({ seed, debt: (await book.cents()).debt }).toEqual({ seed, debt: 0 })
      expect({ seed, findings: await book.allFindings() }).toEqual({ seed, findings: [] })
    }
  })
})
