/** The operator's commands for customers, their keys and their credit. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { verifyPassword } from "../../../src/auth/passwords.ts"
import { openTestApp, readBooks, type TestApp } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const eventNames = (app: TestApp) => app.events.map(event => event.name)

const passwordHash = async ({ app }: TestApp, id: string) =>
  (await app.store.read.get<{ password_hash: string }>(
    "SELECT password_hash FROM customer WHERE id = ?",
    id,
  ))!.password_hash

describe("customer create", () => {
  test("makes a customer whose System Token works, with credit as a transfer", async () => {
    await using app = await openTestApp()
    const created = await runForRecord(app, "customer create", "--email", "Ada@example.com", "--credit", "5")
    expect(created).toEqual({
      id: expect.stringMatching(/^cus_/),
      email: "ada@example.com",
      status: "active",
      balanceUsd: "5.00",
      heldUsd: "0.00",
      createdAt: "2026-01-02T03:04:05.000Z",
      systemToken: expect.stringMatching(/^cxs_/),
    })
  })

  test("tells what happened: registered, then credited", async () => {
    await using app = await openTestApp()
    const { systemToken: key } = await runForRecord(
      app,
      "customer create",
      "--email",
      "a@b.example",
      "--credit",
      "5",
    )
    expect(eventNames(app)).toEqual(["customer-registered", "credit-posted"])
    const answer = await app.send("/api/v1/me", { key: key as string })
    expect(await answer.json()).toMatchObject({ wallet: { balanceUsd: "5.00" } })
  })

  test("refuses an address that is none, as a usage error", async () => {
    await using app = await openTestApp()
    await expect(runCommand(app, "customer create", "--email", "ada")).rejects.toBeInstanceOf(UsageError)
  })

  test("refuses a credit that is no amount before it makes the customer", async () => {
    await using app = await openTestApp()
    for (const credit of ["-1", "1e3", "0", "many", "0.0000000001"]) {
      const words = ["--email", "ada@example.com", `--credit=${credit}`]
      await expect(runCommand(app, "customer create", ...words)).rejects.toMatchObject({ reason: "invalid" })
    }
    expect(await runCommand(app, "customer list")).toEqual([])
    expect(app.events).toEqual([])
  })
})

describe("customer list", () => {
  test("shows customers in the order they came, in pages", async () => {
    await using app = await openTestApp()
    const customers = [await app.createCustomer(), await app.createCustomer(), await app.createCustomer()]
    const first = await runCommand(app, "customer list", "--limit", "2")
    expect(first).toMatchObject([{ id: customers[0]!.id, balanceUsd: "10.00" }, { id: customers[1]!.id }])
    const second = await runCommand(app, "customer list", "--limit", "2", "--after", customers[1]!.id)
    expect(second).toMatchObject([{ id: customers[2]!.id }])
  })
})

describe("customer credit and debit", () => {
  const words = (customer: string, amount: string, ...more: string[]) => [
    "--customer",
    customer,
    `--amount=${amount}`,
    "--reason",
    "a gift",
    ...more,
  ]

  test("move the exact amount and keep the reason", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "1.00" })
    const credited = await runForRecord(app, "customer credit", ...words(customer.id, "0.000000001"))
    expect(credited.balanceUsd).toBe("1.000000001")
    expect(credited.transferId).toMatch(/^admin:adj_/)
    expect(eventNames(app)).toEqual(["credit-posted"])
    expect(await runForRecord(app, "customer debit", ...words(customer.email, "1"))).toMatchObject({
      balanceUsd: "0.000000001",
    })
    const kept = "SELECT kind, ref, actor FROM ledger_transfer WHERE id = ?"
    expect(await app.app.store.read.get(kept, credited.transferId as string)).toEqual({
      kind: "admin_credit",
      ref: "a gift",
      actor: "admin:cli",
    })
    await readBooks(app, customer)
  })

  test("with --id a repeat changes nothing and fires nothing", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "1.00" })
    const credit = () => runForRecord(app, "customer credit", ...words(customer.id, "2", "--id", "invoice-7"))
    expect(await credit()).toMatchObject({ balanceUsd: "3.00", transferId: "admin:invoice-7" })
    expect(await credit()).toMatchObject({ balanceUsd: "3.00", transferId: "admin:invoice-7" })
    expect(eventNames(app)).toEqual(["credit-posted"])
  })

  test("fifty at once with one --id credit once", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "1.00" })
    const credit = () => runForRecord(app, "customer credit", ...words(customer.id, "2", "--id", "invoice-7"))
    await Promise.all(Array.from({ length: 50 }, credit))
    expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 3_000_000_000 })
  })

  test("the same --id for another amount is a conflict", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "1.00" })
    await runCommand(app, "customer credit", ...words(customer.id, "2", "--id", "invoice-7"))
    const again = runCommand(app, "customer credit", ...words(customer.id, "3", "--id", "invoice-7"))
    await expect(again).rejects.toMatchObject({ reason: "conflict" })
    expect(eventNames(app)).toEqual(["credit-posted"])
    expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 3_000_000_000 })
  })

  test("a debit of more than there is takes nothing, and says how much there is", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "1.00" })
    await expect(runCommand(app, "customer debit", ...words(customer.id, "1.01"))).rejects.toMatchObject({
      reason: "payment_required",
      message: "Only $1.00 is available to take.",
    })
    expect(app.events).toEqual([])
    expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 1_000_000_000 })
  })

  test.each(["0", "-5", "1e309", "NaN", "0.0000000001", "9000001", "1,50"])(
    "%s USD is no amount",
    async amount => {
      await using app = await openTestApp()
      const customer = await app.createCustomer({ credit_usd: "0" })
      const credit = runCommand(app, "customer credit", ...words(customer.id, amount))
      await expect(credit).rejects.toMatchObject({ reason: "invalid", detail: { field: "amount" } })
      expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 0 })
    },
  )

  test("beyond the ledger's range nothing is credited", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "9000000" })
    const credit = runCommand(app, "customer credit", ...words(customer.id, "0.01"))
    await expect(credit).rejects.toMatchObject({ reason: "conflict" })
    expect(await readBooks(app, customer)).toMatchObject({ free_nanos: 9_000_000_000_000_000 })
  })

  test("an unknown customer is refused, by id and by address", async () => {
    await using app = await openTestApp()
    const byId = runCommand(app, "customer credit", ...words("cus_nobody", "1"))
    await expect(byId).rejects.toMatchObject({ reason: "not_found" })
    const byEmail = runCommand(app, "customer credit", ...words("nobody@example.com", "1"))
    await expect(byEmail).rejects.toBeInstanceOf(UsageError)
  })
})

describe("customer suspend, activate and password", () => {
  test("suspending refuses every key, activating takes them again", async () => {
    await using app = await openTestApp()
    const { id, key } = await app.createCustomer()
    const ask = async () => (await app.send("/api/v1/me", { key })).status
    expect(await runCommand(app, "customer suspend", "--customer", id)).toMatchObject({ status: "suspended" })
    expect(await ask()).toBe(401)
    expect(await runCommand(app, "customer activate", "--customer", id)).toMatchObject({ status: "active" })
    app.app.keys.forget()
    expect(await ask()).toBe(200)
  })

  test("a new password replaces the old one", async () => {
    await using app = await openTestApp()
    const { id, email } = await app.createCustomer()
    await runCommand(app, "customer password", "--customer", email, "--password", "a new password")
    expect(await verifyPassword("a new password", await passwordHash(app, id))).toBe(true)
  })

  test.each([9, 129])("a password of %i characters is refused", async length => {
    const password = "x".repeat(length)
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const before = await passwordHash(app, id)
    const change = runCommand(app, "customer password", "--customer", id, "--password", password)
    await expect(change).rejects.toMatchObject({ reason: "invalid", detail: { field: "password" } })
    expect(await passwordHash(app, id)).toBe(before)
  })
})

describe("key create, list and revoke", () => {
  test("a created key works and is listed with its hint only", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    app.clock.advance(1)
    const created = await runForRecord(app, "key create", "--customer", id, "--name", "desk")
    expect((await app.send("/api/v1/me", { key: created.key as string })).status).toBe(200)
    const listed = await runCommand(app, "key list", "--customer", id)
    expect(listed).toHaveLength(3)
    expect(listed).toMatchObject([{ id: created.id, kind: "user", name: "desk" }, {}, {}])
    expect(JSON.stringify(listed)).not.toContain(created.key as string)
  })

  test("making and revoking a key fires the events that the API's endpoints fire", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const created = await runForRecord(app, "key create", "--customer", id, "--name", "desk")
    await runCommand(app, "key revoke", "--customer", id, "--key", created.id as string)
    const data = { customer_id: id, key_id: created.id as string }
    expect(app.events).toEqual([
      { name: "key-created", data },
      { name: "key-revoked", data },
    ])
  })

  test("a revoked key does not work any more, and cannot be revoked again", async () => {
    await using app = await openTestApp()
    const { id, key, key_id } = await app.createCustomer()
    await runCommand(app, "key revoke", "--customer", id, "--key", key_id)
    expect((await app.send("/api/v1/me", { key })).status).toBe(401)
    const again = runCommand(app, "key revoke", "--customer", id, "--key", key_id)
    await expect(again).rejects.toMatchObject({ reason: "not_found" })
  })

  test("another customer's key is not revoked under the wrong customer", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const revoke = runCommand(app, "key revoke", "--customer", mine.id, "--key", other.key_id)
    await expect(revoke).rejects.toMatchObject({ reason: "not_found" })
    expect((await app.send("/api/v1/me", { key: other.key })).status).toBe(200)
  })
})

test("VIP Priority is given for days from now, and ended by none", async () => {
  await using app = await openTestApp()
  const { id, key } = await app.createCustomer()
  const set = (days: string) => runForRecord(app, "customer vip", "--customer", id, "--days", days)
  expect(await set("2")).toMatchObject({
    id,
    vipUntil: new Date(app.clock.now() + 2 * 86_400_000).toISOString(),
  })
  app.app.keys.forget()
  expect((await app.app.keys.find(key))?.vip_until).toBe(app.clock.now() + 2 * 86_400_000)
  expect(await set("0")).toMatchObject({ vipUntil: null })
})
