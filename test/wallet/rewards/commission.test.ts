/** Commissions: what earns one and what does not, when it is paid, and what refunds and disputes take of it. */
import { describe, expect, test } from "bun:test"
import { payDueCommissions, recordCommission } from "../../../src/wallet/rewards/commission.ts"
import { DAY_MS, openRewardStage, type RewardStage } from "../../support/rewards.ts"

/** `cus_2` was brought by `cus_1`. */
async function open(customer_count = 2): Promise<RewardStage> {
  const stage = await openRewardStage(customer_count)
  for (let number = 2; number <= customer_count; number++) await stage.bring(`cus_${number}`)
  stage.heard.length = 0
  return stage
}

const commissionOf = async (stage: RewardStage, purchase_id: string) =>
  stage.store.read.get<Record<string, unknown>>(
    "SELECT amount_nanos, reversed_nanos, state, refused_for FROM referral_commission WHERE purchase_id = ?",
    purchase_id,
  )

const payAfterHold = async (stage: RewardStage, days = 14): Promise<number> => {
  stage.clock.advance(days * DAY_MS)
  return payDueCommissions(stage.needs)
}

describe("a purchase of a brought customer", () => {
  test("earns the referrer 5 %, pending at first, by one transfer that names the purchase", async () => {
    const stage = await open()
    const id = await stage.buy()
    expect(await stage.earned()).toEqual([50, 0])
    expect(await stage.transfersOf("referral:")).toEqual([
      `referral:${id}: system/expense_referral > cus_1/referral_pending 500000000`,
    ])
    expect(stage.heard).toContain(`commission-recorded cus_1 ${id} pending`)
    await stage.checkBooks()
  })

  test("earns nothing more when it is recorded again, fifty times at once too", async () => {
    const stage = await open()
    const id = await stage.buy()
    stage.heard.length = 0
    const paid_at = stage.clock.now()
    const purchase = {
      id,
      customer_id: "cus_2",
      price_cents: 1_000,
      kind: "package",
      is_live: 1 as const,
      card_fingerprint: null,
      paid_at,
    }
    const again = () => stage.store.tx(q => recordCommission(q, stage.needs, purchase))
    await Promise.all(Array.from({ length: 50 }, again))
    expect(await stage.earned()).toEqual([50, 0])
    expect(stage.heard).toEqual([])
  })

  test("is rounded up to a nano-USD, and an automatic top-up earns like a package", async () => {
    const stage = await open()
    await stage.set("referral", { tiers: [{ min_customers: 0, percent: 7 }] })
    await stage.buy({ kind: "auto-topup", price_cents: 99 })
    expect((await stage.balancesOf()).referral_pending as number).toBe(69_300_000)
  })

  const earnsNothing = (name: string, prepare: (stage: RewardStage) => Promise<string>) =>
    test(name, async () => {
      const stage = await open(3)
      const id = await prepare(stage)
      expect(await stage.transfersOf(`referral:${id}`)).toEqual([])
      expect(await commissionOf(stage, id)).toBeUndefined()
      expect(stage.heard.filter(one => one.startsWith("commission-"))).toEqual([])
    })

  earnsNothing("earns nothing when nobody brought the customer", stage => stage.buy({ customer_id: "cus_1" }))
  earnsNothing("earns nothing as a load of cash", stage => stage.buy({ kind: "cash-load" }))
  earnsNothing("earns nothing when it was paid from the Cash Wallet", async stage => {
    await stage.buy({ kind: "cash-load" })
    return stage.buy({ kind: "cash-purchase" })
  })
  earnsNothing("earns nothing once the months are over", async stage => {
    stage.clock.advance(366 * DAY_MS)
    return stage.buy()
  })

  const refused = (name: string, prepare: (stage: RewardStage) => Promise<string>, why: RegExp) =>
    test(name, async () => {
      const stage = await open(3)
      const id = await prepare(stage)
      expect(await commissionOf(stage, id)).toEqual({
        amount_nanos: 0,
        reversed_nanos: 0,
        state: "refused",
        refused_for: expect.stringMatching(why),
      })
      expect(await stage.transfersOf(`referral:${id}`)).toEqual([])
      expect(stage.heard).toContain(`commission-recorded cus_1 ${id} refused`)
    })

  refused(
    "is refused, saying why, when it was paid with the referrer's own card",
    async stage => {
      await stage.buy({ customer_id: "cus_1", card: "card_1" })
      return stage.buy({ card: "card_1" })
    },
    /card that also pays for your own account/,
  )
  refused(
    "is refused when the card is the one that the referrer saved",
    async stage => {
      const saved = "INSERT INTO saved_card VALUES ('cus_1', 'pm_1', 'card_1', 'visa', '4242', 0, 0)"
      await stage.store.tx(q => q.run(saved))
      return stage.buy({ card: "card_1" })
    },
    /card that also pays for your own account/,
  )
  refused(
    "is refused when it was a test payment, which brought no money",
    stage => stage.buy({ is_live: false }),
    /test payment/,
  )
  refused(
    "is refused while the club is closed",
    async stage => {
      await stage.set("referral", { is_enabled: false })
      return stage.buy()
    },
    /was closed/,
  )
  refused(
    "is refused where the tier gives nothing",
    async stage => {
      await stage.set("referral", { tiers: [{ min_customers: 0, percent: 0 }] })
      return stage.buy()
    },
    /tier earned no commission/,
  )
  refused(
    "is refused, without hurting the buyer, when the referrer's wallets are full",
    async stage => {
      await stage.fill()
      const id = await stage.buy()
      expect((await stage.balancesOf("cus_2")).token as number).toBe(10_000_000_000)
      return id
    },
    /as much as they may hold/,
  )
})

