/** Stopping auto-topup from outside it: a dispute, a card that fails; the customer turns it on again. */
import type { Events } from "../../platform/events.ts"
import type { Query, TxQuery } from "../../platform/store.ts"

export type Suspension = "card" | "authentication" | "dispute"

/** The customer can end every other suspension, so that of a dispute takes its place. */
const SUSPEND = `UPDATE auto_topup SET suspended_for = ?1
  WHERE customer_id = ?2 AND (suspended_for IS NULL OR (?1 = 'dispute' AND suspended_for <> 'dispute'))`

/** Does nothing where there is no auto-topup, or it is suspended for as much already. */
export async function suspendAutoTopup(
  q: TxQuery,
  needs: { events: Events },
  { customer_id, why }: { customer_id: string; why: Suspension },
): Promise<void> {
  const changed = await q.run(SUSPEND, why, customer_id)
  if (changed === 1) q.afterCommit(() => needs.events.emit("auto-topup-changed", { customer_id }))
}

const DISPUTED = `SELECT 1 AS found FROM reversal
  WHERE customer_id = ? AND kind = 'dispute' AND state = 'taken' LIMIT 1`

/** Whether a payment of the customer is disputed, or was with success. */
export const hasDispute = async (q: Query, customer_id: string): Promise<boolean> =>
  (await q.get(DISPUTED, customer_id)) !== undefined
