/** The built-in imitation of Stripe on a server: a top-up without an account anywhere, only where it may. */
import { describe, expect, test } from "bun:test"
import { startDemoPayments } from "../src/demo-payments.ts"
import { createServer } from "../src/server.ts"
import { sweepPayments } from "../src/wallet/stripe/sweep.ts"
import { openTestApp, type TestApp } from "./support/app.ts"
import { readPurchase, readWallets, refusalOf } from "./support/payments.ts"
import { until } from "./support/until.ts"

const NO_UPSTREAM = { OPENAI_API_KEY: undefined, OPENROUTER_API_KEY: undefined }
const CHECKOUT = "/api/v1/wallet/stripe/checkout"

/** A server that listens, with its demo payments. */
async function openDemo(env: Record<string, string | undefined> = {}) {
  const test_app = await openTestApp({ env: { ...NO_UPSTREAM, ...env } })
  const server = createServer(test_app.app).listen({ port: 0, hostname: "127.0.0.1" })
  const url = `http://127.0.0.1:${server.server!.port}`
  let stop = startDemoPayments(test_app.app, url)
  async function close(): Promise<void> {
    await stop()
    await server.stop(true)
    await test_app.close()
  }
  return {
    ...test_app,
    url,
    /** As a restart does: what the demo knew is forgotten. */
    async restart() {
      await stop()
      stop = startDemoPayments(test_app.app, url)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

const checkout = (app: TestApp, key: string, body: object = { packageId: "plus" }) =>
  app.sendJson<{ purchase: { id: string; isTest: boolean }; sessionId: string; url: string }>(CHECKOUT, {
    key,
    body,
  })

const fill = (url: string, fields: Record<string, string>) =>
  fetch(url, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" })

describe("with nothing configured", () => {
  test("a top-up works from the page to the credit, over HTTP, and says that no money moves", async () => {
    await using demo = await openDemo()
    const customer = await demo.createCustomer({ credit_usd: "0" })
    const opened = await checkout(demo, customer.key)
    expect(opened.purchase.isTest).toBe(true)
    expect(opened.url).toBe(`${demo.url}/demo-checkout/${opened.sessionId}`)
    const page = await fetch(opened.url)
    const html = await page.text()
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"])
    expect(html).toContain("Demonstration: no money moves")
    expect(html).toContain("$25.00 usd")
    const paid = await fill(opened.url, { action: "pay", card: "pays" })
    expect([paid.status, paid.headers.get("location")]).toEqual([
      303,
      `http://localhost/?payment=done&session_id=${opened.sessionId}`,
    ])
    await until("the webhook has credited it", async () => {
      demo.clock.advance(1)
      return (await readWallets(demo, customer)).token === "26.00"
    })
    const legs = await demo.app.store.read.all(
      "SELECT from_account FROM ledger_transfer WHERE kind = 'package_payment'",
    )
    expect(legs).toEqual([{ from_account: "system/stripe_test" }])
  })

  test("the page shows what was declined, and takes another card", async () => {
    await using demo = await openDemo()
    const { key } = await demo.createCustomer()
    const { url } = await checkout(demo, key)
    const declined = await fill(url, { action: "pay", card: "declined" })
    expect([declined.status, declined.headers.get("location")]).toEqual([303, url])
    expect(await (await fetch(url)).text()).toContain("Your card was declined.")
    expect((await fill(url, { action: "pay", card: "pays" })).headers.get("location")).toContain(
      "payment=done",
    )
    expect(await (await fetch(url)).text()).toContain("This payment is complete.")
  })

  test("after a restart what was open is ended, and customers of before can pay again", async () => {
    await using demo = await openDemo()
    const { key } = await demo.createCustomer()
    const before = await checkout(demo, key)
    await demo.restart()
    demo.clock.advance(61_000)
    await sweepPayments(demo.app)
    expect(await readPurchase(demo, before.purchase.id)).toMatchObject({ state: "expired" })
    expect((await fetch(before.url)).status).toBe(404)
    const after = await checkout(demo, key)
    expect((await fetch(after.url)).status).toBe(200)
    expect(await demo.app.store.read.all("SELECT id FROM stripe_customer")).toHaveLength(1)
  })

  test("the API behind it takes nobody's key but its own, and listens on loopback only", async () => {
    await using demo = await openDemo()
    const account = demo.app.payments.find()!
    expect([account.is_demo, account.is_live]).toEqual([true, false])
    const host = account.api.getApiField("host") as string
    const port = account.api.getApiField("port") as string
    expect(host).toBe("127.0.0.1")
    const headers = { authorization: "Bearer sk_live_1" }
    expect((await fetch(`http://${host}:${port}/v1/customers`, { headers })).status).toBe(401)
  })
})

describe("the demo takes no payments", () => {
  test.each<[string, Record<string, string>]>([
    ["a live Stripe key is set", { STRIPE_SECRET_KEY: "sk_live_1", STRIPE_WEBHOOK_SECRET: "whsec_1" }],
    ["a test key of Stripe is set", { STRIPE_SECRET_KEY: "sk_test_1" }],
    ["an upstream is set", { OPENAI_API_KEY: "sk-1" }],
    ["payments are off", { CODEXAPI_PAYMENTS: "off" }],
    ["payments are Stripe's", { CODEXAPI_PAYMENTS: "stripe", STRIPE_SECRET_KEY: "sk_live_1" }],
  ])("when %s: there is no page, and no account of its own", async (_, env) => {
    await using demo = await openDemo(env)
    expect(demo.app.payments.findDemo()).toBeUndefined()
    expect(demo.app.payments.find()?.is_demo ?? false).toBe(false)
    for (const method of ["GET", "POST"])
      expect(await refusalOf(demo, "/demo-checkout/cs_test_1", { method })).toEqual([404, "no_such_endpoint"])
  })

  test("any more once an upstream is added: its pages are gone, and its events are nobody's", async () => {
    await using demo = await openDemo()
    const customer = await demo.createCustomer({ credit_usd: "0" })
    const opened = await checkout(demo, customer.key)
    demo.app.payments.isDemo()
    Object.assign(demo.app.catalog, { hasUpstream: () => true })
    expect((await fetch(opened.url)).status).toBe(404)
    expect(await refusalOf(demo, CHECKOUT, { key: customer.key, body: { packageId: "plus" } })).toEqual([
      503,
      "payments_off",
    ])
    expect(await readWallets(demo, customer)).toMatchObject({ token: "0.00" })
  })
})

test("where the operator insists the demo takes them beside a live key, which it never uses", async () => {
  const env = { CODEXAPI_PAYMENTS: "demo", STRIPE_SECRET_KEY: "sk_live_1", OPENAI_API_KEY: "sk-1" }
  await using demo = await openDemo(env)
  const { key } = await demo.createCustomer({ credit_usd: "0" })
  const opened = await checkout(demo, key)
  expect(opened.purchase.isTest).toBe(true)
  expect(opened.sessionId).toStartWith("cs_test_")
  expect(demo.app.payments.find()).toMatchObject({ is_live: false, is_demo: true })
})

test("a page is under the public address where there is one", async () => {
  await using demo = await openDemo({ CODEXAPI_PUBLIC_URL: "https://api.example" })
  const { key } = await demo.createCustomer()
  const { url, sessionId } = await checkout(demo, key)
  expect(url).toBe(`https://api.example/demo-checkout/${sessionId}`)
})
