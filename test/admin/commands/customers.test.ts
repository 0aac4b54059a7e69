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
      cashUsd: "0.00",
      isFrozen: false,
      emailVerifiedAt: null,
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
    for (const email of ["ada", "ada@", "ada@a.example, eve@b.example", "Ada <ada@a.example>"]) {
      const create = runCommand(app, "customer create", "--email", email)
      await expect(create).rejects.toBeInstanceOf(UsageError)
    }
    expect(app.events).toEqual([])
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

describe("customer cash-credit and cash-debit", () => {
  const move = (app: TestApp, verb: "cash-credit" | "cash-debit" | "credit", ...words: string[]) =>
    runForRecord(app, `customer ${verb}`, "--reason", "a correction", ...words)

  test("move the exact amount in the Cash Wallet alone, and keep the reason", async () => {
    await using app = await openTestApp()
    const { id, email, key } = await app.createCustomer({ credit_usd: "1.00" })
    const credited = await move(app, "cash-credit", "--customer", id, "--amount", "20.5")
    expect(credited).toMatchObject({ cashUsd: "20.50", balanceUsd: "1.00" })
    const debited = await move(app, "cash-debit", "--customer", email, "--amount", "0.25")
    expect(debited).toMatchObject({ cashUsd: "20.25", balanceUsd: "1.00" })
    expect(await app.sendJson("/api/v1/me", { key })).toMatchObject({
      wallet: { balanceUsd: "1.00" },
      cashWallet: { balanceUsd: "20.25" },
    })
    const made = await app.app.store.read.all(
      "SELECT id, kind, from_account, to_account, ref FROM ledger_transfer WHERE id IN (?, ?) ORDER BY kind",
      credited.transferId as string,
      debited.transferId as string,
    )
    const [issue, wallet] = ["system/issue_cash_admin", `${id}/cash`]
    const ref = "a correction"
    expect(made).toEqual([
      { id: credited.transferId, kind: "admin_credit", from_account: issue, to_account: wallet, ref },
      { id: debited.transferId, kind: "admin_debit", from_account: wallet, to_account: issue, ref },
    ])
    expect(eventNames(app)).toEqual(["credit-posted", "credit-posted"])
    await readBooks(app, { id })
  })

  test("fifty at once with one --id credit once, and the id is not free for the Token Wallet", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer({ credit_usd: "1.00" })
    const words = ["--customer", id, "--amount", "2", "--id", "wire-7"]
    const all = await Promise.all(Array.from({ length: 50 }, () => move(app, "cash-credit", ...words)))
    expect(new Set(all.map(one => one.transferId))).toEqual(new Set(["admin:wire-7"]))
    await expect(move(app, "credit", ...words)).rejects.toMatchObject({ reason: "conflict" })
    expect(eventNames(app)).toEqual(["credit-posted"])
    expect(await move(app, "cash-debit", "--customer", id, "--amount", "2")).toMatchObject({
      cashUsd: "0.00",
      balanceUsd: "1.00",
    })
    await readBooks(app, { id })
  })

  test("a debit of more than there is takes nothing, whatever the Token Wallet has", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer({ credit_usd: "10.00" })
    await move(app, "cash-credit", "--customer", id, "--amount", "1")
    app.events.length = 0
    const debit = move(app, "cash-debit", "--customer", id, "--amount", "1.01")
    await expect(debit).rejects.toMatchObject({
      reason: "payment_required",
      message: "Only $1.00 is available to take.",
    })
    expect(app.events).toEqual([])
    expect(await readBooks(app, { id })).toMatchObject({ free_nanos: 10_000_000_000 })
  })
})

describe("customer freeze and thaw", () => {
  const run = (app: TestApp, verb: string, ...words: string[]) =>
    runForRecord(app, `customer ${verb}`, ...words)

  test("stop spending from the Token Wallet, and let it go on; a repeat changes nothing", async () => {
    await using app = await openTestApp()
    const { id, email, key } = await app.createCustomer({ credit_usd: "1.00" })
    const spend = () => run(app, "debit", "--customer", id, "--amount", "0.25", "--reason", "x")
    const wallet = async () =>
      (await app.sendJson<{ wallet: Record<string, unknown> }>("/api/v1/me", { key })).wallet

    for (const who of [id, email])
      expect(await run(app, "freeze", "--customer", who)).toMatchObject({ isFrozen: true })
    expect(await wallet()).toMatchObject({ isFrozen: true, balanceUsd: "1.00" })
    await expect(spend()).rejects.toMatchObject({ reason: "conflict" })
    await run(app, "credit", "--customer", id, "--amount", "2", "--reason", "x")

    for (const who of [id, email])
      expect(await run(app, "thaw", "--customer", who)).toMatchObject({ isFrozen: false })
    expect(await spend()).toMatchObject({ balanceUsd: "2.75" })
    expect(await wallet()).toMatchObject({ isFrozen: false, balanceUsd: "2.75" })
    await readBooks(app, { id })
  })

  test("leave the Cash Wallet and every other customer alone", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    await run(app, "freeze", "--customer", mine.id)
    const cash = ["--customer", mine.id, "--amount", "3", "--reason", "x"]
    await run(app, "cash-credit", ...cash)
    expect(await run(app, "cash-debit", ...cash)).toMatchObject({ cashUsd: "0.00", isFrozen: true })
    expect(await runCommand(app, "customer list")).toMatchObject([
      { id: mine.id, isFrozen: true },
      { id: other.id, isFrozen: false },
    ])
  })

  test("an unknown customer is refused", async () => {
    await using app = await openTestApp()
    for (const verb of ["freeze", "thaw", "verify-email"])
      await expect(run(app, verb, "--customer", "cus_nobody")).rejects.toMatchObject({ reason: "not_found" })
  })
})

test("an address is taken for proven once, however often and by how many it is said", async () => {
  await using app = await openTestApp()
  const { id, key } = await app.createCustomer()
  const at = new Date(app.clock.now()).toISOString()
  const verify = () => runForRecord(app, "customer verify-email", "--customer", id)
  const all = await Promise.all(Array.from({ length: 50 }, verify))
  expect(new Set(all.map(one => one.emailVerifiedAt))).toEqual(new Set([at]))
  app.clock.advance(60_000)
  expect(await verify()).toMatchObject({ emailVerifiedAt: at })
  expect(app.events).toEqual([{ name: "email-verified", data: { customer_id: id } }])
  expect(await app.sendJson("/api/v1/me", { key })).toMatchObject({ customer: { emailVerifiedAt: at } })
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

test("VIP Priority for more than ten years is refused, and changes nothing", async () => {
  await using app = await openTestApp()
  const { id, key } = await app.createCustomer()
  const set = (days: string) => runCommand(app, "customer vip", "--customer", id, "--days", days)
  for (const days of ["3661", "999999999999999"]) await expect(set(days)).rejects.toBeInstanceOf(UsageError)
  expect((await app.app.keys.find(key))?.vip_until).toBeNull()
  expect(await set("3660")).toMatchObject({ vipUntil: expect.any(String) })
})
