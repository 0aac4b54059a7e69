/** Tests of payment methods and customers: attaching, detaching, defaults, fingerprints. */
import { expect, test } from "bun:test"
import { createTestCard } from "../../../src/wallet/demo-stripe/test-cards.ts"
import { errorOf, openStage } from "./stage.ts"

test("a card is attached to a customer, listed and made the default", async () => {
  await using stage = openStage()
  const { id: customer } = await stage.stripe.customers.create({ name: "Ada" })
  const method = await stage.stripe.paymentMethods.attach("pm_card_mastercard", { customer })
  expect(method).toMatchObject({ object: "payment_method", type: "card", customer })
  expect(method.card).toMatchObject({ brand: "mastercard", last4: "4444", exp_year: 2034, funding: "credit" })
  const updated = await stage.stripe.customers.update(customer, {
    invoice_settings: { default_payment_method: method.id },
  })
  expect(updated.invoice_settings.default_payment_method).toBe(method.id)
  for (const list of [
    stage.stripe.paymentMethods.list({ customer }),
    stage.stripe.customers.listPaymentMethods(customer),
  ]) {
    expect((await list).data.map(({ id }) => id)).toEqual([method.id])
  }
})

test("a detached card is nobody's, no default any more, and cannot come back", async () => {
  await using stage = openStage()
  const { id: customer } = await stage.stripe.customers.create({})
  const method = stage.control.setCard(customer, "pays")
  expect((await stage.stripe.paymentMethods.detach(method)).customer).toBeNull()
  expect((await stage.stripe.paymentMethods.list({ customer })).data).toEqual([])
  expect(await stage.stripe.customers.retrieve(customer)).toMatchObject({
    invoice_settings: { default_payment_method: null },
  })
  const back = await errorOf(stage.stripe.paymentMethods.attach(method, { customer }))
  expect(back.message).toContain("may not be used again")
  expect((await errorOf(stage.stripe.paymentMethods.detach(method))).message).toContain("not attached")
})

test("a card that is declined cannot be attached; one that is declined later can", async () => {
  await using stage = openStage()
  const { id: customer } = await stage.stripe.customers.create({})
  const error = await errorOf(stage.stripe.paymentMethods.attach("pm_card_chargeDeclined", { customer }))
  expect([error.type, error.code]).toEqual(["StripeCardError", "card_declined"])
  expect(
    (await stage.stripe.paymentMethods.attach("pm_card_chargeCustomerFail", { customer })).customer,
  ).toBe(customer)
})

test("another customer's card is no default, and the update changes nothing", async () => {
  await using stage = openStage()
  const ada = await stage.stripe.customers.create({ name: "Ada" })
  const bob = await stage.stripe.customers.create({ name: "Bob" })
  const method = stage.control.setCard(ada.id, "pays")
  const error = await errorOf(
    stage.stripe.customers.update(bob.id, {
      name: "Eve",
      invoice_settings: { default_payment_method: method },
    }),
  )
  expect(error.code).toBe("resource_missing")
  expect(await stage.stripe.customers.retrieve(bob.id)).toMatchObject({ name: "Bob" })
})

test("the same card has the same fingerprint with every customer and server; other cards have others", async () => {
  const prints: (string | null | undefined)[] = []
  for (const cards of [
    ["pays", "pays", "declined_later"] as const,
    [createTestCard(1), createTestCard(2), "pays"] as const,
  ]) {
    await using stage = openStage()
    for (const card of cards) {
      const { id } = await stage.stripe.customers.create({})
      const method = await stage.stripe.paymentMethods.retrieve(stage.control.setCard(id, card))
      prints.push(method.card?.fingerprint)
    }
  }
  const [visa, same, declined, first, second, elsewhere] = prints
  expect([same, elsewhere]).toEqual([visa, visa])
  expect(new Set([visa, declined, first, second]).size).toBe(4)
  expect(visa).toMatch(/^[0-9A-Za-z]{16}$/)
})
