/** The share credit: an offer that the operator edits live, once for a customer and once for a post. */
import { describe, expect, test } from "bun:test"
import { claimShare, getShareOffer } from "../../../src/wallet/rewards/share-credit.ts"
import { FROM, noRemember, openRewardStage, type RewardStage } from "../../support/rewards.ts"

const POST = "https://x.com/ada/status/1"
const claim = (stage: RewardStage, post_url = POST, customer_id = "cus_1") =>
  claimShare(stage.needs, { customer_id, post_url, ...FROM }, noRemember)
const offer = (stage: RewardStage, customer_id = "cus_1") =>
  getShareOffer(stage.needs, { customer_id, origin: "http://localhost" })

describe("the offer", () => {
  test("names the public address, and is what the operator made of it", async () => {
    const stage = await openRewardStage()
    await stage.set("share", { amount_usd: "2.50", text: "Try this:", hosts: ["blog.example"] })
    expect(await offer(stage)).toMatchObject({
      amountUsd: "2.50",
      text: "Try this: https://codexapi.example",
      link: "https://codexapi.example",
      hosts: ["blog.example"],
    })
    await expect(claim(stage)).rejects.toMatchObject({ detail: { code: "post_host_not_allowed" } })
    expect(await claim(stage, "https://blog.example/ada/1")).toMatchObject({
      amountUsd: "2.50",
      post: "blog.example/ada/1",
      wallet: { availableUsd: "2.50" },
    })
    expect(await offer(stage)).toMatchObject({ hasClaimed: true, claimedAt: "2026-01-02T03:04:05.000Z" })
  })

  test("that is closed is shown as closed and claimed by nobody", async () => {
    const stage = await openRewardStage()
    await stage.set("share", { is_enabled: false })
    expect(await offer(stage)).toMatchObject({ canClaim: false, reasons: [{ code: "not_offered" }] })
    await expect(claim(stage)).rejects.toMatchObject({ reason: "forbidden", detail: { code: "not_offered" } })
    expect(await stage.transfersOf("share:")).toEqual([])
  })
})

describe("a claim", () => {
  test("is refused when the customer had one, a year later too", async () => {
    const stage = await openRewardStage()
    await claim(stage)
    stage.clock.advance(365 * 86_400_000)
    await expect(claim(stage, `${POST}2`)).rejects.toMatchObject({ detail: { code: "already_claimed" } })
  })

  test("is refused when the post brought another customer theirs, and tells what to do", async () => {
    const stage = await openRewardStage()
    await claim(stage)
    await expect(claim(stage, `${POST}?s=20#top`, "cus_2")).rejects.toMatchObject({
      reason: "conflict",
      message: "This post was claimed by another account: each post counts once. Write one of your own.",
      detail: { code: "post_already_claimed", field: "postUrl" },
    })
    expect(await claim(stage, `${POST}2`, "cus_2")).toMatchObject({ post: "x.com/12" })
    expect(await stage.transfersOf("share:")).toEqual([
      "share:cus_1: system/issue_share > cus_1/token 1000000000",
      "share:cus_2: system/issue_share > cus_2/token 1000000000",
    ])
  })
})
