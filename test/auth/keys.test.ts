/** API keys: who a token is, how fast a change counts, and what an owner sees of them. */
import { describe, expect, test } from "bun:test"
import { listKeys, revokeKey } from "../../src/auth/keys.ts"
import { createToken, hintOf } from "../../src/auth/tokens.ts"
import { openIdentity } from "../support/identity.ts"

type Identity = ReturnType<typeof openIdentity>

const revoke = (identity: Identity, key: { customer_id: string; key_id: string }) =>
  identity.store.tx(q => revokeKey(q, identity, key))

describe("finding a caller", () => {
  test("a System Token and a User API Key lead to their customer", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const system = await identity.addKey(customer_id, { kind: "system" })
    const user = await identity.addKey(customer_id, { models: ["gpt-5.5"], expires_at: 9e12 })
    expect(await identity.keys.find(system.token)).toEqual({
      customer_id,
      key_id: system.id,
      key_kind: "system",
      models: null,
      expires_at: null,
      vip_until: null,
    })
    expect(await identity.keys.find(user.token)).toEqual({
      customer_id,
      key_id: user.id,
      key_kind: "user",
      models: ["gpt-5.5"],
      expires_at: 9e12,
      vip_until: null,
    })
  })

  test("a known key is found without the database", async () => {
    const identity = openIdentity()
    const { token } = await identity.addKey(await identity.addCustomer())
    await identity.keys.find(token)
    await identity.store.close()
    expect(await identity.keys.find(token)).toBeDefined()
  })

  test("an unknown token is nobody, and asked for again soon it costs no look-up", async () => {
    const identity = openIdentity()
    const token = createToken("user", identity.random)
    expect(await identity.keys.find(token)).toBeUndefined()
    await identity.store.close()
    expect(await identity.keys.find(token)).toBeUndefined()
  })

  test("an unknown token is looked up again after ten seconds", async () => {
    const identity = openIdentity()
    const token = createToken("user", identity.random)
    await identity.keys.find(token)
    const { id } = await identity.addKey(await identity.addCustomer())
    const hash = identity.vault.hash(token)
    await identity.store.tx(q => q.run("UPDATE api_key SET token_hash = ? WHERE id = ?", hash, id))
    identity.clock.advance(9_000)
    expect(await identity.keys.find(token)).toBeUndefined()
    identity.clock.advance(1_000)
    expect(await identity.keys.find(token)).toMatchObject({ key_id: id })
  })

  test("an unknown token that has come to exist is found at once after a change", async () => {
    const identity = openIdentity()
    const token = createToken("user", identity.random)
    await identity.keys.find(token)
    const { id } = await identity.addKey(await identity.addCustomer())
    const hash = identity.vault.hash(token)
    await identity.store.tx(q => q.run("UPDATE api_key SET token_hash = ? WHERE id = ?", hash, id))
    identity.keys.forget()
    expect(await identity.keys.find(token)).toMatchObject({ key_id: id })
  })

  test("what cannot be a token is refused without a look-up", async () => {
    const identity = openIdentity()
    await identity.store.close()
    expect(await identity.keys.find("sk-something-else")).toBeUndefined()
  })

  test("an admin key is no customer", async () => {
    const identity = openIdentity()
    expect(await identity.keys.find(createToken("admin", identity.random))).toBeUndefined()
  })
})

describe("a key stops working", () => {
  test("at the next request after it was revoked", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const { id, token } = await identity.addKey(customer_id)
    await identity.keys.find(token)
    await revoke(identity, { customer_id, key_id: id })
    identity.keys.forget()
    expect(await identity.keys.find(token)).toBeUndefined()
  })

  test("when it is revoked while it is being looked up: the old row is not remembered", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const { id, token } = await identity.addKey(customer_id)
    const lookup = identity.keys.find(token)
    identity.keys.forget()
    await lookup
    await revoke(identity, { customer_id, key_id: id })
    expect(await identity.keys.find(token)).toBeUndefined()
  })

  test("the moment it expires, also while it is known", async () => {
    const identity = openIdentity()
    const expires_at = identity.clock.now() + 60_000
    const { token } = await identity.addKey(await identity.addCustomer(), { expires_at })
    expect(await identity.keys.find(token)).toBeDefined()
    identity.clock.advance(expires_at - identity.clock.now() - 1)
    expect(await identity.keys.find(token)).toBeDefined()
    identity.clock.advance(1)
    expect(await identity.keys.find(token)).toBeUndefined()
  })

  test("when its customer is suspended, and works again when they are not", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const { token } = await identity.addKey(customer_id)
    const setStatus = (status: string) =>
      identity.store.tx(q => q.run("UPDATE customer SET status = ? WHERE id = ?", status, customer_id))
    await setStatus("suspended")
    expect(await identity.keys.find(token)).toBeUndefined()
    await setStatus("active")
    identity.keys.forget()
    expect(await identity.keys.find(token)).toBeDefined()
  })
})

