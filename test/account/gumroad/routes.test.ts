/** POST /api/v1/gumroad/register: what it answers, each field of it, and fifty at once with one licence. */
import { describe, expect, test } from "bun:test"
import type { AnyEvent } from "../../../src/platform/events.ts"
import { setRule } from "../../../src/wallet/offers/rules.ts"
import { openTestApp, readBooks } from "../../support/app.ts"
import { openGumroad, PRODUCT_ID } from "../../support/gumroad.ts"
import { type Row, refused, testRows } from "../../support/route-table.ts"
import { openSiteverify, SITEVERIFY_SECRET } from "../../support/siteverify.ts"

const path = "/api/v1/gumroad/register"
const password = "canary-password-1"
const email = "ada@example.com"

/** What the tests look at of an answer, whichever it is. */
interface Answered {
  status: number
  code?: string
  customer?: { id: string }
  systemToken?: string
}

async function open(env: Record<string, string> = {}) {
  const gumroad = openGumroad()
  const test_app = await openTestApp({ env: { GUMROAD_BASE_URL: gumroad.base_url, ...env } })
  const { app } = test_app
  app.fetch = fetch
  await app.store.tx(q => setRule(q, 0, "gumroad", { product_id: PRODUCT_ID }))
  async function close(): Promise<void> {
    await gumroad[Symbol.asyncDispose]()
    await test_app.close()
  }
  return {
    ...test_app,
    gumroad,
    async register(body: object): Promise<Answered> {
      const answer = await test_app.send(path, { body: { email, password, ...body } })
      return { ...((await answer.json()) as Answered), status: answer.status }
    },
    [Symbol.asyncDispose]: close,
  }
}

describe("registering with a licence", () => {
  test("gives the customer, a token that works, and the wallet with $200; these events and no others", async () => {
    await using stage = await open()
    const licenseKey = stage.gumroad.sell()
    const answer = await stage.register({ licenseKey, amountUsd: "1000000.00", saleId: "mine" })
    // A copy: Bun's toMatchObject writes its matchers into what it looks at.
    expect({ ...answer }).toMatchObject({
      status: 201,
      customer: { email, emailVerifiedAt: null },
      systemToken: expect.stringMatching(/^cxs_/),
      creditUsd: "200.00",
      wallet: { availableUsd: "200.00", heldUsd: "0.00" },
    })
    const { id: customer_id } = answer.customer!
    const claim_id = "gumroad:FO8TXN-dbxYaBdahG97Y-1=="
    expect(stage.events).toMatchObject([
      { name: "customer-registered", data: { customer_id } },
      { name: "notice-written", data: { customer_id, kind: "reward" } },
      { name: "reward-claimed", data: { customer_id, claim_id } },
    ] as AnyEvent[])
    const me = await stage.sendJson("/api/v1/me", { key: answer.systemToken! })
    expect(me).toMatchObject({ customer: { id: customer_id }, wallet: { balanceUsd: "200.00" } })
  })

  const answers = (
    name: string,
    key: (stage: Awaited<ReturnType<typeof open>>) => string,
    expected: object,
  ) =>
    test(name, async () => {
      await using stage = await open()
      const answer = await stage.register({ licenseKey: key(stage) })
      expect(answer).toMatchObject(expected)
      expect(stage.events.map(({ name }) => name)).toEqual(["request-refused"])
      expect(await stage.app.store.read.all("SELECT id FROM customer")).toEqual([])
    })
  answers("that is unknown: 422 naming the field", () => "85DB562A", {
    status: 422,
    code: "licence_unknown",
    field: "licenseKey",
  })
  answers("of a refunded sale: 403", ({ gumroad }) => gumroad.sell({ refunded: true }), {
    status: 403,
    code: "licence_refunded",
    field: "licenseKey",
  })
  answers(
    "while Gumroad is down: 503 that says when to come back",
    ({ gumroad }) => {
      const key = gumroad.sell()
      gumroad.turn("status-500")
      return key
    },
    { status: 503, code: "gumroad_unavailable" },
  )
})

