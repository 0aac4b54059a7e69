/** POST /api/v1/wallet/topup-discount and …/topupemail-session-discount, as tables; and codes at fifty purchases at once. */
import { describe, expect, test } from "bun:test"
import { adjustCredit } from "../../../src/admin/credit.ts"
import { type BonusCode, createCode, formatCode, type NewCode } from "../../../src/wallet/offers/code-book.ts"
import { DEMO_ONLY, openTestApp, readBooks, type TestApp, type TestCustomer } from "../../support/app.ts"
import { START_AT } from "../../support/clock.ts"
import { TERMS } from "../../support/offers.ts"
import { openPaymentScene } from "../../support/payments.ts"
import { accessRows, type Row, refused, type Scene, testRows } from "../../support/route-table.ts"

const path = "/api/v1/wallet/topup-discount"
const session_path = "/api/v1/wallet/topupemail-session-discount"
const DAY_MS = 86_400_000

const create = ({ app }: TestApp, terms: Partial<NewCode> = {}): Promise<BonusCode> =>
  app.store.tx(q => createCode(q, { random: app.random, now: app.clock.now() }, { ...TERMS, ...terms }))

const usesOf = ({ app }: TestApp) => app.store.read.all("SELECT * FROM code_use")

describe("looking at a code", () => {
  testRows([
    ...accessRows(path, { body: { code: "SALE" } }),
    {
      name: "that does not exist: 422 naming the field",
      ask: ({ mine }) => ({ path, key: mine.key, body: { code: "no such code" } }),
      status: 422,
      body: () => ({
        code: "code_unknown",
        field: "code",
        detail: "There is no such code for you: check it for typing errors.",
      }),
      events: () => [refused("unprocessable", "code_unknown")],
    },
    {
      name: "in a body that is not JSON: 415",
      ask: ({ mine }) => ({
        path,
        key: mine.key,
        body: "code=SALE",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      }),
      status: 415,
      body: () => ({ code: "json_required" }),
      events: () => [refused("unsupported_media", "json_required")],
    },
    {
      name: "in malformed JSON: 400",
      ask: ({ mine }) => ({ path, key: mine.key, body: '{"code":' }),
      status: 400,
      body: () => ({ code: "invalid_json", field: "body" }),
      events: () => [refused("invalid", "invalid_json")],
    },
  ])

  test("gives its terms and what a package would give, with no event and no use", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const { code } = await create(app, { expires_at: START_AT + DAY_MS, max_use_count_per_customer: 2 })
    const terms = {
      code: formatCode(code),
      percent: 10,
      maxBonusUsd: null,
      minPriceUsd: "0.00",
      expiresAt: "2026-01-03T03:04:05.000Z",
      usesLeft: 2,
    }
    const typed = formatCode(code).toLowerCase()
    expect(await app.sendJson(path, { key, body: { code: typed } })).toEqual({ ...terms, package: null })
    expect(await app.sendJson(path, { key, body: { code, packageId: "plus" } })).toEqual({
      ...terms,
      package: {
        id: "plus",
        label: "Plus",
        priceUsd: "25.00",
        creditUsd: "26.00",
        bonusUsd: "2.60",
        totalUsd: "28.60",
        vipDays: 0,
      },
    })
    expect(app.events).toEqual([])
    expect(await usesOf(app)).toEqual([])
  })

  test("says the same of another customer's code as of none, whomever the body names", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const { code } = await create(app, { customer_id: other.id })
    const ask = async (key: string, body: object) => {
      const { requestId: _, ...answer } = await app.sendJson(path, { key, body })
      return answer
    }
    const unknown = await ask(mine.key, { code: "NOTHING" })
    expect(await ask(mine.key, { code, customerId: other.id, customer_id: other.id })).toEqual(unknown)
    expect(unknown).toMatchObject({ status: 422, code: "code_unknown" })
    expect(await ask(other.key, { code })).toMatchObject({ percent: 10 })
  })

  test("that cannot be used says why: 422", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const cases: [Partial<NewCode>, string][] = [
      [{ starts_at: START_AT + DAY_MS }, "code_not_started"],
      [{ expires_at: START_AT + 1 }, "code_expired"],
      [{ min_price_cents: 1_001 }, "code_below_minimum"],
    ]
    for (const [terms, expected] of cases) {
      const { code } = await create(app, terms)
      const body = { code, packageId: "standard" }
      expect(await app.sendJson(path, { key, body })).toMatchObject({
        status: 422,
        code: expected,
        field: "code",
      })
    }
    const { code } = await create(app)
    expect(await app.sendJson(path, { key, body: { code, packageId: "gold" } })).toMatchObject({
      status: 422,
      code: "unknown_package",
      field: "packageId",
    })
    const reasons = [...cases.map(([, expected]) => expected), "unknown_package"]
    expect(app.events).toEqual(reasons.map(reason => refused("unprocessable", reason)) as never)
  })

  test("with a field that is not valid: 422 naming it", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const invalid: [unknown, string][] = [
      [{}, "code"],
      [{ code: "" }, "code"],
      [{ code: 1 }, "code"],
      [{ code: null }, "code"],
      [{ code: ["SALE"] }, "code"],
      [{ code: "x".repeat(65) }, "code"],
      [{ code: "SALE", packageId: "" }, "packageId"],
      [{ code: "SALE", packageId: 5 }, "packageId"],
      [{ code: "SALE", packageId: "x".repeat(65) }, "packageId"],
      ["null", "body"],
      ["[]", "body"],
    ]
    for (const [body, field] of invalid) {
      const answer = await app.sendJson(path, { key, body })
      const named = { code: answer.code, field: answer.field }
      expect({ body, ...named }).toEqual({ body, code: "invalid_field", field })
    }
    expect(app.events).toEqual(invalid.map(() => refused("unprocessable", "invalid_field")) as never)
  })

  test("ten times a minute and no more: 429 says when", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const guess = (number: number) => app.send(path, { key, body: { code: `GUESS${number}` } })
    for (let number = 1; number <= 10; number++) expect((await guess(number)).status).toBe(422)
    const answer = await guess(11)
    expect(answer.status).toBe(429)
    expect(answer.headers.get("retry-after")).toBe("6")
    expect(await answer.json()).toMatchObject({ code: "too_many_attempts" })
    app.clock.advance(6_000)
    expect((await guess(12)).status).toBe(422)
  })

  test.each(["wallet/stripe/checkout", "cash-wallet/token-purchase"])("nor by way of %s", async door => {
    await using app = await openPaymentScene()
    const { key } = await app.createCustomer()
    const guess = (code?: string) =>
      app.send(`/api/v1/${door}`, { key, body: { packageId: "starter", ...(code && { code }) } })
    for (let number = 1; number <= 10; number++) expect((await guess(`GUESS${number}`)).status).toBe(422)
    expect((await guess("GUESS11")).status).toBe(429)
    expect([201, 402]).toContain((await guess()).status)
  })
})

