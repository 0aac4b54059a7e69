/** Law 5: each reward was claimed once and given as claimed; none was given without a claim. */
import type { Query } from "../../platform/store.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"
import { REWARD_ACCOUNTS } from "../rewards/claim.ts"

const ACCOUNTS = Object.entries(REWARD_ACCOUNTS)
  .map(([rule, { from, kind }]) => `('${rule}', '${from}', '${kind}')`)
  .join(", ")
const KINDS = Object.values(REWARD_ACCOUNTS)
  .map(({ kind }) => `'${kind}'`)
  .join(", ")

const DIFFERENT = `WITH account (rule, giver, kind) AS (VALUES ${ACCOUNTS}),
    leg AS (SELECT * FROM temp.money_leg WHERE kind IN (${KINDS}))
  SELECT coalesce(c.id, l.id) AS id, c.id IS NOT NULL AS is_claimed, l.id IS NOT NULL AS is_given
  FROM (SELECT * FROM reward_claim JOIN account USING (rule)) c
    FULL OUTER JOIN leg l ON l.group_id = c.id AND l.id = c.id
  WHERE c.id IS NULL OR l.id IS NULL OR l.amount_nanos <> c.amount_nanos OR l.kind <> c.kind
    OR l.from_account <> c.giver OR l.to_account <> c.customer_id || '/token' LIMIT ${MOST_FINDINGS}`

/** A licence's credit is taken back once at most, from who had it, and never more than it gave. */
const WRONGLY_VOIDED = `SELECT l.id FROM temp.money_leg l LEFT JOIN reward_claim c ON c.id = l.group_id
  WHERE l.kind = 'admin_void' AND (c.id IS NULL OR l.id <> c.id || ':void' OR c.rule <> 'gumroad'
    OR l.amount_nanos > c.amount_nanos OR l.from_account <> c.customer_id || '/token') LIMIT ${MOST_FINDINGS}`

/** Wants the table of `withMoneyLegs`. */
export async function verifyRewards(q: Query): Promise<LawReport> {
  const rows = await q.all<{ id: string; is_claimed: number; is_given: number }>(DIFFERENT)
  const findings = rows.map(({ id, is_claimed, is_given }) => {
    if (!is_claimed) return `${id} was given, but not claimed`
    return is_given ? `${id} was not given as it was claimed` : `${id} was claimed, but not given`
  })
  const voided = await q.all<{ id: string }>(WRONGLY_VOIDED)
  findings.push(...voided.map(({ id }) => `${id} took back what was not given so`))
  return {
    law: "5 each reward was claimed once and given as claimed",
    findings: findings.slice(0, MOST_FINDINGS),
  }
}
