/** The doctor: what it finds, and what it says to do. */
import { describe, expect, test } from "bun:test"
import { chmodSync } from "node:fs"
import { examine, type Finding } from "../../src/admin/doctor.ts"
import { type AppOptions, openTestApp, type TestApp } from "../support/app.ts"
import { openPaymentScene } from "../support/payments.ts"

async function findingsOf(
  options: AppOptions,
  prepare?: (app: TestApp) => unknown,
): Promise<Map<string, Finding>> {
  await using app = await openTestApp(options)
  await prepare?.(app)
  const findings = await examine(app.app)
  return new Map(findings.map(finding => [finding.check.replace(/ of .*\//, " of "), finding]))
}

const LIVE = {
  STRIPE_SECRET_KEY: "sk_live_canary_0123456789abcdef",
  STRIPE_WEBHOOK_SECRET: "whsec_canary_0123456789abcdef",
}

test("a healthy installation has no finding but ok", async () => {
  const findings = await findingsOf({ env: { CODEXAPI_PUBLIC_URL: "https://api.example.com", ...LIVE } })
  expect([...findings.keys()]).toEqual([
    "integrity of codexapi.db",
    "integrity of cache.db",
    "ledger",
    "server secret",
    "public address",
    "upstreams",
    "models served",
    "payments",
    "test credit",
    "mail",
  ])
  expect([...findings.values()].filter(finding => finding.result !== "ok")).toEqual([])
})

test("books that do not add up fail, naming the law", async () => {
  const findings = await findingsOf({}, async app => {
    const { id } = await app.createCustomer()
    const spoil =
      "UPDATE ledger_account SET balance_nanos = balance_nanos + 1 WHERE customer_id = ? AND kind = 'token'"
    await app.app.store.tx(q => q.run(spoil, id))
  })
  expect(findings.get("ledger")).toMatchObject({
    result: "fail",
    detail: expect.stringMatching(/add up to zero.*verify-ledger/),
  })
})

describe("the secret", () => {
  test("in the data folder is fine while only this user can read it", async () => {
    const findings = await findingsOf({ env: { CODEXAPI_SECRET: undefined } })
    expect(findings.get("server secret")).toMatchObject({
      result: "ok",
      detail: expect.stringMatching(/secret; back it up/),
    })
  })

  test("that others can read fails, and says how to mend it", async () => {
    const findings = await findingsOf({ env: { CODEXAPI_SECRET: undefined } }, app =>
      chmodSync(`${app.app.config.data_dir}/secret`, 0o644),
    )
    expect(findings.get("server secret")).toMatchObject({
      result: "fail",
      detail: expect.stringMatching(/has mode 644: chmod 600 it/),
    })
  })
})

describe("the public address", () => {
  test("that is missing or not https is a warning", async () => {
    const missing = await findingsOf({})
    expect(missing.get("public address")).toMatchObject({
      result: "warn",
      detail: expect.stringMatching(/is not set/),
    })
    const clear = await findingsOf({ env: { CODEXAPI_PUBLIC_URL: "http://api.example.com" } })
    expect(clear.get("public address")).toMatchObject({
      result: "warn",
      detail: expect.stringMatching(/keys travel in clear/),
    })
  })
})

describe("upstreams", () => {
  test("that cannot be used are named, each with its reason", async () => {
    const findings = await findingsOf({}, async ({ app }) => {
      await app.store.tx(async q => {
        await q.run("UPDATE upstream SET key_env = NULL, sealed_key = 'torn' WHERE id = 'openai'")
        await q.run("UPDATE upstream SET key_env = 'LOST_KEY' WHERE id = 'openrouter'")
      })
      await app.catalog.reload()
    })
    expect(findings.get("upstreams")).toMatchObject({
      result: "fail",
      detail: expect.stringMatching(/openai cannot be used: .*SECRET.*; openrouter .*LOST_KEY is not set/),
    })
  })

  const NONE = { OPENAI_API_KEY: undefined, OPENROUTER_API_KEY: undefined }

  test("only the demo is a warning", async () => {
    const findings = await findingsOf({ env: NONE })
    expect(findings.get("upstreams")).toMatchObject({
      result: "warn",
      detail: expect.stringMatching(/only the demo answers/),
    })
    expect(findings.get("models served")).toMatchObject({ result: "ok" })
  })

  test("none at all fails, and so do the models", async () => {
    const findings = await findingsOf({ env: { ...NONE, CODEXAPI_DEMO: "off" } })
    expect(findings.get("upstreams")).toMatchObject({
      result: "fail",
      detail: expect.stringMatching(/set OPENAI_API_KEY/),
    })
    expect(findings.get("models served")).toMatchObject({ result: "fail" })
  })

  test("that are used are told with protocol and quirks", async () => {
    const findings = await findingsOf({ env: { DEEPSEEK_API_KEY: "canary-deepseek" } })
    expect(findings.get("upstreams")).toMatchObject({
      result: "ok",
      detail: expect.stringMatching(
        /openai \(openai-responses\).*deepseek \(openai-chat, reasoning-content, no-images, no-web-search\)/,
      ),
    })
    expect(JSON.stringify([...findings])).not.toContain("canary")
  })

  test("with a protocol or a quirk that this version does not know are a warning that names them", async () => {
    const findings = await findingsOf({ env: { ANTHROPIC_API_KEY: "canary-anthropic" } }, async ({ app }) => {
      await app.store.tx(async q => {
        await q.run("UPDATE upstream SET protocol = 'gopher' WHERE id = 'anthropic'")
        await q.run(`UPDATE upstream SET quirks = '["moody"]' WHERE id = 'openrouter'`)
      })
      await app.catalog.reload()
    })
    expect(findings.get("upstreams")).toMatchObject({
      result: "warn",
      detail: expect.stringMatching(
        /^anthropic cannot be used: this version does not speak gopher; openrouter .*there is no quirk "moody"/,
      ),
    })
    expect(JSON.stringify([...findings])).not.toContain("canary")
  })
})

describe("models", () => {
  test("without a route are told, which is fine: they are for other upstreams", async () => {
    const findings = await findingsOf({})
    expect(findings.get("models served")).toMatchObject({
      result: "ok",
      detail: expect.stringMatching(/^gpt-5\.5, .*; not served: deepseek-flash \(no route\)$/),
    })
  })

  test("whose upstream cannot be used are told, and are no matter of prices", async () => {
    const findings = await findingsOf({ env: { DEEPSEEK_API_KEY: "canary-deepseek" } }, async ({ app }) => {
      await app.store.tx(q => q.run("UPDATE upstream SET is_enabled = 0 WHERE id = 'deepseek'"))
      await app.catalog.reload()
    })
    expect(findings.get("models served")).toMatchObject({
      result: "ok",
      detail: expect.stringMatching(/not served: deepseek-flash \(no usable upstream\)$/),
    })
  })

  test("that have a route and no price are a warning that says how to set one", async () => {
    const findings = await findingsOf({}, async ({ app }) => {
      await app.store.tx(async q => {
        await q.run("INSERT INTO model SELECT 'own', 'l', 'd', 'o', 1, 1, '[]', '[]', 99, 1, 0, NULL")
        await q.run("INSERT INTO model SELECT 'idle', 'l', 'd', 'o', 1, 1, '[]', '[]', 99, 1, 0, NULL")
        await q.run(
          `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at)
           VALUES ('r', 'own', 'openai', 'o', 0, 1, 1, 0)`,
        )
      })
      await app.catalog.reload()
    })
    expect(findings.get("models served")).toMatchObject({
      result: "warn",
      detail: expect.stringMatching(/own \(no price\).*; set a price for own: codexapi admin rate set$/),
    })
  })
})

describe("payments", () => {
  const TEST_KEY = { ...LIVE, STRIPE_SECRET_KEY: "sk_test_canary_0123456789abcdef" }
  test.each([
    [{}, "warn", /none: set STRIPE_SECRET_KEY/],
    [{ CODEXAPI_PAYMENTS: "off" }, "ok", /off/],
    [{ CODEXAPI_PAYMENTS: "demo" }, "fail", /no money moves, and real models/],
    [TEST_KEY, "warn", /test mode/],
    [{ ...LIVE, STRIPE_SECRET_KEY: "rk_test_live_canary_0123456789" }, "warn", /test mode/],
    // Whatever is not Stripe's test mode moves money.
    [{ ...LIVE, STRIPE_SECRET_KEY: "sk_org_canary_0123456789abcdef" }, "ok", /^Stripe$/],
  ] as const)("%j", async (env, result, detail) => {
    const findings = await findingsOf({ env })
    expect(findings.get("payments")).toMatchObject({ result, detail: expect.stringMatching(detail) })
  })

  test("of tests that left credit beside real models are a warning that says what to do", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    const { sessionId } = await scene.checkout(customer.key)
    await scene.stripe.control.pay(sessionId, { card: "pays" })
    await scene.confirm(customer.key, sessionId)
    const finding = (await examine(scene.app)).find(({ check }) => check === "test credit")
    expect(finding).toMatchObject({
      result: "warn",
      detail: expect.stringMatching(/1 customers.*\$\d.*debit/),
    })
  })
})

test("mail that nobody knows the end of is shown", async () => {
  const mail = { SMTP_URL: "smtp://127.0.0.1:1", CODEXAPI_MAIL_FROM: "a@example.com" }
  const findings = await findingsOf({ env: mail }, async ({ app, createCustomer }) => {
    const { id } = await createCustomer()
    await app.store.tx(q =>
      q.run(
        `INSERT INTO mail_outbox (id, customer_id, recipient, subject, body, state, attempt_count, next_attempt_at, created_at)
         VALUES ('mail_1', ?, 'a@example.com', 's', 'b', 'unknown', 1, 0, 0)`,
        id,
      ),
    )
  })
  expect(findings.get("mail")).toMatchObject({ result: "warn", detail: expect.stringMatching(/^1 were not/) })
})
