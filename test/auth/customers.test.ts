/** Customers as identities: one per address, and whose password is right. */
import { describe, expect, test } from "bun:test"
import {
  assertEmailFree,
  checkPassword,
  createCustomer,
  findCustomerByEmail,
  getCustomer,
  listCustomers,
  setEmail,
  verifyEmail,
} from "../../src/auth/customers.ts"
import { openIdentity } from "../support/identity.ts"
import { PASSWORD, PASSWORD_HASH } from "../support/password.ts"

describe("creating", () => {
  test("keeps the address in lower case without blanks", async () => {
    const identity = openIdentity()
    const input = { email: "  Ada@Example.COM ", password_hash: "none" }
    const customer = await identity.store.tx(q => createCustomer(q, identity, input))
    expect(customer).toEqual({
      id: expect.stringMatching(/^cus_[0-9a-z]{26}$/),
      email: "ada@example.com",
      status: "active",
      email_verified_at: null,
      created_at: identity.clock.now(),
    })
    expect(await getCustomer(identity.store.read, customer.id)).toEqual(customer)
  })

  test("refuses an address that is taken, in any spelling of case, naming the field", async () => {
    const identity = openIdentity()
    await identity.addCustomer({ email: "ada@example.com" })
    await expect(identity.addCustomer({ email: "ADA@example.com" })).rejects.toMatchObject({
      reason: "conflict",
      detail: { code: "email_taken", field: "email" },
    })
  })

  test("of fifty at once with one address exactly one succeeds", async () => {
    const identity = openIdentity()
    const email = "ada@example.com"
    const tries = await Promise.allSettled(Array.from({ length: 50 }, () => identity.addCustomer({ email })))
    expect(tries.filter(one => one.status === "fulfilled")).toHaveLength(1)
  })
})

describe("reading", () => {
  test("an unknown id is not found", async () => {
    const identity = openIdentity()
    await expect(getCustomer(identity.store.read, "cus_nobody")).rejects.toMatchObject({
      reason: "not_found",
    })
  })

  test("by address, in any spelling of case", async () => {
    const identity = openIdentity()
    const id = await identity.addCustomer({ email: "ada@example.com" })
    expect(await findCustomerByEmail(identity.store.read, " Ada@EXAMPLE.com")).toMatchObject({ id })
    expect(await findCustomerByEmail(identity.store.read, "bob@example.com")).toBeUndefined()
  })

  test("in pages, in the order they came", async () => {
    const identity = openIdentity()
    const ids = [await identity.addCustomer(), await identity.addCustomer(), await identity.addCustomer()]
    const first = await listCustomers(identity.store.read, { limit: 2, after: "" })
    expect(first.map(customer => customer.id)).toEqual(ids.slice(0, 2))
    const second = await listCustomers(identity.store.read, { limit: 2, after: ids[1]! })
    expect(second.map(customer => customer.id)).toEqual(ids.slice(2))
  })
})

describe("an address", () => {
  async function openTwo() {
    const identity = openIdentity()
    const ada = await identity.addCustomer({ email: "ada@example.com" })
    await identity.addCustomer({ email: "bob@example.com" })
    const set = (email: string, email_verified_at: number | null) =>
      identity.store.tx(q => setEmail(q, { id: ada, email, email_verified_at }))
    return { ...identity, ada, set }
  }

  test("is changed, in lower case, with or without a proof", async () => {
    const { ada, set, store } = await openTwo()
    const changed = await set(" Ada@New.example", 7)
    expect(changed).toMatchObject({ id: ada, email: "ada@new.example", email_verified_at: 7 })
    expect(await getCustomer(store.read, ada)).toEqual(changed)
    expect(await set("ada@new.example", null)).toMatchObject({ email_verified_at: null })
  })

  test("that another customer has is refused in any spelling of case, and one's own is free", async () => {
    const { ada, set, store } = await openTwo()
    const taken = { reason: "conflict", detail: { code: "email_taken", field: "email" } }
    await expect(set("BOB@example.com ", 7)).rejects.toMatchObject(taken)
    const email = "Bob@Example.com"
    await expect(assertEmailFree(store.read, { id: ada, email })).rejects.toMatchObject(taken)
    await assertEmailFree(store.read, { id: ada, email: "ada@example.com" })
    expect(await getCustomer(store.read, ada)).toMatchObject({ email: "ada@example.com" })
  })

  test("is taken for proven once, and not when the customer has another one by now", async () => {
    const { ada, store } = await openTwo()
    const verify = (email: string, verified_at: number) =>
      store.tx(q => verifyEmail(q, { id: ada, email, verified_at }))
    expect(await verify("old@example.com", 1)).toBe(false)
    expect(await verify("ada@example.com", 2)).toBe(true)
    expect(await verify("ada@example.com", 3)).toBe(false)
    expect(await getCustomer(store.read, ada)).toMatchObject({ email_verified_at: 2 })
  })
})

describe("a password is right", () => {
  async function openWithPassword() {
    const identity = openIdentity()
    const id = await identity.addCustomer({ email: "ada@example.com", password_hash: PASSWORD_HASH })
    const check = (email: string, password: string) => checkPassword(identity, { email, password })
    return { ...identity, id, check }
  }

  test("for its customer, who is given without the hash", async () => {
    const { id, check } = await openWithPassword()
    const customer = await check(" ADA@example.com", PASSWORD)
    expect(customer).toMatchObject({ id, email: "ada@example.com" })
    expect(customer).not.toHaveProperty("password_hash")
  })

  test("for nobody else: wrong password, unknown address, suspended customer", async () => {
    const { check, store, id } = await openWithPassword()
    expect(await check("ada@example.com", "correct horse batters")).toBeUndefined()
    expect(await check("bob@example.com", PASSWORD)).toBeUndefined()
    await store.tx(q => q.run("UPDATE customer SET status = 'suspended' WHERE id = ?", id))
    expect(await check("ada@example.com", PASSWORD)).toBeUndefined()
  })
})
