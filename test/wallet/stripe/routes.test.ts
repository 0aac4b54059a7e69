/** POST …/stripe/checkout and …/stripe/confirm of both wallets, over HTTP: who may, what is refused, what is answered. */
import { describe, expect, test } from "bun:test"
import { runCommand } from "../../support/operator.ts"
import {
  openPaymentScene,
  type PaymentScene,
  payCheckout,
  readWallets,
  refusalOf,
  takeEvents,
} from "../../support/payments.ts"

const CHECKOUT = "/api/v1/wallet/stripe/checkout"
const CONFIRM = "/api/v1/wallet/stripe/confirm"
const CASH_CHECKOUT = "/api/v1/cash-wallet/stripe/checkout"
const CASH_CONFIRM = "/api/v1/cash-wallet/stripe/confirm"

const countPurchases = async ({ app }: PaymentScene) =>
  (await app.store.read.get<{ count: number }>("SELECT count(*) AS count FROM purchase"))!.count

test.each([
  [CHECKOUT, { packageId: "standard" }],
  [CASH_CHECKOUT, { amountUsd: "25.00" }],
  [CONFIRM, { sessionId: "cs_test_1" }],
  [CASH_CONFIRM, { sessionId: "cs_test_1" }],
])("%s asks for a key before it reads anything", async (path, body) => {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer()
  expect(await refusalOf(scene, path, { body })).toEqual([401, "missing_api_key"])
  expect(await refusalOf(scene, path, { body: "{" })).toEqual([401, "missing_api_key"])
  expect(await refusalOf(scene, path, { body, key: `${key.slice(0, -1)}_` })).toEqual([
    401,
    "invalid_api_key",
  ])
  expect(await countPurchases(scene)).toBe(0)
  expect(scene.stripe.control.objects.sessions.size).toBe(0)
})

