/** Bonus codes at a purchase: the exact bonus, every refusal, and limits that hold when fifty take at once. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { disableCode, formatCode, type NewCode } from "../../../src/wallet/offers/code-book.ts"
import { codeTransferId, getCodeTerms, previewCode } from "../../../src/wallet/offers/codes.ts"
import { findPackage } from "../../../src/wallet/offers/packages.ts"
import { START_AT } from "../../support/clock.ts"
import { openTestOffers, type TestOffers } from "../../support/offers.ts"
import { checkPropertyAsync } from "../../support/property.ts"

const DAY_MS = 86_400_000
const refusal = (code: string) => ({ reason: "unprocessable", detail: { code, field: "code" } })

describe("what a code adds", () => {
  test("is percent of the package's credit, gifts included", async () => {
    const { create, preview } = await openTestOffers()
    const { code } = await create({ expires_at: START_AT + DAY_MS })
    expect(await preview(code, "cus_1", "team")).toEqual({
      code,
      number: 1,
      percent: 10,
      bonus_nanos: 11_000_000_000 as Nanos,
      expires_at: START_AT + DAY_MS,
    })
  })

  test("is the floor of credit × percent / 100 to the nano, and never above the code's limit", async () => {
    const { create, store, clock } = await openTestOffers()
    const offer = (await findPackage(store.read, "standard"))!
    const values = fc.record({
      credit_nanos: fc.integer({ min: 1, max: 9_000_000_000_000_000 }),
      percent: fc.integer({ min: 1, max: 100 }),
      max_bonus_nanos: fc.option(fc.integer({ min: 1, max: 9_000_000_000_000_000 })),
    })
    await checkPropertyAsync(import.meta.path, values, async ({ credit_nanos, percent, max_bonus_nanos }) => {
      const { code } = await create({ percent, max_bonus_nanos: max_bonus_nanos as Nanos | null })
      const asked = { code, customer_id: "cus_1", offer: { ...offer, credit_nanos: credit_nanos as Nanos } }
      const { bonus_nanos } = await previewCode(store.read, clock.now(), asked)
      const uncapped = (BigInt(credit_nanos) * BigInt(percent)) / 100n
      const cap = max_bonus_nanos === null ? uncapped : BigInt(max_bonus_nanos)
      expect(BigInt(bonus_nanos)).toBe(uncapped < cap ? uncapped : cap)
    })
  })

  test("looking takes nothing", async () => {
    const { create, preview, uses } = await openTestOffers()
    const { code } = await create()
    for (let count = 0; count < 3; count++) expect((await preview(code)).number).toBe(1)
    expect(await uses()).toEqual([])
  })
})

describe("a code is refused", () => {
  const scenes: [string, Partial<NewCode>, string][] = [
    ["of another customer, as one that is unknown", { customer_id: "cus_2" }, "code_unknown"],
    ["before it starts", { starts_at: START_AT + 1 }, "code_not_started"],
    ["for a package that costs less than it asks for", { min_price_cents: 1_001 }, "code_below_minimum"],
  ]
  test.each(scenes)("%s", async (_, terms, expected) => {
    const { create, preview, take, uses } = await openTestOffers()
    const { code } = await create(terms)
    await expect(preview(code)).rejects.toMatchObject(refusal(expected))
    await expect(take(code)).rejects.toMatchObject(refusal(expected))
    expect(await uses()).toEqual([])
  })

  test("when there is none, in the words for another customer's", async () => {
    const { create, preview } = await openTestOffers()
    const { code } = await create({ customer_id: "cus_2" })
    const messageOf = (text: string) => preview(text).catch(error => error.message)
    expect(await messageOf("no such code")).toBe(await messageOf(code))
    for (const text of ["", "-", "'; DROP TABLE bonus_code", "\u0000", code.slice(1)]) {
      await expect(preview(text)).rejects.toMatchObject(refusal("code_unknown"))
    }
  })

  test("from the instant it expires on, and not a millisecond before", async () => {
    const { create, preview, clock } = await openTestOffers()
    const { code } = await create({ expires_at: START_AT + DAY_MS })
    clock.advance(DAY_MS - 1)
    await preview(code)
    clock.advance(1)
    await expect(preview(code)).rejects.toMatchObject(refusal("code_expired"))
  })

  test("when the operator switched it off", async () => {
    const { create, preview, store } = await openTestOffers()
    const { code } = await create()
    await store.tx(q => disableCode(q, code))
    await expect(preview(code)).rejects.toMatchObject(refusal("code_expired"))
  })

  test("when this customer has used it, while others still can", async () => {
    const { create, preview, take } = await openTestOffers()
    const { code } = await create()
    await take(code)
    await expect(preview(code)).rejects.toMatchObject(refusal("code_used"))
    await expect(take(code)).rejects.toMatchObject(refusal("code_used"))
    await take(code, "cus_2")
  })

  test("when all together have used it up", async () => {
    const { create, preview, take } = await openTestOffers()
    const { code } = await create({ max_use_count: 1 })
    await take(code)
    await expect(preview(code, "cus_2")).rejects.toMatchObject(refusal("code_exhausted"))
  })

  test("with a message that names it and says what to do", async () => {
    const { create, preview } = await openTestOffers()
    const { code } = await create({ min_price_cents: 2_500 })
    await expect(preview(code)).rejects.toThrow(
      `${formatCode(code)} is for packages from $25.00: choose a larger one.`,
    )
  })
})

test("the terms tell how often the customer may still use it, within both limits", async () => {
  const { create, take, store, clock } = await openTestOffers()
  const { code } = await create({ max_use_count: 4, max_use_count_per_customer: 3 })
  const left = async (customer_id: string) =>
    (await getCodeTerms(store.read, clock.now(), { code, customer_id })).left_count
  expect(await left("cus_1")).toBe(3)
  await take(code, "cus_2")
  await take(code, "cus_2")
  expect([await left("cus_1"), await left("cus_2")]).toEqual([2, 1])
})

describe("a use", () => {
  test("that is given back can be taken again", async () => {
    const { create, take, giveBack, uses } = await openTestOffers()
    const { code } = await create({ max_use_count: 1 })
    const first = await take(code)
    await giveBack(first.purchase_id)
    expect(await uses()).toEqual([])
    const second = await take(code, "cus_2")
    expect(await uses()).toEqual([`cus_2 1 ${second.purchase_id}`])
  })

  test("given back twice frees one use only", async () => {
    const { create, take, giveBack, preview } = await openTestOffers()
    const { code } = await create({ max_use_count: 2, max_use_count_per_customer: 2 })
    const first = await take(code)
    await take(code)
    await giveBack(first.purchase_id)
    await giveBack(first.purchase_id)
    await take(code)
    await expect(preview(code)).rejects.toMatchObject(refusal("code_used"))
  })

  test("of a paid purchase is never given back", async () => {
    const { create, take, pay, giveBack, uses } = await openTestOffers()
    const { code } = await create()
    const { purchase_id } = await take(code)
    await pay(purchase_id)
    await giveBack(purchase_id)
    expect(await uses()).toEqual([`cus_1 1 ${purchase_id}`])
  })

  test("is undone with the job that took it", async () => {
    const { create, take, uses } = await openTestOffers()
    const { code } = await create()
    await take(code, "cus_1", "ord_same")
    await expect(take(code, "cus_2", "ord_same")).rejects.toThrow()
    expect(await uses()).toEqual(["cus_1 1 ord_same"])
  })

  test("has a transfer id that states the rule", () => {
    const use = { code: "SALE", customer_id: "cus_1" }
    expect(codeTransferId({ ...use, number: 1 })).toBe("code:SALE:cus_1")
    expect(codeTransferId({ ...use, number: 2 })).toBe("code:SALE:cus_1:2")
  })
})

/** What happens to a code in a history: its next use is taken, or the use at this place is paid or given back. */
type Step = { kind: "take" } | { kind: "pay" | "give-back"; at: number }

