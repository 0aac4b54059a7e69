/** Customers as identities: one per address, and whose password is right. */
import { describe, expect, test } from "bun:test"
import {
  checkPassword,
  createCustomer,
  findCustomerByEmail,
  getCustomer,
  listCustomers,
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
