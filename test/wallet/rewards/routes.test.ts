/** The endpoints of rewards as tables; races on them are in routes-races.test.ts. */
import { describe, expect, test } from "bun:test"
import { setRule } from "../../../src/wallet/offers/rules.ts"
import { DEMO_ONLY, openTestApp, readBooks, type TestApp, type TestCustomer } from "../../support/app.ts"
import { DAY_MS } from "../../support/rewards.ts"
import { accessRows, type Row, refused, testRows as runRows, type Scene } from "../../support/route-table.ts"
import { openSiteverify, SITEVERIFY_SECRET } from "../../support/siteverify.ts"

const CHECK_IN = "/api/v1/daily-checkin"
const SHARE = "/api/v1/share-credit"
const postUrl = "https://x.com/ada/status/1234567890"

/** A row whose customer is old enough for rewards. */
const row = (name: string, request: object, expected: Omit<Row, "name" | "ask">): Row => ({
  name,
  ask: ({ mine, clock }) => {
    clock.advance(DAY_MS)
    return { path: CHECK_IN, key: mine.key, ...request }
  },
  ...expected,
})

/** On the demo, where nothing has to be proven. */
const testRows = (rows: readonly Row[]) => runRows(rows, { env: DEMO_ONLY })

const countClaims = async ({ app }: TestApp): Promise<number> =>
  (await app.store.read.all("SELECT id FROM reward_claim")).length

/** Nothing was written, and the credit is what it was. */
async function expectNothing(scene: Scene): Promise<void> {
  expect(await countClaims(scene)).toBe(0)
  expect((await readBooks(scene, scene.mine)).free_nanos).toBe(10_000_000_000)
}

const refusal = (name: string, request: object, [status, code, field]: [number, string, string?]): Row =>
  row(name, request, {
    status,
    body: () => ({ code, ...(field !== undefined && { field }) }),
    events: () => [refused(expect.any(String) as never, code)],
    after: expectNothing,
  })

const invalid = (name: string, request: object, field: string): Row =>
  refusal(name, request, [422, "invalid_field", field])

const claimed = (claim_id: (scene: Scene) => string) => (scene: Scene) => [
  { name: "notice-written", data: { customer_id: scene.mine.id, kind: "reward" } },
  { name: "reward-claimed", data: { customer_id: scene.mine.id, claim_id: claim_id(scene) } },
]

const transfersOf = ({ app }: TestApp, kind: string) =>
  app.store.read.all<{ id: string; to_account: string; amount_nanos: number }>(
    "SELECT id, to_account, amount_nanos FROM ledger_transfer WHERE kind = ? ORDER BY id",
    kind,
  )

describe("GET daily-checkin", () => {
  testRows([
    ...accessRows(CHECK_IN),
    row(
      "says what today's claim gives, and writes nothing",
      {},
      {
        status: 200,
        body: () => ({
          day: "2026-01-03",
          amountUsd: "0.05",
          streakDays: 0,
          schedule: expect.arrayContaining([
            { day: 1, amountUsd: "0.05" },
            { day: 7, amountUsd: "0.50" },
          ]),
          hasClaimed: false,
          claimedAt: null,
          nextResetAt: "2026-01-04T00:00:00.000Z",
          canClaim: true,
          reasons: [],
          turnstileRequired: false,
        }),
        after: expectNothing,
      },
    ),
    {
      name: "says why a new customer cannot claim yet, and when they can",
      ask: ({ mine }) => ({ path: CHECK_IN, key: mine.key }),
      status: 200,
      body: () => ({
        canClaim: false,
        reasons: [
          {
            code: "account_too_new",
            message: expect.stringContaining("come back after 2026-01-03T03:04:05.001Z"),
          },
        ],
      }),
    },
  ])
})

