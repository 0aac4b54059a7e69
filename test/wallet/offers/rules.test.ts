/** The operator's rules: what they are by default, that edits are seen at once, and what is refused by name. */
import { describe, expect, test } from "bun:test"
import { getRule, RULE_NAMES, type RuleName, setRule } from "../../../src/wallet/offers/rules.ts"
import { START_AT } from "../../support/clock.ts"
import { openTestStore } from "../../support/store.ts"

const openRules = () => {
  const store = openTestStore()
  return {
    store,
    get: <Name extends RuleName>(name: Name) => getRule(store.read, name),
    set: (name: RuleName, patch: unknown) => store.tx(q => setRule(q, START_AT, name, patch)),
  }
}

describe("a rule that nobody has set", () => {
  test("has its default", async () => {
    const { get } = openRules()
    const rules = Object.fromEntries(await Promise.all(RULE_NAMES.map(async name => [name, await get(name)])))
    expect(rules).toEqual({
      "check-in": { is_enabled: true, amounts_usd: ["0.05", "0.05", "0.10", "0.10", "0.15", "0.20", "0.50"] },
      share: {
        is_enabled: true,
        amount_usd: "1.00",
        text: expect.stringMatching(/.{20}/),
        hosts: [
          "x.com",
          "twitter.com",
          "linkedin.com",
          "reddit.com",
          "facebook.com",
          "bsky.app",
          "mastodon.social",
          "news.ycombinator.com",
        ],
      },
      referral: {
        is_enabled: true,
        tiers: [
          { min_customers: 0, percent: 5 },
          { min_customers: 5, percent: 8 },
          { min_customers: 20, percent: 10 },
        ],
        hold_days: 14,
        months: 12,
      },
      gumroad: { is_enabled: true, product_id: "", amount_usd: "200.00" },
      "session-discount": { is_enabled: true, percent: 10, minutes: 30, every_days: 30 },
      "anti-abuse": {
        min_account_age_hours: 24,
        requires_verified_email: "when-mail-works",
        requires_turnstile: true,
      },
      "auto-topup": { min_interval_minutes: 10, max_failures: 3, max_monthly_cap_usd: "1000.00" },
      cash: { min_usd: "5.00", max_usd: "1000.00" },
      "low-balance": { threshold_usd: "1.00" },
    })
  })

  test("accepts its own default, so that every default is as it must be", async () => {
    const { get, set } = openRules()
    for (const name of RULE_NAMES) await set(name, await get(name))
  })
})

describe("a rule that is set", () => {
  test("keeps what was not named, and is seen at once", async () => {
    const { get, set } = openRules()
    await set("session-discount", { percent: 15 })
    await set("session-discount", { minutes: 60 })
    expect(await get("session-discount")).toEqual({
      is_enabled: true,
      percent: 15,
      minutes: 60,
      every_days: 30,
    })
    expect(await get("check-in")).toMatchObject({ is_enabled: true })
  })

  test("stores only what was named: other fields follow the defaults of later versions", async () => {
    const { store, set } = openRules()
    await set("gumroad", { product_id: "abc" })
    await set("gumroad", { product_id: "abc" })
    expect(await store.read.all("SELECT * FROM rule")).toEqual([
      { name: "gumroad", value: '{"product_id":"abc"}', updated_at: START_AT },
    ])
  })

  test("gets lists as a whole", async () => {
    const { get, set } = openRules()
    await set("check-in", { amounts_usd: ["0.01"] })
    expect((await get("check-in")).amounts_usd).toEqual(["0.01"])
  })
})

