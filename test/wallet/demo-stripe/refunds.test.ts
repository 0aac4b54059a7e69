/** Tests of refunds: whole, in part, too much, by call and by control. */
import { expect, test } from "bun:test"
import { errorOf, openStage, payOnce } from "./stage.ts"

test("a payment is refunded in parts until nothing is left", async () => {
  await using stage = openStage()
  const { intent, charge_id } = await payOnce(stage)
  const first = await stage.stripe.refunds.create({
    payment_intent: intent.id,
    amount: 400,
    reason: "requested_by_customer",
    metadata: { why: "x" },
  })
  expect(first).toMatchObject({
    object: "refund",
    amount: 400,
    charge: charge_id,
    payment_intent: intent.id,
    status: "succeeded",
    reason: "requested_by_customer",
    metadata: { why: "x" },
  })
  expect(await stage.stripe.charges.retrieve(charge_id)).toMatchObject({
    amount_refunded: 400,
    refunded: false,
  })
  const too_much = await errorOf(stage.stripe.refunds.create({ charge: charge_id, amount: 601 }))
  expect([too_much.param, too_much.message]).toEqual([
    "amount",
    "Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)",
  ])
  const rest = await stage.stripe.refunds.create({ charge: charge_id })
  expect(rest.amount).toBe(600)
  const charge = await stage.stripe.charges.retrieve(charge_id, { expand: ["refunds"] })
  expect(charge).toMatchObject({ amount_refunded: 1000, refunded: true })
  expect(charge.refunds?.data.map(({ id }) => id)).toEqual([rest.id, first.id])
  const none = await errorOf(stage.stripe.refunds.create({ payment_intent: intent.id }))
  expect([none.code, none.message]).toEqual([
    "charge_already_refunded",
    `Charge ${charge_id} has already been refunded.`,
  ])
})

test("a refund by the dashboard tells of itself with four events", async () => {
  await using stage = openStage()
  const { intent } = await payOnce(stage)
  const refund_id = stage.control.refund(intent.id, 250)
  expect(stage.eventTypes().slice(-4)).toEqual([
    "refund.created",
    "charge.refunded",
    "refund.updated",
    "charge.refund.updated",
  ])
  const refund = await stage.stripe.refunds.retrieve(refund_id, { expand: ["balance_transaction"] })
  expect(refund.balance_transaction).toMatchObject({ type: "refund", amount: -250, fee: 0, net: -250 })
  const charge_refunded = [...stage.control.objects.events.values()].find(
    ({ type }) => type === "charge.refunded",
  )
  expect(charge_refunded).toMatchObject({
    request: { id: null, idempotency_key: null },
    data: { previous_attributes: { amount_refunded: 0 }, object: { amount_refunded: 250 } },
  })
})

test("a refund that the bank sends back is failed, and the money is there again", async () => {
  await using stage = openStage()
  const { intent, charge_id } = await payOnce(stage)
  const refund_id = stage.control.refund(intent.id)
  stage.control.failRefund(refund_id)
  const refund = await stage.stripe.refunds.retrieve(refund_id, { expand: ["failure_balance_transaction"] })
  expect(refund).toMatchObject({
    status: "failed",
    failure_balance_transaction: { type: "refund_failure", amount: 1000 },
  })
  expect(await stage.stripe.charges.retrieve(charge_id)).toMatchObject({
    amount_refunded: 0,
    refunded: false,
  })
})

test("nothing is refunded without a payment, and nothing of a payment that failed", async () => {
  await using stage = openStage()
  expect((await errorOf(stage.stripe.refunds.create({}))).statusCode).toBe(400)
  const { id } = await stage.stripe.paymentIntents.create({ amount: 500, currency: "usd" })
  const unpaid = await errorOf(stage.stripe.refunds.create({ payment_intent: id }))
  expect(unpaid.message).toBe(`This PaymentIntent (${id}) does not have a successful charge to refund.`)
  const { intent } = await payOnce(stage)
  for (const amount of [0, -1]) {
    const error = await errorOf(stage.stripe.refunds.create({ payment_intent: intent.id, amount }))
    expect(error.code).toBe("parameter_invalid_integer")
  }
  const more = await errorOf(stage.stripe.refunds.create({ payment_intent: intent.id, amount: 2000 }))
  expect(more.message).toBe("Refund amount ($20.00) is greater than charge amount ($10.00)")
  expect(stage.control.objects.refunds.size).toBe(0)
})

test("refunds are listed by charge and by intent", async () => {
  await using stage = openStage()
  const { intent, charge_id } = await payOnce(stage)
  const other = await payOnce(stage)
  const id = stage.control.refund(intent.id)
  stage.control.refund(other.intent.id)
  for (const params of [{ charge: charge_id }, { payment_intent: intent.id }]) {
    expect((await stage.stripe.refunds.list(params)).data.map(refund => refund.id)).toEqual([id])
  }
})
