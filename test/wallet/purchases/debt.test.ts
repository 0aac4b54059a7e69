/** Debts: what a refund or dispute leaves owed, and that it is paid back, once, by what is paid in next. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { getBalances, setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import { collectDebt, thawWallet } from "../../../src/wallet/purchases/debt.ts"
import { type OrderBook, openOrderBook } from "../../support/order-book.ts"
import { checkPropertyAsync } from "../../support/property.ts"
import { transferOf } from "../../support/wallet.ts"

const EVERYTHING = 9e15

/** A customer who bought $10, used it up, and whose bank took the $10 back. */
async function openDebtor(): Promise<OrderBook> {
  const book = await openOrderBook()
  const { id } = await book.buy()
  await book.spend(EVERYTHING)
  await book.takeBack({ purchase_id: id, amount_cents: 1_000, kind: "dispute" })
  expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 1_000 })
  return book
}

const collect = (book: OrderBook, group_id = "later") =>
  book.store.tx(q => collectDebt(q, book.needs, { customer_id: "cus_1", group_id }))

/** Cash or credit that came another way than by a purchase. */
const give = (book: OrderBook, kind: "token" | "cash", cents: number) =>
  book.post([
    transferOf({
      id: `given ${kind}`,
      from: kind === "token" ? "system/issue_admin" : "system/issue_cash_admin",
      to: `cus_1/${kind}`,
      amount_nanos: (cents * 1e7) as never,
    }),
  ])

describe("a debt is collected", () => {
  test("from a package, whose credit pays it first", async () => {
    const book = await openDebtor()
    await book.buy({}, "plus")
    expect(await book.cents()).toEqual({ token: 1_600, cash: 0, debt: 0 })
    expect(await book.findings()).toEqual([])
  })

  test("in part from a smaller one, and the rest from the next", async () => {
    const book = await openDebtor()
    await book.buy({}, "starter")
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 500 })
    await book.buy({}, "standard")
    expect(await book.cents()).toEqual({ token: 500, cash: 0, debt: 0 })
    expect(await book.findings()).toEqual([])
  })

  test("from cash that is loaded", async () => {
    const book = await openDebtor()
    await book.buy({ kind: "cash-load", price_cents: 1_250 })
    expect(await book.cents()).toEqual({ token: 0, cash: 250, debt: 0 })
  })

  test("from the Cash Wallet before the Token Wallet, on both sides of the books", async () => {
    const book = await openDebtor()
    await give(book, "token", 5_000)
    await give(book, "cash", 400)
    await collect(book)
    expect(await book.cents()).toEqual({ token: 4_400, cash: 0, debt: 0 })
    expect(await book.transfers("later")).toEqual([
      "debt:later: cus_1/cash_debt > system/debt 10000000000",
      "debt:later:cash: cus_1/cash > system/sales_package 4000000000",
      "debt:later:token: cus_1/token > system/issue_package 6000000000",
    ])
    expect(await book.findings()).toEqual([])
  })

  test("not from a Token Wallet that is frozen", async () => {
    const book = await openDebtor()
    await book.store.tx(q => setFrozen(q, "cus_1", true))
    await book.buy()
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 1_000 })
    await give(book, "cash", 300)
    await collect(book)
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 700 })
  })

  test("from a Token Wallet that is thawed, once, and stays taken when it is frozen again", async () => {
    const book = await openDebtor()
    const freeze = () => book.store.tx(q => setFrozen(q, "cus_1", true))
    const thaw = () => book.store.tx(q => thawWallet(q, book.needs, "cus_1"))
    await freeze()
    await book.buy({}, "starter")
    expect(await book.cents()).toEqual({ token: 500, cash: 0, debt: 1_000 })
    await Promise.all(Array.from({ length: 50 }, thaw))
    expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 500 })
    await freeze()
    await book.buy()
    book.clock.advance(1)
    await thaw()
    expect(await book.cents()).toEqual({ token: 500, cash: 0, debt: 0 })
    expect(await book.allFindings()).toEqual([])
  })

  test("not by thawing a wallet that is not frozen", async () => {
    const book = await openDebtor()
    await give(book, "token", 300)
    await book.store.tx(q => thawWallet(q, book.needs, "cus_1"))
    expect(await book.cents()).toEqual({ token: 300, cash: 0, debt: 1_000 })
  })

  test("not from another customer", async () => {
    const book = await openDebtor()
    await book.buy({ customer_id: "cus_2" })
    expect(await book.cents("cus_2")).toEqual({ token: 1_000, cash: 0, debt: 0 })
    expect(await book.cents("cus_1")).toEqual({ token: 0, cash: 0, debt: 1_000 })
  })

  test("once for what brought the money, even when there is more to take by then", async () => {
    const book = await openDebtor()
    await give(book, "cash", 100)
    await collect(book)
    await collect(book)
    await give(book, "token", 1_000)
    await collect(book)
    expect(await book.cents()).toEqual({ token: 1_000, cash: 0, debt: 900 })
  })

  test("without a transfer where nothing is owed, or nothing is there", async () => {
    const book = await openOrderBook()
    await book.buy()
    await collect(book, "nothing owed")
    const debtor = await openDebtor()
    await collect(debtor, "nothing there")
    expect(await book.transfers("nothing owed")).toEqual([])
    expect(await debtor.transfers("nothing there")).toEqual([])
  })
})

