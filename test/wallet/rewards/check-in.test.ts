/** The Daily Check-in: streaks read from the claims, days that begin at midnight UTC, schedules edited live. */
import { describe, expect, test } from "bun:test"
import { claimCheckIn, getCheckIn } from "../../../src/wallet/rewards/check-in.ts"
import { DAY_MS, FROM, noRemember, openRewardStage, type RewardStage } from "../../support/rewards.ts"

const claim = (stage: RewardStage, customer_id = "cus_1") =>
  claimCheckIn(stage.needs, { customer_id, ...FROM }, noRemember)

describe("a streak", () => {
  test("gives more day by day, and the last amount from then on", async () => {
    const stage = await openRewardStage()
    const given: string[] = []
    for (let day = 1; day <= 9; day++) {
      const { amountUsd, streakDays } = await claim(stage)
      given.push(`${streakDays}: ${amountUsd}`)
      stage.clock.advance(DAY_MS)
    }
    expect(given).toEqual([
      "1: 0.05",
      "2: 0.05",
      "3: 0.10",
      "4: 0.10",
      "5: 0.15",
      "6: 0.20",
      "7: 0.50",
      "8: 0.50",
      "9: 0.50",
    ])
    expect((await stage.balancesOf()).token as number).toBe(2_150_000_000)
    expect(await stage.findings()).toEqual([])
  })

  test("begins anew after a day without a claim, and is each customer's own", async () => {
    const stage = await openRewardStage()
    await claim(stage)
    stage.clock.advance(DAY_MS)
    await claim(stage)
    expect(await claim(stage, "cus_2")).toMatchObject({ streakDays: 1 })
    stage.clock.advance(2 * DAY_MS)
    expect(await getCheckIn(stage.needs, "cus_1")).toMatchObject({ streakDays: 0, amountUsd: "0.05" })
    expect(await claim(stage)).toMatchObject({ streakDays: 1, amountUsd: "0.05" })
  })

  test("is shown with today's claim once it is made, else up to yesterday's", async () => {
    const stage = await openRewardStage()
    await claim(stage)
    stage.clock.advance(DAY_MS)
    expect(await getCheckIn(stage.needs, "cus_1")).toMatchObject({ streakDays: 1, hasClaimed: false })
    await claim(stage)
    expect(await getCheckIn(stage.needs, "cus_1")).toMatchObject({ streakDays: 2, hasClaimed: true })
  })
})

test("a day ends at midnight UTC: the last millisecond and the next are two days", async () => {
  const stage = await openRewardStage()
  stage.clock.advance(Date.UTC(2026, 0, 2, 23, 59, 59, 999) - stage.clock.now())
  expect(await claim(stage)).toMatchObject({ streakDays: 1, nextResetAt: "2026-01-03T00:00:00.000Z" })
  await expect(claim(stage)).rejects.toMatchObject({
    reason: "conflict",
    message: "Today's check-in was claimed: the next one is from 2026-01-03T00:00:00.000Z on.",
    detail: { code: "already_claimed", extra: { nextResetAt: "2026-01-03T00:00:00.000Z" } },
  })
  stage.clock.advance(1)
  expect(await claim(stage)).toMatchObject({ streakDays: 2 })
  expect(await stage.transfersOf("checkin:")).toEqual([
    "checkin:cus_1:2026-01-02: system/issue_checkin > cus_1/token 50000000",
    "checkin:cus_1:2026-01-03: system/issue_checkin > cus_1/token 50000000",
  ])
})

test("a schedule that the operator changes holds for the next claim, and a closed one for none", async () => {
  const stage = await openRewardStage()
  await stage.set("check-in", { amounts_usd: ["1.00", "2.000000001"] })
  expect(await claim(stage)).toMatchObject({ amountUsd: "1.00" })
  stage.clock.advance(DAY_MS)
  expect(await getCheckIn(stage.needs, "cus_1")).toMatchObject({
    amountUsd: "2.000000001",
    schedule: [
      { day: 1, amountUsd: "1.00" },
      { day: 2, amountUsd: "2.000000001" },
    ],
  })
  expect(await claim(stage)).toMatchObject({ amountUsd: "2.000000001", streakDays: 2 })
  stage.clock.advance(DAY_MS)
  await stage.set("check-in", { is_enabled: false })
  await expect(claim(stage)).rejects.toMatchObject({ reason: "forbidden", detail: { code: "not_offered" } })
})
