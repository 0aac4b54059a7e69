/** The whole server in one process, on a temporary folder, with the four seams in the test's hand. */
import { expect } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { adjustCredit } from "../../src/admin/credit.ts"
import { type App, openApp } from "../../src/app.ts"
import { createCustomer, verifyEmail } from "../../src/auth/customers.ts"
import { createKey } from "../../src/auth/keys.ts"
import { seedUpstreams } from "../../src/gateway/catalog/seed.ts"
import type { Config } from "../../src/platform/config.ts"
import { readConfig } from "../../src/platform/config.ts"
import type { AnyEvent, EventName } from "../../src/platform/events.ts"
import { createServer } from "../../src/server.ts"
import { getBalances, openAccounts } from "../../src/wallet/ledger/accounts.ts"
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import { seedPackages } from "../../src/wallet/offers/packages.ts"
import { listReceipts, type Receipt } from "../../src/wallet/usage/receipts.ts"
import { repriceReceipts } from "../../src/wallet/usage/reprice.ts"
import { createTestClock, type TestClock } from "./clock.ts"
import { createFakeFetch, type FakeFetch } from "./fake-fetch.ts"
import { PASSWORD_HASH } from "./password.ts"
import { createTestRandom } from "./random.ts"
import { migratedImage } from "./store.ts"

/** Environment of a server that only imitates models: what it gives away costs nothing. */
export const DEMO_ONLY = { OPENAI_API_KEY: undefined, OPENROUTER_API_KEY: undefined }

/** A secret that must appear nowhere outside: the key of the first upstream. */
export const UPSTREAM_KEY = "sk-canary-upstream-0123456789"

/** Two upstreams that serve every seeded model: `openai` is tried first, then `openrouter`. */
const ENVIRONMENT = {
  CODEXAPI_SECRET: "a secret of the tests, 32 letters or more",
  OPENAI_API_KEY: UPSTREAM_KEY,
  OPENAI_BASE_URL: "https://first.test/v1",
  OPENROUTER_API_KEY: "sk-canary-second-0123456789",
  OPENROUTER_BASE_URL: "https://second.test/v1",
}

/** A customer whose password is `PASSWORD`. */
export interface TestCustomer {
  id: string
  email: string
  system_token: string
  system_key_id: string
  /** A User API Key. */
  key: string
  key_id: string
}

export interface CustomerOptions {
  email?: string
  /** 10.00 unless told; "0" gives none. */
  credit_usd?: string
  /** The models the key may use; all unless told. */
  models?: string[]
  expires_at?: number
  /** Whether the address is proven; it is not unless told. */
  is_verified?: boolean
}

export interface RequestOptions {
  method?: string
  /** Sent as the bearer. */
  key?: string
  headers?: Record<string, string>
  /** Text and bytes go as they are, anything else as JSON. */
  body?: unknown
  signal?: AbortSignal
}

export interface TestApp extends AsyncDisposable {
  app: App
  clock: TestClock
  upstream: FakeFetch
  /** Every event since the start or the last customer made, in order. */
  events: AnyEvent[]
  /** Every log line. */
  logs: string[]
  handle(request: Request): Promise<Response>
  send(path: string, options?: RequestOptions): Promise<Response>
  /** The same, giving the answer's JSON. */
  sendJson<Shape = Record<string, unknown>>(path: string, options?: RequestOptions): Promise<Shape>
  createCustomer(options?: CustomerOptions): Promise<TestCustomer>
  /** The data of the next event of this name; of the last one when it has come already. */
  eventOf(name: EventName): Promise<AnyEvent["data"]>
  close(): Promise<void>
}

export interface AppOptions {
  /** Environment variables beside the defaults; undefined takes one away. */
  env?: Record<string, string | undefined>
  config?: Partial<Config>
}