test("what a bank takes beyond what is left of the price is owed", async () => {
  const book = await openOrderBook()
  const { id } = await book.buy()
  await book.takeBack({ purchase_id: id, amount_cents: 400 })
  expect(await book.cents()).toEqual({ token: 600, cash: 0, debt: 0 })
  await book.takeBack({ purchase_id: id, amount_cents: 1_000, kind: "dispute" })
  expect(await book.cents()).toEqual({ token: 0, cash: 0, debt: 400 })
  await book.buy()
  expect(await book.cents()).toEqual({ token: 600, cash: 0, debt: 0 })
  expect(await book.findings()).toEqual([])
})

type Step =
  | { kind: "buy"; package_id: string }
  | { kind: "load" | "spend"; cents: number }
  | { kind: "take"; at: number; cents: number; is_dispute: boolean }
  | { kind: "return"; at: number }

const cents = fc.integer({ min: 1, max: 6_000 })
const at = fc.nat(9)
const HISTORY: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("buy" as const),
      package_id: fc.constantFrom("starter", "standard", "plus", "pro"),
    }),
    fc.record({ kind: fc.constantFrom("load" as const, "spend" as const), cents }),
    fc.record({ kind: fc.constant("take" as const), at, cents, is_dispute: fc.boolean() }),
    fc.record({ kind: fc.constant("return" as const), at }),
  ),
  { maxLength: 25 },
)

describe("whatever is bought, spent, taken and given back", () => {
  test("no debt stands beside credit after a payment, and every repeat changes nothing", async () => {
    await checkPropertyAsync(import.meta.path, HISTORY, async history => {
      const book = await openOrderBook()
      const player = playerOf(book)
      for (const step of history) await player.play(step)
      expect(await book.findings()).toEqual([])
      const { debt } = await book.cents()
      expect(await debtInBooks(book)).toBe(debt)
      const before = await getBalances(book.store.read, "cus_1")
      await player.repeatAll()
      expect(await getBalances(book.store.read, "cus_1")).toEqual(before)
    })
  })
})

/** What the operator's side of the books says is owed, in cents. */
async function debtInBooks({ store }: OrderBook): Promise<number> {
  const row = await store.read.get<{ nanos: number }>(
    `SELECT coalesce(sum(iif(from_account = 'system/debt', amount_nanos, -amount_nanos)), 0) AS nanos
     FROM ledger_transfer WHERE 'system/debt' IN (from_account, to_account)`,
  )
  return row!.nanos / 1e7
}

/** Plays a history, looks at what each step may change, and can do all of it a second time. */
function playerOf(book: OrderBook) {
  const paid: string[] = []
  const reversals: Parameters<OrderBook["takeBack"]>[0][] = []
  const returned: string[] = []
  const worth = async () => {
    const { token, cash, debt } = await book.cents()
    return token + cash - debt
  }

  /** What comes in is worth what was bought: a debt that it pays is worth as much. */
  async function payIn(order: Parameters<OrderBook["buy"]>, gain_cents: number | undefined): Promise<void> {
    const before = await worth()
    const purchase = await book.buy(...order)
    paid.push(purchase.id)
    const gain = gain_cents ?? purchase.credit_nanos / 1e7
    expect((await worth()) - before).toBeCloseTo(gain, 6)
    const { token, cash, debt } = await book.cents()
    if (debt > 0) expect([token, cash]).toEqual([0, 0])
  }

  /** A bank never takes less than its money's worth, and no more than the credit and what exceeds the price. */
  async function take(step: Extract<Step, { kind: "take" }>): Promise<void> {
    const purchase_id = paid[step.at % Math.max(1, paid.length)]
    if (purchase_id === undefined) return
    const reversal_id = `re_${reversals.length}`
    const reversal = {
      reversal_id,
      purchase_id,
      amount_cents: step.cents,
      kind: step.is_dispute ? ("dispute" as const) : ("refund" as const),
    }
    const before = await worth()
    expect(await book.takeBack(reversal)).toBe("taken")
    reversals.push(reversal)
    const loss = before - (await worth())
    expect(loss).toBeGreaterThanOrEqual(step.cents - 1e-6)
    expect(loss).toBeLessThanOrEqual(step.cents * 1.06 + 1e-6)
  }

  async function giveBack(step: Extract<Step, { kind: "return" }>): Promise<void> {
    const reversal = reversals[step.at % Math.max(1, reversals.length)]
    if (!reversal) return
    const before = await worth()
    const was = returned.includes(reversal.reversal_id!)
    expect(await book.giveBack(reversal.reversal_id!)).toBe(was ? "returned-before" : "returned")
    if (was) expect(await worth()).toBe(before)
    else expect((await worth()) - before).toBeGreaterThanOrEqual(reversal.amount_cents - 1e-6)
    returned.push(reversal.reversal_id!)
  }

  return {
    async play(step: Step): Promise<void> {
      switch (step.kind) {
        case "buy":
          return payIn([{}, step.package_id], undefined)
        case "load":
          return payIn([{ kind: "cash-load", price_cents: step.cents }], step.cents)
        case "spend":
          return book.spend(step.cents * 1e7)
        case "take":
          return take(step)
        case "return":
          return giveBack(step)
      }
    },
    async repeatAll(): Promise<void> {
      for (const id of paid) expect(await book.pay(id)).toBe("credited-before")
      for (const reversal of reversals) expect(await book.takeBack(reversal)).toBe("taken-before")
      for (const id of returned) expect(await book.giveBack(id)).toBe("returned-before")
    },
  }
}
