/** The book of bonus codes: how codes look and are compared, what a new one must have, lists, and switching off. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  disableCode,
  findCode,
  findLastSessionCode,
  formatCode,
  listCodes,
  type NewCode,
  normaliseBonusCode,
} from "../../../src/wallet/offers/code-book.ts"
import { START_AT } from "../../support/clock.ts"
import { openTestOffers } from "../../support/offers.ts"

const DAY_MS = 86_400_000
const LIMITED = { max_use_count: 5, expires_at: START_AT + DAY_MS }

describe("a generated code", () => {
  test("has 80 random bits in Crockford's base 32, in groups of four", async () => {
    const { create } = await openTestOffers()
    const codes = new Set<string>()
    for (let count = 0; count < 50; count++) {
      const { code } = await create()
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{16}$/)
      expect(formatCode(code)).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
      codes.add(code)
    }
    expect(codes.size).toBe(50)
  })

  test("is found without regard to case, dashes and blanks", async () => {
    const { create, store } = await openTestOffers()
    const { code } = await create()
    for (const text of [code, formatCode(code), code.toLowerCase(), ` ${formatCode(code).toLowerCase()} `]) {
      expect((await findCode(store.read, text))?.code).toBe(code)
    }
    expect(await findCode(store.read, code.slice(0, -1))).toBeUndefined()
    expect(await findCode(store.read, `${code}'--`)).toBeUndefined()
  })

  test("needs no limits, because it cannot be guessed", async () => {
    const { create } = await openTestOffers()
    expect(await create()).toMatchObject({ max_use_count: null, expires_at: null, is_enabled: true })
  })
})

describe("a code that the operator chose", () => {
  test("is stored and shown in capitals, without dashes", async () => {
    const { create } = await openTestOffers()
    expect((await create({ code: "welcome-10", ...LIMITED })).code).toBe("WELCOME10")
    expect(formatCode("WELCOME10")).toBe("WELCOME10")
    expect(normaliseBonusCode("Wel come-10")).toBe("WELCOME10")
  })

  test.each<[Partial<NewCode>, string]>([
    [{ code: "abc" }, "code"],
    [{ code: "a-b-c" }, "code"],
    [{ code: "" }, "code"],
    [{ code: "x".repeat(33) }, "code"],
    [{ code: "größe" }, "code"],
    [{ code: "sale:2026" }, "code"],
    [{ code: "sale", max_use_count: null }, "max-uses"],
    [{ code: "sale", expires_at: null }, "expires-days"],
  ])("is refused with %j: the refusal names %s", async (wrong, field) => {
    const { create, store } = await openTestOffers()
    await expect(create({ ...LIMITED, ...wrong })).rejects.toMatchObject({
      reason: "invalid",
      detail: { code: "invalid_code", field },
    })
    expect(await store.read.all("SELECT * FROM bonus_code")).toEqual([])
  })

  test("is refused when it exists, however it is written", async () => {
    const { create } = await openTestOffers()
    await create({ code: "SALE", ...LIMITED, percent: 5 })
    await expect(create({ code: "sa-le", ...LIMITED })).rejects.toMatchObject({
      reason: "conflict",
      detail: { code: "code_exists", field: "code" },
    })
  })
})

test.each<[Partial<NewCode>, string]>([
  [{ percent: 0 }, "percent"],
  [{ percent: 101 }, "percent"],
  [{ percent: 9.5 }, "percent"],
  [{ max_use_count: 0 }, "max-uses"],
  [{ max_use_count_per_customer: 0 }, "per-customer"],
  [{ max_bonus_nanos: 0 as Nanos }, "max-bonus"],
  [{ min_price_cents: -1 }, "min-price"],
  [{ expires_at: START_AT }, "expires-days"],
])("no code has the terms %j: the refusal names %s", async (wrong, field) => {
  const { create } = await openTestOffers()
  await expect(create(wrong)).rejects.toMatchObject({ reason: "invalid", detail: { field } })
})

describe("the list", () => {
  test("shows the newest first, with how often each is used", async () => {
    const { create, clock, take, store } = await openTestOffers()
    const first = await create()
    clock.advance(1)
    const second = await create({ customer_id: "cus_2" })
    await take(first.code, "cus_1")
    await take(first.code, "cus_2")
    const rows = await listCodes(store.read, { limit: 10, customer_id: null })
    expect(rows.map(row => [row.code, row.use_count])).toEqual([
      [second.code, 0],
      [first.code, 2],
    ])
    expect(await listCodes(store.read, { limit: 1, customer_id: null })).toHaveLength(1)
    expect(await listCodes(store.read, { limit: 10, customer_id: "cus_2" })).toMatchObject([second])
  })

  test("of session codes gives the customer's last", async () => {
    const { create, clock, store } = await openTestOffers()
    await create({ customer_id: "cus_1", source: "session" })
    clock.advance(1)
    const last = await create({ customer_id: "cus_1", source: "session" })
    await create({ customer_id: "cus_1" })
    await create({ customer_id: "cus_2", source: "session" })
    expect(await findLastSessionCode(store.read, "cus_1")).toEqual({ ...last, use_count: 0 })
    expect(await findLastSessionCode(store.read, "cus_9")).toBeUndefined()
  })
})

describe("switching off", () => {
  test("is for good, and harmless twice", async () => {
    const { create, store } = await openTestOffers()
    const { code } = await create()
    for (let count = 0; count < 2; count++) {
      expect(await store.tx(q => disableCode(q, formatCode(code)))).toMatchObject({ code, is_enabled: false })
    }
  })

  test("an unknown code says so", async () => {
    const { store } = await openTestOffers()
    await expect(store.tx(q => disableCode(q, "nothing"))).rejects.toMatchObject({ reason: "not_found" })
  })
})
