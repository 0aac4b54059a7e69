/** What an end-to-end test needs, wired up: Codex CLI, relay, executable with a customer, upstream. */
import { expect } from "bun:test"
import { type CodexCli, type CodexSettings, openCodexCli } from "./codex-cli.ts"
import { type Customer, type Executable, type Receipt, startExecutable } from "./executable.ts"
import { nanosOf, priceOf } from "./price.ts"
import { type Relay, startRelay } from "./relay.ts"
import { type Script, type ScriptedUpstream, startScriptedUpstream } from "./scripted-upstream.ts"
import { until } from "./until.ts"

export interface StageOptions {
  script?: Script
  /** 5.00 unless told. */
  creditUsd?: string
  env?: Record<string, string>
  /** The CLI's settings; by default it uses the customer's key. */
  cli?: Partial<CodexSettings>
}

export interface Stage extends AsyncDisposable {
  upstream: ScriptedUpstream
  server: Executable
  /** Between the CLI and the executable. */
  relay: Relay
  customer: Customer
  cli: CodexCli
  /**
   * Waits until nothing is held, then checks the money: the balance fell by exactly what the receipts say,
   * each receipt costs exactly the price of its counts, the ledger's laws hold. Gives the receipts, oldest
   * first.
   */
  settled(): Promise<Receipt[]>
}

/** Opens a stage; `await using` closes it. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const creditUsd = options.creditUsd ?? "5.00"
  await using closing = new AsyncDisposableStack()
  const upstream = startScriptedUpstream(options.script)
  closing.defer(() => upstream.stop())
  const server = await startExecutable({ upstreamUrl: upstream.baseUrl, env: options.env ?? {} })
  closing.defer(async () => {
    await server.stop()
  })
  const relay = startRelay(server.origin)
  closing.defer(() => relay.stop())
  const customer = await server.createCustomer(creditUsd)
  const cli = await openCodexCli({ baseUrl: relay.baseUrl, token: customer.key, ...options.cli })
  closing.defer(() => cli.remove())
  // Everything stands: from here on the stage closes it, not this function.
  const opened = closing.move()
  return {
    upstream,
    server,
    relay,
    customer,
    cli,
    settled: () => checkMoney({ server, customer, creditUsd }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

interface Books {
  server: Executable
  customer: Customer
  creditUsd: string
}

async function checkMoney({ server, customer, creditUsd }: Books): Promise<Receipt[]> {
  await until("nothing is held", async () => nanosOf((await customer.wallet()).heldUsd) === 0n)
  const wallet = await customer.wallet()
  const receipts = (await customer.receipts()).toReversed()
  const charged = receipts.reduce((sum, receipt) => sum + nanosOf(receipt.chargedUsd), 0n)
  expect(nanosOf(wallet.balanceUsd)).toBe(nanosOf(creditUsd) - charged)
  expect(wallet.availableUsd).toBe(wallet.balanceUsd)
  for (const receipt of receipts) expect(nanosOf(receipt.costUsd ?? "0")).toBe(countedPrice(receipt))
  const ledger = await server.verifyLedger()
  expect(ledger).toMatchObject({ ok: true, exitCode: 0 })
  return receipts
}

/** A receipt's counts are disjoint: `inputTokens` does not include the cached ones. */
function countedPrice(receipt: Receipt): bigint {
  const cached = receipt.cacheReadTokens ?? 0
  return priceOf({ input: (receipt.inputTokens ?? 0) + cached, cached, output: receipt.outputTokens ?? 0 })
}
