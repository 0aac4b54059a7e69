/** Looking at a code before a top-up: terms, preview, refusals in their order, and the brake on guessing. */
import { describe, expect, test } from "bun:test"
import { createRateLimit } from "../../../src/platform/rate-limit.ts"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  type DiscountAsked,
  limitCodeAttempts,
  previewDiscount,
} from "../../../src/wallet/offers/topup-discount.ts"
import { createTestClock } from "../../support/clock.ts"
import { openTestOffers } from "../../support/offers.ts"

async function openDiscounts() {
  const offers = await openTestOffers()
  const attempt_limit = createRateLimit(offers.clock, { burst: 10, per_minute: 10 })
  const ask = (asked: Partial<DiscountAsked> & { code: string }) =>
    previewDiscount(
      { ...offers, attempt_limit },
      { customer_id: "cus_1", address: "203.0.113.7", package_id: undefined, ...asked },
    )
  return { ...offers, ask }
}

describe("a code that is shown", () => {
  test("without a package gives its terms alone", async () => {
    const { create, ask } = await openDiscounts()
    const code = await create({ max_use_count: 5, max_use_count_per_customer: 2 })
    expect(await ask({ code: code.code })).toEqual({ code, left_count: 2, preview: undefined })
  })

  test("with a package gives what a purchase would give, and takes nothing", async () => {
    const { create, ask, uses } = await openDiscounts()
    const { code } = await create({ percent: 10, max_bonus_nanos: 2_000_000_000 as Nanos })
    for (let count = 0; count < 2; count++) {
      expect(await ask({ code, package_id: "plus" })).toMatchObject({
        left_count: 1,
        preview: { offer: { id: "plus" }, bonus: { bonus_nanos: 2_000_000_000, number: 1 } },
      })
    }
    expect(await uses()).toEqual([])
  })

  test("is looked at before the package: who cannot use it learns nothing else", async () => {
    const { create, ask } = await openDiscounts()
    const { code } = await create({ customer_id: "cus_2" })
    const foreign = ask({ code, package_id: "gold" })
    await expect(foreign).rejects.toMatchObject({ detail: { code: "code_unknown", field: "code" } })
    const own = ask({ code, package_id: "gold", customer_id: "cus_2" })
    await expect(own).rejects.toMatchObject({ detail: { code: "unknown_package", field: "packageId" } })
  })

  test("for a package that is too small is refused with one, and shown without", async () => {
    const { create, ask } = await openDiscounts()
    const { code } = await create({ min_price_cents: 1_001 })
    await ask({ code })
    const small = ask({ code, package_id: "standard" })
    await expect(small).rejects.toMatchObject({ detail: { code: "code_below_minimum", field: "code" } })
  })
})

describe("guessing", () => {
  const limited = { reason: "rate_limited", detail: { code: "too_many_attempts", retry_after_ms: 6_000 } }

  test("ten codes a minute are looked at for a customer, from wherever", async () => {
    const { create, ask, clock } = await openDiscounts()
    const { code } = await create()
    const guess = (number: number, text = `GUESS${number}`) =>
      ask({ code: text, address: `198.51.${number}.1` }).catch(error => error)
    for (let number = 1; number <= 10; number++)
      expect(await guess(number)).toMatchObject({ detail: { code: "code_unknown" } })
    expect(await guess(11)).toMatchObject(limited)
    // Not even the right one: else it could be told from the wrong ones.
    expect(await guess(12, code)).toMatchObject(limited)
    clock.advance(6_000)
    expect(await guess(13, code)).toMatchObject({ left_count: 1 })
  })

  test("ten codes a minute are looked at from a network, whoever asks", async () => {
    const { ask } = await openDiscounts()
    const guess = (number: number, address: string) =>
      ask({ code: "GUESS", customer_id: `cus_${number}`, address }).catch(error => error)
    for (let number = 1; number <= 10; number++) await guess(number, "2001:db8::1")
    expect(await guess(11, "2001:db8::2")).toMatchObject(limited)
    expect(await guess(11, "2001:db9::1")).toMatchObject({ detail: { code: "code_unknown" } })
  })

  test("a purchase without a code is not counted", () => {
    const attempt_limit = createRateLimit(createTestClock(), { burst: 1, per_minute: 1 })
    const show = (code: string | undefined) =>
      limitCodeAttempts({ attempt_limit }, { customer_id: "cus_1", address: "203.0.113.7", code })
    for (let count = 0; count < 5; count++) show(undefined)
    show("SALE")
    expect(() => show("SALE")).toThrow("Too many attempts. Try again in 60 s.")
  })
})