describe("what is malformed never reaches Gumroad", () => {
  const row = (
    name: string,
    body: unknown,
    [status, reason, code, field]: [number, string, string, string],
  ): Row => ({
    name,
    ask: () => ({ path, body }),
    status,
    body: () => ({ code, field }),
    events: () => [refused(reason, code)],
    after: async ({ app }) => {
      expect(await app.store.read.all("SELECT id FROM customer")).toHaveLength(2)
    },
  })
  const invalid = (name: string, body: object, field: string): Row =>
    row(name, { email, password, licenseKey: "85DB562A", ...body }, [
      422,
      "unprocessable",
      "invalid_field",
      field,
    ])
  testRows([
    invalid("an address that is none: 422", { email: "ada" }, "email"),
    invalid("a password of nine characters: 422", { password: "123456789" }, "password"),
    invalid("no licence: 422", { licenseKey: undefined }, "licenseKey"),
    invalid("an empty licence: 422", { licenseKey: "" }, "licenseKey"),
    invalid("a licence of 201 characters: 422", { licenseKey: "x".repeat(201) }, "licenseKey"),
    invalid("a licence that is a list: 422", { licenseKey: ["85DB562A"] }, "licenseKey"),
    invalid("an empty referral code: 422", { referralCode: "" }, "referralCode"),
    invalid("a Turnstile token that is no text: 422", { turnstileToken: 1 }, "turnstileToken"),
    row("malformed JSON: 400", "{", [400, "invalid", "invalid_json", "body"]),
    {
      name: "while nothing is offered: 403",
      ask: () => ({ path, body: { email, password, licenseKey: "85DB562A" } }),
      status: 403,
      body: () => ({ code: "not_offered" }),
      events: () => [refused("forbidden", "not_offered")],
    },
  ])
})

test("fifty at once with one licence, each with an address of its own, make one account and one transfer", async () => {
  await using stage = await open()
  stage.app.attempt_limit.take = () => 0
  const licenseKey = stage.gumroad.sell()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      stage.register({ licenseKey, email: `ada${index}@example.com` }),
    ),
  )
  const made = answers.filter(answer => answer.status === 201)
  expect(made).toHaveLength(1)
  expect(answers.filter(answer => answer.code === "already_claimed")).toHaveLength(49)
  const { read } = stage.app.store
  expect(await read.all("SELECT id FROM customer")).toHaveLength(1)
  expect(await read.all("SELECT id FROM ledger_transfer WHERE kind = 'gumroad'")).toHaveLength(1)
  const books = await readBooks(stage, made[0]!.customer!)
  expect(books.free_nanos).toBe(200_000_000_000)
}, 30_000)

test("an address that tries too often is told to wait, and Gumroad is not asked any more", async () => {
  await using stage = await open()
  const tries: number[] = []
  for (let count = 0; count < 12; count++) tries.push((await stage.register({ licenseKey: "guess" })).status)
  expect(tries).toEqual([...Array<number>(10).fill(422), 429, 429])
  expect(stage.gumroad.asked).toHaveLength(10)
})

test("where Turnstile is configured it comes first", async () => {
  await using siteverify = openSiteverify()
  const env = { TURNSTILE_SECRET_KEY: SITEVERIFY_SECRET, TURNSTILE_BASE_URL: siteverify.base_url }
  await using stage = await open(env)
  const licenseKey = stage.gumroad.sell()
  expect(await stage.register({ licenseKey })).toMatchObject({ status: 422, code: "turnstile_required" })
  const failed = await stage.register({ licenseKey, turnstileToken: "made-up" })
  expect(failed).toMatchObject({ status: 403, code: "turnstile_failed" })
  expect(stage.gumroad.asked).toEqual([])
  const good = await stage.register({ licenseKey, turnstileToken: siteverify.issue() })
  expect(good).toMatchObject({ status: 201, creditUsd: "200.00" })
})
