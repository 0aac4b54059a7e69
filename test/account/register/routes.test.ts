/** POST /api/v1/customer/register, as a table. */
import { describe, expect, test } from "bun:test"
import { getReferralCode } from "../../../src/wallet/rewards/referral.ts"
import { openTestApp, readBooks } from "../../support/app.ts"
import { type Row, refused, type Scene, testRows } from "../../support/route-table.ts"
import { openSiteverify, SITEVERIFY_SECRET } from "../../support/siteverify.ts"

const path = "/api/v1/customer/register"
const password = "canary-password-1"
const email = "ada@example.com"

const row = (name: string, body: unknown, expected: Omit<Row, "name" | "ask">): Row => ({
  name,
  ask: () => ({ path, body }),
  ...expected,
})

const accepted = (name: string, body: unknown, expected: Partial<Row> = {}): Row =>
  row(name, body, {
    status: 201,
    events: () => [{ name: "customer-registered", data: { customer_id: expect.stringMatching(/^cus_/) } }],
    ...expected,
  })

const invalid = (name: string, body: unknown, field: string): Row =>
  row(name, body, {
    status: 422,
    body: () => ({ code: "invalid_field", field }),
    events: () => [refused("unprocessable", "invalid_field")],
    after: expectNobodyNew,
  })

async function expectNobodyNew({ app }: Scene): Promise<void> {
  expect(await app.store.read.all("SELECT id FROM customer")).toHaveLength(2)
  expect(await app.store.read.all("SELECT id FROM api_key")).toHaveLength(4)
}

describe("registering", () => {
  testRows([
    accepted(
      "gives the customer, an empty wallet and a System Token that works",
      { email, password },
      {
        body: () => ({
          customer: {
            id: expect.stringMatching(/^cus_/),
            email,
            emailVerifiedAt: null,
            createdAt: expect.stringMatching(/Z$/),
          },
          systemToken: expect.stringMatching(/^cxs_/),
          wallet: { currency: "USD", balanceUsd: "0.00", heldUsd: "0.00", availableUsd: "0.00", isLow: true },
        }),
        after: async (scene, { body }) => {
          const answer = await scene.send("/api/v1/me", { key: body.systemToken as string })
          expect(await answer.json()).toMatchObject({ customer: { email } })
        },
      },
    ),
    accepted(
      "ignores fields that are not the client's to set",
      {
        email,
        password,
        role: "admin",
        balance: "1000000.00",
        balanceUsd: "1000000.00",
        creditUsd: "1e309",
        customerId: "cus_1",
        status: "suspended",
        emailVerifiedAt: "2026-01-01T00:00:00Z",
      },
      {
        body: () => ({ wallet: { balanceUsd: "0.00", isFrozen: false } }),
        after: async (scene, { body }) => {
          const { id } = body.customer as { id: string }
          expect(id).not.toBe("cus_1")
          expect(await readBooks(scene, { id })).toEqual({ free_nanos: 0, held_nanos: 0, receipts: [] })
          const answer = await scene.send("/metrics", { key: body.systemToken as string })
          expect(answer.status).toBe(404)
        },
      },
    ),
    accepted(
      "keeps the address in lower case",
      { email: "Ada@Example.COM", password },
      {
        body: () => ({ customer: { email } }),
      },
    ),
    row(
      "with an address that has an account: 409 naming the field",
      { email: "customer1@example.com", password },
      {
        status: 409,
        body: () => ({ code: "email_taken", field: "email" }),
        events: () => [refused("conflict", "email_taken")],
        after: expectNobodyNew,
      },
    ),
    row("with malformed JSON: 400", '{"email":', {
      status: 400,
      body: () => ({ code: "invalid_json", field: "body" }),
      events: () => [refused("invalid", "invalid_json")],
      after: expectNobodyNew,
    }),
    invalid("without an address: 422", { password }, "email"),
    invalid("with an address that is none: 422", { email: "ada", password }, "email"),
    invalid("with an address that is no text: 422", { email: 1, password }, "email"),
    invalid(
      "with an address of more than 254 characters: 422",
      { email: `${"a".repeat(250)}@b.example`, password },
      "email",
    ),
    invalid("without a password: 422", { email }, "password"),
    invalid("with a password of nine characters: 422", { email, password: "123456789" }, "password"),
    invalid("with a password of 129 characters: 422", { email, password: "x".repeat(129) }, "password"),
    row(
      "with a referral code that is nobody's: 422 naming the field",
      { email, password, referralCode: "N0B0DY0000" },
      {
        status: 422,
        body: () => ({ code: "unknown_referral_code", field: "referralCode" }),
        events: () => [refused("unprocessable", "unknown_referral_code")],
        after: expectNobodyNew,
      },
    ),
    invalid("with an empty referral code: 422", { email, password, referralCode: "" }, "referralCode"),
    invalid(
      "with a referral code of 65 characters: 422",
      { email, password, referralCode: "x".repeat(65) },
      "referralCode",
    ),
    invalid(
      "with a referral code that is no text: 422",
      { email, password, referralCode: 1 },
      "referralCode",
    ),
    invalid(
      "with a Turnstile token of 2049 characters: 422",
      { email, password, turnstileToken: "x".repeat(2049) },
      "turnstileToken",
    ),
    invalid(
      "with a Turnstile token that is no text: 422",
      { email, password, turnstileToken: 1 },
      "turnstileToken",
    ),
    invalid("with a body that is a list: 422", [1], "body"),
    invalid("with a body that is null: 422", "null", "body"),
  ])
})

