/** The operator's keys. */
import { expect, test } from "bun:test"
import { createAdminKey, findAdminKey, hasAdminKey } from "../../src/auth/admin-keys.ts"
import { createToken } from "../../src/auth/tokens.ts"
import { openIdentity } from "../support/identity.ts"

const create = (identity: ReturnType<typeof openIdentity>) =>
  identity.store.tx(q => createAdminKey(q, identity, "first"))

test("an admin key is found by its token", async () => {
  const identity = openIdentity()
  const { id, token } = await create(identity)
  expect(token).toStartWith("cxa_")
  expect(await findAdminKey(identity.store.read, identity, token)).toEqual({ id, name: "first" })
})

test("a revoked one is not found, and does not count as one", async () => {
  const identity = openIdentity()
  expect(await hasAdminKey(identity.store.read)).toBe(false)
  const { id, token } = await create(identity)
  expect(await hasAdminKey(identity.store.read)).toBe(true)
  await identity.store.tx(q => q.run("UPDATE admin_key SET revoked_at = 1 WHERE id = ?", id))
  expect(await findAdminKey(identity.store.read, identity, token)).toBeUndefined()
  expect(await hasAdminKey(identity.store.read)).toBe(false)
})

test("another's token is none: unknown, malformed, a customer's", async () => {
  const identity = openIdentity()
  await create(identity)
  const customer = await identity.addKey(await identity.addCustomer(), { kind: "system" })
  for (const token of [createToken("admin", identity.random), "cxa_1", customer.token]) {
    expect(await findAdminKey(identity.store.read, identity, token)).toBeUndefined()
  }
})

test("only a hash and a hint are stored", async () => {
  const identity = openIdentity()
  const { token } = await create(identity)
  const rows = await identity.store.read.all("SELECT * FROM admin_key")
  expect(JSON.stringify(rows)).not.toContain(token.slice(8, 30))
})