test("tiers count customers who pay, and not the purchase that reaches the tier", async () => {
  const stage = await open(4)
  await stage.set("referral", {
    tiers: [
      { min_customers: 0, percent: 5 },
      { min_customers: 2, percent: 10 },
    ],
  })
  await stage.buy({ customer_id: "cus_2" })
  await stage.buy({ customer_id: "cus_2" })
  const second = await stage.buy({ customer_id: "cus_3" })
  expect(await stage.earned()).toEqual([150, 0])
  await stage.buy({ customer_id: "cus_4" })
  expect(await stage.earned()).toEqual([250, 0])
  // Who has everything back does not pay: two customers are left, of whom one is new.
  await stage.reverse(second, 1_000)
  await stage.buy({ customer_id: "cus_2" })
  expect(await stage.earned()).toEqual([300, 0])
})

describe("paying commissions out", () => {
  test("takes the days of the rule, and then puts them into the Cash Wallet with a message", async () => {
    const stage = await open()
    const id = await stage.buy()
    stage.clock.advance(14 * DAY_MS - 1)
    expect(await payDueCommissions(stage.needs)).toBe(0)
    stage.clock.advance(1)
    stage.heard.length = 0
    expect(await payDueCommissions(stage.needs)).toBe(1)
    expect(await stage.earned()).toEqual([0, 50])
    expect(await stage.transfersOf(`referral:${id}:`)).toEqual([
      `referral:${id}:payout: cus_1/referral_pending > cus_1/cash 500000000`,
    ])
    expect(stage.heard).toEqual([
      expect.stringMatching(/^notice-written cus_1 msg_\w+ reward$/),
      `commission-paid cus_1 ${id}`,
    ])
    await stage.checkBooks()
  })

  test("happens once, however many jobs run at the same time", async () => {
    const stage = await open()
    for (let count = 0; count < 3; count++) await stage.buy()
    stage.clock.advance(14 * DAY_MS)
    const paid = await Promise.all(Array.from({ length: 50 }, () => payDueCommissions(stage.needs)))
    expect(paid.reduce((sum, count) => sum + count)).toBe(3)
    expect(await stage.earned()).toEqual([0, 150])
    expect(await payDueCommissions(stage.needs)).toBe(0)
  })

  test("goes on for the others when one cannot be paid, and says so", async () => {
    const stage = await open(3)
    const broken = await stage.buy({ customer_id: "cus_2" })
    await stage.buy({ customer_id: "cus_3" })
    const damage = "UPDATE referral_commission SET amount_nanos = 9000000000000 WHERE purchase_id = ?"
    await stage.store.tx(q => q.run(damage, broken))
    await expect(payAfterHold(stage)).rejects.toThrow(broken)
    await stage.store.tx(async () => {})
    expect(await stage.earned()).toEqual([50, 50])
  })

  test("is refused when the referrer has paid with the same card since, and nothing brings it back", async () => {
    const stage = await open()
    const id = await stage.buy({ card: "card_1" })
    const other = await stage.buy({ card: "card_2" })
    await stage.buy({ customer_id: "cus_1", card: "card_1" })
    await stage.reverse(id, 400)
    stage.clock.advance(14 * DAY_MS)
    stage.heard.length = 0
    expect(await payDueCommissions(stage.needs)).toBe(1)
    expect(await stage.earned()).toEqual([0, 50])
    expect(await commissionOf(stage, id)).toMatchObject({
      state: "refused",
      refused_for: expect.stringMatching(/card that also pays for your own account/),
    })
    expect(await stage.transfersOf(`referral:${id}:void`)).toEqual([
      `referral:${id}:void: cus_1/referral_pending > system/expense_referral 300000000`,
    ])
    expect(stage.heard.filter(one => one.startsWith("commission-")).toSorted()).toEqual([
      `commission-paid cus_1 ${other}`,
      `commission-recorded cus_1 ${id} refused`,
    ])
    await stage.giveBack()
    expect(await payDueCommissions(stage.needs)).toBe(0)
    expect(await stage.earned()).toEqual([0, 50])
    await stage.checkBooks()
  })

  test("first covers what the referrer owes", async () => {
    const stage = await open()
    const own = await stage.buy({ customer_id: "cus_1", kind: "cash-load", price_cents: 100 })
    await stage.spend(100)
    await stage.reverse(own, 30)
    await stage.buy()
    await payAfterHold(stage)
    expect(await stage.earned()).toEqual([0, 20])
    expect((await stage.balancesOf()).cash_debt as number).toBe(0)
    await stage.checkBooks()
  })
})