describe("a checkout", () => {
  test("of a package opens a purchase and a page that Stripe shows for the package's price", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer()
    const answer = await scene.send(CHECKOUT, { key: customer.key, body: { packageId: "plus" } })
    expect(answer.status).toBe(201)
    const opened = await answer.json()
    expect(opened).toEqual({
      purchase: {
        id: expect.stringMatching(/^ord_/),
        kind: "package",
        packageId: "plus",
        state: "open",
        priceUsd: "25.00",
        creditUsd: "26.00",
        bonusUsd: "0.00",
        vipDays: 0,
        code: null,
        isTest: true,
        createdAt: new Date(scene.clock.now()).toISOString(),
        paidAt: null,
      },
      sessionId: expect.stringMatching(/^cs_test_/),
      url: expect.stringMatching(/^http:\/\/localhost\/demo-checkout\/cs_test_/),
      expiresAt: new Date(Math.floor((scene.clock.now() + 31 * 60_000) / 1000) * 1000).toISOString(),
    })
    const session = [...scene.stripe.control.objects.sessions.values()][0]!
    expect(session).toMatchObject({
      mode: "payment",
      amount_total: 2500,
      currency: "usd",
      client_reference_id: customer.id,
      metadata: { customer_id: customer.id },
      success_url: "http://localhost/?payment=done&session_id={CHECKOUT_SESSION_ID}",
      cancel_url: "http://localhost/?payment=cancelled",
    })
    expect(takeEvents(scene)).toEqual(["purchase-opened"])
    expect(await readWallets(scene, customer)).toEqual({ token: "10.00", cash: "0.00", debt: "0.00" })
  })

  test("of cash opens a page for exactly that amount", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    for (const [amountUsd, cents] of [
      ["5", 500],
      ["25.1", 2510],
      ["25.10", 2510],
      ["1000.00", 100_000],
      ["7.010000000", 701],
    ] as const) {
      const answer = await scene.send(CASH_CHECKOUT, { key, body: { amountUsd, currency: "USD" } })
      const { purchase, sessionId } = (await answer.json()) as {
        purchase: Record<string, unknown>
        sessionId: string
      }
      expect([answer.status, purchase.kind, purchase.creditUsd]).toEqual([201, "cash-load", "0.00"])
      expect(scene.stripe.control.objects.sessions.get(sessionId)?.amount_total).toBe(cents)
    }
    expect(takeEvents(scene)).toEqual(Array(5).fill("purchase-opened"))
  })

  test("takes the caller's own addresses, and keeps the place for the session's id", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    const successUrl = "https://app.example/paid?s={CHECKOUT_SESSION_ID}#top"
    const cancelUrl = "http://127.0.0.1:3000/back"
    await scene.send(CHECKOUT, {
      key,
      body: { packageId: "starter", successUrl, cancelUrl, currency: "usd" },
    })
    const session = [...scene.stripe.control.objects.sessions.values()][0]
    expect(session).toMatchObject({ success_url: successUrl, cancel_url: cancelUrl })
  })

  test("with an Idempotency-Key is opened once, and another body is refused", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    const headers = { "idempotency-key": "one" }
    const ask = () => scene.send(CHECKOUT, { key, headers, body: { packageId: "starter" } })
    const [first, second] = [await ask(), await ask()]
    expect([first.status, second.status]).toEqual([201, 201])
    expect(await second.json()).toEqual(await first.json())
    expect(await countPurchases(scene)).toBe(1)
    const other = { key, headers, body: { packageId: "plus" } }
    expect(await refusalOf(scene, CHECKOUT, other)).toEqual([422, "idempotency_mismatch", "idempotency-key"])
    expect(await refusalOf(scene, CHECKOUT, { ...other, headers: { "idempotency-key": "a b" } })).toEqual([
      400,
      "invalid_idempotency_key",
      "idempotency-key",
    ])
  })

  test("of a package is refused for each field that is wrong, and nothing is opened", async () => {
    const address = (successUrl: string): RefusedRow => [
      { packageId: "plus", successUrl },
      [422, "invalid_url", "successUrl"],
    ]
    await expectRefused(CHECKOUT, [
      [{}, [422, "invalid_field", "packageId"]],
      [{ packageId: "gold" }, [422, "unknown_package", "packageId"]],
      [{ packageId: "" }, [422, "invalid_field", "packageId"]],
      [{ packageId: "x".repeat(65) }, [422, "invalid_field", "packageId"]],
      [{ packageId: 5 }, [422, "invalid_field", "packageId"]],
      [{ packageId: null }, [422, "invalid_field", "packageId"]],
      [{ packageId: "plus", code: "NOSUCH" }, [422, "code_unknown", "code"]],
      [{ packageId: "plus", code: "" }, [422, "invalid_field", "code"]],
      [{ packageId: "plus", code: [] }, [422, "invalid_field", "code"]],
      [{ packageId: "plus", saveCard: "yes" }, [422, "invalid_field", "saveCard"]],
      [{ packageId: "plus", currency: "eur" }, [422, "invalid_field", "currency"]],
      [{ packageId: "plus", currency: null }, [422, "invalid_field", "currency"]],
      address("javascript:alert(1)"),
      address("ftp://a.example/"),
      address("http://a.example/"),
      address("https:a.example"),
      address("https://a b.example/"),
      address("https://a.example/\nx"),
      address("https://münchen.example/"),
      address("https://"),
      address("done"),
      address(""),
      [{ packageId: "plus", cancelUrl: "http://a.example" }, [422, "invalid_url", "cancelUrl"]],
      [
        { packageId: "plus", cancelUrl: `https://a.example/${"x".repeat(2048)}` },
        [422, "invalid_field", "cancelUrl"],
      ],
      [[], [422, "invalid_field", "body"]],
      ["1e309", [422, "invalid_field", "body"]],
      ['{"packageId":', [400, "invalid_json", "body"]],
      [{ packageId: "plus", pad: "x".repeat(70_000) }, [413, "request_too_large"]],
    ])
  })

  test("of cash is refused for every amount that is none, and nothing is opened", async () => {
    const amounts = ["-5.00", "+5.00", "NaN", "Infinity", "1e309", "1e2", "0", "0.00", "-0", "4.99", "5.001"]
    amounts.push("5.0000000001", "1000.01", "99999999999999999999", "5,00", "5.00 ", " 5.00", "$5.00", "0x10")
    amounts.push("", "٥.٠٠", "5.", ".5")
    await expectRefused(CASH_CHECKOUT, [
      ...amounts.map((amountUsd): RefusedRow => [{ amountUsd }, [422, "invalid_amount", "amountUsd"]]),
      [{}, [422, "invalid_field", "amountUsd"]],
      [{ amountUsd: "9".repeat(33) }, [422, "invalid_field", "amountUsd"]],
      [{ amountUsd: 25 }, [422, "invalid_field", "amountUsd"]],
      [{ amountUsd: ["25.00"] }, [422, "invalid_field", "amountUsd"]],
      [{ amountUsd: "25.00", currency: "EUR" }, [422, "invalid_field", "currency"]],
      [{ amountUsd: "25.00", successUrl: "http://a.example" }, [422, "invalid_url", "successUrl"]],
      ['{"amountUsd":1e309}', [422, "invalid_field", "amountUsd"]],
      ['{"amountUsd":-25}', [422, "invalid_field", "amountUsd"]],
      ['{"amountUsd":NaN}', [400, "invalid_json", "body"]],
      ["amountUsd=25", [400, "invalid_json", "body"]],
    ])
  })

  test("that saves the card is not for a key that is limited to models or to a time", async () => {
    await using scene = await openPaymentScene()
    for (const limit of [{ models: ["gpt-5.5"] }, { expires_at: scene.clock.now() + 1_000_000 }]) {
      const { key, system_token } = await scene.createCustomer(limit)
      const body = { packageId: "plus", saveCard: true }
      expect(await refusalOf(scene, CHECKOUT, { key, body })).toEqual([403, "scoped_key"])
      expect((await scene.send(CHECKOUT, { key: system_token, body })).status).toBe(201)
      expect((await scene.send(CHECKOUT, { key, body: { ...body, saveCard: false } })).status).toBe(201)
    }
    expect(await countPurchases(scene)).toBe(4)
  })

  test("of a package that the operator withdrew is refused with the list of what there is", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer()
    await runCommand(scene, "package disable", "--id", "plus")
    const body = { packageId: "plus" }
    expect(await refusalOf(scene, CHECKOUT, { key, body })).toEqual([422, "unknown_package", "packageId"])
    const answer = await scene.sendJson(CHECKOUT, { key, body })
    expect(answer.detail).toContain("starter ($5.00), standard ($10.00), pro")
  })

  test("is refused while payments are off, and opens nothing", async () => {
    await using scene = await openPaymentScene({ env: { CODEXAPI_PAYMENTS: "off" } })
    const { key } = await scene.createCustomer()
    const rows: [string, object][] = [
      [CHECKOUT, { packageId: "plus" }],
      [CASH_CHECKOUT, { amountUsd: "25.00" }],
    ]
    for (const [path, body] of rows)
      expect(await refusalOf(scene, path, { key, body })).toEqual([503, "payments_off"])
    expect(await countPurchases(scene)).toBe(0)
  })
})

