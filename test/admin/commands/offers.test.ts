/** The operator's commands for packages, bonus codes and rules; what they change is seen by the next request. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { adjustCredit } from "../../../src/admin/credit.ts"
import { DEMO_ONLY, openTestApp, type TestApp, type TestCustomer } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

const DAY_MS = 86_400_000

interface ShownPackage {
  id: string
  label: string
  priceUsd: string
  creditUsd: string
  vipDays: number
}

/** What a customer sees. */
const offered = async (app: TestApp, { key }: TestCustomer): Promise<ShownPackage[]> =>
  (await app.sendJson<{ offers: { packages: ShownPackage[] } }>("/api/v1/me", { key })).offers.packages

const preview = (app: TestApp, { key }: TestCustomer, body: object) =>
  app.sendJson("/api/v1/wallet/topup-discount", { key, body })

/** Buys with cash of the operator's. */
async function buy({ app, sendJson }: TestApp, { id, key }: TestCustomer, body: object) {
  const cash = { customer_id: id, amount: "50", reason: "cash of the test", direction: "credit" } as const
  await adjustCredit(app, { ...cash, wallet: "cash" })
  return sendJson("/api/v1/cash-wallet/token-purchase", { key, body })
}

describe("package", () => {
  test("list shows every one in the customers' order, disabled ones too", async () => {
    await using app = await openTestApp()
    await runCommand(app, "package disable", "--id", "starter")
    const packages = (await runCommand(app, "package list")) as Record<string, unknown>[]
    expect(packages.map(one => one.id)).toEqual([
      "starter",
      "standard",
      "plus",
      "pro",
      "team",
      "vip-30",
      "vip-365",
    ])
    expect(packages[0]).toEqual({
      id: "starter",
      label: "Starter",
      priceUsd: "5.00",
      creditUsd: "5.00",
      vipDays: 0,
      position: 10,
      isEnabled: false,
    })
  })

  test("set adds a VIP plan that the next request can buy", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const words = ["--id", "vip-7", "--label", "VIP, a week", "--price", "7.50", "--vip-days", "7"]
    const set = await runForRecord(app, "package set", ...words)
    expect(set).toMatchObject({ creditUsd: "7.50", position: 100, isEnabled: true })
    expect((await offered(app, mine)).at(-1)).toEqual({
      id: "vip-7",
      label: "VIP, a week",
      priceUsd: "7.50",
      creditUsd: "7.50",
      vipDays: 7,
    })
    expect(await buy(app, mine, { packageId: "vip-7" })).toMatchObject({
      purchase: { state: "paid", vipDays: 7 },
      wallet: { balanceUsd: "17.50" },
    })
  })

  test("set changes what is given and leaves the rest", async () => {
    await using app = await openTestApp()
    await runCommand(app, "package set", "--id", "plus", "--price", "24")
    await runCommand(app, "package disable", "--id", "plus")
    expect(await runForRecord(app, "package set", "--id", "plus", "--label", "Plus!")).toEqual({
      id: "plus",
      label: "Plus!",
      priceUsd: "24.00",
      creditUsd: "26.00",
      vipDays: 0,
      position: 30,
      isEnabled: false,
    })
  })

  test("disable and enable are seen at once, and harmless twice", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    for (let count = 0; count < 2; count++) await runCommand(app, "package disable", "--id", "starter")
    expect((await offered(app, mine))[0]?.id).toBe("standard")
    for (let count = 0; count < 2; count++) await runCommand(app, "package enable", "--id", "starter")
    expect((await offered(app, mine))[0]?.id).toBe("starter")
  })

  test("with words that do not fit is refused, and nothing changes", async () => {
    await using app = await openTestApp()
    const before = await runCommand(app, "package list")
    const set = (...words: string[]) => runCommand(app, "package set", ...words)
    const usage = [
      [],
      ["--id", "new"],
      ["--id", "new", "--price", "five"],
      ["--id", "new", "--price", "5.001"],
      ["--id", "new", "--price=-5"],
      ["--id", "new", "--price", "1e2"],
      ["--id", "new", "--price", "5", "--vip-days", "1.5"],
      ["--id", "new", "--price", "5", "--credit", "NaN"],
    ]
    for (const words of usage) await expect(set(...words)).rejects.toBeInstanceOf(UsageError)
    const invalid: [string, string[]][] = [
      ["id", ["--id", "New Pack", "--price", "5"]],
      ["label", ["--id", "new", "--price", "5", "--label", " "]],
      ["price", ["--id", "new", "--price", "0.49"]],
      ["price", ["--id", "new", "--price", "1000000"]],
      ["credit", ["--id", "new", "--price", "5", "--credit", "0"]],
      ["vip-days", ["--id", "new", "--price", "5", "--vip-days", "3661"]],
      ["position", ["--id", "new", "--price", "5", "--position", "1000001"]],
    ]
    for (const [field, words] of invalid)
      await expect(set(...words)).rejects.toMatchObject({ reason: "invalid", detail: { field } })
    for (const verb of ["disable", "enable"]) {
      const unknown = runCommand(app, `package ${verb}`, "--id", "gold")
      await expect(unknown).rejects.toThrow("there is no package gold; `codexapi admin package list`")
    }
    expect(await runCommand(app, "package list")).toEqual(before)
  })
})