describe("a refund or dispute of the purchase", () => {
  test("takes its part of what is pending, and the rest is paid", async () => {
    const stage = await open()
    const id = await stage.buy()
    await stage.reverse(id, 400)
    expect(await stage.earned()).toEqual([30, 0])
    await payAfterHold(stage)
    expect(await stage.earned()).toEqual([0, 30])
    expect(await stage.transfersOf(`referral:${id}:re_1`)).toEqual([
      `referral:${id}:re_1: cus_1/referral_pending > system/expense_referral 200000000`,
    ])
  })

  test("takes it from the cash once it was paid, never below zero, and leaves no debt", async () => {
    const stage = await open()
    const id = await stage.buy()
    await payAfterHold(stage)
    await stage.spend(30)
    await stage.reverse(id, 1_000)
    expect(await stage.earned()).toEqual([0, 0])
    expect((await stage.balancesOf()).cash_debt as number).toBe(0)
    expect(await commissionOf(stage, id)).toMatchObject({ reversed_nanos: 500_000_000 })
    // What was not there to be taken is not given back either.
    await stage.giveBack()
    expect(await stage.earned()).toEqual([0, 20])
    expect(await commissionOf(stage, id)).toMatchObject({ reversed_nanos: 0 })
    await stage.checkBooks()
  })

  test("twice with the same id takes once, and is returned once", async () => {
    const stage = await open()
    const id = await stage.buy()
    for (let count = 0; count < 3; count++) await stage.reverse(id, 400)
    expect(await stage.earned()).toEqual([30, 0])
    for (let count = 0; count < 3; count++) await stage.giveBack()
    expect(await stage.earned()).toEqual([50, 0])
  })

  test("that takes everything leaves nothing to pay; returned later, it goes to the cash", async () => {
    const stage = await open()
    const id = await stage.buy()
    await stage.reverse(id, 1_000, { kind: "dispute" })
    expect(await payAfterHold(stage)).toBe(0)
    expect(await stage.transfersOf(`referral:${id}:payout`)).toEqual([])
    await stage.giveBack()
    expect(await stage.earned()).toEqual([0, 50])
    await stage.checkBooks()
  })

  test("after which the first is returned, whichever took more than was left, keeps what still stands reversed", async () => {
    for (const first of ["re_1", "re_2"] as const) {
      const stage = await open()
      const id = await stage.buy()
      await stage.reverse(id, 600)
      await stage.reverse(id, 600, { reversal_id: "re_2", kind: "dispute" })
      expect(await stage.earned()).toEqual([0, 0])
      await stage.giveBack(first)
      expect(await stage.earned()).toEqual([20, 0])
      await payAfterHold(stage)
      expect(await stage.earned()).toEqual([0, 20])
      await stage.giveBack(first === "re_1" ? "re_2" : "re_1")
      expect(await stage.earned()).toEqual([0, 50])
      await stage.checkBooks()
    }
  })

  test("of a purchase that earned nothing changes nothing", async () => {
    const stage = await open()
    await stage.set("referral", { is_enabled: false })
    const id = await stage.buy()
    await stage.reverse(id, 1_000)
    await stage.giveBack()
    expect(await stage.transfersOf("referral:")).toEqual([])
  })

  test("is returned to the buyer even when the referrer's wallets are full", async () => {
    const stage = await open()
    const id = await stage.buy()
    await stage.reverse(id, 1_000)
    await stage.fill()
    expect(await stage.giveBack()).toBe("returned")
    expect(await stage.earned()).toEqual([0, 0])
    expect(await payAfterHold(stage)).toBe(0)
    await stage.checkBooks()
  })
})
