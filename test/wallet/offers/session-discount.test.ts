/** The time-boxed discount: one code at a time, once in so many days, for customers whom the rules trust. */
import { describe, expect, test } from "bun:test"
import { createVault } from "../../../src/auth/vault.ts"
import { createEvents } from "../../../src/platform/events.ts"
import { disableCode, formatCode } from "../../../src/wallet/offers/code-book.ts"
import { type RuleName, setRule } from "../../../src/wallet/offers/rules.ts"
import { issueSessionCode, type SessionDiscountNeeds } from "../../../src/wallet/offers/session-discount.ts"
import { START_AT } from "../../support/clock.ts"
import { openTestOffers } from "../../support/offers.ts"
import { createTestRandom } from "../../support/random.ts"
import { openSiteverify, SITEVERIFY_SECRET } from "../../support/siteverify.ts"

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const MAIL = { smtp_url: "smtp://127.0.0.1:1", from: "CodexAPI <billing@codexapi.example>" }

/** Customers are old enough here unless a test says otherwise. */
async function openDiscounts(config: Partial<SessionDiscountNeeds["config"]> = {}, has_upstream = false) {
  const offers = await openTestOffers()
  const { store, clock } = offers
  const events = createEvents()
  const heard: string[] = []
  events.listen(({ name, data }) => heard.push(`${name} ${Object.values(data).join(" ")}`))
  let id_count = 0
  const needs: SessionDiscountNeeds = {
    store,
    clock,
    events,
    random: createTestRandom(7),
    vault: createVault("a secret of the tests, 32 letters or more", createTestRandom()),
    catalog: { hasUpstream: () => has_upstream },
    newId: prefix => `${prefix}_${++id_count}`,
    fetch,
    config: { mail: undefined, turnstile: undefined, ...config },
  }
  const ask = (customer_id = "cus_1", turnstile_token?: string) =>
    issueSessionCode(needs, { customer_id, address: "203.0.113.7", turnstile_token })
  return {
    ...offers,
    heard,
    ask,
    rule: (name: RuleName, patch: object) => store.tx(q => setRule(q, clock.now(), name, patch)),
    verify: (customer_id = "cus_1") =>
      store.tx(q => q.run("UPDATE customer SET email_verified_at = 1 WHERE id = ?", customer_id)),
    inbox: () =>
      store.read.all<{ customer_id: string; kind: string; subject: string; body: string }>(
        "SELECT customer_id, kind, subject, body FROM inbox_message ORDER BY created_at, id",
      ),
    codes: () => store.read.all<{ code: string }>("SELECT code FROM bonus_code"),
  }
}

describe("a first request", () => {
  test("issues a code of 10 % for 30 minutes, one use, for this customer alone", async () => {
    const { ask, preview } = await openDiscounts()
    const { code, is_new } = await ask()
    expect(is_new).toBe(true)
    expect(code).toEqual({
      code: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{16}$/),
      customer_id: "cus_1",
      source: "session",
      percent: 10,
      max_bonus_nanos: null,
      min_price_cents: 0,
      max_use_count: 1,
      max_use_count_per_customer: 1,
      starts_at: START_AT,
      expires_at: START_AT + 30 * MINUTE_MS,
      is_enabled: true,
      created_at: START_AT,
      use_count: 0,
    })
    expect((await preview(code.code)).bonus_nanos).toBe(1_000_000_000 as never)
    const foreign = preview(code.code, "cus_2")
    await expect(foreign).rejects.toMatchObject({ detail: { code: "code_unknown" } })
  })

  test("writes it to the inbox, and that is all that happens where no mail works", async () => {
    const { ask, inbox, heard, store } = await openDiscounts()
    const { code } = await ask()
    expect(await inbox()).toEqual([
      {
        customer_id: "cus_1",
        kind: "reward",
        subject: "10 % more credit with your next top-up",
        body: `Your code ${formatCode(code.code)} adds 10 % to one credit pack that you buy before 2026-01-02T03:34:05.000Z.`,
      },
    ])
    expect(await store.read.all("SELECT id FROM mail_outbox")).toEqual([])
    expect(heard).toEqual(["notice-written cus_1 msg_1 reward", "code-issued cus_1"])
  })

  test("mails it to the customer's own address where mail works", async () => {
    const { ask, verify, store } = await openDiscounts({ mail: MAIL })
    await verify()
    const { code, is_mailed } = await ask()
    expect(is_mailed).toBe(true)
    expect(await store.read.all("SELECT recipient, body, state FROM mail_outbox")).toEqual([
      {
        recipient: "cus_1@example.com",
        body: expect.stringContaining(formatCode(code.code)) as never,
        state: "queued",
      },
    ])
  })

  test("mails it to nobody while the address is not proven, and says so", async () => {
    const { ask, rule, inbox, store } = await openDiscounts({ mail: MAIL })
    await rule("anti-abuse", { requires_verified_email: "never" })
    expect(await ask()).toMatchObject({ is_new: true, is_mailed: false })
    expect(await inbox()).toHaveLength(1)
    expect(await store.read.all("SELECT id FROM mail_outbox")).toEqual([])
  })

  test("follows the rule as it is at this moment", async () => {
    const { ask, rule } = await openDiscounts()
    await rule("session-discount", { percent: 33, minutes: 5 })
    const { code } = await ask()
    expect(code).toMatchObject({ percent: 33, expires_at: START_AT + 5 * MINUTE_MS })
    await rule("session-discount", { percent: 50 })
    expect((await ask("cus_2")).code.percent).toBe(50)
  })
})

