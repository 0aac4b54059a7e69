/** What customers still hold who paid with test payments: in Stripe's test mode, or in the demo. */
import type { Query } from "../../platform/store.ts"
import { formatUsd, type Nanos } from "../ledger/nanos.ts"

const HELD = `SELECT count(DISTINCT customer_id) AS customer_count, coalesce(sum(balance_nanos), 0) AS nanos
  FROM ledger_account WHERE kind IN ('token', 'cash') AND balance_nanos > 0
    AND customer_id IN (SELECT customer_id FROM purchase WHERE is_live = 0 AND state = 'paid')`

/** The customers with at least one test payment and something in a wallet, and what they have together, in USD. */
export async function findTestCredit(q: Query): Promise<{ customer_count: number; usd: string }> {
  const held = (await q.get<{ customer_count: number; nanos: Nanos }>(HELD))!
  return { customer_count: held.customer_count, usd: formatUsd(held.nanos) }
}
