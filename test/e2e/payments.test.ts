/** Real money's way through the executable: from registration to a statement that adds up. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import type { ApiStatement } from "../../src/wallet/statements/statement-view.ts"
import { openCodexCli } from "../support/codex-cli.ts"
import { startExecutable } from "../support/executable.ts"
import { callsTo, fillIn, type MoneyStage, openMoneyStage, registerAt } from "../support/money-stage.ts"
import { nanosOf, priceOf } from "../support/price.ts"
import { textTurn } from "../support/responses-turns.ts"
import { until } from "../support/until.ts"

setDefaultTimeout(60_000)

const USAGE = { input: 14_000, cached: 12_000, output: 300, reasoning: 100 }
const SPENT = priceOf(USAGE)
const TEN_USD = nanosOf("10")

const STATEMENT = `/api/v1/billing/token-usage?statement=${new Date().toISOString().slice(0, 7)}`

interface Checkout {
  purchase: { id: string }
  sessionId: string
  url: string
}

const balanceOf = async (stage: Pick<MoneyStage, "call">, token: string): Promise<bigint> =>
  nanosOf((await stage.call<{ balanceUsd: string }>("/api/v1/wallet/status", token)).balanceUsd)

/** The payment of a purchase at Stripe. */
function intentOf({ stripe }: MoneyStage, purchase_id: string): string {
  const intents = [...stripe.control.objects.intents.values()]
  return intents.find(intent => intent.metadata.purchase_id === purchase_id)!.id
}

test("register, pay, race, spend, top up by itself, refund, dispute: the statement adds up", async () => {
  await using stage = await openMoneyStage([{ sse: textTurn("ok", USAGE) }])
  const { call, stripe } = stage
  const token = await stage.register("payer@example.com")

  // Each event comes three times while ten confirmations run: one credit.
  stripe.control.faults.someDeliveries(1, { kind: "duplicate", count: 2 })
  const checkout = await call<Checkout>("/api/v1/wallet/stripe/checkout", token, {
    packageId: "standard",
    saveCard: true,
  })
  expect((await fetch(checkout.url)).status).toBe(200)
  const paying = fillIn(checkout.url, { action: "pay", card: "pays" })
  expect((await paying).headers.get("location")).toContain(checkout.sessionId)
  const confirm = () =>
    call<{ purchase: { state: string } }>("/api/v1/wallet/stripe/confirm", token, {
      sessionId: checkout.sessionId,
    })
  const confirmed = await Promise.all(Array.from({ length: 10 }, confirm))
  expect(confirmed.map(({ purchase }) => purchase.state)).toEqual(Array(10).fill("paid"))
  await stripe.control.deliverPending()
  expect(await balanceOf(stage, token)).toBe(TEN_USD)

  // Any spending falls below the threshold: the saved card is charged once more.
  const settings = { enabled: true, thresholdUsd: "10.00", packageId: "standard", monthlyCapUsd: "10.00" }
  expect(await call("/api/v1/wallet/auto-topup", token, settings)).toMatchObject({
    enabled: true,
    card: { last4: expect.stringMatching(/^\d{4}$/) },
  })
  const { key } = await call<{ key: string }>("/api/v1/me/api-keys", token, { name: "cli" })
  const cli = await openCodexCli({ baseUrl: stage.server.baseUrl, token: key })
  const run = await cli.exec("say ok").finally(() => cli.remove())
  expect(run).toMatchObject({ exitCode: 0, stdout: "ok\n", errors: [] })
  await until("the card was charged", async () => (await balanceOf(stage, token)) > TEN_USD)
  expect(await balanceOf(stage, token)).toBe(TEN_USD * 2n - SPENT)

  // A refund of the first payment takes it all; the dispute of the second finds too little: the rest is owed.
  stripe.control.refund(intentOf(stage, checkout.purchase.id))
  await stripe.control.deliverPending()
  expect(await balanceOf(stage, token)).toBe(TEN_USD - SPENT)
  const charged = [...stripe.control.objects.intents.values()].find(
    intent => intent.metadata.purchase_id !== checkout.purchase.id && intent.metadata.job_id,
  )!
  stripe.control.openDispute(charged.id)
  await stripe.control.deliverPending()
  expect(await balanceOf(stage, token)).toBe(0n)
  expect(await call("/api/v1/wallet/auto-topup", token, {})).toMatchObject({ suspendedFor: "dispute" })
  const { data: messages } = await call<{ data: { kind: string }[] }>("/api/v1/messages", token)
  expect(messages.map(({ kind }) => kind).sort()).toEqual(["dispute", "receipt", "receipt", "refund"])
  await expectStatement(stage, token)
  expect(await stage.server.verifyLedger()).toMatchObject({ ok: true, exitCode: 0 })
  const journal = join(stage.server.dataDir, "books.journal")
  await stage.server.admin("ledger", "export", "--format", "hledger", "--to", journal)
  expect(await Bun.file(journal).text()).toContain("package_payment")
})

async function expectStatement(stage: MoneyStage, token: string): Promise<void> {
  const statement = await stage.call<ApiStatement>(STATEMENT, token)
  for (const wallet of [statement.tokenWallet, statement.cashWallet, statement.debt]) {
    const sum = nanosOf(wallet.openingUsd) + nanosOf(wallet.inUsd) - nanosOf(wallet.outUsd)
    expect(nanosOf(wallet.closingUsd)).toBe(sum)
  }
  expect(nanosOf(statement.tokenWallet.inUsd)).toBe(TEN_USD * 2n)
  expect(nanosOf(statement.tokenWallet.closingUsd)).toBe(0n)
  expect(nanosOf(statement.debt.closingUsd)).toBe(SPENT)
  expect(nanosOf(statement.totals.chargedUsd)).toBe(SPENT)
  const credit = statement.movements.filter(({ wallet }) => wallet === "token")
  const moved = credit.reduce((sum, one) => sum + nanosOf(one.inUsd) - nanosOf(one.outUsd), 0n)
  expect(moved - SPENT).toBe(0n)
  for (const form of ["text/csv", "text/html"]) {
    const headers = { authorization: `Bearer ${token}`, accept: form }
    const page = await fetch(stage.server.origin + STATEMENT, { headers })
    expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining(form)])
  }
}

test("without any account, the built-in demo takes the payment on its own page, and says what it is", async () => {
  const env = { OPENAI_API_KEY: undefined, OPENAI_BASE_URL: undefined }
  const server = await startExecutable({ upstreamUrl: "", env })
  try {
    const call = callsTo(server.origin)
    const token = await registerAt(server.origin, "visitor@example.com")
    const checkout = await call<Checkout>("/api/v1/wallet/stripe/checkout", token, { packageId: "starter" })
    expect(checkout.url).toStartWith(`${server.origin}/demo-checkout/`)
    expect(await (await fetch(checkout.url)).text()).toMatch(/no money/i)
    await fillIn(checkout.url, { action: "pay", card: "pays" })
    await until("the webhook came", async () => (await balanceOf({ call }, token)) > 0n)
    const statement = await call<ApiStatement>(STATEMENT, token)
    expect(statement.movements[0]?.purchase).toMatchObject({ packageId: "starter", isTest: true })
    expect(await server.verifyLedger()).toMatchObject({ ok: true })
  } finally {
    await server.stop()
  }
})
