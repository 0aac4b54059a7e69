/** The rows of purchases, reversals, commissions, claims, codes and charges, compared with the oracle's. */
import type { Disk } from "./disk.ts"
import { assertThat, type Oracle } from "./oracle.ts"

type Value = string | number | bigint | null

/** One line for each row, as text that tells all that matters of it. */
export interface OrderRows {
  [table: string]: string[]
}

/** What a row is compared by: its columns, in this order. */
const COLUMNS: Record<string, readonly string[]> = {
  purchase: [
    "id",
    "customer_id",
    "kind",
    "price_cents",
    "credit_nanos",
    "bonus_nanos",
    "code",
    "state",
    "stripe_payment_intent",
    "card_fingerprint",
    "reference",
  ],
  reversal: [
    "id",
    "purchase_id",
    "kind",
    "amount_cents",
    "token_nanos",
    "cash_nanos",
    "debt_nanos",
    "vip_ms",
    "state",
  ],
  referral_commission: ["purchase_id", "referrer_id", "amount_nanos", "reversed_nanos", "state", "due_at"],
  reward_claim: ["id", "customer_id", "rule", "slot", "card_fingerprint", "proof", "amount_nanos"],
  code_use: ["purchase_id", "code", "customer_id", "number"],
  auto_topup_job: ["id", "purchase_id", "state", "created_at"],
  auto_topup: ["customer_id", "is_enabled", "threshold_nanos", "monthly_cap_cents", "suspended_for"],
  saved_card: ["customer_id", "payment_method_id", "fingerprint", "failure_count"],
  customer: ["id", "vip_until"],
}

const QUERIES = Object.entries(COLUMNS).map(([table, columns]) => ({
  table,
  sql: `SELECT ${columns.join(", ")} FROM ${table}`,
}))

export function readOrders(disk: Disk): OrderRows {
  const rows: OrderRows = {}
  for (const { table, sql } of QUERIES) rows[table] = (disk.values(sql) as Value[][]).map(toLine).sort()
  return rows
}

const toLine = (values: readonly Value[]): string => values.map(String).join(" | ")

/** Throws Violation when the books have other rows than the oracle. */
export function assertOrders(rows: OrderRows, oracle: Oracle): void {
  for (const [table, expected] of Object.entries(expectedRows(oracle))) {
    const wanted = expected.map(toLine).sort()
    const found = rows[table]!
    const missing = wanted.find(line => !found.includes(line))
    const surplus = found.find(line => !wanted.includes(line))
    assertThat(
      wanted.length === found.length && missing === undefined && surplus === undefined,
      () =>
        `${table} (${COLUMNS[table]}) should have: ${missing}; has: ${surplus}; ${wanted.length} and ${found.length} rows`,
    )
  }
}

function expectedRows(oracle: Oracle): Record<string, Value[][]> {
  const { customers, purchases, reversals, commissions, claims, code_uses, topup_jobs } = oracle
  const of = <One>(map: ReadonlyMap<string, One>, toRow: (one: One, id: string) => Value[]): Value[][] =>
    [...map].map(([id, one]) => toRow(one, id))
  return {
    purchase: of(purchases, one => [
      one.id,
      one.customer.id,
      one.kind,
      one.price_cents,
      one.credit,
      one.bonus,
      one.code,
      one.state,
      one.intent,
      one.card,
      one.reference,
    ]),
    reversal: of(reversals, one => [
      one.id,
      one.purchase.id,
      one.kind,
      one.cents,
      one.token,
      one.cash,
      one.debt,
      one.vip_ms,
      one.state,
    ]),
    referral_commission: of(commissions, one => [
      one.purchase.id,
      one.referrer.id,
      one.amount,
      one.reversed,
      one.state,
      one.due_at,
    ]),
    reward_claim: of(claims, one => [
      one.id,
      one.customer.id,
      one.rule,
      one.slot,
      one.card,
      one.proof,
      one.amount,
    ]),
    code_use: of(code_uses, (one, purchase_id) => [purchase_id, one.code, one.customer.id, one.number]),
    auto_topup_job: of(topup_jobs, one => [one.id, one.purchase.id, one.state, one.created_at]),
    auto_topup: customers.flatMap(({ id, auto_topup: wish }) =>
      wish ? [[id, wish.is_enabled ? 1 : 0, wish.threshold, wish.monthly_cap_cents, wish.suspended_for]] : [],
    ),
    saved_card: customers.flatMap(({ id, card }) =>
      card ? [[id, card.payment_method_id, card.fingerprint, card.failure_count]] : [],
    ),
    customer: customers.map(({ id, vip_until }) => [id, vip_until]),
  }
}
