/** The order book: what an opened purchase holds, and the only ways in which one ends. */
import { describe, expect, test } from "bun:test"
import { type Nanos, ZERO } from "../../../src/wallet/ledger/nanos.ts"
import { setPackage } from "../../../src/wallet/offers/packages.ts"
import {
  findPurchase,
  findPurchaseByIntent,
  findPurchaseBySession,
  getPurchase,
  setSession,
} from "../../../src/wallet/purchases/purchases.ts"
import { START_AT } from "../../support/clock.ts"
import { openOrderBook } from "../../support/order-book.ts"

describe("an opened purchase", () => {
  test("holds price, credit and VIP days of its package, and moves no money", async () => {
    const { open, heard, cents, transfers } = await openOrderBook()
    const purchase = await open({}, "vip-30")
    expect(purchase).toEqual({
      id: "ord_1",
      customer_id: "cus_1",
      kind: "package",
      package_id: "vip-30",
      price_cents: 2_000,
      credit_nanos: 20_000_000_000 as Nanos,
      bonus_nanos: ZERO,
      vip_days: 30,
      code: null,
      state: "open",
      failure: null,
      is_live: 1,
      stripe_session_id: null,
      stripe_payment_intent: null,
      card_fingerprint: null,
      reference: null,
      created_at: START_AT,
      paid_at: null,
    })
    expect(heard).toEqual(["purchase-opened cus_1 ord_1"])
    expect(await cents()).toEqual({ token: 0, cash: 0, debt: 0 })
    expect(await transfers("ord_1")).toEqual([])
  })

  test("of cash has a price and no credit", async () => {
    const { open } = await openOrderBook()
    const purchase = await open({ kind: "cash-load", price_cents: 2_550, is_live: false })
    expect(purchase).toMatchObject({ package_id: null, price_cents: 2_550, credit_nanos: 0, is_live: 0 })
  })

  test("keeps what was ordered when the operator changes the package", async () => {
    const { open, pay, offerOf, store, cents } = await openOrderBook()
    const { id } = await open()
    const offer = await offerOf("standard")
    await store.tx(q => setPackage(q, START_AT, { ...offer, credit_nanos: 1 as Nanos, is_enabled: false }))
    await pay(id)
    expect(await cents()).toEqual({ token: 1_000, cash: 0, debt: 0 })
  })

  test("takes one use of its code and keeps the bonus it promises", async () => {
    const { open, createCode, store } = await openOrderBook()
    const { code } = await createCode({ percent: 15 })
    const purchase = await open({ code: code.toLowerCase() })
    expect(purchase).toMatchObject({ code, bonus_nanos: 1_500_000_000 })
    expect(await store.read.all("SELECT code, purchase_id FROM code_use")).toEqual([
      { code, purchase_id: "ord_1" },
    ])
  })

  test("is not written when its code is refused, and nobody hears of it", async () => {
    const { open, store, heard } = await openOrderBook()
    await expect(open({ code: "nothing" })).rejects.toMatchObject({ detail: { code: "code_unknown" } })
    expect(await store.read.all("SELECT id FROM purchase")).toEqual([])
    expect(heard).toEqual([])
  })
})

describe("a reference", () => {
  const order = { kind: "plan-payment", reference: "INV-1" } as const

  test("is recorded once, whoever it is for", async () => {
    const { open, store } = await openOrderBook()
    await open(order)
    for (const customer_id of ["cus_1", "cus_2"]) {
      await expect(open({ ...order, customer_id })).rejects.toMatchObject({
        reason: "conflict",
        detail: { code: "reference_known", field: "reference" },
      })
    }
    expect(await store.read.all("SELECT customer_id FROM purchase")).toEqual([{ customer_id: "cus_1" }])
  })

  test("of a payment link is known by its payment too: the second one is a conflict, not a failure", async () => {
    const { open } = await openOrderBook()
    const by_link = { ...order, reference: "pi_1", intent: "pi_1" }
    await open(by_link)
    await expect(open(by_link)).rejects.toMatchObject({ detail: { code: "reference_known" } })
  })

  test("recorded fifty times at once is recorded once", async () => {
    const { open, store } = await openOrderBook()
    const opened = await Promise.allSettled(Array.from({ length: 50 }, () => open(order)))
    expect(opened.filter(one => one.status === "fulfilled")).toHaveLength(1)
    expect(await store.read.all("SELECT id FROM purchase")).toHaveLength(1)
  })
})

describe("ending a purchase", () => {
  test("keeps why, gives the code back, and is told", async () => {
    const { open, end, createCode, store, heard } = await openOrderBook()
    const { code } = await createCode({ max_use_count: 1 })
    const { id } = await open({ code })
    heard.length = 0
    expect(await end(id, "expired", "nobody paid")).toBe(true)
    expect(await getPurchase(store.read, id)).toMatchObject({
      state: "expired",
      failure: "nobody paid",
      code,
    })
    expect(await store.read.all("SELECT * FROM code_use")).toEqual([])
    expect(heard).toEqual(["purchase-ended cus_1 ord_1 expired"])
  })

  /** What is there, what is said of it, and whether that changes anything. */
  const cases: ["paid" | "expired" | "failed" | "mismatch", "expired" | "failed" | "mismatch", boolean][] = [
    ["paid", "expired", false],
    ["paid", "failed", false],
    ["paid", "mismatch", false],
    ["expired", "expired", false],
    ["expired", "failed", false],
    ["failed", "expired", false],
    ["mismatch", "expired", false],
    ["mismatch", "mismatch", false],
    ["expired", "mismatch", true],
    ["failed", "mismatch", true],
  ]
  test.each(cases)("that is %s, as %s: %p", async (before, after, is_changed) => {
    const { open, pay, end, store, heard } = await openOrderBook()
    const { id } = await open()
    if (before === "paid") await pay(id)
    else await end(id, before)
    heard.length = 0
    expect(await end(id, after, "later")).toBe(is_changed)
    const purchase = await getPurchase(store.read, id)
    expect(purchase.state).toBe(is_changed ? after : before)
    expect(purchase.failure === "later").toBe(is_changed)
    expect(heard).toEqual(is_changed ? [`purchase-ended cus_1 ${id} ${after}`] : [])
  })

  test("that does not exist is not found", async () => {
    const { end } = await openOrderBook()
    await expect(end("ord_nobody", "failed")).rejects.toMatchObject({ reason: "not_found" })
  })
})

test("a purchase is found by its id, its session and its payment", async () => {
  const { open, pay, store } = await openOrderBook()
  const { read } = store
  const { id } = await open()
  expect(await store.tx(q => setSession(q, id, "cs_1"))).toBe(1)
  expect((await findPurchaseBySession(read, "cs_1"))?.id).toBe(id)
  expect(await findPurchaseByIntent(read, "pi_1")).toBeUndefined()
  await pay(id, "pi_1")
  expect((await findPurchaseByIntent(read, "pi_1"))?.id).toBe(id)
  expect(await findPurchase(read, "ord_nobody")).toBeUndefined()
  expect(await findPurchaseBySession(read, "cs_2")).toBeUndefined()
  await expect(getPurchase(read, "ord_nobody")).rejects.toMatchObject({ reason: "not_found" })
})

test("the session of a purchase that has ended is not changed any more", async () => {
  const { open, end, store } = await openOrderBook()
  const { id } = await open()
  await store.tx(q => setSession(q, id, "cs_1"))
  await end(id, "expired")
  expect(await store.tx(q => setSession(q, id, "cs_2"))).toBe(0)
  expect((await getPurchase(store.read, id)).stripe_session_id).toBe("cs_1")
})
