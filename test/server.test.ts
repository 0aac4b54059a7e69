/** The URL map against the list of endpoints, who may ask what, and how every refusal looks. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createAdminKey } from "../src/auth/admin-keys.ts"
import { createServer } from "../src/server.ts"
import { openTestApp, requestOf, type TestApp } from "./support/app.ts"

/** Mounted, and not in the list of customers' endpoints. */
const EXTRA = new Set([
  "GET /",
  "HEAD /",
  "GET /health",
  "GET /metrics",
  "GET /api/v1/admin/routes/health",
  "GET /swagger",
  "GET /swagger/json",
  "GET /swagger/assets/api-reference.js",
  // The documented form of the one that takes slashes.
  "GET /v1/models/{}",
  // The official SDK's own names of what the list has under another: update by POST, count by `input_tokens`,
  // compact what is not stored (sdk-wire 1), the messages of a stored completion, and the tokens of Claude Code.
  "POST /v1/chat/completions/{}",
  "GET /v1/chat/completions/{}/messages",
  "POST /v1/responses/input_tokens",
  "POST /v1/responses/compact",
  "POST /v1/messages/count_tokens",
  // Only to refuse WebSockets.
  "GET /v1/responses",
  // The payment page of the built-in imitation of Stripe.
  "GET /demo-checkout/{*}",
  "POST /demo-checkout/{*}",
])

interface Endpoint {
  method: string
  path: string
  access: string
}

function readEndpoints(): Endpoint[] {
  const text = readFileSync(join(import.meta.dir, "fixtures/endpoints.tsv"), "utf8")
  const [, ...lines] = text.trim().split("\n")
  return lines.map(line => {
    const [method, path, access] = line.split("\t") as [string, string, string]
    return { method, path, access }
  })
}

/** A path with its parameters nameless: `{*}` takes slashes, `{}` does not. */
const shapeOf = (path: string): string =>
  path
    .replace(/\{\w+:path\}|\*/g, "{*}")
    .replace(/\{\w+\}|:\w+/g, "{}")
    .replace("{{*}}", "{*}")

const listRoutes = ({ app }: TestApp) =>
  createServer(app).routes.map(({ method, path }) => ({ method, path }))

/** The mounted endpoints of the list, each with a path that can be asked. */
function listMounted(test_app: TestApp): Endpoint[] {
  const mounted = new Set(listRoutes(test_app).map(({ method, path }) => `${method} ${shapeOf(path)}`))
  return readEndpoints().filter(({ method, path }) => mounted.has(`${method} ${shapeOf(path)}`))
}

const ask = (test_app: TestApp, { method, path }: Endpoint, options = {}) =>
  test_app.send(path.replace(/\{[^}]*\}/g, "x"), {
    method,
    ...(method !== "GET" && { body: {} }),
    ...options,
  })

describe("the URL map", () => {
  test("mounts nothing that is neither in the list of endpoints nor among the named extras", async () => {
    await using app = await openTestApp()
    const listed = new Set(readEndpoints().map(({ method, path }) => `${method} ${shapeOf(path)}`))
    const unknown = listRoutes(app)
      .map(({ method, path }) => `${method} ${shapeOf(path)}`)
      .filter(name => !listed.has(name) && !EXTRA.has(name))
    expect(unknown).toEqual([])
  })

  test("mounts every named extra, and each route once", async () => {
    await using app = await openTestApp()
    const names = listRoutes(app).map(({ method, path }) => `${method} ${shapeOf(path)}`)
    expect(names.filter(name => EXTRA.has(name)).toSorted()).toEqual([...EXTRA].toSorted())
    expect(names).toHaveLength(new Set(names).size)
  })

  test("has these endpoints of the list so far", async () => {
    await using app = await openTestApp()
    expect(readEndpoints()).toHaveLength(113)
    expect(listMounted(app).map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /api/v1/auth/login",
      "GET /api/v1/billing/token-usage",
      "POST /api/v1/cash-wallet/stripe/checkout",
      "POST /api/v1/cash-wallet/stripe/confirm",
      "POST /api/v1/cash-wallet/token-purchase",
      "POST /api/v1/customer/register",
      "GET /api/v1/daily-checkin",
      "POST /api/v1/daily-checkin/claim",
      "POST /api/v1/gumroad/register",
      "GET /api/v1/me",
      "POST /api/v1/me/api-keys",
      "GET /api/v1/me/api-keys",
      "DELETE /api/v1/me/api-keys/{key_id}",
      "POST /api/v1/me/email",
      "GET /api/v1/messages",
      "POST /api/v1/messages/{message_id}/read",
      "GET /api/v1/referral",
      "GET /api/v1/share-credit",
      "POST /api/v1/share-credit/claim",
      "POST /api/v1/stripe/webhook",
      "GET /api/v1/vip",
      "POST /api/v1/wallet/auto-topup",
      "GET /api/v1/wallet/status",
      "POST /api/v1/wallet/stripe/checkout",
      "POST /api/v1/wallet/stripe/confirm",
      "POST /api/v1/wallet/top-up",
      "POST /api/v1/wallet/topup-discount",
      "POST /api/v1/wallet/topupemail-session-discount",
      "POST /v1/chat/completions",
      "GET /v1/chat/completions",
      "DELETE /v1/chat/completions/{completion_id}",
      "GET /v1/chat/completions/{completion_id}",
      "PATCH /v1/chat/completions/{completion_id}",
      "POST /v1/completions",
      "POST /v1/messages",
      "POST /v1/messages/{subpath:path}",
      "GET /v1/models",
      "GET /v1/models/{model_id:path}",
      "POST /v1/responses",
      "POST /v1/responses/count_tokens",
      "DELETE /v1/responses/{response_id}",
      "GET /v1/responses/{response_id}",
      "POST /v1/responses/{response_id}/cancel",
      "POST /v1/responses/{response_id}/compact",
      "GET /v1/responses/{response_id}/input_items",
    ])
  })
})