/** Opens the app; `await using` closes it and removes its folder. */
export async function openTestApp(options: AppOptions = {}): Promise<TestApp> {
  const data_dir = mkdtempSync(join(tmpdir(), "codexapi-test-"))
  // Migrated already: that is more than half of what opening takes.
  writeFileSync(join(data_dir, "codexapi.db"), migratedImage("main"))
  writeFileSync(join(data_dir, "cache.db"), migratedImage("cache"))
  const clock = createTestClock()
  const upstream = createFakeFetch()
  const logs: string[] = []
  const config = readConfig({ ...ENVIRONMENT, CODEXAPI_DATA_DIR: data_dir, ...options.env })
  const app = await openApp(
    { ...config, ...options.config },
    { clock, random: createTestRandom(), fetch: upstream.fetch, writeLog: line => logs.push(line) },
  )
  // As serve.ts does.
  await seedUpstreams(app, app.config.upstreams)
  await seedPackages(app)
  await app.catalog.reload()
  const { events, eventOf } = recordEvents(app)
  const server = createServer(app)
  const handle = async (request: Request) => server.handle(request)
  const send = (path: string, request: RequestOptions = {}) => handle(requestOf(path, request))
  let created_count = 0
  async function close(): Promise<void> {
    await app.tasks.idle()
    await app.close()
    rmSync(data_dir, { recursive: true })
  }
  return {
    app,
    clock,
    upstream,
    events,
    logs,
    handle,
    send,
    async sendJson<Shape>(path: string, request?: RequestOptions) {
      return (await (await send(path, request)).json()) as Shape
    },
    async createCustomer(customer = {}) {
      const email = customer.email ?? `customer${++created_count}@example.com`
      const created = await insertCustomer(app, { ...customer, email })
      events.length = 0
      return created
    },
    eventOf,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function recordEvents(app: App) {
  const events: AnyEvent[] = []
  app.events.listen(event => events.push(event))
  async function eventOf(name: EventName): Promise<AnyEvent["data"]> {
    const past = events.findLast(event => event.name === name)
    if (past) return past.data
    return new Promise(resolve => {
      const stop = app.events.listen(event => {
        if (event.name !== name) return
        stop()
        resolve(event.data)
      })
    })
  }
  return { events, eventOf }
}

/** A request to the server as a client would send it. */
export function requestOf(path: string, options: RequestOptions = {}): Request {
  const { method = options.body === undefined ? "GET" : "POST", key, body } = options
  const headers = new Headers(options.headers)
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`)
  const is_raw = typeof body === "string" || body instanceof Uint8Array || body === undefined
  if (body !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json")
  return new Request(`http://localhost${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: is_raw ? (body as string) : JSON.stringify(body) }),
    ...(options.signal && { signal: options.signal }),
  })
}

async function insertCustomer(app: App, options: CustomerOptions & { email: string }): Promise<TestCustomer> {
  const { email, credit_usd = "10.00" } = options
  // Ids made in the same millisecond have no order; tests of lists want one.
  if ("advance" in app.clock) (app.clock as TestClock).advance(1)
  const customer = await app.store.tx(async q => {
    const { id } = await createCustomer(q, app, { email, password_hash: PASSWORD_HASH })
    await openAccounts(q, id)
    if (options.is_verified) await verifyEmail(q, { id, email, verified_at: app.clock.now() })
    const system = await createKey(q, app, { customer_id: id, kind: "system", name: "System Token" })
    const user = await createKey(q, app, {
      customer_id: id,
      kind: "user",
      name: "laptop",
      ...(options.models && { models: options.models }),
      ...(options.expires_at !== undefined && { expires_at: options.expires_at }),
    })
    const { token: system_token, id: system_key_id } = system
    return { id, email, system_token, system_key_id, key: user.token, key_id: user.id }
  })
  if (credit_usd !== "0") {
    const reason = "credit of the test"
    await adjustCredit(app, { customer_id: customer.id, amount: credit_usd, reason, direction: "credit" })
  }
  return customer
}

/** A customer's books once nothing is under way: balances in nano-USD and receipts, oldest first. */
export interface Books {
  free_nanos: number
  held_nanos: number
  receipts: Receipt[]
}

/** Waits for background work, checks every law and the price of every receipt, and gives the books. */
export async function readBooks({ app }: TestApp, customer: { id: string }): Promise<Books> {
  await app.tasks.idle()
  const laws = [...(await verifyLedger(app.store.read)), await repriceReceipts(app.store.read)]
  expect(laws.flatMap(law => law.findings)).toEqual([])
  const { token, token_held } = await getBalances(app.store.read, customer.id)
  const receipts = await listReceipts(app.store.read, {
    customer_id: customer.id,
    limit: 200,
    before: undefined,
  })
  return { free_nanos: token, held_nanos: token_held, receipts: receipts.toReversed() }
}