describe("code", () => {
  test("create makes one with 80 random bits that every customer can use", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const created = await runForRecord(app, "code create", "--percent", "15")
    expect(created).toEqual({
      code: expect.stringMatching(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/),
      customerId: null,
      source: "operator",
      percent: 15,
      maxBonusUsd: null,
      minPriceUsd: "0.00",
      useCount: 0,
      maxUses: null,
      perCustomer: 1,
      startsAt: "2026-01-02T03:04:05.001Z",
      expiresAt: null,
      isEnabled: true,
    })
    expect(await preview(app, mine, { code: created.code, packageId: "pro" })).toMatchObject({
      package: { bonusUsd: "7.95" },
    })
  })

  test("create takes every term, for one customer alone", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const terms = ["--code", "Hello-26", "--percent", "100", "--max-uses", "3", "--per-customer", "2"]
    const more = ["--expires-days", "5", "--max-bonus", "2.50", "--min-price", "10", "--customer", mine.email]
    expect(await runForRecord(app, "code create", ...terms, ...more, "--starts-days", "1")).toMatchObject({
      code: "HELLO26",
      customerId: mine.id,
      percent: 100,
      maxBonusUsd: "2.50",
      minPriceUsd: "10.00",
      maxUses: 3,
      perCustomer: 2,
      startsAt: "2026-01-03T03:04:05.002Z",
      expiresAt: "2026-01-07T03:04:05.002Z",
    })
    const ask = (customer: TestCustomer, packageId = "standard") =>
      preview(app, customer, { code: "hello26", packageId })
    expect(await ask(mine)).toMatchObject({ code: "code_not_started" })
    app.clock.advance(DAY_MS)
    expect(await ask(mine)).toMatchObject({ usesLeft: 2, package: { bonusUsd: "2.50", totalUsd: "12.50" } })
    expect(await ask(mine, "starter")).toMatchObject({ code: "code_below_minimum" })
    expect(await ask(other)).toMatchObject({ code: "code_unknown" })
  })

  test("list shows the newest first with their uses, of one customer or all", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const first = await runForRecord(app, "code create", "--percent", "1")
    app.clock.advance(1)
    const second = await runForRecord(app, "code create", "--percent", "2", "--customer", mine.id)
    const bought = await buy(app, mine, { packageId: "starter", code: second.code })
    expect(bought).toMatchObject({ purchase: { state: "paid", code: second.code } })
    expect(await runCommand(app, "code list")).toEqual([{ ...second, useCount: 1 }, first])
    expect(await runCommand(app, "code list", "--customer", mine.email)).toMatchObject([{ percent: 2 }])
    expect(await runCommand(app, "code list", "--limit", "1")).toMatchObject([{ percent: 2 }])
    const listNone = runCommand(app, "code list", "--limit", "0")
    await expect(listNone).rejects.toBeInstanceOf(UsageError)
  })

  test("disable ends one at once, however it is written", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const { code } = await runForRecord(app, "code create", "--percent", "15")
    for (const text of [String(code).toLowerCase(), String(code).replaceAll("-", "")]) {
      expect(await runCommand(app, "code disable", "--code", text)).toEqual({ code, isEnabled: false })
    }
    expect(await preview(app, mine, { code })).toMatchObject({ code: "code_expired" })
    const unknown = runCommand(app, "code disable", "--code", "NOTHING")
    await expect(unknown).rejects.toMatchObject({ reason: "not_found" })
  })

  test("create with words that do not fit is refused, and writes none", async () => {
    await using app = await openTestApp()
    const create = (...words: string[]) => runCommand(app, "code create", ...words)
    const usage = [
      [],
      ["--percent", "ten"],
      ["--percent=-1"],
      ["--percent", "10", "--max-bonus", "1e3"],
      ["--percent", "10", "--min-price", "0.001"],
      ["--percent", "10", "--per-customer", "0"],
      ["--percent", "10", "--expires-days", "3661"],
      ["--percent", "10", "--starts-days", "soon"],
      ["--percent", "10", "--customer", "no@example.com"],
    ]
    for (const words of usage) await expect(create(...words)).rejects.toBeInstanceOf(UsageError)
    const invalid: [string, string[]][] = [
      ["percent", ["--percent", "0"]],
      ["percent", ["--percent", "101"]],
      ["max-uses", ["--percent", "10", "--max-uses", "0"]],
      ["max-bonus", ["--percent", "10", "--max-bonus", "0"]],
      ["expires-days", ["--percent", "10", "--starts-days", "2", "--expires-days", "2"]],
      ["code", ["--percent", "10", "--code", "abc", "--max-uses", "1", "--expires-days", "1"]],
      // One that is chosen can be guessed.
      ["max-uses", ["--percent", "10", "--code", "SALE", "--expires-days", "1"]],
      ["expires-days", ["--percent", "10", "--code", "SALE", "--max-uses", "1"]],
    ]
    for (const [field, words] of invalid)
      await expect(create(...words)).rejects.toMatchObject({ reason: "invalid", detail: { field } })
    expect(await runCommand(app, "code list")).toEqual([])
    const sale = ["--percent", "10", "--code", "SALE", "--max-uses", "1", "--expires-days", "1"]
    await create(...sale)
    await expect(create(...sale)).rejects.toMatchObject({
      reason: "conflict",
      detail: { code: "code_exists" },
    })
  })
})

