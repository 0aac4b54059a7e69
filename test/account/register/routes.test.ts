/** POST /api/v1/customer/register, as a table. */
import { describe, expect, test } from "bun:test"
import { openTestApp, readBooks } from "../../support/app.ts"
import { type Row, refused, type Scene, testRows } from "../../support/route-table.ts"

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
          customer: { id: expect.stringMatching(/^cus_/), email, createdAt: expect.stringMatching(/Z$/) },
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
    invalid("with a body that is a list: 422", [1], "email"),
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
