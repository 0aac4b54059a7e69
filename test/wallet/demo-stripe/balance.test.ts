/** Tests of balance transactions: what reconciliation reads. */
import { expect, test } from "bun:test"
import { feeOf } from "../../../src/wallet/demo-stripe/balance.ts"
import { openStage, payOnce } from "./stage.ts"

test.each([
  [50, 31],
  [1000, 59],
  [1017, 59],
  [1018, 60],
  [99_999_999, 2_900_030],
])("the fee of %p cents is 2.9 %% and 30 cents: %p", (amount, fee) => {
  expect(feeOf(amount)).toBe(fee)
})

test("a payment, a refund and a won dispute are read with their sources, page by page", async () => {
  await using stage = openStage()
  const paid = await payOnce(stage)
  const refund = stage.control.refund(paid.intent.id, 300)
  stage.clock.advance(10_000)
  const other = await payOnce(stage, {}, 2000)
  const dispute = stage.control.openDispute(other.intent.id)
  stage.control.closeDispute(dispute, "won")
  const rows: unknown[] = []
  for await (const row of stage.stripe.balanceTransactions.list({ limit: 2, expand: ["data.source"] })) {
    const source = row.source as { id: string }
    rows.push([row.type, row.reporting_category, row.amount, row.fee, row.net, source.id])
  }
  expect(rows).toEqual([
    ["adjustment", "dispute_reversal", 2000, 0, 2000, dispute],
    ["adjustment", "dispute", -2000, 1500, -3500, dispute],
    ["charge", "charge", 2000, 88, 1912, other.charge_id],
    ["refund", "refund", -300, 0, -300, refund],
    ["charge", "charge", 1000, 59, 941, paid.charge_id],
  ])
  const from = Math.floor(stage.clock.now() / 1000)
  const list = async (params: object) => (await stage.stripe.balanceTransactions.list(params)).data.length
  expect(await list({ created: { gte: from } })).toBe(3)
  expect(await list({ created: { lt: from } })).toBe(2)
  expect(await list({ type: "charge" })).toBe(2)
  expect(await list({ source: refund })).toBe(1)
  expect(await list({ currency: "eur" })).toBe(0)
})

test("money is pending for two days, then available", async () => {
  await using stage = openStage()
  await payOnce(stage)
  const [id = ""] = stage.control.objects.balance_transactions.keys()
  expect((await stage.stripe.balanceTransactions.retrieve(id)).status).toBe("pending")
  stage.clock.advance(48 * 3600 * 1000)
  expect((await stage.stripe.balanceTransactions.retrieve(id)).status).toBe("available")
  expect((await stage.stripe.balanceTransactions.list()).data[0]?.status).toBe("available")
})