describe("without a key", () => {
  test("every endpoint with access `api` is 401 in its path's shape, a public one is not", async () => {
    await using app = await openTestApp()
    for (const endpoint of listMounted(app)) {
      const answer = await ask(app, endpoint)
      const name = `${endpoint.method} ${endpoint.path}`
      if (endpoint.access === "public") {
        expect({ name, status: answer.status }).not.toEqual({ name, status: 401 })
        continue
      }
      expect({ name, status: answer.status }).toEqual({ name, status: 401 })
      if (endpoint.path.startsWith("/v1/messages")) await expectAnthropicError(answer, "authentication_error")
      else if (endpoint.path.startsWith("/v1/")) await expectOpenAiError(answer, "missing_api_key")
      else await expectProblem(answer, "missing_api_key")
    }
  })

  test("bodies are not even read: a stranger learns nothing of a route and costs nothing", async () => {
    await using app = await openTestApp()
    for (const body of [{ name: 5 }, "{", "[".repeat(100_000)]) {
      const answer = await app.send("/api/v1/me/api-keys", { body })
      expect(answer.status).toBe(401)
      await expectProblem(answer, "missing_api_key")
    }
  })
})

async function expectProblem(answer: Response, code: string): Promise<void> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(await answer.json()).toMatchObject({
    status: answer.status,
    code,
    type: `urn:codexapi:problem:${code}`,
  })
}

async function expectAnthropicError(answer: Response, type: string): Promise<void> {
  expect(answer.headers.get("content-type")).toBe("application/json")
  const request_id = answer.headers.get("request-id")
  expect(await answer.json()).toEqual({
    type: "error",
    error: { type, message: expect.any(String) },
    request_id: request_id!,
  })
}

async function expectOpenAiError(answer: Response, code: string): Promise<void> {
  expect(answer.headers.get("content-type")).toBe("application/json")
  expect(await answer.json()).toEqual({
    error: { message: expect.any(String), type: expect.any(String), code, param: null },
  })
}

describe("an address that does not exist", () => {
  test.each([
    ["GET", "/nothing"],
    ["GET", "/api/v1/nothing"],
    ["POST", "/api/v1/me"],
    ["DELETE", "/api/v1/wallet/status"],
    ["GET", "/API/v1/me"],
    ["GET", "/api/v1/me/api-keys/x/y"],
  ])("%s %s is 404 as a problem", async (method, path) => {
    await using app = await openTestApp()
    const answer = await app.send(path, { method })
    expect(answer.status).toBe(404)
    await expectProblem(answer, "no_such_endpoint")
  })

  test.each([
    ["GET", "/v1/nothing"],
    ["PUT", "/v1/responses"],
    ["DELETE", "/v1/models"],
    ["GET", "/v1/"],
  ])("%s %s is 404 in OpenAI's shape", async (method, path) => {
    await using app = await openTestApp()
    const answer = await app.send(path, { method })
    expect(answer.status).toBe(404)
    await expectOpenAiError(answer, "no_such_endpoint")
  })
})

test("a word that is none of those that are possible is refused with what is", async () => {
  await using app = await openTestApp()
  const { key } = await app.createCustomer()
  const body = { packageId: "starter", currency: "eur" }
  const answer = await app.send("/api/v1/wallet/stripe/checkout", { key, body })
  expect(await answer.json()).toMatchObject({
    field: "currency",
    detail: 'currency: must be "USD" or "usd".',
  })
})

