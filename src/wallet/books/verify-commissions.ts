/** Law 5: each commission is what its row says: earned once, held or paid out once, and taken back with its purchase. */
import type { Query } from "../../platform/store.ts"
import { ownerSql } from "../ledger/account-sql.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"

const sumOf = (condition: string) => `coalesce(sum(amount_nanos) FILTER (WHERE ${condition}), 0)`
const isPending = (column: string) => `substr(${column}, -17) = '/referral_pending'`

/** Its id states the purchase, and the reversal where one took it or gave it back. */
const EARNED_ID = "'referral:' || l.group_id"
const IS_NAMED = `CASE l.kind WHEN 'commission' THEN l.id = ${EARNED_ID}
    WHEN 'commission_payout' THEN l.id = ${EARNED_ID} || ':payout'
    WHEN 'commission_voided' THEN l.id = ${EARNED_ID} || ':void'
    WHEN 'commission_reversed' THEN EXISTS (SELECT 1 FROM reversal r
      WHERE r.purchase_id = l.group_id AND l.id = ${EARNED_ID} || ':' || r.id)
    ELSE EXISTS (SELECT 1 FROM reversal r
      WHERE r.purchase_id = l.group_id AND r.state = 'returned'
        AND l.id = ${EARNED_ID} || ':' || r.id || ':returned') END`

/**
 * What is pending is the commission less what was reversed; of a paid or refused one nothing is. A reversal that found too
 * little in the cash counts as reversed without a transfer, so that less may have been taken than the row says.
 */
const DIFFERENT = `WITH part AS (
    SELECT *, max(${ownerSql("from_account")}, ${ownerSql("to_account")}) AS owner, ${IS_NAMED} AS is_named
    FROM temp.money_leg l WHERE kind LIKE 'commission%'),
  leg AS (
    SELECT group_id, ${sumOf("kind = 'commission'")} AS earned,
      ${sumOf(isPending("to_account"))} - ${sumOf(isPending("from_account"))} AS pending,
      ${sumOf("kind = 'commission_reversed'")} - ${sumOf("kind = 'commission_restored'")} AS taken,
      min(owner) AS first_owner, max(owner) AS last_owner, min(is_named) AS is_named
    FROM part GROUP BY group_id)
  SELECT coalesce(c.purchase_id, l.group_id) AS purchase_id, c.state, c.amount_nanos, c.reversed_nanos,
    l.earned, l.pending, l.taken
  FROM (SELECT c.*, p.state = 'paid' AND p.customer_id = c.customer_id AS is_bought
    FROM referral_commission c LEFT JOIN purchase p ON p.id = c.purchase_id) c
  FULL OUTER JOIN leg l ON l.group_id = c.purchase_id
  WHERE c.purchase_id IS NULL OR c.is_bought IS NOT 1 OR l.is_named = 0
    OR l.first_owner <> c.referrer_id OR l.last_owner <> c.referrer_id
    OR coalesce(l.earned, 0) <> c.amount_nanos
    OR coalesce(l.pending, 0) <> iif(c.state = 'pending', c.amount_nanos - c.reversed_nanos, 0)
    OR coalesce(l.taken, 0) NOT BETWEEN 0 AND c.reversed_nanos
  LIMIT ${MOST_FINDINGS}`

/** Wants the table of `withMoneyLegs`. */
export async function verifyCommissions(q: Query): Promise<LawReport> {
  const rows = await q.all<Record<string, unknown>>(DIFFERENT)
  return {
    law: "5 each commission was earned, held and paid out once, and taken back with its purchase",
    findings: rows.map(row => `the commission of a purchase does not add up: ${JSON.stringify(row)}`),
  }
}
