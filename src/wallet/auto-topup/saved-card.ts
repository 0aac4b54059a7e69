/** The card that a customer let us charge again: saving it, and counting the charges that fail. */
import type { Events } from "../../platform/events.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import type { Card } from "../stripe/payment.ts"

export interface SavedCard extends Card {
  customer_id: string
  /** Charges that failed one after the other. */
  failure_count: number
  /** When the customer gave it. */
  created_at: number
}

export const findCard = (q: Query, customer_id: string): Promise<SavedCard | undefined> =>
  q.get<SavedCard>("SELECT * FROM saved_card WHERE customer_id = ?", customer_id)

const SAVE = `INSERT INTO saved_card (customer_id, payment_method_id, fingerprint, brand, last4, failure_count, created_at)
  VALUES (?, ?, ?, ?, ?, 0, ?)
  ON CONFLICT (customer_id) DO UPDATE SET payment_method_id = excluded.payment_method_id,
    fingerprint = excluded.fingerprint, brand = excluded.brand, last4 = excluded.last4, failure_count = 0,
    created_at = excluded.created_at
  WHERE payment_method_id <> excluded.payment_method_id
    AND (created_at, payment_method_id) < (excluded.created_at, excluded.payment_method_id)`
const RESUME = `UPDATE auto_topup SET suspended_for = NULL WHERE customer_id = ? AND suspended_for IN ('card', 'authentication')`

/**
 * Makes a card the one to charge; a new one also ends a suspension that the old one caused. `used_at` is when the
 * customer gave it: of two cards the later one stays, whichever is heard of first, and a repeat changes nothing.
 */
export async function saveCard(
  q: TxQuery,
  needs: { events: Events },
  { customer_id, card, used_at }: { customer_id: string; card: Card; used_at: number },
): Promise<void> {
  const changed = await q.run(
    SAVE,
    customer_id,
    card.payment_method_id,
    card.fingerprint,
    card.brand,
    card.last4,
    used_at,
  )
  if (changed === 0) return
  await q.run(RESUME, customer_id)
  q.afterCommit(() => needs.events.emit("auto-topup-changed", { customer_id }))
}

/** Gives how many charges of the card have failed in a row. */
export async function countCardFailure(q: TxQuery, customer_id: string): Promise<number> {
  await q.run("UPDATE saved_card SET failure_count = failure_count + 1 WHERE customer_id = ?", customer_id)
  return (await findCard(q, customer_id))?.failure_count ?? 0
}

export const resetCardFailures = (q: TxQuery, customer_id: string): Promise<number> =>
  q.run("UPDATE saved_card SET failure_count = 0 WHERE customer_id = ? AND failure_count > 0", customer_id)
