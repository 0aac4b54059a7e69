/** Registering: all of a customer or nothing. */
import { describe, expect, test } from "bun:test"
import { registerCustomer } from "../../../src/account/register/register.ts"
import { createEvents } from "../../../src/platform/events.ts"
import { getBalances } from "../../../src/wallet/ledger/accounts.ts"
import { getReferralCode } from "../../../src/wallet/rewards/referral.ts"
import { openIdentity } from "../../support/identity.ts"

function open() {
  const identity = openIdentity()
  const events: string[] = []
  const needs = { ...identity, events: createEvents() }
  needs.events.listen(event => events.push(event.name))
  return { ...identity, needs, events }
}

test("a customer comes with a System Token, every account at zero and one event", async () => {
  const { needs, events, keys, store } = open()
  const { customer, system_token } = await registerCustomer(needs, {
    email: "Ada@example.com",
    password: "correct horse",
  })
  expect(await keys.find(system_token)).toMatchObject({ customer_id: customer.id, key_kind: "system" })
  expect(await getBalances(store.read, customer.id)).toEqual({
    token: 0 as never,
    token_held: 0 as never,
    cash: 0 as never,
    cash_debt: 0 as never,
    referral_pending: 0 as never,
    is_frozen: false,
  })
  expect(events).toEqual(["customer-registered"])
})

test("the password is stored as Argon2id only", async () => {
  const { needs, store } = open()
  await registerCustomer(needs, { email: "ada@example.com", password: "canary-password" })
  const rows = await store.read.all("SELECT * FROM customer")
  expect(rows).toMatchObject([
    { password_hash: expect.stringMatching(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/) },
  ])
  expect(JSON.stringify(rows)).not.toContain("canary-password")
})

test("when the key cannot be made, there is no customer, no account and no event", async () => {
  const { needs, events, store } = open()
  const newId = (prefix: string) => {
    if (prefix === "key") throw new Error("no more keys")
    return needs.newId(prefix)
  }
  const failed = registerCustomer(
    { ...needs, newId },
    { email: "ada@example.com", password: "correct horse" },
  )
  await expect(failed).rejects.toThrow("no more keys")
  expect(await store.read.all("SELECT id FROM customer")).toEqual([])
  expect(await store.read.all("SELECT id FROM ledger_account")).toEqual([])
  expect(events).toEqual([])
})

describe("with a referral code", () => {
  const password = "correct horse"
  async function openReferrer() {
    const stage = open()
    const referrer = await stage.addCustomer({ email: "bob@example.com" })
    const referral_code = await getReferralCode(stage, referrer)
    return { ...stage, referrer, referral_code }
  }

  test("it is noted who brought the customer", async () => {
    const { needs, store, referrer, referral_code } = await openReferrer()
    const { customer } = await registerCustomer(needs, { email: "ada@example.com", password, referral_code })
    expect(await store.read.all("SELECT customer_id, referrer_id FROM referral")).toEqual([
      { customer_id: customer.id, referrer_id: referrer },
    ])
  })

  test("that is nobody's there is no customer and no event", async () => {
    const { needs, store, events } = await openReferrer()
    const registered = registerCustomer(needs, {
      email: "ada@example.com",
      password,
      referral_code: "N0B0DY0000",
    })
    await expect(registered).rejects.toMatchObject({
      reason: "unprocessable",
      detail: { code: "unknown_referral_code", field: "referralCode" },
    })
    expect(await store.read.all("SELECT email FROM customer")).toEqual([{ email: "bob@example.com" }])
    expect(await store.read.all("SELECT id FROM ledger_account")).toEqual([])
    expect(events).toEqual([])
  })

  test("that is one's own the customer is registered as with another's, and nobody is noted", async () => {
    const { needs, store, referral_code } = await openReferrer()
    const email = "bob+2@example.com"
    expect((await registerCustomer(needs, { email, password, referral_code })).customer.email).toBe(email)
    expect(await store.read.all("SELECT * FROM referral")).toEqual([])
  })
})

test("a password that is too short is refused before any work", async () => {
  const { needs, store } = open()
  const refusal = { reason: "invalid", detail: { field: "password" } }
  await expect(registerCustomer(needs, { email: "a@b.example", password: "short" })).rejects.toMatchObject(
    refusal,
  )
  expect(await store.read.all("SELECT id FROM customer")).toEqual([])
})