describe("what is stored of a key", () => {
  const stored = (identity: Identity, id: string) =>
    identity.store.read.get<Record<string, unknown>>("SELECT * FROM api_key WHERE id = ?", id)

  test("of a User API Key: a hash and a hint, never the token", async () => {
    const identity = openIdentity()
    const { id, token } = await identity.addKey(await identity.addCustomer())
    const row = await stored(identity, id)
    expect(row).toMatchObject({
      token_hash: identity.vault.hash(token),
      hint: hintOf(token),
      sealed_token: null,
    })
    expect(JSON.stringify(row)).not.toContain(token.slice(8, 30))
  })

  test("of a System Token also a sealed copy, which opens for its own row", async () => {
    const identity = openIdentity()
    const { id, token } = await identity.addKey(await identity.addCustomer(), { kind: "system" })
    const row = await stored(identity, id)
    expect(identity.vault.open(row!.sealed_token as string, id)).toBe(token)
    expect(JSON.stringify(row)).not.toContain(token.slice(8, 30))
  })

  test("a customer has one System Token", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    await identity.addKey(customer_id, { kind: "system" })
    await expect(identity.addKey(customer_id, { kind: "system" })).rejects.toThrow("UNIQUE constraint failed")
  })

  test("a key belongs to a customer that exists", async () => {
    await expect(openIdentity().addKey("cus_nobody")).rejects.toThrow("FOREIGN KEY constraint failed")
  })
})

describe("an owner's list", () => {
  test("is newest first, in pages, without revoked keys and without those of others", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const other = await identity.addCustomer()
    const ids: string[] = []
    for (const name of ["a", "b", "c", "d"]) {
      ids.unshift((await identity.addKey(customer_id, { name })).id)
      await identity.addKey(other)
    }
    await revoke(identity, { customer_id, key_id: ids[1]! })
    const page = (before: string | undefined) =>
      listKeys(identity.store.read, { customer_id, limit: 2, before })
    const first = await page(undefined)
    expect(first.map(key => key.name)).toEqual(["d", "b"])
    expect((await page(first[1]!.id)).map(key => key.name)).toEqual(["a"])
  })

  test("shows the models and the end of a key", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    await identity.addKey(customer_id, { models: ["a", "b"], expires_at: 5 })
    const [key] = await listKeys(identity.store.read, { customer_id, limit: 1, before: undefined })
    expect(key).toMatchObject({ models: ["a", "b"], expires_at: 5, revoked_at: null, kind: "user" })
  })
})

describe("revoking refuses", () => {
  test("another customer's key and an unknown one with the same words", async () => {
    const identity = openIdentity()
    const [mine, theirs] = [await identity.addCustomer(), await identity.addCustomer()]
    const { id, token } = await identity.addKey(theirs)
    const errors = await Promise.all(
      [id, "key_unknown"].map(key_id =>
        revoke(identity, { customer_id: mine, key_id }).catch(error => error),
      ),
    )
    expect(errors[0]).toMatchObject({ reason: "not_found" })
    expect(errors[1].message).toBe(errors[0].message)
    expect(await identity.keys.find(token)).toBeDefined()
  })

  test("a key that is revoked already", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const { id: key_id } = await identity.addKey(customer_id)
    await revoke(identity, { customer_id, key_id })
    await expect(revoke(identity, { customer_id, key_id })).rejects.toMatchObject({ reason: "not_found" })
  })

  test("the System Token", async () => {
    const identity = openIdentity()
    const customer_id = await identity.addCustomer()
    const { id: key_id } = await identity.addKey(customer_id, { kind: "system" })
    const refusal = { reason: "conflict", detail: { code: "system_token" } }
    await expect(revoke(identity, { customer_id, key_id })).rejects.toMatchObject(refusal)
  })
})
