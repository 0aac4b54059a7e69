/** The whole server with a demo Stripe on loopback: what the official client sends, over real HTTP. */

import { expect } from "bun:test"
import { createDemoStripe, type DemoStripe } from "../../src/wallet/demo-stripe/demo-stripe.ts"
import type { CardChoice } from "../../src/wallet/demo-stripe/test-cards.ts"
import { signatureOf } from "../../src/wallet/demo-stripe/webhooks.ts"
import { type Balances, getBalances } from "../../src/wallet/ledger/accounts.ts"
import { formatUsd } from "../../src/wallet/ledger/nanos.ts"
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import type { Purchase } from "../../src/wallet/purchases/purchases.ts"
import { createStripeAccount } from "../../src/wallet/stripe/account.ts"
import { type AppOptions, openTestApp, type RequestOptions, type TestApp, type TestCustomer } from "./app.ts"

export const SECRET_KEY = "sk_test_canary_0123456789abcdef"
export const WEBHOOK_SECRET = "whsec_canary_0123456789abcdef"

export interface PaymentScene extends TestApp {
  stripe: DemoStripe
  /** Opens a payment page for a package and gives what the endpoint answered. */
  checkout(key: string, body?: Record<string, unknown>): Promise<OpenedCheckout>
  confirm(key: string, session_id: string): Promise<Response>
}

export interface OpenedCheckout {
  purchase: { id: string; state: string }
  sessionId: string
  url: string
}

export interface SceneOptions extends AppOptions {
  /** Whether events reach the server's webhook; else only the sweeper sees them. */
  has_webhook?: boolean
  is_live?: boolean
}

/** Events wait for `stripe.control.deliverPending()`; `await using` closes everything. */
export async function openPaymentScene(options: SceneOptions = {}): Promise<PaymentScene> {
  const listener = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: request => demo.handleApi(request) })
  const test_app = await openTestApp({
    ...options,
    env: {
      CODEXAPI_PAYMENTS: "stripe",
      STRIPE_SECRET_KEY: options.is_live ? SECRET_KEY.replace("test", "live") : SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      STRIPE_BASE_URL: `http://127.0.0.1:${listener.port}`,
      ...options.env,
    },
  })
  const demo: DemoStripe = createDemoStripe({
    clock: test_app.clock,
    random: test_app.app.random,
    fetch: (url, init) => test_app.handle(new Request(url, init)),
    secret_key: options.is_live ? SECRET_KEY.replace("test", "live") : SECRET_KEY,
    webhook_secret: WEBHOOK_SECRET,
    ...(options.has_webhook !== false && { webhook_url: "http://localhost/api/v1/stripe/webhook" }),
    is_live: options.is_live ?? false,
    page_url: () => "http://localhost/demo-checkout",
    is_delivery_by_hand: true,
  })
  // The official client waits half a second before it repeats a call: nothing that a test has to wait for.
  Object.assign(test_app.app.payments.find()?.api ?? {}, { getInitialNetworkRetryDelay: () => 0 })
  async function close(): Promise<void> {
    demo.close()
    await test_app.close()
    await listener.stop(true)
  }
  return {
    ...test_app,
    stripe: demo,
    checkout: (key, body = { packageId: "standard" }) =>
      test_app.sendJson<OpenedCheckout>("/api/v1/wallet/stripe/checkout", { key, body }),
    confirm: (key, session_id) =>
      test_app.send("/api/v1/wallet/stripe/confirm", { key, body: { sessionId: session_id } }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Nobody is throttled by attempts any more: for what happens fifty times at once. */
export const liftLimits = ({ app }: TestApp): unknown => Object.assign(app.attempt_limit, { take: () => 0 })

/** The account of the scene, for asking it directly. */
export const accountOf = ({ app }: TestApp) => createStripeAccount(app.config.stripe!, { is_demo: false })

/** A checkout that was paid on its page; its events wait. */
export interface PaidCheckout {
  purchase_id: string
  session_id: string
  /** The payment. */
  intent: string
}

/** Opens a checkout and pays it; nothing has told the server of it yet. */
export async function payCheckout(
  scene: PaymentScene,
  { key }: Pick<TestCustomer, "key">,
  how: { body?: Record<string, unknown>; card?: CardChoice } = {},
): Promise<PaidCheckout> {
  const path = how.body && "amountUsd" in how.body ? "cash-wallet" : "wallet"
  const body = how.body ?? { packageId: "standard" }
  const opened = await scene.sendJson<OpenedCheckout>(`/api/v1/${path}/stripe/checkout`, { key, body })
  await scene.stripe.control.pay(opened.sessionId, { card: how.card ?? "pays" })
  const intent = String(scene.stripe.control.objects.sessions.get(opened.sessionId)?.payment_intent)
  return { purchase_id: opened.purchase.id, session_id: opened.sessionId, intent }
}

/** The same, credited by its events. */
export async function buy(...paid: Parameters<typeof payCheckout>): Promise<PaidCheckout> {
  const checkout = await payCheckout(...paid)
  const [scene] = paid
  await scene.stripe.control.deliverPending()
  scene.events.length = 0
  return checkout
}

/** What a customer has, in USD, once every law of the ledger was checked. */
export async function readWallets({ app }: TestApp, { id }: Pick<TestCustomer, "id">) {
  expect((await verifyLedger(app.store.read)).flatMap(law => law.findings)).toEqual([])
  const balances = await getBalances(app.store.read, id)
  const usd = (kind: Exclude<keyof Balances, "is_frozen">) => formatUsd(balances[kind])
  return { token: usd("token"), cash: usd("cash"), debt: usd("cash_debt") }
}

export const readPurchase = async ({ app }: TestApp, id: string): Promise<Purchase> =>
  (await app.store.read.get<Purchase>("SELECT * FROM purchase WHERE id = ?", id))!

/** Names of the events since the last look, each with the id of what it is about. */
export function takeEvents(scene: TestApp): string[] {
  const names = scene.events.map(event => event.name)
  scene.events.length = 0
  return names
}

/** Posts an event to the webhook, signed as Stripe would unless told otherwise. */
export function postEvent(
  scene: TestApp,
  event: object | string,
  how: { secret?: string; at_ms?: number; signature?: string | null } = {},
): Promise<Response> {
  const body = typeof event === "string" ? event : JSON.stringify(event)
  const at_s = Math.floor((how.at_ms ?? scene.clock.now()) / 1000)
  const signature = how.signature ?? signatureOf(body, how.secret ?? WEBHOOK_SECRET, at_s)
  const headers: Record<string, string> = how.signature === null ? {} : { "stripe-signature": signature }
  return scene.send("/api/v1/stripe/webhook", { body, headers })
}

/** The last event of a type that Stripe has made. */
export const eventOfType = ({ stripe }: PaymentScene, type: string) =>
  [...stripe.control.objects.events.values()].findLast(event => event.type === type)!

/** A request that must be refused as a problem document, with that event and no other: `[status, code, field]`. */
export async function refusalOf(
  scene: TestApp,
  path: string,
  options: RequestOptions = {},
): Promise<[status: number, code: unknown, field?: unknown]> {
  scene.events.length = 0
  const answer = await scene.send(path, { method: "POST", ...options })
  const problem = (await answer.json()) as Record<string, unknown>
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(problem).toMatchObject({
    status: answer.status,
    title: expect.any(String),
    detail: expect.any(String),
  })
  const { code, field } = problem
  expect(scene.events).toMatchObject([{ name: "request-refused", data: { code: code as string } }])
  return field === undefined ? [answer.status, code] : [answer.status, code, field]
}
