/** What the operator takes back: licences whose sale fell, down to zero, and commissions before they are paid. */
import { describe, expect, test } from "bun:test"
import { setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { type RewardRule, writeClaim } from "../../../src/wallet/rewards/claim.ts"
import { payDueCommissions } from "../../../src/wallet/rewards/commission.ts"
import { listClaims, voidClaim, voidCommission } from "../../../src/wallet/rewards/operator.ts"
import { DAY_MS, openRewardStage } from "../../support/rewards.ts"
import { transferOf } from "../../support/wallet.ts"

const reason = "the sale was refunded"
const claim_id = "gumroad:sale-1"

async function open() {
  const stage = await openRewardStage(3)
  const { store, needs } = stage
  const claim = (id: string, rule: RewardRule) =>
    store.tx(q =>
      writeClaim(q, needs, {
        id,
        customer_id: "cus_1",
        rule,
        slot: "",
        device_hash: null,
        card_fingerprint: null,
        mailbox_hash: null,
        proof: null,
        amount_nanos: 200 as Nanos,
        ref: "",
      }),
    )
  await claim(claim_id, "gumroad")
  stage.heard.length = 0
  return {
    ...stage,
    claim,
    takeBack: (id = claim_id) => voidClaim(needs, { claim_id: id, reason }),
    refuse: (purchase_id: string) => voidCommission(needs, { purchase_id, reason: "a ring" }),
    use: (amount_nanos: number) =>
      stage.post([
        transferOf({
          id: "used",
          from: "cus_1/token",
          to: "system/issue_admin",
          amount_nanos: amount_nanos as Nanos,
        }),
      ]),
  }
}

describe("voiding a licence's credit", () => {
  test("takes it back once, tells the customer why, and shows in the list", async () => {
    const stage = await open()
    const taken = await Promise.all(Array.from({ length: 50 }, () => stage.takeBack()))
    expect(new Set(taken as number[])).toEqual(new Set([200]))
    expect(await stage.transfersOf(`${claim_id}:`)).toEqual([
      `${claim_id}:void: cus_1/token > system/issue_admin 200`,
    ])
    expect(stage.heard).toEqual([
      expect.stringMatching(/^notice-written cus_1 msg_\w+ reward$/),
      `credit-posted cus_1 ${claim_id}:void`,
    ])
    expect(await stage.store.read.get("SELECT body FROM inbox_message WHERE key LIKE '%void'")).toEqual({
      body: `$0.0000002 of your licence's credit was taken back: ${reason}`,
    })
    const [listed] = await listClaims(stage.store.read, { customer_id: null, rule: "gumroad", limit: 10 })
    expect(listed).toMatchObject({ id: claim_id, voided_nanos: 200 })
    expect(await stage.findings()).toEqual([])
  })

  test("takes what is left and makes no debt", async () => {
    const stage = await open()
    await stage.use(150)
    expect((await stage.takeBack()) as number).toBe(50)
    const { token, cash_debt } = await stage.balancesOf()
    expect([token, cash_debt] as number[]).toEqual([0, 0])
  })

  test("of credit that is spent, of a frozen wallet, of another reward, of nothing: refused, and nothing changes", async () => {
    const stage = await open()
    await stage.claim("share:cus_1", "share")
    await expect(stage.takeBack("share:cus_1")).rejects.toMatchObject({ reason: "conflict" })
    await expect(stage.takeBack("gumroad:none")).rejects.toMatchObject({ reason: "not_found" })
    await stage.store.tx(q => setFrozen(q, "cus_1", true))
    await expect(stage.takeBack()).rejects.toMatchObject({
      reason: "conflict",
      message: expect.stringMatching(/frozen/),
    })
    await stage.store.tx(q => setFrozen(q, "cus_1", false))
    await stage.use(400)
    await expect(stage.takeBack()).rejects.toMatchObject({
      reason: "conflict",
      message: expect.stringMatching(/Nothing is left/),
    })
    expect(await stage.transfersOf(`${claim_id}:`)).toEqual([])
  })
})

describe("voiding a commission", () => {
  test("takes back what is pending, says why, and nothing brings it back", async () => {
    const stage = await open()
    await stage.bring("cus_2")
    const purchase_id = await stage.buy()
    const other = await stage.buy()
    await stage.reverse(purchase_id, 400)
    stage.heard.length = 0
    expect((await stage.refuse(purchase_id)) as number).toBe(300_000_000)
    expect((await stage.refuse(purchase_id)) as number).toBe(0)
    expect(await stage.earned()).toEqual([50, 0])
    expect(stage.heard).toEqual([`commission-recorded cus_1 ${purchase_id} refused`])
    await stage.giveBack()
    await stage.reverse(purchase_id, 1_000, { reversal_id: "re_2" })
    stage.clock.advance(14 * DAY_MS)
    expect(await payDueCommissions(stage.needs)).toBe(1)
    expect(await stage.earned()).toEqual([0, 50])
    expect(await stage.transfersOf(`referral:${purchase_id}:`)).toHaveLength(2)
    await expect(stage.refuse(other)).rejects.toMatchObject({
      reason: "conflict",
      message: expect.stringMatching(/cash-debit/),
    })
    await expect(stage.refuse("ord_none")).rejects.toMatchObject({ reason: "not_found" })
    await stage.checkBooks()
  })

  test("that was taken back whole moves nothing", async () => {
    const stage = await open()
    await stage.bring("cus_2")
    const purchase_id = await stage.buy()
    await stage.reverse(purchase_id, 1_000)
    expect((await stage.refuse(purchase_id)) as number).toBe(0)
    await stage.giveBack()
    expect(await stage.earned()).toEqual([0, 0])
    await stage.checkBooks()
  })
})