describe("POST daily-checkin/claim", () => {
  const claim = (body: unknown, more: object = {}) => ({ path: `${CHECK_IN}/claim`, body, ...more })
  testRows([
    ...accessRows(`${CHECK_IN}/claim`, { body: {} }),
    row("gives today's credit, once, by the id of customer and day", claim({}), {
      status: 200,
      body: () => ({
        amountUsd: "0.05",
        streakDays: 1,
        nextResetAt: "2026-01-04T00:00:00.000Z",
        wallet: { availableUsd: "10.05" },
      }),
      events: claimed(({ mine }) => `checkin:${mine.id}:2026-01-03`),
      after: async scene => {
        expect(await transfersOf(scene, "checkin")).toEqual([
          {
            id: `checkin:${scene.mine.id}:2026-01-03`,
            to_account: `${scene.mine.id}/token`,
            amount_nanos: 50_000_000,
          },
        ])
        expect((await readBooks(scene, scene.other)).free_nanos).toBe(10_000_000_000)
        const status = await scene.sendJson(CHECK_IN, { key: scene.mine.key })
        expect(status).toMatchObject({
          hasClaimed: true,
          claimedAt: "2026-01-03T03:04:05.002Z",
          streakDays: 1,
          canClaim: false,
          reasons: [],
        })
        const again = await scene.send(`${CHECK_IN}/claim`, { key: scene.mine.key, body: {} })
        expect(again.status).toBe(409)
        expect(await again.json()).toMatchObject({
          code: "already_claimed",
          nextResetAt: "2026-01-04T00:00:00.000Z",
        })
      },
    }),
    row("ignores fields that are not the client's to set", claim({ amountUsd: "1e309", day: "2026-01-01" }), {
      status: 200,
      body: () => ({ amountUsd: "0.05", wallet: { availableUsd: "10.05" } }),
      events: claimed(({ mine }) => `checkin:${mine.id}:2026-01-03`),
    }),
    {
      name: "for the id of another customer gives the caller's own reward",
      ask: ({ mine, other, clock }) => {
        clock.advance(DAY_MS)
        return { path: `${CHECK_IN}/claim`, key: mine.key, body: { customerId: other.id } }
      },
      status: 200,
      events: claimed(({ mine }) => `checkin:${mine.id}:2026-01-03`),
      after: async scene =>
        void expect((await readBooks(scene, scene.other)).free_nanos).toBe(10_000_000_000),
    },
    {
      name: "before the account is a day old: 403 with every reason, also to a request without a body",
      ask: ({ mine }) => ({ path: `${CHECK_IN}/claim`, key: mine.key, method: "POST" }),
      status: 403,
      body: () => ({ code: "account_too_new", reasons: [{ code: "account_too_new" }] }),
      events: () => [refused("forbidden", "account_too_new")],
      after: expectNothing,
    },
    invalid("with a device id of seven letters: 422", claim({ deviceId: "1234567" }), "deviceId"),
    invalid("with a device id of 129 letters: 422", claim({ deviceId: "x".repeat(129) }), "deviceId"),
    invalid(
      "with a token of 2049 letters: 422",
      claim({ turnstileToken: "x".repeat(2049) }),
      "turnstileToken",
    ),
    invalid("with a body that is null: 422", claim("null"), "body"),
    refusal("with malformed JSON: 400", claim("{"), [400, "invalid_json", "body"]),
    refusal("as a form: 415", claim("a=1", { headers: { "content-type": "text/plain" } }), [
      415,
      "json_required",
    ]),
    refusal(
      "with an Idempotency-Key that is none: 400",
      claim({}, { headers: { "idempotency-key": "a b" } }),
      [400, "invalid_idempotency_key", "idempotency-key"],
    ),
  ])
})

describe("GET share-credit", () => {
  testRows([
    ...accessRows(SHARE),
    row(
      "says what to post, where, and what it gives",
      { path: SHARE },
      {
        status: 200,
        body: () => ({
          amountUsd: "1.00",
          text: expect.stringMatching(/ http:\/\/localhost$/),
          link: "http://localhost",
          hosts: expect.arrayContaining(["x.com", "news.ycombinator.com"]),
          hasClaimed: false,
          claimedAt: null,
          canClaim: true,
          reasons: [],
        }),
        after: expectNothing,
      },
    ),
  ])
})

