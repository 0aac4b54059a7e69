/** Tests of disputes: the money goes at once, and comes back when they are won. */
import { expect, test } from "bun:test"
import { errorOf, openStage, payOnce } from "./stage.ts"

test("a dispute takes the money and the fee, and marks the charge", async () => {
  await using stage = openStage()
  const { intent, charge_id } = await payOnce(stage)
  const id = stage.control.openDispute(intent.id)
  expect(await stage.stripe.disputes.retrieve(id)).toMatchObject({
    object: "dispute",
    amount: 1000,
    charge: charge_id,
    payment_intent: intent.id,
    status: "needs_response",
    reason: "fraudulent",
    balance_transactions: [{ type: "adjustment", amount: -1000, fee: 1500, net: -2500 }],
  })
  expect((await stage.stripe.charges.retrieve(charge_id)).disputed).toBe(true)
  expect(stage.eventTypes().slice(-2)).toEqual(["charge.dispute.created", "charge.dispute.funds_withdrawn"])
  const refund = await errorOf(stage.stripe.refunds.create({ payment_intent: intent.id }))
  expect(refund.code).toBe("charge_disputed")
  expect(() => stage.control.openDispute(intent.id)).toThrow("disputed already")
})

test("a dispute that is won brings the money back, not the fee", async () => {
  await using stage = openStage()
  const { intent } = await payOnce(stage)
  const id = stage.control.openDispute(intent.id, 600)
  stage.control.closeDispute(id, "won")
  const dispute = await stage.stripe.disputes.retrieve(id)
  expect(dispute.status).toBe("won")
  expect(dispute.balance_transactions.map(({ amount, fee }) => [amount, fee])).toEqual([
    [-600, 1500],
    [600, 0],
  ])
  expect(stage.eventTypes().slice(-2)).toEqual(["charge.dispute.closed", "charge.dispute.funds_reinstated"])
  expect(() => stage.control.closeDispute(id, "lost")).toThrow("is won")
})

test("a dispute that is lost only closes", async () => {
  await using stage = openStage()
  const { intent, charge_id } = await payOnce(stage)
  const id = stage.control.openDispute(intent.id)
  stage.control.closeDispute(id, "lost")
  expect(stage.eventTypes().at(-1)).toBe("charge.dispute.closed")
  for (const params of [{ charge: charge_id }, { payment_intent: intent.id }]) {
    expect(
      (await stage.stripe.disputes.list(params)).data.map(dispute => [dispute.id, dispute.status]),
    ).toEqual([[id, "lost"]])
  }
})
