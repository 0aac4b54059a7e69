/** POST /api/v1/auth/login, as a table. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../../support/app.ts"
import { PASSWORD } from "../../support/password.ts"
import { type Row, refused, type Scene, testRows } from "../../support/route-table.ts"

const path = "/api/v1/auth/login"

interface Expected extends Omit<Row, "name" | "ask"> {
  body_sent: (scene: Scene) => unknown
}

const row = (name: string, { body_sent, ...expected }: Expected): Row => ({
  name,
  ask: scene => ({ path, body: body_sent(scene) }),
  ...expected,
})

const wrong = (name: string, body_sent: Expected["body_sent"]): Row =>
  row(name, {
    body_sent,
    status: 401,
    body: () => ({ code: "wrong_credentials", detail: "The e-mail address or the password is wrong." }),
    events: () => [
      { name: "sign-in-failed", data: { reason: "wrong_credentials" } },
      refused("unauthorized", "wrong_credentials"),
    ],
    after: expectNoNewKey,
  })

const invalid = (name: string, body: unknown, field: string): Row =>
  row(name, {
    body_sent: () => body,
    status: 422,
    body: () => ({ code: "invalid_field", field }),
    events: () => [refused("unprocessable", "invalid_field")],
    after: expectNoNewKey,
  })

async function expectNoNewKey({ app }: Scene): Promise<void> {
  expect(await app.store.read.all("SELECT id FROM api_key")).toHaveLength(4)
}

const signedIn = ({ mine }: Scene) => [
  { name: "customer-signed-in", data: { customer_id: mine.id, key_id: expect.stringMatching(/^key_/) } },
]

describe("signing in", () => {
  testRows([
    row("gives a fresh User API Key that works", {
      body_sent: ({ mine }) => ({ email: mine.email, password: PASSWORD }),
      status: 200,
      body: ({ mine }) => ({
        customer: { id: mine.id, email: mine.email },
        keyId: expect.stringMatching(/^key_/),
        apiKey: expect.stringMatching(/^cxk_/),
      }),
      events: signedIn,
      after: async (scene, { body }) => {
        const key = body.apiKey as string
        const { data } = await scene.sendJson<{ data: object[] }>("/api/v1/me/api-keys", { key })
        expect(data[0]).toMatchObject({ id: body.keyId, kind: "user", name: "CLI sign-in", models: null })
      },
    }),
    row("names the key as asked, and takes the address in any spelling of case", {
      body_sent: ({ mine }) => ({
        email: ` ${mine.email.toUpperCase()}`,
        password: PASSWORD,
        keyName: "desk",
      }),
      status: 200,
      events: signedIn,
      after: async (scene, { body }) => {
        const key = body.apiKey as string
        const { data } = await scene.sendJson<{ data: object[] }>("/api/v1/me/api-keys", { key })
        expect(data[0]).toMatchObject({ name: "desk" })
      },
    }),
    row("ignores fields that are not the client's to set", {
      body_sent: ({ mine, other }) => ({
        email: mine.email,
        password: PASSWORD,
        customerId: other.id,
        role: "admin",
        kind: "system",
      }),
      status: 200,
      body: ({ mine }) => ({ customer: { id: mine.id }, apiKey: expect.stringMatching(/^cxk_/) }),
      events: signedIn,
    }),
    wrong("with a wrong password: 401", ({ mine }) => ({
      email: mine.email,
      password: "canary-wrong-password",
    })),
    wrong("with an unknown address: the same 401", () => ({ email: "bob@example.com", password: PASSWORD })),
    wrong("with an empty password: the same 401", ({ mine }) => ({ email: mine.email, password: "" })),
    row("with malformed JSON: 400", {
      body_sent: () => "{",
      status: 400,
      body: () => ({ code: "invalid_json" }),
      events: () => [refused("invalid", "invalid_json")],
    }),
    invalid("without an address: 422", { password: PASSWORD }, "email"),
    invalid("without a password: 422", { email: "customer1@example.com" }, "password"),
    invalid(
      "with a password that is no text: 422",
      { email: "a@b.example", password: { $ne: "" } },
      "password",
    ),
    invalid(
      "with a password of 129 characters: 422",
      { email: "a@b.example", password: "x".repeat(129) },
      "password",
    ),
    invalid(
      "with an empty key name: 422",
      { email: "a@b.example", password: PASSWORD, keyName: "" },
      "keyName",
    ),
  ])
})

test("a suspended customer is refused in the words of a wrong password", async () => {
  await using app = await openTestApp()
  const { id, email } = await app.createCustomer()
  await app.app.store.tx(q => q.run("UPDATE customer SET status = 'suspended' WHERE id = ?", id))
  const answer = await app.send(path, { body: { email, password: PASSWORD } })
  expect(await answer.json()).toMatchObject({ status: 401, code: "wrong_credentials" })
})

test("guessing one account's password is slowed down, and the right one waits too", async () => {
  await using app = await openTestApp()
  const { email } = await app.createCustomer()
  const signIn = (password: string) => app.send(path, { body: { email, password } })
  for (let count = 0; count < 10; count++) expect((await signIn(`wrong ${count}`)).status).toBe(401)
  const answer = await signIn(PASSWORD)
  expect(answer.status).toBe(429)
  expect(answer.headers.get("retry-after")).toBe("6")
  expect(await answer.json()).toMatchObject({ code: "too_many_attempts" })
  app.clock.advance(6_000)
  expect((await signIn(PASSWORD)).status).toBe(200)
})
