/** The referral club as a customer sees it: sums, pages, states in words, and nothing of who was brought. */
import { describe, expect, test } from "bun:test"
import { payDueCommissions } from "../../../src/wallet/rewards/commission.ts"
import { getReferralStatus } from "../../../src/wallet/rewards/referral-status.ts"
import { DAY_MS, openRewardStage, type RewardStage } from "../../support/rewards.ts"

const statusOf = (
  stage: RewardStage,
  page: { limit?: number; cursor?: string } = {},
  customer_id = "cus_1",
) =>
  getReferralStatus(stage.needs, {
    customer_id,
    origin: "http://localhost",
    limit: 50,
    cursor: undefined,
    ...page,
  })

/** `cus_1` brought two, whose purchases are paid out, pending, taken back in part and whole, and refused. */
async function open() {
  const stage = await openRewardStage(3)
  await stage.bring("cus_2")
  await stage.bring("cus_3")
  const buy = async (price_cents: number, card?: string) => {
    stage.clock.advance(1)
    return stage.buy({ price_cents, ...(card !== undefined && { card }) })
  }
  await buy(10_000)
  stage.clock.advance(14 * DAY_MS)
  await payDueCommissions(stage.needs)
  await buy(1_000)
  const half = await buy(1_000)
  await stage.reverse(half, 500)
  const whole = await buy(1_000)
  await stage.reverse(whole, 1_000, { reversal_id: "re_2" })
  await stage.buy({ customer_id: "cus_1", card: "card_1" })
  await buy(1_000, "card_1")
  return stage
}

describe("the status", () => {
  test("adds up what is pending, paid and taken back", async () => {
    const stage = await open()
    const status = await statusOf(stage)
    expect(status).toMatchObject({
      isOpen: true,
      link: `https://codexapi.example/?ref=${status.code}`,
      currentTier: { minCustomers: 0, percent: 5 },
      broughtCustomers: 2,
      payingCustomers: 1,
      pendingUsd: "0.75",
      paidUsd: "5.00",
      reversedUsd: "0.75",
      cashWallet: { balanceUsd: "5.00", debtUsd: "0.00" },
    })
    expect(status.commissions.data.map(one => [one.state, one.amountUsd, one.reversedUsd])).toEqual([
      ["refused", "0.00", "0.00"],
      ["reversed", "0.50", "0.50"],
      ["pending", "0.50", "0.25"],
      ["pending", "0.50", "0.00"],
      ["paid", "5.00", "0.00"],
    ])
    expect(status.commissions.data[0]!.refusedFor).toMatch(/card that also pays for your own account/)
    await stage.checkBooks()
  })

  test("shows nothing of the customers who were brought: neither their ids nor their orders", async () => {
    const stage = await open()
    const told = JSON.stringify(await statusOf(stage))
    expect(told).not.toMatch(/cus_|ord_|@/)
    expect(told).toContain('"id":"com_')
    expect(await statusOf(stage, {}, "cus_2")).toMatchObject({
      broughtCustomers: 0,
      paidUsd: "0.00",
      commissions: { data: [], nextCursor: null },
    })
  })

  test("pages through the commissions without gap or repeat", async () => {
    const stage = await open()
    const all = (await statusOf(stage)).commissions.data.map(({ id }) => id)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = (await statusOf(stage, { limit: 2, ...(cursor !== null && { cursor }) })).commissions
      seen.push(...page.data.map(({ id }: { id: string }) => id))
      cursor = page.nextCursor as string | null
    } while (cursor !== null)
    expect(seen).toEqual(all)
    expect((await statusOf(stage, { cursor: "'; DROP" })).commissions.data).toEqual([])
  })
})