describe("every answer carries a request id of its own", () => {
  const ID = /^req_[0-9a-hjkmnp-tv-z]{26}$/

  test("refused or not, found or not", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const answers: Response[] = []
    for (const endpoint of listMounted(app))
      answers.push(await ask(app, endpoint), await ask(app, endpoint, { key }))
    for (const path of ["/", "/health", "/metrics", "/swagger", "/swagger/json", "/nothing", "/v1/nothing"]) {
      answers.push(await app.send(path))
    }
    const ids = answers.map(answer => answer.headers.get("x-request-id"))
    for (const id of ids) expect(id).toMatch(ID)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test("which a client cannot choose", async () => {
    await using app = await openTestApp()
    const answer = await app.send("/health", { headers: { "x-request-id": "mine" } })
    expect(answer.headers.get("x-request-id")).toMatch(ID)
  })
})

describe("a bug of ours", () => {
  /** The real server with one part that throws. */
  async function askBroken(path: string): Promise<{ answer: Response; logs: string[] }> {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const fail = () => {
      throw new TypeError("canary of a stack trace")
    }
    const catalog = { ...app.app.catalog, list: fail }
    const server = createServer({
      ...app.app,
      catalog,
      config: { ...app.app.config, brand_name: 5 as never },
    })
    return { answer: await server.handle(requestOf(path, { key })), logs: app.logs }
  }

  test("is 500 as a problem without its cause; the log has the stack under the request's id", async () => {
    const { answer, logs } = await askBroken("/health")
    expect(answer.status).toBe(500)
    const body = await answer.text()
    expect(body).not.toContain("canary")
    expect(JSON.parse(body)).toMatchObject({
      code: "internal",
      detail: "Something went wrong on our side. Please report the request id.",
    })
    const [line] = logs.map(text => JSON.parse(text))
    expect(line).toMatchObject({ level: "error", error: "canary of a stack trace" })
    expect(line.request_id).toBe(answer.headers.get("x-request-id"))
    expect(line.stack).toContain("server.test.ts")
  })

  test("is 500 in OpenAI's shape below /v1", async () => {
    const { answer } = await askBroken("/v1/models")
    expect(answer.status).toBe(500)
    await expectOpenAiError(answer, "internal")
  })

  test("in what follows a commit is logged, and the store goes on", async () => {
    await using app = await openTestApp()
    const fail = () => {
      throw new TypeError("canary of an effect")
    }
    await app.app.store.tx(async q => q.afterCommit(fail))
    await app.app.cache.tx(async q => q.afterCommit(fail))
    expect(app.logs.map(line => JSON.parse(line))).toMatchObject([
      { level: "error", error: "canary of an effect" },
      { level: "error", error: "canary of an effect" },
    ])
  })

  test("is also an answer that is not as documented, and its content stays inside", async () => {
    const { answer, logs } = await askBroken("/")
    expect(answer.status).toBe(500)
    await expectProblem(answer, "internal")
    expect(logs).toHaveLength(1)
  })
})

describe("peculiar requests", () => {
  test("a WebSocket on /v1/responses is refused with 426: the Codex CLI falls back at once", async () => {
    await using app = await openTestApp()
    const headers = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" }
    const answer = await app.send("/v1/responses", { headers })
    expect(answer.status).toBe(426)
    await expectOpenAiError(answer, "use_post")
  })

  test("GET /v1/responses without an upgrade is 404 and says to POST", async () => {
    await using app = await openTestApp()
    const answer = await app.send("/v1/responses")
    expect(answer.status).toBe(404)
    await expectOpenAiError(answer, "use_post")
  })

  test("hosts with short names are answered", async () => {
    await using app = await openTestApp()
    expect((await app.handle(new Request("http://ab/health"))).status).toBe(200)
  })

  test("the metrics count the failures of upstreams", async () => {
    await using app = await openTestApp()
    const failed = { request_id: "req_1", route_id: "rt_1", upstream_id: "openai", failure: "timeout" }
    app.app.events.emit("route-failed", failed)
    expect(await app.app.metrics.registry.metrics()).toContain(
      'codexapi_route_failures_total{upstream="openai",failure="timeout"} 1',
    )
  })

  test("the metrics need the operator's key and count what happened", async () => {
    await using app = await openTestApp()
    const { token } = await app.app.store.tx(q => createAdminKey(q, app.app, "operator"))
    expect((await app.send("/metrics")).status).toBe(404)
    await app.send("/v1/responses", { body: {} })
    const text = await (await app.send("/metrics", { key: token })).text()
    expect(text).toContain('codexapi_refused_total{reason="unauthorized"} 1')
  })
})
