/** Tests of customers. */
import { expect, test } from "bun:test"
import { errorOf, openStage } from "./stage.ts"

test("a customer keeps what was said of it; metadata is merged, and deleted by an empty value", async () => {
  await using stage = openStage()
  const { id } = await stage.stripe.customers.create({
    email: "ada@example.com",
    name: "Ada",
    metadata: { customer: "cus_1", old: "x" },
  })
  const updated = await stage.stripe.customers.update(id, { name: "", metadata: { old: "", new: "y" } })
  expect(updated).toMatchObject({ email: "ada@example.com", name: null, livemode: false })
  expect(updated.metadata).toEqual({ customer: "cus_1", new: "y" })
  expect(await stage.stripe.customers.retrieve(id)).toMatchObject({ object: "customer", id })
})

test.each([
  ["a key of 41 characters", { ["k".repeat(41)]: "v" }],
  ["a value of 501 characters", { k: "v".repeat(501) }],
  ["51 keys", Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, "v"]))],
])("metadata with %s is refused", async (_, metadata) => {
  await using stage = openStage()
  expect((await errorOf(stage.stripe.customers.create({ metadata }))).statusCode).toBe(400)
})

test("customers are found by their e-mail", async () => {
  await using stage = openStage()
  await stage.stripe.customers.create({ email: "bob@example.com" })
  const ada = await stage.stripe.customers.create({ email: "ada@example.com" })
  const { data } = await stage.stripe.customers.list({ email: "ada@example.com" })
  expect(data.map(({ id }) => id)).toEqual([ada.id])
})

test("a customer can come with a card", async () => {
  await using stage = openStage()
  const { id } = await stage.stripe.customers.create({ payment_method: "pm_card_visa" })
  expect((await stage.stripe.paymentMethods.list({ customer: id })).data).toHaveLength(1)
})
