/** GET, POST and DELETE /api/v1/me/api-keys, as tables. */
import { describe, expect, test } from "bun:test"
import { type CustomerOptions, openTestApp } from "../../support/app.ts"
import { accessRows, type Row, refused, type Scene, testRows } from "../../support/route-table.ts"

const path = "/api/v1/me/api-keys"

describe("listing keys", () => {
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
      name: "gives the customer's own, newest first, without the keys themselves",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      after: ({ mine, other }, { body }) => {
        const data = body.data as Record<string, unknown>[]
        expect(body.nextCursor).toBeNull()
        expect(data.map(key => key.kind).toSorted()).toEqual(["system", "user"])
        expect(data.find(key => key.kind === "user")).toEqual({
          id: mine.key_id,
          kind: "user",
          name: "laptop",
          hint: `cxk_…${mine.key.slice(-4)}`,
          models: null,
          expiresAt: null,
          createdAt: "2026-01-02T03:04:05.001Z",
        })
        const text = JSON.stringify(body)
        for (const secret of [mine.key, mine.system_token, other.id, other.key_id])
          expect(text).not.toContain(secret)
      },
    },
    invalid("with a limit of 0: 422", "?limit=0", "limit"),
    invalid("with a limit above 200: 422", "?limit=201", "limit"),
    invalid("with a limit that is no number: 422", "?limit=many", "limit"),
    invalid("with a cursor that is too long: 422", `?cursor=${"x".repeat(65)}`, "cursor"),
    {
      name: "with a cursor of another customer: nothing of theirs",
      ask: ({ mine, other }) => ({ path: `${path}?cursor=${other.key_id}z`, key: mine.key }),
      status: 200,
      after: ({ other }, { body }) => expect(JSON.stringify(body)).not.toContain(other.key_id),
    },
  ])

  test("pages follow one another without gap or repeat", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    for (let number = 1; number <= 5; number++) {
      app.clock.advance(1)
      await app.send(path, { key, body: { name: `key ${number}` } })
    }
    const names: string[] = []
    let cursor: string | null = null
    for (let count = 0; count < 4; count++) {
      const query: string = cursor ? `?limit=2&cursor=${cursor}` : "?limit=2"
      const page: Page = await app.sendJson(`${path}${query}`, { key })
      names.push(...page.data.map(one => one.name))
      cursor = page.nextCursor
      if (cursor === null) break
    }
    expect(cursor).toBeNull()
    expect(names.slice(0, 5)).toEqual(["key 5", "key 4", "key 3", "key 2", "key 1"])
    expect(names.slice(5).toSorted()).toEqual(["System Token", "laptop"])
  })
})

describe("creating a key", () => {
  const row = (name: string, body: unknown, expected: Omit<Row, "name" | "ask">): Row => ({
    name,
    ask: ({ mine }) => ({ path, key: mine.key, body }),
    ...expected,
  })
  const invalid = (name: string, body: unknown, field: string): Row =>
    row(name, body, {
      status: 422,
      body: () => ({ code: "invalid_field", field }),
      events: () => [refused("unprocessable", "invalid_field")],
      after: expectSameKeys,
    })
  const created = ({ mine }: Scene) => [
    { name: "key-created", data: { customer_id: mine.id, key_id: expect.stringMatching(/^key_/) } },
  ]
  testRows([
    ...accessRows(path, { body: { name: "desk" } }),
    row(
      "gives the key once, and it works",
      { name: "desk" },
      {
        status: 201,
        body: () => ({
          id: expect.stringMatching(/^key_/),
          name: "desk",
          key: expect.stringMatching(/^cxk_/),
        }),
        events: created,
        after: async (scene, { body }) => {
          expect((await scene.send("/api/v1/me", { key: body.key as string })).status).toBe(200)
        },
      },
    ),
    row(
      "keeps the models and the end it was given",
      {
        name: "desk",
        models: ["gpt-5.5"],
        expiresAt: "2026-02-01T00:00:00Z",
      },
      {
        status: 201,
        events: created,
        after: async (scene, { body }) => {
          const { data } = await scene.sendJson<Page>(path, { key: scene.mine.key })
          const key = data.find(one => one.id === body.id)
          expect(key).toMatchObject({ models: ["gpt-5.5"], expiresAt: "2026-02-01T00:00:00.000Z" })
          scene.clock.advance(Date.UTC(2026, 1, 1) - scene.clock.now())
          expect((await scene.send("/api/v1/me", { key: body.key as string })).status).toBe(401)
        },
      },
    ),
    {
      name: "ignores fields that are not the client's to set",
      ask: ({ mine, other }) => ({
        path,
        key: mine.key,
        body: {
          name: "desk",
          kind: "system",
          customerId: other.id,
          customer_id: other.id,
          id: "key_1",
          role: "admin",
        },
      }),
      status: 201,
      events: created,
      after: async (scene, { body }) => {
        expect(body.id).not.toBe("key_1")
        expect(body.key).toStartWith("cxk_")
        const { data } = await scene.sendJson<Page>(path, { key: scene.other.key })
        expect(data).toHaveLength(2)
      },
    },
    row(
      "with an end in the past: 400 naming the field",
      { name: "desk", expiresAt: "2026-01-01T00:00:00Z" },
      {
        status: 400,
        body: () => ({ code: "invalid", field: "expiresAt" }),
        events: () => [refused("invalid", "invalid")],
        after: expectSameKeys,
      },
    ),
    row("with malformed JSON: 400", "{", {
      status: 400,
      body: () => ({ code: "invalid_json", field: "body" }),
      events: () => [refused("invalid", "invalid_json")],
      after: expectSameKeys,
    }),
    row("with an empty body: 400", "", {
      status: 400,
      body: () => ({ code: "invalid_json", field: "body" }),
      events: () => [refused("invalid", "invalid_json")],
    }),
    invalid("without a name: 422", {}, "name"),
    invalid("with an empty name: 422", { name: "" }, "name"),
    invalid("with a name of 81 characters: 422", { name: "x".repeat(81) }, "name"),
    invalid("with a name that is no text: 422", { name: 5 }, "name"),
    invalid("with no model at all: 422", { name: "x", models: [] }, "models"),
    invalid("with a model that is no text: 422", { name: "x", models: ["gpt-5.5", 5] }, "models.1"),
    invalid("with an end that is no time: 422", { name: "x", expiresAt: "tomorrow" }, "expiresAt"),
  ])
})