describe("a repeat", () => {
  test("gives the same code while it is good, and tells nobody again", async () => {
    const { ask, clock, heard, inbox } = await openDiscounts()
    const first = await ask()
    heard.length = 0
    clock.advance(30 * MINUTE_MS - 1)
    expect(await ask()).toEqual({ code: first.code, is_new: false, is_mailed: false })
    expect(heard).toEqual([])
    expect(await inbox()).toHaveLength(1)
  })

  test("fifty times at once issues one", async () => {
    const { ask, codes, inbox } = await openDiscounts()
    for (let round = 1; round <= 2; round++) {
      const asked = await Promise.all(Array.from({ length: 50 }, () => ask(`cus_${round}`)))
      expect(asked.filter(one => one.is_new)).toHaveLength(1)
      expect(new Set(asked.map(one => one.code.code)).size).toBe(1)
      expect(await codes()).toHaveLength(round)
      expect(await inbox()).toHaveLength(round)
    }
  })

  const used = (nextAt: string) => ({
    reason: "conflict",
    detail: { code: "session_discount_used", extra: { nextAt } },
  })

  test("after it expired waits until 30 days after the last one, to the millisecond", async () => {
    const { ask, clock, inbox, codes } = await openDiscounts()
    const first = await ask()
    clock.advance(30 * MINUTE_MS)
    await expect(ask()).rejects.toMatchObject(used("2026-02-01T03:04:05.000Z"))
    clock.advance(30 * DAY_MS - 30 * MINUTE_MS - 1)
    await expect(ask()).rejects.toMatchObject(used("2026-02-01T03:04:05.000Z"))
    clock.advance(1)
    const second = await ask()
    expect(second.is_new).toBe(true)
    expect(second.code.code).not.toBe(first.code.code)
    expect(await inbox()).toHaveLength(2)
    expect(await codes()).toHaveLength(2)
  })

  test("while a purchase holds it, or after one used it, waits as well", async () => {
    const { ask, take, giveBack } = await openDiscounts()
    const { code } = await ask()
    const { purchase_id } = await take(code.code)
    await expect(ask()).rejects.toMatchObject(used("2026-02-01T03:04:05.000Z"))
    await giveBack(purchase_id)
    expect((await ask()).code.code).toBe(code.code)
  })

  test("after the operator switched it off waits as well", async () => {
    const { ask, store } = await openDiscounts()
    const { code } = await ask()
    await store.tx(q => disableCode(q, code.code))
    await expect(ask()).rejects.toMatchObject({ detail: { code: "session_discount_used" } })
  })

  test("is not stopped by another customer's, nor by the operator's codes", async () => {
    const { ask, create } = await openDiscounts()
    await create({ customer_id: "cus_1" })
    await ask("cus_2")
    expect((await ask("cus_1")).is_new).toBe(true)
  })

  test("day after day, where the rule says so, is told each time", async () => {
    const { ask, clock, rule, inbox } = await openDiscounts()
    await rule("session-discount", { every_days: 1 })
    for (let day = 1; day <= 3; day++) {
      expect((await ask()).is_new).toBe(true)
      expect(await inbox()).toHaveLength(day)
      clock.advance(DAY_MS)
    }
  })
})

