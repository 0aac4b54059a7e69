/** GET /api/v1/me and POST /api/v1/me/email on a server without mail, as tables; with mail see email.test.ts. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../../support/app.ts"
import { runCommand } from "../../support/operator.ts"
import { accessRows, type Row, refused, type Scene, testRows } from "../../support/route-table.ts"

const path = "/api/v1/me"
const email_path = "/api/v1/me/email"
const new_email = "ada@new.example"

describe("reading myself", () => {
  testRows([
    ...accessRows(path),
    {
      name: "gives the customer, both wallets and the CLI's settings, and nothing else",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      after: ({ mine }, { body }) => {
        expect(body).toEqual({
          customer: {
            id: mine.id,
            email: mine.email,
            emailVerifiedAt: null,
            createdAt: "2026-01-02T03:04:05.001Z",
          },
          wallet: {
            currency: "USD",
            balanceUsd: "10.00",
            heldUsd: "0.00",
            availableUsd: "10.00",
            isLow: false,
            isFrozen: false,
          },
          cashWallet: { currency: "USD", balanceUsd: "0.00", debtUsd: "0.00" },
          offers: { packages: expect.any(Array), payments: "none" },
          cli: {
            providerId: "codexapi",
            providerName: "CodexAPI.pro",
            baseUrl: "http://localhost/v1",
            envKey: "CODEXAPI_CODEX_API_KEY",
            wireApi: "responses",
            officialCliVersion: "0.142.2",
          },
        })
      },
    },
    {
      name: "works with the System Token too",
      ask: ({ mine }) => ({ path, key: mine.system_token }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id } }),
    },
    {
      name: "works with x-api-key too",
      ask: ({ mine }) => ({ path, headers: { "x-api-key": mine.key } }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id } }),
    },
    {
      name: "ignores whom the query names",
      ask: ({ mine, other }) => ({ path: `${path}?customerId=${other.id}&id=${other.id}`, key: mine.key }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id } }),
    },
  ])
})

test("a configured public address stands in the CLI's settings, not where the request came in", async () => {
  await using app = await openTestApp({
    env: { CODEXAPI_PUBLIC_URL: "https://api.example.com/", CODEXAPI_BRAND_NAME: "Mine" },
  })
  const { key } = await app.createCustomer()
  const { cli } = await app.sendJson(path, { key })
  expect(cli).toMatchObject({ baseUrl: "https://api.example.com/v1", providerName: "Mine" })
})

describe("what is offered", () => {
  test("is every enabled package in the operator's order, as it is at this moment", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const read = async () =>
      (await app.sendJson<{ offers: { packages: { id: string }[] } }>(path, { key })).offers
    expect((await read()).packages.slice(0, 3)).toEqual([
      { id: "starter", label: "Starter", priceUsd: "5.00", creditUsd: "5.00", vipDays: 0 },
      { id: "standard", label: "Standard", priceUsd: "10.00", creditUsd: "10.00", vipDays: 0 },
      { id: "plus", label: "Plus", priceUsd: "25.00", creditUsd: "26.00", vipDays: 0 },
    ] as never)
    await runCommand(app, "package set", "--id", "vip-30", "--price", "15", "--position", "1")
    await runCommand(app, "package disable", "--id", "starter")
    const [first, second] = (await read()).packages
    expect([first, second]).toEqual([
      { id: "vip-30", label: "VIP, 30 days", priceUsd: "15.00", creditUsd: "20.00", vipDays: 30 },
      { id: "standard", label: "Standard", priceUsd: "10.00", creditUsd: "10.00", vipDays: 0 },
    ] as never)
  })

  test("says how it can be paid", async () => {
    await using app = await openTestApp({
      env: { CODEXAPI_PAYMENTS: "stripe", STRIPE_SECRET_KEY: "sk_test_1", STRIPE_WEBHOOK_SECRET: "whsec_1" },
    })
    const { key } = await app.createCustomer()
    expect(await app.sendJson(path, { key })).toMatchObject({ offers: { payments: "stripe" } })
  })
})

describe("saving my address where no mail is configured", () => {
  const row = (name: string, body: unknown, expected: Omit<Row, "name" | "ask">): Row => ({
    name,
    ask: ({ mine }) => ({ path: email_path, key: mine.key, body }),
    ...expected,
  })
  testRows([
    ...accessRows(email_path, { body: { email: new_email } }),
    row(
      "saves it unverified, and says so",
      { email: new_email },
      {
        status: 200,
        body: ({ mine }) => ({
          state: "unverified",
          detail: "The address is saved. It is not verified, because this server sends no mail.",
          customer: { id: mine.id, email: new_email, emailVerifiedAt: null },
        }),
        after: async ({ app, mine, sendJson }) => {
          expect(await sendJson(path, { key: mine.key })).toMatchObject({ customer: { email: new_email } })
          expect(await app.store.read.all("SELECT * FROM email_code")).toEqual([])
          expect(await app.store.read.all("SELECT * FROM mail_outbox")).toEqual([])
        },
      },
    ),
    row(
      "keeps it in lower case",
      { email: "Ada@NEW.example" },
      {
        status: 200,
        body: () => ({ customer: { email: new_email } }),
      },
    ),
    row(
      "of another customer: 409 naming the field",
      { email: "Customer2@example.com" },
      {
        status: 409,
        body: () => ({ code: "email_taken", field: "email" }),
        events: () => [refused("conflict", "email_taken")],
        after: expectNothingChanged,
      },
    ),
    row(
      "with a code that nobody was mailed: 422",
      { email: new_email, code: "123456" },
      {
        status: 422,
        body: () => ({ code: "email_code_void", field: "code" }),
        events: () => [refused("unprocessable", "email_code_void")],
        after: expectNothingChanged,
      },
    ),
    row("with malformed JSON: 400", '{"email":', {
      status: 400,
      body: () => ({ code: "invalid_json", field: "body" }),
      events: () => [refused("invalid", "invalid_json")],
      after: expectNothingChanged,
    }),
    {
      name: "ignores whom the body names",
      ask: ({ mine, other }) => ({
        path: email_path,
        key: mine.key,
        body: { email: new_email, customerId: other.id, emailVerifiedAt: "2026-01-01T00:00:00Z" },
      }),
      status: 200,
      body: ({ mine }) => ({ state: "unverified", customer: { id: mine.id, emailVerifiedAt: null } }),
      after: async ({ sendJson, other }) => {
        expect(await sendJson(path, { key: other.key })).toMatchObject({ customer: { email: other.email } })
      },
    },
  ])

  const invalid: [string, unknown, string][] = [
    ["no address", {}, "email"],
    ["an address that is none", { email: "ada" }, "email"],
    ["an address that is no text", { email: 1 }, "email"],
    ["two addresses", { email: "a@b.example, c@d.example" }, "email"],
    ["an address of more than 254 characters", { email: `${"a".repeat(250)}@b.example` }, "email"],
    ["a code of five digits", { email: new_email, code: "12345" }, "code"],
    ["a code of letters", { email: new_email, code: "abcdef" }, "code"],
    ["a code that is a number", { email: new_email, code: 123456 }, "code"],
    ["a body that is null", "null", "body"],
  ]
  test("with a field that is not valid: 422 naming it, and nothing changes", async () => {
    await using app = await openTestApp()
    const { key, email } = await app.createCustomer()
    for (const [name, body, field] of invalid) {
      const answer = await app.send(email_path, { key, body })
      const { code, field: named } = (await answer.json()) as Record<string, unknown>
      expect({ name, status: answer.status, code, field: named }).toEqual({
        name,
        status: 422,
        code: "invalid_field",
        field,
      })
    }
    expect(app.events).toEqual(invalid.map(() => refused("unprocessable", "invalid_field")) as never)
    expect(await app.sendJson(path, { key })).toMatchObject({ customer: { email, emailVerifiedAt: null } })
  })
})

async function expectNothingChanged({ sendJson, mine }: Scene): Promise<void> {
  expect(await sendJson(path, { key: mine.key })).toMatchObject({
    customer: { email: mine.email, emailVerifiedAt: null },
  })
}