describe("rule", () => {
  test("list and show give every rule with its defaults", async () => {
    await using app = await openTestApp()
    const rules = (await runCommand(app, "rule list")) as { name: string; value: object }[]
    expect(rules.map(rule => rule.name)).toEqual([
      "check-in",
      "share",
      "referral",
      "gumroad",
      "session-discount",
      "anti-abuse",
      "auto-topup",
      "cash",
      "low-balance",
    ])
    for (const { name, value } of rules)
      expect(await runCommand(app, "rule show", "--name", name)).toEqual({ name, ...value })
  })

  test("set changes the fields that it names, seen by the next request", async () => {
    await using app = await openTestApp({ env: DEMO_ONLY })
    const { key } = await app.createCustomer()
    const words = ["--name", "session-discount", "--patch"]
    expect(await runCommand(app, "rule set", ...words, '{"percent":25,"minutes":5}')).toEqual({
      name: "session-discount",
      is_enabled: true,
      percent: 25,
      minutes: 5,
      every_days: 30,
    })
    app.clock.advance(DAY_MS)
    const path = "/api/v1/wallet/topupemail-session-discount"
    expect(await app.sendJson(path, { key, body: {} })).toMatchObject({
      percent: 25,
      expiresAt: "2026-01-03T03:09:05.001Z",
    })
  })

  test("with words that do not fit is refused, and nothing changes", async () => {
    await using app = await openTestApp()
    const before = await runCommand(app, "rule list")
    const set = (name: string, patch: string) => runCommand(app, "rule set", "--name", name, "--patch", patch)
    await expect(set("discount", "{}")).rejects.toBeInstanceOf(UsageError)
    await expect(set("cash", "min_usd=1")).rejects.toBeInstanceOf(UsageError)
    await expect(set("cash", '{"min_usd":"1"')).rejects.toBeInstanceOf(UsageError)
    await expect(runCommand(app, "rule show", "--name", "toString")).rejects.toBeInstanceOf(UsageError)
    const invalid: [string, string, string | undefined][] = [
      ["session-discount", '{"percent":101}', "percent"],
      ["session-discount", '{"percent":"10"}', "percent"],
      ["session-discount", '{"per_cent":10}', "per_cent"],
      ["cash", '{"min_usd":"2000.00"}', "min_usd"],
      ["cash", '{"min_usd":1e309}', "min_usd"],
      ["referral", '{"tiers":[]}', "tiers"],
      ["anti-abuse", "null", undefined],
      ["anti-abuse", "[]", undefined],
    ]
    for (const [name, patch, field] of invalid) {
      const refused = await set(name, patch).catch(error => error)
      expect(refused).toMatchObject({ reason: "invalid", detail: { code: "invalid_rule" } })
      expect(refused.detail.field).toBe(field)
    }
    expect(await runCommand(app, "rule list")).toEqual(before)
  })
})

test("none of the operator's changes is an event of a customer", async () => {
  await using app = await openTestApp()
  await runCommand(app, "package set", "--id", "starter", "--price", "6")
  await runCommand(app, "code create", "--percent", "15")
  await runCommand(app, "rule set", "--name", "share", "--patch", '{"is_enabled":false}')
  expect(app.events).toEqual([])
})
