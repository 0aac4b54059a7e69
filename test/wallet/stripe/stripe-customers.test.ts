/** Our customers at Stripe: one for each of ours and each mode, found again, made anew when it is gone. */
import { expect, test } from "bun:test"
import { ensureStripeCustomer } from "../../../src/wallet/stripe/stripe-customers.ts"
import { openPaymentScene, type PaymentScene } from "../../support/payments.ts"

const ensure = (scene: PaymentScene, customer_id: string) =>
  ensureStripeCustomer(scene.app, scene.app.payments.find()!, customer_id)

test("is made once, with the address and our id, also by fifty calls at once", async () => {
  await using scene = await openPaymentScene()
  const { id, email } = await scene.createCustomer()
  const ids = await Promise.all(Array.from({ length: 50 }, () => ensure(scene, id)))
  expect(new Set(ids).size).toBe(1)
  expect(await ensure(scene, id)).toBe(ids[0]!)
  const customers = [...scene.stripe.control.objects.customers.values()]
  expect(customers).toMatchObject([{ id: ids[0]!, email, metadata: { customer_id: id } }])
})

test("of test mode is made anew when Stripe does not know it: the demo restarted, or Stripe took its place", async () => {
  await using scene = await openPaymentScene()
  const { id } = await scene.createCustomer()
  const known = `INSERT INTO stripe_customer (id, customer_id, is_live, created_at) VALUES ('cus_of_the_demo', ?, 0, 0)`
  await scene.app.store.tx(q => q.run(known, id))
  const made = await ensure(scene, id)
  expect(scene.stripe.control.objects.customers.has(made)).toBe(true)
  expect(await scene.app.store.read.all("SELECT id FROM stripe_customer")).toEqual([{ id: made }])
  expect(await ensure(scene, id)).toBe(made)
})

test("is not made anew only because Stripe does not answer", async () => {
  await using scene = await openPaymentScene()
  const { id } = await scene.createCustomer()
  const made = await ensure(scene, id)
  scene.stripe.control.faults.nextCall({ kind: "refuse", status: 500 }, { path: "/v1/customers", count: 3 })
  await expect(ensure(scene, id)).rejects.toThrow("unknown error")
  expect(await ensure(scene, id)).toBe(made)
  expect(scene.stripe.control.objects.customers.size).toBe(1)
})

test("a live one is another than the one of test mode", async () => {
  await using scene = await openPaymentScene({ is_live: true })
  const { id } = await scene.createCustomer()
  const test_row = `INSERT INTO stripe_customer (id, customer_id, is_live, created_at) VALUES ('cus_test', ?, 0, 0)`
  await scene.app.store.tx(q => q.run(test_row, id))
  const made = await ensure(scene, id)
  expect(made).not.toBe("cus_test")
  const rows = await scene.app.store.read.all("SELECT id, is_live FROM stripe_customer ORDER BY is_live")
  expect(rows).toEqual([
    { id: "cus_test", is_live: 0 },
    { id: made, is_live: 1 },
  ])
})

test("an answer that was lost does not keep a customer who changed the address from paying", async () => {
  await using scene = await openPaymentScene({ is_live: true })
  const { id } = await scene.createCustomer()
  const match = { method: "POST", path: "/v1/customers", count: 3 } as const
  scene.stripe.control.faults.nextCall({ kind: "lose-answer" }, match)
  await expect(ensure(scene, id)).rejects.toThrow()
  await scene.app.store.tx(q => q.run("UPDATE customer SET email = 'new@example.com' WHERE id = ?", id))
  const made = await ensure(scene, id)
  expect(scene.stripe.control.objects.customers.get(made)).toMatchObject({ email: "new@example.com" })
  expect(await ensure(scene, id)).toBe(made)
})

test("two calls with two addresses get the one that is written", async () => {
  await using scene = await openPaymentScene({ is_live: true })
  const { id } = await scene.createCustomer()
  const { customers } = scene.app.payments.find()!.api
  const create = customers.create.bind(customers)
  customers.create = (async (...asked: Parameters<typeof create>) => {
    customers.create = create
    const created = await create(...asked)
    await scene.app.store.tx(q => q.run("UPDATE customer SET email = 'new@example.com' WHERE id = ?", id))
    await ensure(scene, id)
    return created
  }) as typeof create
  const given = await ensure(scene, id)
  expect(scene.stripe.control.objects.customers.size).toBe(2)
  expect(await scene.app.store.read.all("SELECT id FROM stripe_customer")).toEqual([{ id: given }])
})
