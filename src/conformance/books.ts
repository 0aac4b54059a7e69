/** What the customer can see of the books over HTTP: the balance and the receipts, in exact nano-USD. */
import { type Nanos, parseUsd } from "../wallet/ledger/nanos.ts"
import { expectThat, fail } from "./finding.ts"
import { listAt, numberAt, type Probe, textAt } from "./probe.ts"
import type { Counters } from "./usages.ts"
import { readOk } from "./whole-answers.ts"

const WALLET = "/api/v1/wallet/status"
const USAGE = "/api/v1/billing/token-usage"

export interface Balance {
  total_nanos: Nanos
  held_nanos: Nanos
}

export interface Receipt {
  request_id: string
  cost_nanos: Nanos
  charged_nanos: Nanos
  loss_nanos: Nanos
  rate_card: string
  tier: string
  usage: Counters
  web_search_count: number
  is_reported: boolean
}

/** Whether the server has our wallet: only then can its charges be seen. */
export async function hasBooks(probe: Probe): Promise<boolean> {
  const { status, text } = await probe.ask(WALLET)
  return status === 200 && text.includes('"balanceUsd"')
}

export async function readBalance(probe: Probe): Promise<Balance> {
  const wallet = readOk(await probe.ask(WALLET))
  return { total_nanos: nanosAt(wallet, "balanceUsd"), held_nanos: nanosAt(wallet, "heldUsd") }
}

/** The newest receipts, newest first. */
export async function listReceipts(probe: Probe): Promise<Receipt[]> {
  const page = readOk(await probe.ask(`${USAGE}?limit=100`))
  return listAt(page, "data").map(readReceipt)
}

const SETTLE_POLLS = 100
const SETTLE_POLL_MS = 50

/** The balance once nothing is held any more: answers that came whole are settled, those cut off soon will be. */
export async function readSettledBalance(probe: Probe): Promise<Balance> {
  for (let poll = 0; poll < SETTLE_POLLS; poll++) {
    const balance = await readBalance(probe)
    if (balance.held_nanos === 0) return balance
    await Bun.sleep(SETTLE_POLL_MS)
  }
  return fail("expected nothing to be held once every answer has ended; use a customer who asks nothing else")
}

function readReceipt(receipt: unknown): Receipt {
  return {
    request_id: textAt(receipt, "requestId"),
    cost_nanos: nanosAt(receipt, "costUsd"),
    charged_nanos: nanosAt(receipt, "chargedUsd"),
    loss_nanos: nanosAt(receipt, "lossUsd"),
    rate_card: textAt(receipt, "rateCardId"),
    tier: textAt(receipt, "tierServed"),
    usage: {
      input_tokens: numberAt(receipt, "inputTokens"),
      cache_read_tokens: numberAt(receipt, "cacheReadTokens"),
      cache_write_tokens: numberAt(receipt, "cacheWrite5mTokens") + numberAt(receipt, "cacheWrite1hTokens"),
      output_tokens: numberAt(receipt, "outputTokens"),
    },
    web_search_count: numberAt(receipt, "webSearchCount"),
    is_reported: textAt(receipt, "usageSource") === "reported",
  }
}

/** An exact decimal amount of USD (money.md, Units). */
function nanosAt(value: unknown, path: string): Nanos {
  const nanos = parseUsd(textAt(value, path))
  expectThat(nanos !== undefined, `${path} as an exact decimal amount`, value)
  return nanos
}
