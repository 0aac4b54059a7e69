/** Credit of test payments: who still has some. */
import { expect, test } from "bun:test"
import { findTestCredit } from "../../../src/wallet/purchases/test-credit.ts"
import { openPaymentScene } from "../../support/payments.ts"

test.each([
  [false, { customer_count: 1, usd: "11.00" }],
  [true, { customer_count: 0, usd: "0.00" }],
])("with is_live %p, the holders are counted with what they have", async (is_live, held) => {
  await using scene = await openPaymentScene({ is_live })
  const customer = await scene.createCustomer({ credit_usd: "1" })
  await scene.createCustomer()
  const { sessionId } = await scene.checkout(customer.key)
  await scene.stripe.control.pay(sessionId, { card: "pays" })
  expect(await findTestCredit(scene.app.store.read)).toEqual({ customer_count: 0, usd: "0.00" })
  await scene.confirm(customer.key, sessionId)
  expect(await findTestCredit(scene.app.store.read)).toEqual(held)
})
