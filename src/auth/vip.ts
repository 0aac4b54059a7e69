/** VIP Priority: how long it lasts, moved by what is bought or taken back. */
import { type Clock, DAY_MS } from "../platform/clock.ts"
import type { Events } from "../platform/events.ts"
import type { TxQuery } from "../platform/store.ts"

interface VipNeeds {
  clock: Clock
  events: Events
}

/** Adds days as `moveVip` does. */
export const extendVip = (
  q: TxQuery,
  needs: VipNeeds,
  { customer_id, vip_days }: { customer_id: string; vip_days: number },
): Promise<number> => moveVip(q, needs, { customer_id, ms: vip_days * DAY_MS })

/**
 * Adds time after what is left, or from now; negative time takes away, never below nothing. Gives by how much the end
 * moved, in milliseconds: less than was to be taken where less was left.
 */
export async function moveVip(
  q: TxQuery,
  needs: VipNeeds,
  { customer_id, ms }: { customer_id: string; ms: number },
): Promise<number> {
  const now = needs.clock.now()
  const row = await q.get<{ vip_until: number | null }>(
    "SELECT vip_until FROM customer WHERE id = ?",
    customer_id,
  )
  const before = Math.max(row?.vip_until ?? 0, now)
  const until = Math.max(before + ms, now)
  const vip_until = until > now ? until : null
  await q.run("UPDATE customer SET vip_until = ? WHERE id = ?", vip_until, customer_id)
  q.afterCommit(() => needs.events.emit("vip-extended", { customer_id, until }))
  return until - before
}