describe("asking for a discount", () => {
  const later = (scene: Scene) => {
    scene.clock.advance(DAY_MS)
    return { path: session_path, key: scene.mine.key, body: {} }
  }
  const issued = ({ mine }: Scene) => [
    { name: "notice-written", data: { customer_id: mine.id, kind: "reward" } },
    { name: "code-issued", data: { customer_id: mine.id } },
  ]
  const given = {
    percent: 10,
    maxBonusUsd: null,
    minPriceUsd: "0.00",
    expiresAt: "2026-01-03T03:34:05.002Z",
    isNew: true,
    isMailed: false,
  }
  const rows: Row[] = [
    ...accessRows(session_path, { body: {} }),
    {
      name: "gives a code, writes it to the inbox and to nobody else's",
      ask: later,
      status: 200,
      events: issued,
      async after({ mine, other, sendJson }, { body }) {
        const { code, ...terms } = body
        expect(terms).toEqual(given)
        const inboxOf = async ({ key }: TestCustomer) =>
          JSON.stringify(await sendJson("/api/v1/messages", { key }))
        expect(await inboxOf(mine)).toContain(String(code))
        expect(await inboxOf(other)).not.toContain(String(code))
        const ask = { code, packageId: "standard" }
        expect(await sendJson(path, { key: other.key, body: ask })).toMatchObject({ code: "code_unknown" })
        expect(await sendJson(path, { key: mine.key, body: ask })).toMatchObject({
          usesLeft: 1,
          package: { bonusUsd: "1.00" },
        })
      },
    },
    {
      name: "works without a body",
      ask: scene => ({ ...later(scene), body: undefined, method: "POST" }),
      status: 200,
      body: () => given,
      events: issued,
    },
    {
      name: "ignores whom the body names",
      ask: scene => ({ ...later(scene), body: { customerId: scene.other.id, percent: 100 } }),
      status: 200,
      body: () => given,
      events: issued,
      after: async ({ app, mine }) => {
        const rows = await app.store.read.all("SELECT customer_id, percent FROM bonus_code")
        expect(rows).toEqual([{ customer_id: mine.id, percent: 10 }])
      },
    },
    {
      name: "with an account that is too new: 403 says from when on",
      ask: ({ mine }) => ({ path: session_path, key: mine.key, body: {} }),
      status: 403,
      body: () => ({
        code: "account_too_new",
        detail: "This is for accounts of 24 hours or more: come back after 2026-01-03T03:04:05.001Z.",
      }),
      events: () => [refused("forbidden", "account_too_new")],
      after: async ({ app }) => expect(await app.store.read.all("SELECT code FROM bonus_code")).toEqual([]),
    },
    {
      name: "with malformed JSON: 400",
      ask: scene => ({ ...later(scene), body: "{" }),
      status: 400,
      body: () => ({ code: "invalid_json", field: "body" }),
      events: () => [refused("invalid", "invalid_json")],
    },
  ]
  testRows(rows, { env: DEMO_ONLY })

  test("with a key that is limited: 403, and nothing is issued", async () => {
    await using app = await openTestApp({ env: DEMO_ONLY })
    const { key } = await app.createCustomer({ models: ["gpt-5.5"] })
    app.clock.advance(DAY_MS)
    const answer = await app.sendJson(session_path, { key, body: {} })
    expect(answer).toMatchObject({ status: 403, code: "scoped_key" })
    expect(app.events).toEqual([refused("forbidden", "scoped_key")] as never)
    expect(await app.app.store.read.all("SELECT code FROM bonus_code")).toEqual([])
  })

  test("while real models are served and neither mail nor Turnstile is configured: 403", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    app.clock.advance(DAY_MS)
    const answer = await app.sendJson(session_path, { key, body: {} })
    expect(answer).toMatchObject({ status: 403, code: "not_offered", reasons: [{ code: "not_offered" }] })
    expect(await app.app.store.read.all("SELECT code FROM bonus_code")).toEqual([])
  })

  test("with a field that is not valid: 422 naming it, and nothing is issued", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    app.clock.advance(DAY_MS)
    for (const turnstileToken of ["", 1, null, "x".repeat(2_049)]) {
      const answer = await app.sendJson(session_path, { key, body: { turnstileToken } })
      expect(answer).toMatchObject({ status: 422, code: "invalid_field", field: "turnstileToken" })
    }
    expect(app.events).toEqual(Array(4).fill(refused("unprocessable", "invalid_field")))
    expect(await app.app.store.read.all("SELECT code FROM bonus_code")).toEqual([])
  })

  test("again gives the same one without an event, and after it expired 409 with the day of the next", async () => {
    await using app = await openTestApp({ env: DEMO_ONLY })
    const { key } = await app.createCustomer()
    app.clock.advance(DAY_MS)
    const ask = () => app.sendJson(session_path, { key, body: {} })
    const first = await ask()
    app.events.length = 0
    expect(await ask()).toEqual({ ...first, isNew: false })
    expect(app.events).toEqual([])
    app.clock.advance(31 * 60_000)
    expect(await ask()).toMatchObject({
      status: 409,
      code: "session_discount_used",
      nextAt: "2026-02-02T03:04:05.001Z",
    })
    expect(app.events).toEqual([refused("conflict", "session_discount_used")] as never)
  })

  test("fifty times at once gives one", async () => {
    await using app = await openTestApp({ env: DEMO_ONLY })
    const { key } = await app.createCustomer()
    app.clock.advance(DAY_MS)
    const asked = await Promise.all(
      Array.from({ length: 50 }, () => app.sendJson(session_path, { key, body: {} })),
    )
    expect(asked.filter(one => one.isNew === true)).toHaveLength(1)
    expect(new Set(asked.map(one => one.code)).size).toBe(1)
    expect(app.events.map(event => event.name)).toEqual(["notice-written", "code-issued"])
  })
})

