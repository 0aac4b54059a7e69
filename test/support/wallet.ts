/** The money room on a store in memory: customers, meters, and the books as short lines to compare. */
import { createEvents } from "../../src/platform/events.ts"
import type { Store } from "../../src/platform/store.ts"
import { getBalances, openAccounts } from "../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { type PostResult, post, type Transfer } from "../../src/wallet/ledger/post.ts"
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import { type Admission, type Meter, openMeter } from "../../src/wallet/metering/meter.ts"
import type { Outcome } from "../../src/wallet/metering/receipt.ts"
import type { RateCard, Rates } from "../../src/wallet/pricing/cost.ts"
import { addRateCard } from "../../src/wallet/pricing/rate-cards.ts"
import { NO_USAGE, type TokenUsage } from "../../src/wallet/pricing/usage.ts"
import { repriceReceipts } from "../../src/wallet/usage/reprice.ts"
import { createTestClock } from "./clock.ts"
import { openTestStore } from "./store.ts"

const INSERT_CUSTOMER = `INSERT INTO customer (id, email, password_hash, status, created_at)
  VALUES (?, ?, 'hash', 'active', 0)`

/** 1 nano a token of input, 10 a token of output: prices that a reader adds up in his head. */
export const EASY_RATES: Rates = {
  input_rate: 1_000,
  cache_read_rate: 100,
  cache_write_5m_rate: 1_250,
  cache_write_1h_rate: 2_000,
  output_rate: 10_000,
  web_search_rate: 0,
  tier_multipliers: { priority: [2, 1], flex: [1, 2] },
}

export const usageOf = (counters: Partial<TokenUsage>): TokenUsage => ({ ...NO_USAGE, ...counters })

/** An outcome of a completed stream that delivered and reported nothing, but for what is given. */
export const outcomeOf = (outcome: Partial<Outcome> = {}): Outcome => ({
  end_reason: "completed",
  reported: undefined,
  delivered_output_tokens: 0,
  tier_served: undefined,
  served_by: undefined,
  attempts: [],
  first_output_ms: undefined,
  ...outcome,
})

export const transferOf = (transfer: Partial<Transfer>): Transfer => ({
  id: "t1",
  group_id: "g1",
  kind: "admin_credit",
  from: "system/issue_admin",
  to: "cus_1/token",
  amount_nanos: 1 as Nanos,
  ref: "",
  actor: "system",
  event_at: 0,
  ...transfer,
})

export type TestWallet = Awaited<ReturnType<typeof openTestWallet>>

/** Opens a wallet store with customer `cus_1`, who has this much credit, and one rate card. */
export async function openTestWallet(credit_nanos = 0, rates: Partial<Rates> = {}) {
  const store = openTestStore()
  const clock = createTestClock()
  const events = createEvents()
  const heard: string[] = []
  events.listen(({ name, data }) => heard.push(`${name} ${Object.values(data).join(" ")}`))
  const needs = { store, clock, events, boot_id: "boot_1" }
  let id_count = 0
  const newId = (prefix: string) => `${prefix}_${++id_count}`
  await addCustomer("cus_1")
  const card = await addCard({ ...EASY_RATES, ...rates })
  if (credit_nanos > 0) await postAll([transferOf({ id: "start", amount_nanos: credit_nanos as Nanos })])

  async function addCustomer(id: string): Promise<void> {
    await store.tx(async q => {
      await q.run(INSERT_CUSTOMER, id, `${id}@example.com`)
      const key =
        "INSERT INTO api_key VALUES (?, ?, 'user', 'laptop', 'cxk_…1234', ?, NULL, NULL, NULL, NULL, 0)"
      await q.run(key, `key_${id}`, id, `hash of key_${id}`)
      await openAccounts(q, id)
    })
  }

  function addCard(card_rates: Rates): Promise<RateCard> {
    const input = { ...card_rates, model_id: "m", source: "test" }
    return store.tx(q => addRateCard(q, { newId, now: clock.now() }, input))
  }

  function postAll(transfers: Transfer[]): Promise<PostResult> {
    return store.tx(q => post(q, clock.now(), transfers))
  }

  const admissionOf = (admission: Partial<Admission> = {}): Admission => ({
    request_id: "req_1",
    customer_id: "cus_1",
    key_id: "key_cus_1",
    endpoint: "/v1/responses",
    is_streamed: true,
    model_asked: "m",
    model_served: "m",
    rate_card: card,
    tier_asked: "default",
    estimated_input_tokens: 1_000,
    max_output_tokens: 100,
    ...admission,
  })

  return {
    store,
    clock,
    needs,
    card,
    /** Events so far, as `name value value`. */
    heard,
    addCustomer,
    addCard,
    post: postAll,
    admissionOf,
    /** Opens a meter that must be admitted. */
    async open(admission: Partial<Admission> = {}): Promise<Meter> {
      const { value, durable } = await openMeter(needs, admissionOf(admission))
      await durable
      if (value.kind !== "open") throw new Error(`not admitted: ${JSON.stringify(value)}`)
      return value.meter
    },
    ...openBooks(store),
  }
}

/** What the books hold, and how to damage them. */
function openBooks(store: Store) {
  return {
    /** Free and held credit in nano-USD. */
    async balances(customer_id = "cus_1"): Promise<[free: number, held: number]> {
      const { token, token_held } = await getBalances(store.read, customer_id)
      return [token, token_held]
    },
    /** Every transfer of a group in order of its id: `id: from > to amount`. */
    async transfers(group_id = "req_1"): Promise<string[]> {
      const rows = await store.read.all<Record<string, string | number>>(
        "SELECT * FROM ledger_transfer WHERE group_id = ? ORDER BY id",
        group_id,
      )
      return rows.map(row => `${row.id}: ${row.from_account} > ${row.to_account} ${row.amount_nanos}`)
    },
    /** What breaks a law or a price; empty when all is well. */
    async findings(): Promise<string[]> {
      const laws = [...(await verifyLedger(store.read)), await repriceReceipts(store.read)]
      return laws.flatMap(({ law, findings }) => findings.map(finding => `${law[0]}: ${finding}`))
    },
    /** Runs SQL that the schema's triggers would refuse: damage. */
    async damage(...statements: string[]): Promise<void> {
      await store.tx(async q => {
        const triggers = await q.all<{ name: string }>(
          "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
        )
        for (const { name } of triggers) await q.run(`DROP TRIGGER ${name}`)
        await q.run("PRAGMA ignore_check_constraints = ON")
        for (const statement of statements) await q.run(statement)
        await q.run("PRAGMA ignore_check_constraints = OFF")
      })
    },
  }
}
