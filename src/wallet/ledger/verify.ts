/** The laws of the ledger, checked on a live or a dead file; reads only. */
import type { Query } from "../../platform/store.ts"

/** A law and what breaks it; `findings` is empty when it holds, and stops at 20. */
export interface LawReport {
  law: string
  findings: string[]
}

/** Law 1: all balances of a ledger add up to zero (customers as cached, system accounts as the sum of transfers). */
const LEDGER_SUMS = `SELECT ledger, CAST(SUM(nanos) AS TEXT) AS total FROM (
    SELECT ledger, balance_nanos AS nanos FROM ledger_account
    UNION ALL SELECT ledger, amount_nanos FROM ledger_transfer WHERE to_account LIKE 'system/%'
    UNION ALL SELECT ledger, -amount_nanos FROM ledger_transfer WHERE from_account LIKE 'system/%'
  ) GROUP BY ledger HAVING SUM(nanos) <> 0`

/** Law 2: each cached balance equals its recomputation. */
const CACHED_BALANCES = `WITH moved AS (
    SELECT account, SUM(nanos) AS nanos FROM (
      SELECT to_account AS account, amount_nanos AS nanos FROM ledger_transfer WHERE to_account NOT LIKE 'system/%'
      UNION ALL SELECT from_account, -amount_nanos FROM ledger_transfer WHERE from_account NOT LIKE 'system/%'
    ) GROUP BY account)
  SELECT coalesce(a.id, m.account) AS id, a.balance_nanos AS cached, m.nanos AS moved
  FROM moved m FULL OUTER JOIN ledger_account a ON a.id = m.account
  WHERE a.id IS NULL OR a.balance_nanos <> coalesce(m.nanos, 0) LIMIT 20`

/** Law 3: no guarded account is below its floor. */
const BELOW_FLOOR = "SELECT id, balance_nanos FROM ledger_account WHERE balance_nanos < floor_nanos LIMIT 20"

/** Law 4: what an ended request held, returned, paid and lost adds up; an open one holds what its row says. */
const REQUESTS = `WITH posted AS (
    SELECT group_id,
      SUM(CASE kind WHEN 'hold' THEN amount_nanos ELSE 0 END) AS held,
      SUM(CASE kind WHEN 'settle' THEN amount_nanos ELSE 0 END) AS settled,
      SUM(CASE kind WHEN 'release' THEN amount_nanos ELSE 0 END) AS released,
      SUM(CASE kind WHEN 'overrun' THEN amount_nanos ELSE 0 END) AS overrun,
      SUM(CASE kind WHEN 'loss' THEN amount_nanos ELSE 0 END) AS lost
    FROM ledger_transfer WHERE kind IN ('hold', 'settle', 'release', 'overrun', 'loss') GROUP BY group_id)
  SELECT coalesce(r.id, p.group_id) AS id, r.state AS state,
    coalesce(p.held, 0) AS held, coalesce(p.settled, 0) AS settled, coalesce(p.released, 0) AS released,
    coalesce(p.overrun, 0) AS overrun, coalesce(p.lost, 0) AS lost, r.charged_nanos AS charged
  FROM posted p FULL OUTER JOIN metered_request r ON r.id = p.group_id
  WHERE r.id IS NULL
    OR (r.state = 'open' AND (coalesce(p.held, 0) <> r.held_nanos
      OR coalesce(p.settled + p.released + p.overrun + p.lost, 0) <> 0))
    OR (r.state <> 'open' AND (coalesce(p.held, 0) <> coalesce(p.settled + p.released, 0)
      OR coalesce(p.settled + p.overrun, 0) <> r.charged_nanos OR coalesce(p.lost, 0) <> r.loss_nanos
      OR r.cost_nanos <> r.charged_nanos + r.loss_nanos OR (r.state = 'released' AND r.cost_nanos <> 0)))
  LIMIT 20`

/** Checks laws 1 to 4 of money.md on the books alone; usage/reprice.ts adds the price of each receipt. */
export async function verifyLedger(q: Query): Promise<LawReport[]> {
  const sums = await q.all<{ ledger: string; total: string }>(LEDGER_SUMS)
  const cached = await q.all<{ id: string; cached: number | null; moved: number | null }>(CACHED_BALANCES)
  const floors = await q.all<{ id: string; balance_nanos: number }>(BELOW_FLOOR)
  const requests = await q.all<Record<string, unknown>>(REQUESTS)
  return [
    {
      law: "1 all balances of a ledger add up to zero",
      findings: sums.map(row => `the ${row.ledger} ledger adds up to ${row.total} nano-USD`),
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
      findings: requests.map(row => `request does not add up: ${JSON.stringify(row)}`),
    },
  ]
}
