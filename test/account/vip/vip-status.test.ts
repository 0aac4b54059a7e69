/** VIP Priority: until when, and which purchases or gifts it comes from, also after refunds, gaps and late credit. */
import { describe, expect, test } from "bun:test"
import { getVipStatus } from "../../../src/account/vip/vip-status.ts"
import { setVipUntil } from "../../../src/auth/customers.ts"
import { findPackage, seedPackages, setPackage } from "../../../src/wallet/offers/packages.ts"
import { creditPurchase } from "../../../src/wallet/purchases/credit.ts"
import { openPurchase } from "../../../src/wallet/purchases/purchases.ts"
import { DAY_MS, openRewardStage } from "../../support/rewards.ts"

async function open() {
  const stage = await openRewardStage()
  const { store, needs, clock } = stage
  await seedPackages(stage.needs)
  let intent_count = 0
  return {
    ...stage,
    /** Buys 30 days of VIP Priority; the payment may have come earlier than its credit. */
    buyVip: (customer_id = "cus_1", paid_at = clock.now()) =>
      store.tx(async q => {
        const offer = (await findPackage(q, "vip-30"))!
        const opened = await openPurchase(q, needs, { customer_id, kind: "package", is_live: true, offer })
        const payment = { intent: `pi_vip_${++intent_count}`, card_fingerprint: null }
        await creditPurchase(q, needs, { purchase_id: opened.id, paid_at, actor: "stripe", payment })
        return opened.id
      }),
    status: (customer_id = "cus_1") => getVipStatus(needs, customer_id),
    reasons: async (customer_id = "cus_1") =>
      (await getVipStatus(needs, customer_id)).reasons.map(one => one.purchaseId ?? one.source),
  }
}

const at = (days: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + days * DAY_MS).toISOString()

test("without it a customer sees the plans that are offered, and what they give", async () => {
  const stage = await open()
  await stage.store.tx(async q => {
    const offer = (await findPackage(q, "vip-365"))!
    await setPackage(q, 0, { ...offer, is_enabled: false })
  })
  const status = await stage.status()
  expect(status).toMatchObject({ isVip: false, until: null, reasons: [] })
  expect(status.benefits.length).toBeGreaterThan(0)
  expect(status.plans).toEqual([
    { id: "vip-30", label: "VIP, 30 days", priceUsd: "20.00", creditUsd: "20.00", vipDays: 30 },
  ])
})

describe("what was bought", () => {
  test("is a reason until its days are over, to the millisecond, and of its customer only", async () => {
    const stage = await open()
    const purchaseId = await stage.buyVip()
    expect(await stage.status()).toMatchObject({
      isVip: true,
      until: at(30),
      reasons: [{ source: "purchase", purchaseId, packageId: "vip-30", days: 30, since: at(0) }],
    })
    expect(await stage.status("cus_2")).toMatchObject({ isVip: false, reasons: [] })
    stage.clock.advance(30 * DAY_MS - 1)
    expect(await stage.status()).toMatchObject({ isVip: true, until: at(30) })
    stage.clock.advance(1)
    expect(await stage.status()).toMatchObject({ isVip: false, until: null, reasons: [] })
  })

  test("adds up while it lasts; what ran out before a gap is no reason any more", async () => {
    const stage = await open()
    await stage.buyVip()
    stage.clock.advance(40 * DAY_MS)
    const second = await stage.buyVip()
    stage.clock.advance(DAY_MS)
    const third = await stage.buyVip()
    expect(await stage.status()).toMatchObject({ until: at(100) })
    expect(await stage.reasons()).toEqual([second, third])
  })

  test("is no reason once it was refunded whole; in part it stays", async () => {
    const stage = await open()
    const first = await stage.buyVip()
    const second = await stage.buyVip()
    await stage.reverse(first, 1_999)
    expect(await stage.reasons()).toEqual([first, second])
    await stage.reverse(first, 1, { reversal_id: "re_2" })
    expect(await stage.status()).toMatchObject({ until: at(30) })
    expect(await stage.reasons()).toEqual([second])
    await stage.giveBack("re_2")
    expect(await stage.reasons()).toEqual([first, second])
  })

  test("counts from its credit, when that came hours after the payment", async () => {
    const stage = await open()
    const paid_at = stage.clock.now()
    stage.clock.advance(DAY_MS / 2)
    const id = await stage.buyVip("cus_1", paid_at)
    stage.clock.advance(30 * DAY_MS - 1)
    expect(await stage.status()).toMatchObject({ isVip: true, until: at(30.5) })
    expect(await stage.reasons()).toEqual([id])
  })
})

test("what the operator gave is a gift, and ends with it", async () => {
  const stage = await open()
  const give = (until: number | null) => stage.store.tx(q => setVipUntil(q, "cus_1", until))
  await give(stage.clock.now() + DAY_MS)
  expect(await stage.status()).toMatchObject({
    isVip: true,
    until: at(1),
    reasons: [{ source: "operator", purchaseId: null, packageId: null, days: null, since: null }],
  })
  await give(null)
  expect(await stage.status()).toMatchObject({ isVip: false, reasons: [] })
})