describe("POST share-credit/claim", () => {
  const claim = (body: unknown) => ({ path: `${SHARE}/claim`, body })
  const wrong = (name: string, value: unknown, code: string): Row =>
    refusal(name, claim({ postUrl: value }), [422, code, "postUrl"])
  testRows([
    ...accessRows(`${SHARE}/claim`, { body: { postUrl } }),
    row("gives the credit once for the customer, whichever post it is", claim({ postUrl }), {
      status: 200,
      body: () => ({ amountUsd: "1.00", post: "x.com/1234567890", wallet: { availableUsd: "11.00" } }),
      events: claimed(({ mine }) => `share:${mine.id}`),
      after: async scene => {
        expect(await transfersOf(scene, "share")).toEqual([
          { id: `share:${scene.mine.id}`, to_account: `${scene.mine.id}/token`, amount_nanos: 1_000_000_000 },
        ])
        const other_post = { postUrl: "https://x.com/ada/status/2" }
        const again = await scene.send(`${SHARE}/claim`, { key: scene.mine.key, body: other_post })
        expect([again.status, await again.json()]).toMatchObject([409, { code: "already_claimed" }])
        // The same post under another of its addresses, by another customer.
        const body = { postUrl: "https://mobile.twitter.com/i/status/1234567890?s=20" }
        const stolen = await scene.send(`${SHARE}/claim`, { key: scene.other.key, body })
        expect([stolen.status, await stolen.json()]).toMatchObject([
          409,
          { code: "post_already_claimed", field: "postUrl" },
        ])
        expect(await scene.sendJson(SHARE, { key: scene.mine.key })).toMatchObject({
          hasClaimed: true,
          canClaim: false,
        })
      },
    }),
    invalid("without an address: 422", claim({}), "postUrl"),
    invalid("with an address that is no text: 422", claim({ postUrl: 1 }), "postUrl"),
    invalid("with an address of 2049 letters: 422", claim({ postUrl: postUrl.padEnd(2049, "1") }), "postUrl"),
    wrong("with an address that is none: 422", "my post", "post_not_https"),
    wrong("with a post on another site: 422", "https://blog.example/1", "post_host_not_allowed"),
    wrong("with a profile in place of a post: 422", "https://x.com/ada", "post_not_a_post"),
    invalid("with a device id that is too short: 422", claim({ postUrl, deviceId: "x" }), "deviceId"),
    invalid("with a token that is no text: 422", claim({ postUrl, turnstileToken: true }), "turnstileToken"),
    refusal("with malformed JSON: 400", claim("nope"), [400, "invalid_json", "body"]),
  ])
})

describe("GET referral", () => {
  const path = "/api/v1/referral"
  const invalid = (name: string, query: string, field: string): Row => ({
    name,
    ask: ({ mine }) => ({ path: `${path}${query}`, key: mine.key }),
    status: 422,
    body: () => ({ code: "invalid_field", field }),
    events: () => [refused("unprocessable", "invalid_field")],
  })
  testRows([
    ...accessRows(path),
    {
      name: "gives the customer's own code and link, the tiers, and nothing earned yet",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      body: () => ({
        isOpen: true,
        code: expect.stringMatching(/^[0-9A-Z]{10}$/),
        link: expect.stringMatching(/^http:\/\/localhost\/\?ref=[0-9A-Z]{10}$/),
        currentTier: { minCustomers: 0, percent: 5 },
        holdDays: 14,
        months: 12,
        broughtCustomers: 0,
        payingCustomers: 0,
        pendingUsd: "0.00",
        paidUsd: "0.00",
        reversedUsd: "0.00",
        cashWallet: { currency: "USD", balanceUsd: "0.00", debtUsd: "0.00" },
        commissions: { data: [], nextCursor: null },
      }),
      after: async (scene, { body }) => {
        expect(await scene.sendJson(path, { key: scene.mine.system_token })).toMatchObject({
          code: body.code!,
        })
        const other = await scene.sendJson<{ code: string }>(path, { key: scene.other.key })
        expect(other.code).not.toBe(body.code as string)
      },
    },
    invalid("with a limit of 0: 422", "?limit=0", "limit"),
    invalid("with a limit that is no number: 422", "?limit=x", "limit"),
    invalid("with a cursor that is too long: 422", `?cursor=${"x".repeat(65)}`, "cursor"),
  ])
})

describe("a key that is limited", () => {
  test("reads every offer, and claims nothing", async () => {
    await using app = await openTestApp({ env: DEMO_ONLY })
    const { key } = await app.createCustomer({ models: ["gpt-5.5"] })
    app.clock.advance(DAY_MS)
    for (const path of [CHECK_IN, SHARE, "/api/v1/referral"])
      expect((await app.send(path, { key })).status).toBe(200)
    for (const path of [CHECK_IN, SHARE]) {
      const answer = await app.send(`${path}/claim`, { key, body: { postUrl } })
      expect([answer.status, await answer.json()]).toMatchObject([403, { code: "scoped_key" }])
    }
    expect(await countClaims(app)).toBe(0)
  })
})

