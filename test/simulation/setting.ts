/** What stands at the start of every run: customers without credit, price lists, packages, codes, rules. */

import { Database } from "bun:sqlite"
import { migrateDatabase } from "../../db/migrate.ts"
import { createEvents } from "../../src/platform/events.ts"
import { openStore, type TxQuery } from "../../src/platform/store.ts"
import { saveCard } from "../../src/wallet/auto-topup/saved-card.ts"
import { openAccounts } from "../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { createCode } from "../../src/wallet/offers/code-book.ts"
import { type PackageOffer, setPackage } from "../../src/wallet/offers/packages.ts"
import { setRule } from "../../src/wallet/offers/rules.ts"
import { addRateCard } from "../../src/wallet/pricing/rate-cards.ts"
import { createMachine, type Machine } from "./disk.ts"
import { type Customer, createKnownCustomer } from "./oracle.ts"
import { CARDS } from "./prices.ts"

/** 2027-01-15, 08:00 UTC. */
export const START_AT = 1_800_000_000_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

const offer = (id: string, price_cents: number, credit_nanos: number, vip_days = 0): PackageOffer => ({
  id,
  label: id,
  price_cents,
  credit_nanos: credit_nanos as Nanos,
  vip_days,
  position: 0,
  is_enabled: true,
})

/** About as dear as a request, so that what was bought is soon spent; one whose parts must be rounded. */
export const OFFERS: readonly PackageOffer[] = [
  offer("mini", 50, 500_000_000),
  offer("odd", 77, 800_000_011),
  offer("vip", 120, 1_000_000_000, 30),
]

/** A code as the oracle knows it. */
export interface KnownCode {
  code: string
  customer_id: string | null
  percent: number
  max_bonus: bigint | null
  min_price_cents: number
  max_use_count: number | null
  max_use_count_per_customer: number
  starts_at: number
  expires_at: number | null
}

const code = (name: string, percent: number, limits: Partial<KnownCode>): KnownCode => ({
  code: name,
  percent,
  customer_id: null,
  max_bonus: null,
  min_price_cents: 0,
  max_use_count: 100,
  max_use_count_per_customer: 100,
  starts_at: START_AT,
  expires_at: START_AT + 300 * DAY_MS,
  ...limits,
})

export const CODES: readonly KnownCode[] = [
  code("TWICE", 10, { max_use_count: 2 }),
  code("ONCEEACH", 33, { max_use_count_per_customer: 1 }),
  code("PRIVATE", 50, { customer_id: "cus_1", max_use_count: 3, max_use_count_per_customer: 2 }),
  code("CAPPED", 100, { max_bonus: 70_000_003n, min_price_cents: 77 }),
  code("SHORT", 20, { expires_at: START_AT + 2 * HOUR_MS }),
  code("LATER", 20, { starts_at: START_AT + 2 * HOUR_MS }),
]

export const CHECKIN_NANOS: readonly bigint[] = [50_000_000n, 70_000_001n, 200_000_000n]
export const SHARE_NANOS = 300_000_007n
export const HOLD_DAYS = 2
/** From so many customers who pay on, so many percent. */
export const TIERS: readonly [min_customers: number, percent: number][] = [
  [0, 5],
  [1, 13],
]

/**
 * The second customer was brought by the first, who has left a card; the third, who has the mailbox of the second, by the
 * second.
 */
export function knownCustomers(): Customer[] {
  const first = createKnownCustomer("cus_1", "one@example.com")
  first.card = { payment_method_id: "pm_0", fingerprint: "card_a", failure_count: 0, given_at: 0 }
  const second = createKnownCustomer("cus_2", "two@example.com", first)
  return [first, second, createKnownCustomer("cus_3", "two+again@example.com", second)]
}

export const stripeCustomerOf = (customer_id: string) => `stripe_${customer_id}`

const INSERT_CUSTOMER = `INSERT INTO customer (id, email, password_hash, status, created_at)
  VALUES (?, ?, 'hash', 'active', 0)`

let made: Promise<Machine> | undefined

/** The one machine of this thread: its runs come one after the other. */
export function machine(): Promise<Machine> {
  made ??= make()
  return made
}

async function make(): Promise<Machine> {
  const database = new Database(":memory:")
  migrateDatabase(database, "main")
  const store = openStore({ path: database, migrations: "main", synchronous: "FULL" })
  await store.tx(async q => {
    for (const customer of knownCustomers()) await addCustomer(q, customer)
    for (const { id, ...card } of CARDS)
      await addRateCard(q, { newId: () => id, now: 0 }, { ...card, source: "simulation" })
    for (const one of OFFERS) await setPackage(q, 0, one)
    for (const { max_bonus, ...one } of CODES) {
      const terms = {
        ...one,
        source: "operator" as const,
        max_bonus_nanos: max_bonus === null ? null : (Number(max_bonus) as Nanos),
      }
      await createCode(q, { random: () => new Uint8Array(0), now: 0 }, terms)
    }
    await setRules(q)
  })
  // With a planted bug the answer comes before the commit.
  while (database.inTransaction) await new Promise(resolve => setImmediate(resolve))
  return createMachine(database)
}

async function addCustomer(q: TxQuery, { id, email, referrer, card }: Customer): Promise<void> {
  await q.run(INSERT_CUSTOMER, id, email)
  await openAccounts(q, id)
  await q.run(
    "INSERT INTO stripe_customer (id, customer_id, is_live, created_at) VALUES (?, ?, 1, 0)",
    stripeCustomerOf(id),
    id,
  )
  if (card) {
    const { payment_method_id, given_at, ...about } = card
    const given = { ...about, payment_method_id, brand: "visa", last4: "4242" }
    await saveCard(q, { events: createEvents() }, { customer_id: id, card: given, used_at: given_at })
  }
  if (referrer)
    await q.run(
      "INSERT INTO referral (customer_id, referrer_id, created_at) VALUES (?, ?, ?)",
      id,
      referrer.id,
      START_AT,
    )
}

async function setRules(q: TxQuery): Promise<void> {
  const usd = (nanos: bigint) => (Number(nanos) / 1e9).toFixed(9)
  await setRule(q, 0, "check-in", { amounts_usd: CHECKIN_NANOS.map(usd) })
  await setRule(q, 0, "share", { amount_usd: usd(SHARE_NANOS), hosts: ["x.com"] })
  const tiers = TIERS.map(([min_customers, percent]) => ({ min_customers, percent }))
  await setRule(q, 0, "referral", { tiers, hold_days: HOLD_DAYS })
}
