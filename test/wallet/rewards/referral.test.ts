/** Referrals: codes that never change, and who may bring whom: never oneself, directly or around a loop. */
import { describe, expect, test } from "bun:test"
import {
  getReferralCode,
  normaliseReferralCode,
  recordReferral,
} from "../../../src/wallet/rewards/referral.ts"
import { openRewardStage } from "../../support/rewards.ts"

async function open(customer_count = 4) {
  const stage = await openRewardStage(customer_count)
  const { store, needs } = stage
  return {
    ...stage,
    codeOf: (customer_id: string) => getReferralCode(needs, customer_id),
    async record(customer_id: string, code: string, email = `${customer_id}@example.com`): Promise<void> {
      await store.tx(q => recordReferral(q, needs, { customer_id, email, code }))
    },
    setEmail: (customer_id: string, email: string) =>
      store.tx(q => q.run("UPDATE customer SET email = ? WHERE id = ?", email, customer_id)),
    referrals: () =>
      store.read.all<object>("SELECT customer_id, referrer_id FROM referral ORDER BY customer_id"),
  }
}

describe("a code", () => {
  test("is made once, fifty times at once too, and stays", async () => {
    const stage = await open()
    const codes = await Promise.all(Array.from({ length: 50 }, () => stage.codeOf("cus_1")))
    expect(new Set(codes).size).toBe(1)
    expect(codes[0]).toMatch(/^[0-9A-HJKMNP-TV-Z]{10}$/)
    expect(await stage.codeOf("cus_1")).toBe(codes[0]!)
    expect(await stage.codeOf("cus_2")).not.toBe(codes[0]!)
  })

  test("that another customer has is made anew", async () => {
    const stage = await open()
    const [taken, free] = [new Uint8Array(7).fill(1), new Uint8Array(7).fill(2)]
    const given = [taken, taken, free]
    const needs = { ...stage.needs, random: () => given.shift()! }
    const first = await getReferralCode(needs, "cus_1")
    const second = await getReferralCode(needs, "cus_2")
    expect(second).not.toBe(first)
    expect(given).toEqual([])
  })

  test("is read as a person writes it", () => {
    for (const written of ["OIL0-abcd xy", "o1l0abcdxy", " 0110 ABCD-XY"])
      expect(normaliseReferralCode(written)).toBe("0110ABCDXY")
  })
})

describe("noting who brought a customer", () => {
  test("keeps the first referrer, whoever comes later", async () => {
    const stage = await open()
    await stage.record("cus_2", (await stage.codeOf("cus_1")).toLowerCase())
    await stage.record("cus_2", await stage.codeOf("cus_3"))
    expect(await stage.referrals()).toEqual([{ customer_id: "cus_2", referrer_id: "cus_1" }])
  })

  const refuses = (
    name: string,
    code: string,
    prepare: (stage: Awaited<ReturnType<typeof open>>) => Promise<[code: string, email?: string]>,
  ) =>
    test(name, async () => {
      const stage = await open()
      const [referral_code, email] = await prepare(stage)
      const before = await stage.referrals()
      await expect(stage.record("cus_2", referral_code, email)).rejects.toMatchObject({
        reason: "unprocessable",
        message: expect.stringMatching(/leave referralCode out\.$/),
        detail: { code, field: "referralCode" },
      })
      expect(await stage.referrals()).toEqual(before)
    })

  refuses("refuses a code that is nobody's", "unknown_referral_code", async () => ["N0B0DY0000"])
  refuses("refuses an empty code", "unknown_referral_code", async () => [" - "])
  refuses("refuses the code of a suspended customer", "unknown_referral_code", async stage => {
    await stage.store.tx(q => q.run("UPDATE customer SET status = 'suspended' WHERE id = 'cus_1'"))
    return [await stage.codeOf("cus_1")]
  })

  /** One answer for all: whoever could tell them apart could ask whose code it is. */
  const ignores = (
    name: string,
    prepare: (stage: Awaited<ReturnType<typeof open>>) => Promise<[code: string, email?: string]>,
  ) =>
    test(name, async () => {
      const stage = await open()
      const [referral_code, email] = await prepare(stage)
      const before = await stage.referrals()
      await stage.record("cus_2", referral_code, email)
      expect(await stage.referrals()).toEqual(before)
    })

  ignores("is silent about one's own code, and notes nothing", async stage => [await stage.codeOf("cus_2")])
  ignores("is silent about the code of one's own mailbox in another spelling", async stage => {
    await stage.setEmail("cus_1", "ada@gmail.com")
    return [await stage.codeOf("cus_1"), "a.d.a+2@googlemail.com"]
  })
  ignores("is silent about a loop: the referrer was brought by the same mailbox", async stage => {
    await stage.setEmail("cus_1", "ada@gmail.com")
    await stage.record("cus_3", await stage.codeOf("cus_1"))
    return [await stage.codeOf("cus_3"), "ada+2@gmail.com"]
  })
  ignores("is silent about a loop through several customers", async stage => {
    await stage.record("cus_3", await stage.codeOf("cus_2"))
    await stage.record("cus_4", await stage.codeOf("cus_3"))
    return [await stage.codeOf("cus_4")]
  })
})
