/** A purchase as our API shows it: exact amounts, and nothing of Stripe's or the operator's. */
import { expect, test } from "bun:test"
import { Value } from "@sinclair/typebox/value"
import { PurchaseView, toApiPurchase } from "../../../src/wallet/purchases/purchase-view.ts"
import { getPurchase } from "../../../src/wallet/purchases/purchases.ts"
import { openOrderBook } from "../../support/order-book.ts"

test("a paid package shows its price, the credit with the bonus, and the code as it was given", async () => {
  const { open, pay, createCode, store, clock } = await openOrderBook()
  const { code } = await createCode({ percent: 7 })
  const { id } = await open({ code, is_live: false }, "vip-30")
  clock.advance(1_000)
  await pay(id)
  const shown = toApiPurchase(await getPurchase(store.read, id))
  expect(shown).toEqual({
    id,
    kind: "package",
    packageId: "vip-30",
    state: "paid",
    priceUsd: "20.00",
    creditUsd: "21.40",
    bonusUsd: "1.40",
    vipDays: 30,
    code: code.replace(/.{4}(?=.)/g, "$&-"),
    isTest: true,
    createdAt: "2026-01-02T03:04:05.000Z",
    paidAt: "2026-01-02T03:04:06.000Z",
  })
  expect(JSON.stringify(shown)).not.toContain("pi_")
})

test("an open cash load shows no package, no code and no time of payment", async () => {
  const { open } = await openOrderBook()
  expect(toApiPurchase(await open({ kind: "cash-load", price_cents: 1 }))).toMatchObject({
    kind: "cash-load",
    packageId: null,
    state: "open",
    priceUsd: "0.01",
    creditUsd: "0.00",
    bonusUsd: "0.00",
    code: null,
    isTest: false,
    paidAt: null,
  })
})

test("every kind and state is as the schema says", async () => {
  const { open, buy, end } = await openOrderBook()
  const failed = await open()
  await end(failed.id, "failed")
  const purchases = [
    failed,
    await buy(),
    await open({ kind: "cash-load", price_cents: 500 }),
    await open({ kind: "plan-payment", reference: "INV-1" }),
    await open({ kind: "auto-topup" }),
  ]
  // Elysia adds formats; the pattern and the types are what is looked at here.
  for (const purchase of purchases) {
    const wrong = [...Value.Errors(PurchaseView, toApiPurchase(purchase))]
    expect(wrong.filter(error => !error.message.includes("format"))).toEqual([])
  }
})