describe("no code is issued", () => {
  test("where the operator offers none", async () => {
    const { ask, rule, codes } = await openDiscounts()
    await rule("session-discount", { is_enabled: false })
    await expect(ask()).rejects.toMatchObject({ reason: "forbidden", detail: { code: "not_offered" } })
    expect(await codes()).toEqual([])
  })

  test("to an account that is too new, until the very millisecond", async () => {
    const { ask, store, clock } = await openDiscounts()
    await store.tx(q => q.run("UPDATE customer SET created_at = ? WHERE id = 'cus_1'", START_AT))
    clock.advance(DAY_MS - 1)
    await expect(ask()).rejects.toMatchObject({
      reason: "forbidden",
      message: expect.stringContaining("come back after 2026-01-03T03:04:05.000Z"),
      detail: { code: "account_too_new" },
    })
    clock.advance(1)
    expect((await ask()).is_new).toBe(true)
  })

  test("while real models are served and neither mail nor Turnstile is configured", async () => {
    const { ask, rule, codes } = await openDiscounts({}, true)
    await expect(ask()).rejects.toMatchObject({ reason: "forbidden", detail: { code: "not_offered" } })
    expect(await codes()).toEqual([])
    await rule("anti-abuse", { requires_verified_email: "never" })
    expect((await ask()).is_new).toBe(true)
  })

  test("to a second account of one mailbox, until the period of the first one's is over", async () => {
    const { ask, store, clock, codes } = await openDiscounts()
    const setEmail = (id: string, email: string) =>
      store.tx(q => q.run("UPDATE customer SET email = ? WHERE id = ?", email, id))
    await setEmail("cus_1", "ada@gmail.com")
    await setEmail("cus_2", "a.da+2@googlemail.com")
    const asked = await Promise.allSettled([ask("cus_1"), ask("cus_2"), ask("cus_1"), ask("cus_2")])
    expect(asked.map(one => one.status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"])
    // A new address does not make it another mailbox's.
    await setEmail("cus_1", "bob@example.com")
    clock.advance(30 * DAY_MS - 1)
    await expect(ask("cus_2")).rejects.toMatchObject({
      reason: "forbidden",
      detail: { code: "mailbox_used", extra: { reasons: [{ code: "mailbox_used" }] } },
    })
    clock.advance(1)
    expect((await ask("cus_2")).is_new).toBe(true)
    expect(await codes()).toHaveLength(2)
  })

  type Demand = "when-mail-works" | "always" | "never"
  const demands: [Demand, has_mail: boolean, is_refused: boolean][] = [
    ["when-mail-works", true, true],
    ["when-mail-works", false, false],
    ["always", true, true],
    ["always", false, true],
    ["never", true, false],
    ["never", false, false],
  ]
  test.each(demands)(
    "to an unconfirmed address, where the rule says %s and mail works (%p): %p",
    async (requires_verified_email, has_mail, is_refused) => {
      const { ask, rule, verify, codes } = await openDiscounts({ mail: has_mail ? MAIL : undefined })
      await rule("anti-abuse", { requires_verified_email })
      const refused = await ask().then(
        () => undefined,
        error => error.detail.code,
      )
      expect(refused).toBe(is_refused ? "email_not_verified" : undefined)
      expect(await codes()).toHaveLength(is_refused ? 0 : 1)
      await verify()
      expect((await ask()).is_new).toBe(is_refused)
    },
  )
})

describe("where Turnstile is configured", () => {
  async function openGuarded() {
    const siteverify = openSiteverify()
    const { base_url } = siteverify
    const discounts = await openDiscounts({ turnstile: { secret_key: SITEVERIFY_SECRET, base_url } })
    return { ...discounts, siteverify, [Symbol.asyncDispose]: () => siteverify[Symbol.asyncDispose]() }
  }

  test("a code needs a token that is good", async () => {
    await using guarded = await openGuarded()
    const { ask, siteverify, codes } = guarded
    await expect(ask()).rejects.toMatchObject({
      reason: "unprocessable",
      detail: { code: "turnstile_required", field: "turnstileToken" },
    })
    const forged = ask("cus_1", "forged")
    await expect(forged).rejects.toMatchObject({ reason: "forbidden", detail: { code: "turnstile_failed" } })
    expect(await codes()).toEqual([])
    expect((await ask("cus_1", siteverify.issue())).is_new).toBe(true)
  })

  test("Cloudflare is not asked for who gets none, or has one", async () => {
    await using guarded = await openGuarded()
    const { ask, siteverify, clock } = guarded
    await ask("cus_1", siteverify.issue())
    const { length } = siteverify.asked
    expect((await ask("cus_1")).is_new).toBe(false)
    clock.advance(DAY_MS)
    await expect(ask("cus_1", siteverify.issue())).rejects.toMatchObject({ reason: "conflict" })
    expect(siteverify.asked).toHaveLength(length)
  })

  test("nothing is issued while Cloudflare gives no verdict", async () => {
    await using guarded = await openGuarded()
    guarded.siteverify.turn("status-500")
    const { ask, siteverify, codes, heard } = guarded
    await expect(ask("cus_1", siteverify.issue())).rejects.toMatchObject({ reason: "unavailable" })
    expect(await codes()).toEqual([])
    expect(heard).toEqual([])
  })

  test("no token is needed where the operator's rule says so", async () => {
    await using guarded = await openGuarded()
    await guarded.rule("anti-abuse", { requires_turnstile: false })
    expect((await guarded.ask()).is_new).toBe(true)
    expect(guarded.siteverify.asked).toEqual([])
  })
})