describe("fifty purchases with one code at once", () => {
  /** All come from one address here; how often it may try codes is not what is looked at. */
  const liftLimits = ({ app }: TestApp) => Object.assign(app, { attempt_limit: { take: () => 0 } })

  async function createBuyers(app: TestApp, count: number): Promise<TestCustomer[]> {
    const buyers: TestCustomer[] = []
    for (let number = 0; number < count; number++) {
      const buyer = await app.createCustomer({ credit_usd: "0" })
      const cash = { customer_id: buyer.id, amount: "500", reason: "cash of the test" }
      await adjustCredit(app.app, { ...cash, direction: "credit", wallet: "cash" })
      buyers.push(buyer)
    }
    return buyers
  }

  /** The outcome of each purchase: `200`, or why it was refused. */
  async function buyAtOnce(app: TestApp, buyers: TestCustomer[], code: string): Promise<string[]> {
    const body = { packageId: "starter", code }
    const answers = await Promise.all(
      buyers.map(({ key }) => app.send("/api/v1/cash-wallet/token-purchase", { key, body })),
    )
    return Promise.all(
      answers.map(async answer => {
        const { code: why } = (await answer.json()) as { code?: string }
        return why ?? String(answer.status)
      }),
    )
  }

  const countOf = (outcomes: string[], outcome: string) => outcomes.filter(one => one === outcome).length

  test("by fifty customers are as many as the total limit allows, round after round", async () => {
    await using app = await openTestApp()
    liftLimits(app)
    const buyers = await createBuyers(app, 50)
    let given = 0
    for (let round = 1; round <= 5; round++) {
      const { code } = await create(app, { max_use_count: 3 * round, percent: 20 })
      const outcomes = await buyAtOnce(app, buyers, code)
      expect(countOf(outcomes, "200")).toBe(3 * round)
      expect(countOf(outcomes, "code_exhausted")).toBe(50 - 3 * round)
      given += 3 * round
    }
    const sql =
      "SELECT count(*) AS count, sum(amount_nanos) AS nanos FROM ledger_transfer WHERE kind = 'bonus_credit'"
    expect(await app.app.store.read.get(sql)).toEqual({ count: given, nanos: given * 1_000_000_000 })
    await readBooks(app, buyers[0]!)
  })

  test("by one customer are as many as the limit per customer allows, and nothing is paid for the others", async () => {
    await using app = await openTestApp()
    liftLimits(app)
    const [buyer] = await createBuyers(app, 1)
    for (let round = 1; round <= 5; round++) {
      const { code } = await create(app, { max_use_count_per_customer: round, percent: 20 })
      const outcomes = await buyAtOnce(app, Array(50).fill(buyer), code)
      expect(countOf(outcomes, "200")).toBe(round)
      expect(countOf(outcomes, "code_used")).toBe(50 - round)
    }
    expect(await app.sendJson("/api/v1/me", { key: buyer!.key })).toMatchObject({
      wallet: { balanceUsd: "90.00" },
      cashWallet: { balanceUsd: "425.00" },
    })
    await readBooks(app, buyer!)
  })

  test("on payment pages too; a page that expires gives its use back", async () => {
    await using scene = await openPaymentScene()
    liftLimits(scene)
    const { key } = await scene.createCustomer()
    const { code } = await create(scene, { max_use_count: 2, max_use_count_per_customer: 2 })
    const body = { packageId: "starter", code }
    const open = () => scene.send("/api/v1/wallet/stripe/checkout", { key, body })
    const answers = await Promise.all(Array.from({ length: 50 }, open))
    expect(answers.map(answer => answer.status).toSorted()).toEqual([201, 201, ...Array(48).fill(422)])
    const opened = answers.find(answer => answer.status === 201)!
    const { sessionId } = (await opened.json()) as { sessionId: string }
    scene.stripe.control.expire(sessionId)
    await scene.stripe.control.deliverPending()
    expect(await usesOf(scene)).toHaveLength(1)
    expect((await open()).status).toBe(201)
    expect((await open()).status).toBe(422)
  })
})
