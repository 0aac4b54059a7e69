/** GET /metrics: open to the operator, nowhere to be found for anybody else. */
import { describe, expect } from "bun:test"
import { createToken } from "../../src/auth/tokens.ts"
import { type Row, refused, type Scene, testRows } from "../support/route-table.ts"

const path = "/metrics"

const hidden = (name: string, keyOf: (scene: Scene) => string | undefined): Row => ({
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

describe("the metrics", () => {
  testRows([
    hidden("without a key: 404, as for an address that does not exist", () => undefined),
    hidden("with a customer's key: the same 404", ({ mine }) => mine.key),
    hidden("with a customer's System Token: the same 404", ({ mine }) => mine.system_token),
    hidden("with an unknown admin key: the same 404", ({ app }) => createToken("admin", app.random)),
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