interface Page {
  data: { id: string; kind: string; name: string }[]
  nextCursor: string | null
}

async function expectSameKeys({ app }: Scene): Promise<void> {
  expect(await app.store.read.all("SELECT id FROM api_key WHERE revoked_at IS NULL")).toHaveLength(4)
}

describe("revoking a key", () => {
  const unknown = (name: string, idOf: (scene: Scene) => string): Row => ({
    name,
    ask: scene => ({ path: `${path}/${idOf(scene)}`, method: "DELETE", key: scene.mine.key }),
    status: 404,
    body: () => ({ code: "not_found", detail: "There is no such key. List your keys to see their ids." }),
    events: () => [refused("not_found", "not_found")],
    after: expectSameKeys,
  })
  testRows([
    ...accessRows(`${path}/key_1`, { method: "DELETE" }),
    {
      name: "takes it off the list, and the very next request with it is refused",
      ask: ({ mine }) => ({ path: `${path}/${mine.key_id}`, method: "DELETE", key: mine.system_token }),
      status: 200,
      body: ({ mine }) => ({ id: mine.key_id, revoked: true }),
      events: ({ mine }) => [{ name: "key-revoked", data: { customer_id: mine.id, key_id: mine.key_id } }],
      after: async ({ mine, send, sendJson }) => {
        expect((await send("/api/v1/me", { key: mine.key })).status).toBe(401)
        const { data } = await sendJson<Page>(path, { key: mine.system_token })
        expect(data.map(key => key.kind)).toEqual(["system"])
      },
    },
    unknown("of another customer: 404", ({ other }) => other.key_id),
    unknown("that does not exist: the same 404", () => "key_01kdyak34avv1ctek5rbjf8my5"),
    unknown("with an id that looks like SQL: the same 404", () => "'%20OR%20'1'='1"),
    {
      name: "that is the System Token: 409",
      ask: ({ mine }) => ({ path: `${path}/${mine.system_key_id}`, method: "DELETE", key: mine.key }),
      status: 409,
      body: () => ({ code: "system_token" }),
      events: () => [refused("conflict", "system_token")],
      after: expectSameKeys,
    },
  ])

  test("a key can revoke itself", async () => {
    await using app = await openTestApp()
    const { key, key_id } = await app.createCustomer()
    expect((await app.send(`${path}/${key_id}`, { method: "DELETE", key })).status).toBe(200)
  })
})

describe("a key that is limited to models or to a time", () => {
  test.each<CustomerOptions>([{ models: ["gpt-5.5"] }, { expires_at: Date.UTC(2027, 0, 1) }])(
    "manages no keys: %p",
    async limits => {
      await using app = await openTestApp()
      const mine = await app.createCustomer(limits)
      const asked = [
        await app.send(path, { key: mine.key, body: { name: "wide" } }),
        await app.send(`${path}/${mine.key_id}`, { key: mine.key, method: "DELETE" }),
      ]
      for (const answer of asked) {
        expect(answer.status).toBe(403)
        expect(await answer.json()).toMatchObject({
          code: "scoped_key",
          detail: expect.stringContaining("System Token"),
        })
      }
      const { data } = await app.sendJson<Page>(path, { key: mine.key })
      expect(data).toHaveLength(2)
      expect((await app.send(path, { key: mine.system_token, body: { name: "wide" } })).status).toBe(201)
    },
  )
})

test("a customer has at most a hundred live keys", async () => {
  await using app = await openTestApp()
  const { key, key_id } = await app.createCustomer()
  const add = (body: object = {}) => app.send(path, { key, body: { name: "desk", ...body } })
  for (let count = 2; count <= 100; count++)
    expect((await add({ expiresAt: "2026-02-01T00:00:00Z" })).status).toBe(201)
  const refusal = await add()
  expect(refusal.status).toBe(409)
  expect(await refusal.json()).toMatchObject({ code: "too_many_keys" })
  app.clock.advance(Date.UTC(2026, 1, 1) - app.clock.now())
  expect((await add()).status).toBe(201)
  expect((await app.send(`${path}/${key_id}`, { method: "DELETE", key })).status).toBe(200)
})
