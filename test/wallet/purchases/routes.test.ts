/** POST …/wallet/top-up and …/cash-wallet/token-purchase: who may, what is refused, what moves, once. */
import { describe, expect, test } from "bun:test"
import { createCode } from "../../../src/wallet/offers/code-book.ts"
import type { TestCustomer } from "../../support/app.ts"
import { TERMS } from "../../support/offers.ts"
import { runCommand } from "../../support/operator.ts"
import {
  buy,
  openPaymentScene,
  type PaymentScene,
  readWallets,
  refusalOf,
  takeEvents,
} from "../../support/payments.ts"

const TOP_UP = "/api/v1/wallet/top-up"
const PURCHASE = "/api/v1/cash-wallet/token-purchase"
const CREDITED = ["notice-written", "purchase-paid", "credit-posted"]

const record = (scene: PaymentScene, customer: TestCustomer, reference: string, id = "plus") =>
  runCommand(
    scene,
    "plan-payment record",
    "--customer",
    customer.id,
    "--package",
    id,
    "--reference",
    reference,
  )

const countTransfers = async ({ app }: PaymentScene) =>
  (await app.store.read.get<{ count: number }>("SELECT count(*) AS count FROM ledger_transfer"))!.count

test.each([
  [TOP_UP, { reference: "INV-1" }],
  [PURCHASE, { packageId: "plus" }],
])("%s asks for a key before it reads anything", async (path, body) => {
  await using scene = await openPaymentScene()
  expect(await refusalOf(scene, path, { body })).toEqual([401, "missing_api_key"])
  expect(await refusalOf(scene, path, { body: "{" })).toEqual([401, "missing_api_key"])
  expect(await refusalOf(scene, path, { body, key: "cxk_nonsense" })).toEqual([401, "invalid_api_key"])
  expect(await countTransfers(scene)).toBe(0)
})

describe("a plan payment", () => {
  test("that the operator recorded is credited to its customer, with both wallets in the answer", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "1.00" })
    await record(scene, customer, "INV-1")
    takeEvents(scene)
    const answer = await scene.send(TOP_UP, { key: customer.key, body: { reference: "INV-1" } })
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      {
        purchase: {
          kind: "plan-payment",
          state: "paid",
          packageId: "plus",
          creditUsd: "26.00",
          isTest: false,
        },
        wallet: { balanceUsd: "27.00" },
        cashWallet: { balanceUsd: "0.00" },
      },
    ])
    expect(takeEvents(scene)).toEqual(CREDITED)
    const again = { key: customer.key, body: { reference: "INV-1" } }
    expect(await refusalOf(scene, TOP_UP, again)).toEqual([409, "already_redeemed", "reference"])
    expect(await readWallets(scene, customer)).toEqual({ token: "27.00", cash: "0.00", debt: "0.00" })
  })

  test("never makes money of a request: unknown and foreign references are the same 404", async () => {
    await using scene = await openPaymentScene()
    const mine = await scene.createCustomer({ credit_usd: "0" })
    const other = await scene.createCustomer({ credit_usd: "0" })
    await record(scene, other, "INV-2")
    const problems: unknown[] = []
    for (const reference of ["INV-2", "INV-3", "inv-2", "INV-2 ", "%", "' OR 1=1 --"]) {
      const body = { reference, amountUsd: "1000.00", creditUsd: "1000.00", customerId: other.id }
      expect(await refusalOf(scene, TOP_UP, { key: mine.key, body })).toEqual([
        404,
        "unknown_reference",
        "reference",
      ])
      const { requestId: _, ...problem } = await scene.sendJson(TOP_UP, { key: mine.key, body })
      problems.push(problem)
    }
    for (const problem of problems) expect(problem).toEqual(problems[0])
    for (const customer of [mine, other])
      expect(await readWallets(scene, customer)).toEqual({ token: "0.00", cash: "0.00", debt: "0.00" })
  })

  test("is refused for a body that is none", async () => {
    await using scene = await openPaymentScene()
    const { key } = await scene.createCustomer({ credit_usd: "0" })
    for (const [body, refusal] of [
      [{}, [422, "invalid_field", "reference"]],
      [{ reference: "" }, [422, "invalid_field", "reference"]],
      [{ reference: "x".repeat(129) }, [422, "invalid_field", "reference"]],
      [{ reference: 5 }, [422, "invalid_field", "reference"]],
      [{ reference: null }, [422, "invalid_field", "reference"]],
      [{ reference: ["INV-1"] }, [422, "invalid_field", "reference"]],
      ['{"reference":1e309}', [422, "invalid_field", "reference"]],
      ["INV-1", [400, "invalid_json", "body"]],
    ] as const)
      expect<unknown>(await refusalOf(scene, TOP_UP, { key, body })).toEqual(refusal)
    expect(await countTransfers(scene)).toBe(0)
  })

  test("is redeemed once by fifty requests at once", async () => {
    await using scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    await record(scene, customer, "INV-1")
    const ask = () => scene.send(TOP_UP, { key: customer.key, body: { reference: "INV-1" } })
    const answers = await Promise.all(Array.from({ length: 50 }, ask))
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(1)
    expect(answers.filter(answer => answer.status === 409)).toHaveLength(49)
    expect(await readWallets(scene, customer)).toMatchObject({ token: "26.00" })
  })
})

