/** Law 5: what a cash load's reversal took of purchases goes and comes with it, and VIP time with the price. */
import { DAY_MS } from "../../platform/clock.ts"
import type { Query } from "../../platform/store.ts"
import { type LawReport, MOST_FINDINGS } from "../ledger/verify.ts"

/** Only another reversal takes back a purchase from the Cash Wallet: `<other>:<purchase>`, and both stand or are returned. */
const ALONE = `SELECT i.id FROM reversal i JOIN purchase p ON p.id = i.purchase_id AND p.kind = 'cash-purchase'
    LEFT JOIN reversal o ON o.id = substr(i.id, 1, length(i.id) - length(i.purchase_id) - 1)
      AND i.id = o.id || ':' || i.purchase_id
    LEFT JOIN purchase l ON l.id = o.purchase_id
  WHERE l.kind IS NOT 'cash-load' OR o.customer_id <> i.customer_id OR o.kind <> i.kind OR o.state <> i.state
  LIMIT ${MOST_FINDINGS}`

const VIP = `SELECT p.id, sum(r.vip_ms) AS ms FROM reversal r JOIN purchase p ON p.id = r.purchase_id GROUP BY p.id
  HAVING ms NOT BETWEEN 0 AND p.vip_days * ${DAY_MS}
    OR (ms > 0 AND coalesce(sum(r.amount_cents) FILTER (WHERE r.state = 'taken'), 0) < p.price_cents)
  LIMIT ${MOST_FINDINGS}`

export async function verifyReversals(q: Query): Promise<LawReport> {
  const alone = await q.all<{ id: string }>(ALONE)
  const vip = await q.all<{ id: string; ms: number }>(VIP)
  const findings = [
    ...alone.map(
      ({ id }) => `${id} took back a purchase from the Cash Wallet without the cash load that paid it`,
    ),
    ...vip.map(({ id, ms }) => `reversals of ${id} took ${ms} ms of VIP time, which is not theirs`),
  ]
  return {
    law: "5 what is taken back of a cash load's purchases goes and comes with it, VIP time with the price",
    findings: findings.slice(0, MOST_FINDINGS),
  }
}
