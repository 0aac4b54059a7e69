/** Law 5: a debt is collected by as much as was taken for it, from who owed it, and comes back to where it was taken. */
import type { Query } from "../../platform/store.ts"
import { ownerSql } from "../ledger/account-sql.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"

/**
 * The money came with a paid purchase, with a commission that was paid out (`referral:<purchase>`), or was there when a
 * frozen wallet could be taken from again (`thaw:<customer>:<when>`).
 */
const DIFFERENT = `WITH part AS (
    SELECT *, max(${ownerSql("from_account")}, ${ownerSql("to_account")}) AS owner,
      id IN ('debt:' || group_id, 'debt:' || group_id || ':cash', 'debt:' || group_id || ':token') AS is_named
    FROM temp.money_leg WHERE kind = 'debt_collected'),
  collected AS (
    SELECT group_id, sum(iif(to_account = 'system/debt', amount_nanos, 0)) AS paid_off,
      sum(iif(to_account = 'system/debt', 0, amount_nanos)) AS taken,
      min(owner) AS first_owner, max(owner) AS last_owner, min(is_named) AS is_named
    FROM part GROUP BY group_id),
  owed AS (
    SELECT d.*, coalesce(p.customer_id, c.referrer_id,
      iif(substr(group_id, 1, length(first_owner) + 6) = 'thaw:' || first_owner || ':', first_owner, NULL)) AS customer_id
    FROM collected d LEFT JOIN purchase p ON p.id = d.group_id AND p.state = 'paid'
    LEFT JOIN referral_commission c ON c.purchase_id = substr(d.group_id, 10)
      AND substr(d.group_id, 1, 9) = 'referral:' AND c.state = 'paid')
  SELECT group_id, paid_off, taken FROM owed
  WHERE paid_off <> taken OR is_named = 0 OR customer_id IS NULL
    OR first_owner <> customer_id OR last_owner <> customer_id
  LIMIT ${MOST_FINDINGS}`

/** What came back to a wallet of debts that were undone after they had been collected. */
const BACK = `SELECT account, sum(taken) AS taken, sum(back) AS back FROM (
    SELECT from_account AS account, amount_nanos AS taken, 0 AS back FROM temp.money_leg
      WHERE kind = 'debt_collected' AND to_account <> 'system/debt'
    UNION ALL SELECT to_account, 0, amount_nanos FROM temp.money_leg
      WHERE kind IN ('refund_collected_returned', 'dispute_collected_returned'))
  GROUP BY account HAVING sum(back) > sum(taken) LIMIT ${MOST_FINDINGS}`

/** Wants the table of `withMoneyLegs`. */
export async function verifyDebts(q: Query): Promise<LawReport> {
  const rows = await q.all<{ group_id: string; paid_off: number; taken: number }>(DIFFERENT)
  const findings = rows.map(
    ({ group_id, paid_off, taken }) =>
      `with ${group_id} ${taken} nano-USD were taken for a debt, and ${paid_off} of it paid off`,
  )
  const back = await q.all<{ account: string; taken: number; back: number }>(BACK)
  findings.push(
    ...back.map(
      one => `${one.account} got ${one.back} nano-USD of collected debts back and had paid ${one.taken}`,
    ),
  )
  const law = "5 a debt is collected by as much as was taken for it, and comes back to where it was taken"
  return { law, findings: findings.slice(0, MOST_FINDINGS) }
}
