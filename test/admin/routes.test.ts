/** The operator's own addresses: open to the operator, nowhere to be found for anybody else. */
import { describe, expect, test } from "bun:test"
import { createAdminKey } from "../../src/auth/admin-keys.ts"
import { createToken } from "../../src/auth/tokens.ts"
import { openTestApp } from "../support/app.ts"
import { askStream } from "../support/gateway.ts"
import { type Row, refused, type Scene, testRows } from "../support/route-table.ts"

const hidden = (path: string, name: string, keyOf: (scene: Scene) => string | undefined): Row => ({
  name,
  ask: scene => {
    const key = keyOf(scene)
    return key === undefined ? { path } : { path, key }
  },
  status: 404,
  body: () => ({
    code: "no_such_endpoint",
    detail: "There is nothing at this address. /swagger lists every endpoint.",
  }),
  events: () => [refused("not_found", "no_such_endpoint")],
})

const strangers = (path: string): Row[] => [
  hidden(path, "without a key: 404, as for an address that does not exist", () => undefined),
  hidden(path, "with a customer's key: the same 404", ({ mine }) => mine.key),
  hidden(path, "with a customer's System Token: the same 404", ({ mine }) => mine.system_token),
  hidden(path, "with an unknown admin key: the same 404", ({ app }) => createToken("admin", app.random)),
]

describe("the health of routes", () => {
  const path = "/api/v1/admin/routes/health"
  testRows([
    ...strangers(path),
    {
      name: "with the operator's key: every route that was tried lately",
      ask: ({ admin_key }) => ({ path, key: admin_key }),
      status: 200,
      after: (_, { body }) => {
        expect(body).toEqual({ data: [] })
      },
    },
  ])
})

test("after a request the health shows every route that it tried", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  const { token } = await app.app.store.tx(q => createAdminKey(q, app.app, "operator"))
  const broken = () => new Response("{}", { status: 500 })
  app.upstream.play(broken, broken)
  await (await askStream(app, customer)).text()
  expect(await app.sendJson("/api/v1/admin/routes/health", { key: token })).toMatchObject({
    data: expect.arrayContaining([
      expect.objectContaining({ upstreamId: "openai", state: "closed", failuresInARow: 1 }),
      expect.objectContaining({ upstreamId: "openrouter", failuresInARow: 1, outcomes: { error: 1 } }),
    ]),
  })
})

describe("the metrics", () => {
  const path = "/metrics"
  testRows([
    ...strangers(path),
    {
      name: "with the operator's key: Prometheus's text",
      ask: ({ admin_key }) => ({ path, key: admin_key }),
      status: 200,
      after: (_, { body, headers }) => {
        expect(headers.get("content-type")).toStartWith("text/plain; version=0.0.4")
        expect(body.text).toContain("# TYPE codexapi_requests_total counter")
      },
    },
    {
      name: "with the operator's key in x-api-key: the same",
      ask: ({ admin_key }) => ({ path, headers: { "x-api-key": admin_key } }),
      status: 200,
    },
  ])
})
