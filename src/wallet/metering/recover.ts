/** Start-up recovery: every open request of a dead process is ended from its last checkpoint, once. */

import type { RateCard } from "../pricing/cost.ts"
import { findRateCard } from "../pricing/rate-cards.ts"
import type { MeterNeeds } from "./meter.ts"
import type { Outcome } from "./receipt.ts"
import { endRequest, type OpenRequest } from "./settle.ts"

interface Orphan extends OpenRequest {
  rate_card_id: string
  checkpoint_output_tokens: number
}

const FIND_ORPHANS = `SELECT id, customer_id, started_at, estimated_input_tokens, tier_asked, rate_card_id,
  checkpoint_output_tokens FROM metered_request WHERE state = 'open' AND boot_id <> ? ORDER BY id`

/**
 * Settles what had a checkpoint with the delivered output recorded there, releases the rest.
 * Gives the number of requests ended; run again it ends none.
 */
export async function recoverMeters(needs: MeterNeeds): Promise<number> {
  const orphans = await needs.store.read.all<Orphan>(FIND_ORPHANS, needs.boot_id)
  const ends = await Promise.all(orphans.map(orphan => recoverOne(needs, orphan)))
  return ends.filter(Boolean).length
}

async function recoverOne(needs: MeterNeeds, orphan: Orphan): Promise<boolean> {
  const rate_card: RateCard | undefined = await findRateCard(needs.store.read, orphan.rate_card_id)
  if (!rate_card)
    throw new Error(`rate card ${orphan.rate_card_id} of ${orphan.id} is missing: restore a backup`)
  const outcome: Outcome = {
    end_reason: "server-stopped",
    reported: undefined,
    delivered_output_tokens: orphan.checkpoint_output_tokens,
    tier_served: undefined,
    served_by: undefined,
    attempts: [],
    first_output_ms: undefined,
  }
  const settlement = await needs.store.tx(q => endRequest(q, needs, { request: orphan, rate_card, outcome }))
  if (settlement) needs.events.emit("request-recovered", { request_id: orphan.id, state: settlement.state })
  return settlement !== undefined
}
