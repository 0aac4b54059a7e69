/** What is offered, as our API shows it: enabled packages in the operator's order, and how they are paid. */
import { expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { readOffers, toApiPackage } from "../../../src/wallet/offers/offer-view.ts"
import { createStripeAccount } from "../../../src/wallet/stripe/account.ts"
import { openTestOffers } from "../../support/offers.ts"

const STRIPE = { secret_key: "sk_test_1", webhook_secrets: [], base_url: "http://127.0.0.1:1" }

test("a package is shown exactly, to the nano", () => {
  const offer = {
    id: "x",
    label: "X",
    price_cents: 1_005,
    credit_nanos: 10_050_000_001 as Nanos,
    vip_days: 3,
  }
  expect(toApiPackage({ ...offer, position: 1, is_enabled: true })).toEqual({
    id: "x",
    label: "X",
    priceUsd: "10.05",
    creditUsd: "10.050000001",
    vipDays: 3,
  })
})

test("disabled packages are not offered; an empty list is one", async () => {
  const { store } = await openTestOffers()
  const payments = { find: () => undefined }
  await store.tx(q => q.run("UPDATE package_offer SET is_enabled = 0 WHERE id <> 'vip-30'"))
  const { packages } = await readOffers({ store, payments })
  expect(packages).toEqual([
    { id: "vip-30", label: "VIP, 30 days", priceUsd: "20.00", creditUsd: "20.00", vipDays: 30 },
  ])
  await store.tx(q => q.run("UPDATE package_offer SET is_enabled = 0"))
  expect(await readOffers({ store, payments })).toEqual({ packages: [], payments: "none" })
})

test.each([
  ["demo", { is_demo: true }],
  ["stripe", { is_demo: false }],
] as const)("payments are %s with such an account", async (payments, options) => {
  const { store } = await openTestOffers()
  const account = createStripeAccount(STRIPE, options)
  expect(await readOffers({ store, payments: { find: () => account } })).toMatchObject({ payments })
})