describe("a package from the Cash Wallet", () => {
  async function openWithCash(amountUsd = "30.00") {
    const scene = await openPaymentScene()
    const customer = await scene.createCustomer({ credit_usd: "0" })
    await buy(scene, customer, { body: { amountUsd } })
    return { ...scene, customer }
  }

  test("moves cash and credit in one transaction", async () => {
    await using scene = await openWithCash()
    const answer = await scene.send(PURCHASE, { key: scene.customer.key, body: { packageId: "plus" } })
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      {
        purchase: { kind: "cash-purchase", state: "paid", priceUsd: "25.00", creditUsd: "26.00" },
        wallet: { balanceUsd: "26.00" },
        cashWallet: { balanceUsd: "5.00" },
      },
    ])
    expect(takeEvents(scene)).toEqual(["purchase-opened", ...CREDITED])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "26.00", cash: "5.00", debt: "0.00" })
  })

  test("takes a code once", async () => {
    await using scene = await openWithCash("60.00")
    const { random } = scene.app
    const now = scene.clock.now()
    const { code } = await scene.app.store.tx(q => createCode(q, { random, now }, TERMS))
    const ask = { key: scene.customer.key, body: { packageId: "plus", code } }
    expect((await scene.send(PURCHASE, ask)).status).toBe(200)
    expect(await refusalOf(scene, PURCHASE, ask)).toEqual([422, "code_used", "code"])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "28.60", cash: "35.00", debt: "0.00" })
  })

  test("that the cash does not cover is 402 with the amounts, and leaves nothing: no purchase, no use of the code", async () => {
    await using scene = await openWithCash("24.99")
    const { random } = scene.app
    const now = scene.clock.now()
    const { code } = await scene.app.store.tx(q => createCode(q, { random, now }, TERMS))
    const ask = { key: scene.customer.key, body: { packageId: "plus", code } }
    const answer = await scene.send(PURCHASE, ask)
    expect([answer.status, await answer.json()]).toMatchObject([
      402,
      { code: "insufficient_cash", availableUsd: "24.99", requiredUsd: "25.00" },
    ])
    expect(takeEvents(scene)).toEqual(["request-refused"])
    const { read } = scene.app.store
    expect(await read.all("SELECT id FROM purchase WHERE kind = 'cash-purchase'")).toEqual([])
    expect(await read.all("SELECT * FROM code_use")).toEqual([])
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "0.00", cash: "24.99", debt: "0.00" })
  })

  test("of another customer's cash is not to be had, nor with a key that is limited", async () => {
    await using scene = await openWithCash()
    const poor = await scene.createCustomer({ credit_usd: "0" })
    const body = { packageId: "plus", customerId: scene.customer.id }
    expect(await refusalOf(scene, PURCHASE, { key: poor.key, body })).toEqual([402, "insufficient_cash"])
    for (const limit of [{ models: ["gpt-5.5"] }, { expires_at: scene.clock.now() + 1_000_000 }]) {
      const { key } = await scene.createCustomer(limit)
      expect(await refusalOf(scene, PURCHASE, { key, body })).toEqual([403, "scoped_key"])
    }
    expect(await readWallets(scene, scene.customer)).toMatchObject({ cash: "30.00" })
  })

  test("is refused for each field that is wrong", async () => {
    await using scene = await openWithCash()
    for (const [body, refusal] of [
      [{}, [422, "invalid_field", "packageId"]],
      [{ packageId: "gold" }, [422, "unknown_package", "packageId"]],
      [{ packageId: "" }, [422, "invalid_field", "packageId"]],
      [{ packageId: 1 }, [422, "invalid_field", "packageId"]],
      [{ packageId: "plus", code: "NOSUCH" }, [422, "code_unknown", "code"]],
      [{ packageId: "plus", code: "" }, [422, "invalid_field", "code"]],
      [{ packageId: "plus", code: 1 }, [422, "invalid_field", "code"]],
      ['{"packageId":NaN}', [400, "invalid_json", "body"]],
    ] as const)
      expect<unknown>(await refusalOf(scene, PURCHASE, { key: scene.customer.key, body })).toEqual(refusal)
    expect(await readWallets(scene, scene.customer)).toMatchObject({ cash: "30.00" })
  })

  test("is bought as often as the cash reaches by fifty requests at once", async () => {
    await using scene = await openWithCash("22.00")
    const ask = () => scene.send(PURCHASE, { key: scene.customer.key, body: { packageId: "starter" } })
    const answers = await Promise.all(Array.from({ length: 50 }, ask))
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(4)
    expect(answers.filter(answer => answer.status === 402)).toHaveLength(46)
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "20.00", cash: "2.00", debt: "0.00" })
  })

  test("is bought once by fifty requests with one Idempotency-Key", async () => {
    await using scene = await openWithCash("50.00")
    const headers = { "idempotency-key": "one" }
    const ask = () =>
      scene.send(PURCHASE, { key: scene.customer.key, headers, body: { packageId: "starter" } })
    const answers = await Promise.all(Array.from({ length: 50 }, ask))
    for (const answer of answers) expect([200, 409]).toContain(answer.status)
    expect((await ask()).status).toBe(200)
    expect(await readWallets(scene, scene.customer)).toEqual({ token: "5.00", cash: "45.00", debt: "0.00" })
    const other = { key: scene.customer.key, headers, body: { packageId: "plus" } }
    expect(await refusalOf(scene, PURCHASE, other)).toEqual([422, "idempotency_mismatch", "idempotency-key"])
  })
})