test("no two paid uses ever share a transfer id, whatever was given back in between", async () => {
  const at = fc.nat(7)
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(
      { weight: 2, arbitrary: fc.constant<Step>({ kind: "take" }) },
      fc.record({ kind: fc.constantFrom("pay", "give-back"), at }),
    ),
    { maxLength: 20 },
  )
  await checkPropertyAsync(import.meta.path, steps, async history => {
    const paid = await playHistory(await openTestOffers(1), history)
    expect(new Set(paid).size).toBe(paid.length)
  })
})

/** The transfer ids under which the paid uses were posted. */
async function playHistory(offers: TestOffers, history: readonly Step[]): Promise<string[]> {
  const { code } = await offers.create({ max_use_count_per_customer: 1_000 })
  const open: { purchase_id: string; number: number }[] = []
  const paid: string[] = []
  for (const step of history) {
    if (step.kind === "take") {
      open.push(await offers.take(code))
      continue
    }
    const [use] = open.splice(step.at % Math.max(open.length, 1), 1)
    if (!use) continue
    if (step.kind === "give-back") await offers.giveBack(use.purchase_id)
    else {
      await offers.pay(use.purchase_id)
      paid.push(codeTransferId({ code, customer_id: "cus_1", number: use.number }))
    }
  }
  return paid
}

describe("a hundred rounds of fifty takes at once", () => {
  const CUSTOMERS = 10
  const ROUNDS = 100

  /** Fifty takes, five of each customer; gives the uses by customer. */
  async function race(offers: TestOffers, terms: Partial<NewCode>): Promise<Map<string, number>> {
    const { code } = await offers.create(terms)
    const taken = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) => offers.take(code, `cus_${(index % CUSTOMERS) + 1}`)),
    )
    const refused = taken.filter(one => one.status === "rejected").map(one => one.reason.detail?.code)
    expect(refused.filter(reason => reason !== "code_used" && reason !== "code_exhausted")).toEqual([])
    const rows = await offers.store.read.all<{ customer_id: string; count: number }>(
      "SELECT customer_id, count(*) AS count FROM code_use WHERE code = ? GROUP BY customer_id",
      code,
    )
    const uses = new Map(rows.map(row => [row.customer_id, row.count]))
    expect(sumOf(uses)).toBe(taken.length - refused.length)
    return uses
  }

  const sumOf = (uses: Map<string, number>) => [...uses.values()].reduce((sum, count) => sum + count, 0)

  test("give exactly the total limit, and no customer more than theirs", async () => {
    const offers = await openTestOffers(CUSTOMERS)
    for (let round = 1; round <= ROUNDS; round++) {
      const max_use_count = 1 + (round % 30)
      const max_use_count_per_customer = 1 + (round % 4)
      const uses = await race(offers, { max_use_count, max_use_count_per_customer })
      expect(Math.max(...uses.values())).toBeLessThanOrEqual(max_use_count_per_customer)
      expect(sumOf(uses)).toBe(Math.min(max_use_count, CUSTOMERS * max_use_count_per_customer))
    }
  })
})