describe("while real models are served and neither mail nor Turnstile is configured", () => {
  test("nobody claims anything, until the operator says that made-up accounts may", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    app.clock.advance(DAY_MS)
    const claim = async (path: string) => {
      const answer = await app.send(`${path}/claim`, { key, body: { postUrl } })
      return [answer.status, await answer.json()]
    }
    const detail = expect.stringMatching(/the operator has to configure mail .* or Turnstile/)
    for (const path of [CHECK_IN, SHARE]) {
      expect(await claim(path)).toMatchObject([403, { code: "not_offered", detail }])
      const offer = { canClaim: false, reasons: [{ code: "not_offered" }] }
      expect(await app.sendJson(path, { key })).toMatchObject(offer)
    }
    expect(await countClaims(app)).toBe(0)
    await app.app.store.tx(q => setRule(q, 0, "anti-abuse", { requires_verified_email: "never" }))
    for (const path of [CHECK_IN, SHARE]) expect(await claim(path)).toMatchObject([200, {}])
  })
})

describe("one mailbox", () => {
  test("claims once, however many accounts it has: the others are told which one to use", async () => {
    await using app = await openTestApp({ env: DEMO_ONLY })
    const emails = ["ada@gmail.com", "ada+1@gmail.com", "a.da@gmail.com", "eve@gmail.com"]
    const customers: TestCustomer[] = []
    for (const email of emails) customers.push(await app.createCustomer({ email }))
    app.clock.advance(DAY_MS)
    const claim = async ({ key }: TestCustomer, path: string, number: number) => {
      const body = { postUrl: `${postUrl}${number}` }
      const { code = "none" } = await app.sendJson<{ code?: string }>(`${path}/claim`, { key, body })
      return code
    }
    for (const path of [CHECK_IN, SHARE]) {
      const codes = await Promise.all(customers.map((customer, index) => claim(customer, path, index)))
      expect(codes.slice(0, 3).toSorted()).toEqual(["mailbox_used", "mailbox_used", "none"])
      expect(codes[3]).toBe("none")
    }
    expect(await countClaims(app)).toBe(4)
  })
})

describe("where Turnstile is configured", () => {
  async function open() {
    const siteverify = openSiteverify()
    const env = { TURNSTILE_SECRET_KEY: SITEVERIFY_SECRET, TURNSTILE_BASE_URL: siteverify.base_url }
    const app = await openTestApp({ env })
    app.app.fetch = fetch
    const { key } = await app.createCustomer()
    async function claim(turnstileToken?: string): Promise<unknown> {
      const answer = await app.send(`${CHECK_IN}/claim`, { key, body: { turnstileToken } })
      const { code = "none" } = (await answer.json()) as { code?: string }
      return `${answer.status} ${code}`
    }
    async function close(): Promise<void> {
      await siteverify[Symbol.asyncDispose]()
      await app.close()
    }
    return { ...app, siteverify, key, claim, [Symbol.asyncDispose]: close }
  }

  test("a claim needs a token that is good, and the offer says so", async () => {
    await using stage = await open()
    stage.clock.advance(DAY_MS)
    expect(await stage.sendJson(CHECK_IN, { key: stage.key })).toMatchObject({ turnstileRequired: true })
    expect(await stage.claim()).toBe("422 turnstile_required")
    expect(await stage.claim("made-up")).toBe("403 turnstile_failed")
    stage.siteverify.turn("no-json")
    expect(await stage.claim(stage.siteverify.issue())).toBe("503 turnstile_unavailable")
    expect(await countClaims(stage)).toBe(0)
    stage.siteverify.turn("well")
    expect(await stage.claim(stage.siteverify.issue())).toBe("200 none")
  })

  test("nobody is asked about a claim that is refused anyway, nor where the operator does not want it", async () => {
    await using stage = await open()
    expect(await stage.claim(stage.siteverify.issue())).toBe("403 account_too_new")
    stage.clock.advance(DAY_MS)
    await stage.app.store.tx(q => setRule(q, 0, "anti-abuse", { requires_turnstile: false }))
    expect(await stage.claim()).toBe("200 none")
    expect(stage.siteverify.asked).toEqual([])
  })
})