describe("a confirmation", () => {
  test("gives the purchase and both wallets", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer()
    const { key } = customer
    const credit = await payCheckout(scene, customer)
    scene.events.length = 0
    const answer = await scene.send(CONFIRM, { key, body: { sessionId: credit.session_id } })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      purchase: { id: credit.purchase_id, state: "paid", paidAt: expect.any(String), isTest: true },
      wallet: { balanceUsd: "20.00", availableUsd: "20.00" },
      cashWallet: { balanceUsd: "0.00", debtUsd: "0.00" },
    })
    expect(takeEvents(scene)).toEqual(["notice-written", "purchase-paid", "credit-posted"])
    const cash = await payCheckout(scene, customer, { body: { amountUsd: "12.34" } })
    const body = { sessionId: cash.session_id }
    expect(await scene.sendJson(CASH_CONFIRM, { key, body })).toMatchObject({
      wallet: { balanceUsd: "20.00" },
      cashWallet: { balanceUsd: "12.34" },
    })
    expect(await readWallets(scene, customer)).toEqual({ token: "20.00", cash: "12.34", debt: "0.00" })
  })

  test("of unknown, foreign and the other wallet's sessions is the same 404, and moves nothing", async () => {
    await using scene = await openPaymentScene()
    const mine = await scene.createCustomer({ credit_usd: "0" })
    const other = await scene.createCustomer({ credit_usd: "0" })
    const credit = await payCheckout(scene, mine)
    const cash = await payCheckout(scene, mine, { body: { amountUsd: "20.00" } })
    const problems: unknown[] = []
    for (const [path, key, sessionId] of [
      [CONFIRM, other.key, credit.session_id],
      [CASH_CONFIRM, other.key, cash.session_id],
      [CONFIRM, mine.key, cash.session_id],
      [CASH_CONFIRM, mine.key, credit.session_id],
      [CONFIRM, mine.key, "cs_test_nothing"],
      [CONFIRM, mine.key, credit.purchase_id],
      [CONFIRM, mine.key, credit.intent],
      [CONFIRM, mine.key, "../../customers"],
    ] as const) {
      const options = { key, body: { sessionId } }
      expect(await refusalOf(scene, path, options)).toEqual([404, "unknown_session", "sessionId"])
      const { requestId: _, ...problem } = await scene.sendJson(path, options)
      problems.push(problem)
    }
    for (const problem of problems) expect(problem).toEqual(problems[0])
    for (const customer of [mine, other])
      expect(await readWallets(scene, customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
  })

  test("is refused for a body that is none", async () => {
    const rows: RefusedRow[] = [
      [{}, [422, "invalid_field", "sessionId"]],
      [{ sessionId: "" }, [422, "invalid_field", "sessionId"]],
      [{ sessionId: "x".repeat(256) }, [422, "invalid_field", "sessionId"]],
      [{ sessionId: 1 }, [422, "invalid_field", "sessionId"]],
      [{ sessionId: ["cs_test_1"] }, [422, "invalid_field", "sessionId"]],
      ["{", [400, "invalid_json", "body"]],
    ]
    await expectRefused(CONFIRM, rows)
    await expectRefused(CASH_CONFIRM, rows)
  })
})

type RefusedRow = [body: unknown, refusal: unknown[]]

/** Each body is refused as told, and leaves neither a purchase nor a session. */
async function expectRefused(path: string, rows: RefusedRow[]): Promise<void> {
  await using scene = await openPaymentScene()
  const { key } = await scene.createCustomer({ credit_usd: "0" })
  for (const [body, refusal] of rows) {
    const sent = JSON.stringify(body).slice(0, 100)
    expect({ sent, refusal: await refusalOf(scene, path, { key, body }) }).toEqual({ sent, refusal } as never)
  }
  expect(await countPurchases(scene)).toBe(0)
  expect(scene.stripe.control.objects.sessions.size).toBe(0)
}