test("an address that registers too often is told when to come back", async () => {
  await using app = await openTestApp()
  const register = () => app.send(path, { body: { email: "no address", password: "short" } })
  const again = () => app.send(path, { body: { email: "customer1@example.com", password } })
  await app.createCustomer()
  for (let count = 0; count < 20; count++) expect((await register()).status).toBe(422)
  // Attempts count when they cost work: what is malformed costs none.
  const statuses: number[] = []
  for (let count = 0; count < 11; count++) statuses.push((await again()).status)
  expect(statuses).toEqual([...Array(10).fill(409), 429])
  expect((await again()).headers.get("retry-after")).toBe("6")
  app.clock.advance(6_000)
  expect((await again()).status).toBe(409)
})

test("with the code of another customer it is noted who brought this one", async () => {
  await using app = await openTestApp()
  const referrer = await app.createCustomer()
  const referralCode = await getReferralCode(app.app, referrer.id)
  const { customer } = await app.sendJson<{ customer: { id: string } }>(path, {
    body: { email, password, referralCode: referralCode.toLowerCase() },
  })
  expect(await app.app.store.read.all("SELECT customer_id, referrer_id FROM referral")).toEqual([
    { customer_id: customer.id, referrer_id: referrer.id },
  ])
})

describe("where Turnstile is configured", () => {
  async function open() {
    const siteverify = openSiteverify()
    const env = { TURNSTILE_SECRET_KEY: SITEVERIFY_SECRET, TURNSTILE_BASE_URL: siteverify.base_url }
    const app = await openTestApp({ env })
    app.app.fetch = fetch
    const countCustomers = async () => (await app.app.store.read.all("SELECT id FROM customer")).length
    async function register(turnstileToken?: string) {
      const answer = await app.send(path, { body: { email, password, turnstileToken } })
      const { code, field } = (await answer.json()) as Record<string, unknown>
      return { status: answer.status, code, field }
    }
    async function close(): Promise<void> {
      await siteverify[Symbol.asyncDispose]()
      await app.close()
    }
    return { app, siteverify, register, countCustomers, [Symbol.asyncDispose]: close }
  }

  test("a person registers, with a token that is good once", async () => {
    await using stage = await open()
    const token = stage.siteverify.issue()
    expect(await stage.register(token)).toMatchObject({ status: 201 })
    expect(stage.siteverify.asked).toHaveLength(1)
    expect(await stage.register(token)).toEqual({
      status: 403,
      code: "turnstile_failed",
      field: "turnstileToken",
    })
    expect(stage.app.logs.join("")).not.toContain(SITEVERIFY_SECRET)
  })

  test("nobody else does: without a token, with a made-up one, and while there is no verdict", async () => {
    await using stage = await open()
    const { register, siteverify, app } = stage
    const required = { status: 422, code: "turnstile_required", field: "turnstileToken" }
    expect(await register()).toEqual(required)
    expect(await register("")).toEqual(required)
    expect(siteverify.asked).toEqual([])
    expect(await register("made-up")).toMatchObject({ status: 403, code: "turnstile_failed" })
    siteverify.turn("status-500")
    expect(await register(siteverify.issue())).toMatchObject({ status: 503, code: "turnstile_unavailable" })
    expect(await stage.countCustomers()).toBe(0)
    expect(new Set(app.events.map(event => event.name))).toEqual(new Set(["request-refused"]))
  })

  test("who asks too often is not even checked", async () => {
    await using stage = await open()
    for (let count = 0; count < 12; count++) await stage.register("made-up")
    expect(stage.siteverify.asked).toHaveLength(10)
  })

  test("of fifty at once with one token one registers", async () => {
    await using stage = await open()
    stage.app.app.attempt_limit.take = () => 0
    const token = stage.siteverify.issue()
    const answers = await Promise.all(Array.from({ length: 50 }, () => stage.register(token)))
    expect(answers.filter(one => one.status === 201)).toHaveLength(1)
    expect(answers.filter(one => one.code === "turnstile_failed")).toHaveLength(49)
  })
})
