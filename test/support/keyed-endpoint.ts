/** An endpoint that honours `Idempotency-Key`, and work of which a test sees how often it ran. */
import { t } from "elysia"
import { bearer } from "../../src/auth/bearer.ts"
import { answerOnce } from "../../src/platform/idempotency.ts"
import { readJsonBody } from "../../src/platform/json-body.ts"
import { createServer } from "../../src/server.ts"
import { openTestApp, type RequestOptions, requestOf } from "./app.ts"

export const path = "/api/v1/test/purchase"

/** Work that counts how often it ran. */
export function countedWork() {
  let count = 0
  return { count: () => count, work: async () => ({ number: ++count, totalUsd: "1.50", none: null }) }
}

/** The server with one more endpoint, as routes write them, that waits for `gate` and answers with how often it ran. */
export async function openKeyedEndpoint(gate: Promise<void>) {
  const test_app = await openTestApp()
  const { app } = test_app
  const { key } = await test_app.createCustomer()
  const { work, count } = countedWork()
  const server = createServer(app)
    .use(bearer(app))
    .post(
      path,
      ({ caller, body, request }) =>
        answerOnce(app, { customer_id: caller.customer_id, request, body }, () => gate.then(work)),
      { parse: readJsonBody, body: t.Object({ packageId: t.String({ minLength: 1 }) }) },
    )
  const ask = (options: RequestOptions = {}) =>
    server.handle(
      requestOf(path, {
        key,
        headers: { "idempotency-key": "k1" },
        body: { packageId: "small" },
        ...options,
      }),
    )
  const rows = () => app.store.read.all("SELECT * FROM remembered_answer")
  return { ask, count, rows, [Symbol.asyncDispose]: test_app.close }
}