describe("what is refused, naming the field", () => {
  const cases: [RuleName, unknown, string][] = [
    ["check-in", { amounts_usd: [] }, "amounts_usd"],
    ["check-in", { amounts_usd: "0.05" }, "amounts_usd"],
    ["check-in", { amounts_usd: ["0.05", "0"] }, "amounts_usd.1"],
    ["check-in", { amounts_usd: ["0.00"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: ["-1.00"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: ["1e3"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: ["NaN"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: ["0.0000000001"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: ["1000000.00"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: ["0.05\n"] }, "amounts_usd.0"],
    ["check-in", { amounts_usd: [0.05] }, "amounts_usd.0"],
    ["check-in", { is_enabled: "true" }, "is_enabled"],
    ["check-in", { isEnabled: true }, "isEnabled"],
    ["check-in", JSON.parse('{"__proto__":{"is_enabled":false}}'), "__proto__"],
    ["share", { amount_usd: "0.00" }, "amount_usd"],
    ["share", { text: "x".repeat(501) }, "text"],
    ["share", { text: null }, "text"],
    ["share", { hosts: [] }, "hosts"],
    ["share", { hosts: ["https://x.com"] }, "hosts.0"],
    ["share", { hosts: ["x.com", "X.com"] }, "hosts.1"],
    ["referral", { tiers: [] }, "tiers"],
    ["referral", { tiers: [{ min_customers: 0 }] }, "tiers.0.percent"],
    ["referral", { tiers: [{ min_customers: 0, percent: 101 }] }, "tiers.0.percent"],
    ["referral", { tiers: [{ min_customers: 0, percent: 5, bonus: 1 }] }, "tiers.0.bonus"],
    ["referral", { tiers: [{ min_customers: 1, percent: 5 }] }, "tiers.0.min_customers"],
    [
      "referral",
      {
        tiers: [
          { min_customers: 0, percent: 5 },
          { min_customers: 0, percent: 6 },
        ],
      },
      "tiers.1.min_customers",
    ],
    ["referral", { hold_days: -1 }, "hold_days"],
    ["referral", { months: 0 }, "months"],
    ["gumroad", { product_id: 5 }, "product_id"],
    ["gumroad", { amount_usd: "free" }, "amount_usd"],
    ["session-discount", { percent: 0 }, "percent"],
    ["session-discount", { percent: 101 }, "percent"],
    ["session-discount", { percent: 9.5 }, "percent"],
    ["session-discount", { minutes: 0 }, "minutes"],
    ["session-discount", { every_days: 0 }, "every_days"],
    ["anti-abuse", { min_account_age_hours: Number.POSITIVE_INFINITY }, "min_account_age_hours"],
    ["anti-abuse", { requires_verified_email: true }, "requires_verified_email"],
    ["anti-abuse", { requires_turnstile: 1 }, "requires_turnstile"],
    ["auto-topup", { min_interval_minutes: 9 }, "min_interval_minutes"],
    ["auto-topup", { max_failures: 0 }, "max_failures"],
    ["auto-topup", { max_monthly_cap_usd: "10.001" }, "max_monthly_cap_usd"],
    ["cash", { min_usd: "0.00" }, "min_usd"],
    ["cash", { max_usd: "5.005" }, "max_usd"],
    ["cash", { max_usd: "4.99" }, "min_usd"],
    ["low-balance", { threshold_usd: "-1" }, "threshold_usd"],
    ["low-balance", [], "(none)"],
    ["low-balance", "threshold_usd", "(none)"],
    ["low-balance", null, "(none)"],
  ]
  test.each(cases)("%s %j: %s", async (name, patch, field) => {
    const { store, get, set } = openRules()
    const before = await get(name)
    const refusal = set(name, patch)
    await expect(refusal).rejects.toMatchObject({ reason: "invalid", detail: { code: "invalid_rule" } })
    const { detail } = await refusal.catch(error => error)
    expect(detail.field ?? "(none)").toBe(field)
    expect(await get(name)).toEqual(before)
    expect(await store.read.all("SELECT * FROM rule")).toEqual([])
  })

  test("says what the field must be, and which fields there are", async () => {
    const { set } = openRules()
    await expect(set("session-discount", { percent: 101 })).rejects.toThrow(
      "percent must be a whole number from 1 to 100. Fields of session-discount: is_enabled, percent, minutes, every_days.",
    )
    await expect(set("share", { amount: "1.00" })).rejects.toThrow("amount is no field of this rule.")
    await expect(set("share", [])).rejects.toThrow(
      "the change must be a JSON object of the fields to change.",
    )
  })
})
