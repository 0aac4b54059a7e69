/** The laws of the ledger, checked on a live or a dead file; reads only. */
import type { Query } from "../../platform/store.ts"
import { ownerSql } from "./account-sql.ts"
import { type Flow, readFlows } from "./flows.ts"

/** How many findings of a law are listed. */
export const MOST_FINDINGS = 20

/** A law and what breaks it; `findings` is empty when it holds, and stops at `MOST_FINDINGS`. */
export interface LawReport {
  law: string
  findings: string[]
}

/** Law 1: all balances of a ledger add up to zero: customers as cached, system accounts as the sum of transfers. */
const CACHED_SUMS = `SELECT ledger, CAST(sum(balance_nanos / 1000000000) AS TEXT) AS usd,
    CAST(sum(balance_nanos % 1000000000) AS TEXT) AS rest
  FROM ledger_account GROUP BY ledger`

/** Law 2: each cached balance equals its recomputation. */
const CACHED_BALANCES = `WITH moved AS (
    SELECT account, SUM(nanos) AS nanos FROM (
      SELECT to_account AS account, amount_nanos AS nanos FROM ledger_transfer WHERE substr(to_account, 1, 7) <> 'system/'
      UNION ALL SELECT from_account, -amount_nanos FROM ledger_transfer WHERE substr(from_account, 1, 7) <> 'system/'
    ) GROUP BY account)
  SELECT coalesce(a.id, m.account) AS id, a.balance_nanos AS cached, m.nanos AS moved
  FROM moved m FULL OUTER JOIN ledger_account a ON a.id = m.account
  WHERE a.id IS NULL OR a.balance_nanos <> coalesce(m.nanos, 0) LIMIT ${MOST_FINDINGS}`

/** Law 3: no guarded account is below its floor. */
const BELOW_FLOOR = `SELECT id, balance_nanos FROM ledger_account WHERE balance_nanos < floor_nanos
  LIMIT ${MOST_FINDINGS}`

/**
 * Law 4: what a request held was settled or returned, but for what its row says; what it paid is what its row says. All
 * of it moved from its own customer, because another's makes a group without a row, and under ids that begin with its
 * own. Transfers and rows are put together and sorted once: a join would look for each of them.
 */
const REQUESTS = `SELECT * FROM (
    SELECT id, owner, max(state) AS state, count(state) AS row_count, sum(held) AS still_held,
      sum(paid) AS paid_beyond_receipt, sum(released) AS released, sum(is_foreign) AS foreign_count
    FROM (
      SELECT group_id AS id, ${ownerSql("from_account")} AS owner, NULL AS state,
        CASE kind WHEN 'hold' THEN amount_nanos WHEN 'overrun' THEN 0 ELSE -amount_nanos END AS held,
        CASE kind WHEN 'settle' THEN amount_nanos WHEN 'overrun' THEN amount_nanos ELSE 0 END AS paid,
        iif(kind = 'release', amount_nanos, 0) AS released,
        substr(id, 1, length(group_id) + 1) <> group_id || ':' AS is_foreign
      FROM ledger_transfer WHERE kind IN ('hold', 'settle', 'release', 'overrun')
      UNION ALL
      SELECT id, customer_id, state, -held_nanos, -coalesce(charged_nanos, 0), 0, 0 FROM metered_request
    ) GROUP BY id, owner)
  WHERE row_count <> 1 OR still_held <> 0 OR paid_beyond_receipt <> 0 OR foreign_count > 0
    OR (state = 'open' AND released <> 0)
  LIMIT ${MOST_FINDINGS}`

/** Law 4: a loss is the operator's, so that no customer's account says whose request it was. */
const LOSSES = `SELECT id, sum(lost) AS lost_beyond_receipt, sum(is_foreign) AS foreign_count FROM (
    SELECT group_id AS id, amount_nanos AS lost, id <> group_id || ':loss' AS is_foreign
    FROM ledger_transfer WHERE kind = 'loss'
    UNION ALL
    SELECT id, -loss_nanos, 0 FROM metered_request WHERE loss_nanos > 0
  ) GROUP BY id HAVING lost_beyond_receipt <> 0 OR foreign_count > 0
  LIMIT ${MOST_FINDINGS}`

/** Law 4: what an ended request cost was charged or lost, and a released one cost nothing. */
const RECEIPTS = `SELECT id, state, held_nanos, cost_nanos, charged_nanos, loss_nanos FROM metered_request
  WHERE state <> 'open' AND (held_nanos <> 0 OR cost_nanos IS NOT charged_nanos + loss_nanos
    OR (state = 'released' AND cost_nanos <> 0))
  LIMIT ${MOST_FINDINGS}`

/** Checks laws 1 to 4 of money.md on the ledger alone; books/verify.ts adds what only other books can tell. `flows` are read unless given. */
export async function verifyLedger(q: Query, flows?: readonly Flow[]): Promise<LawReport[]> {
  const sums = await sumLedgers(q, flows ?? (await readFlows(q)))
  const cached = await q.all<{ id: string; cached: number | null; moved: number | null }>(CACHED_BALANCES)
  const floors = await q.all<{ id: string; balance_nanos: number }>(BELOW_FLOOR)
  const requests: Record<string, unknown>[] = []
  for (const sql of [REQUESTS, LOSSES, RECEIPTS])
    requests.push(...(await q.all<Record<string, unknown>>(sql)))
  return [
    {
      law: "1 all balances of a ledger add up to zero",
      findings: [...sums]
        .filter(([, total]) => total !== 0n)
        .map(([ledger, total]) => `the ${ledger} ledger adds up to ${total} nano-USD`),
    },
    {
      law: "2 each cached balance equals its recomputation",
      findings: cached.map(
        row => `${row.id}: cached ${row.cached ?? "no account"}, transfers say ${row.moved ?? 0}`,
      ),
    },
    {
      law: "3 no guarded account is below its floor",
      findings: floors.map(row => `${row.id} stands at ${row.balance_nanos}`),
    },
    {
      law: "4 an ended request holds nothing and was charged its price",
      findings: requests
        .slice(0, MOST_FINDINGS)
        .map(row => `request does not add up: ${JSON.stringify(row)}`),
    },
  ]
}

/** Sums in two parts: many balances in one number would leave 64 bits. */
async function sumLedgers(q: Query, flows: readonly Flow[]): Promise<Map<string, bigint>> {
  const rows = await q.all<{ ledger: string; usd: string; rest: string }>(CACHED_SUMS)
  const sums = new Map(
    rows.map(({ ledger, usd, rest }) => [ledger, BigInt(usd) * 1_000_000_000n + BigInt(rest)]),
  )
  for (const { ledger, from, to, nanos } of flows) {
    const given = isSystem(from) ? nanos : 0n
    const taken = isSystem(to) ? nanos : 0n
    sums.set(ledger, (sums.get(ledger) ?? 0n) + taken - given)
  }
  return sums
}

const isSystem = (account: string): boolean => account.startsWith("system/")
