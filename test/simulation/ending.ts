/** The ends a request can have: usage below or far above its hold, zero, doubted or none; and repeats. */
import type { EndReason, Outcome, Settlement } from "../../src/wallet/metering/receipt.ts"
import { endMeter } from "../../src/wallet/metering/settle.ts"
import type { ReportedUsage } from "../../src/wallet/pricing/usage.ts"
import { settlementIn } from "./judge-end.ts"
import { assertThat, heldBy, type Operation, type Request } from "./oracle.ts"
import { priceOf, TIERS, tokens, unservedTier } from "./prices.ts"
import { launch, type World } from "./world.ts"

const STREAM_ENDS: readonly EndReason[] = [
  "completed",
  "incomplete",
  "failed",
  "cut",
  "client-left",
  "out-of-credit",
]

/** An outcome as a stream could have it. */
export function pickOutcome(world: World, request: Request): Outcome {
  const { random } = world
  const outcome: Outcome = {
    end_reason: random.pick(STREAM_ENDS),
    tier_served: random.chance(0.3) ? random.pick(TIERS) : undefined,
    served_by: undefined,
    attempts: [],
    reported: undefined,
    delivered_output_tokens: request.delivered,
    // Tells this outcome from every other one.
    first_output_ms: random.int(2 ** 31),
  }
  if (random.chance(0.2)) return outcome
  if (random.chance(0.1)) return { ...outcome, end_reason: "refused-upstream", delivered_output_tokens: 0 }
  return { ...outcome, reported: pickReport(world, request) }
}

function pickReport({ random }: World, request: Request): ReportedUsage {
  const usage = tokens(random.int(request.admission.estimated_input_tokens + 1), request.delivered)
  switch (random.int(6)) {
    case 0:
      return { usage: tokens(0, 0) }
    case 1:
      return { usage: { ...usage, output_tokens: random.int(3_000_000) } }
    case 2:
      return { usage, flag: "more cached than input" }
    case 3:
      return { usage: { ...usage, cache_read_tokens: random.int(50_000), web_search_count: random.int(3) } }
    case 4:
      return {
        usage: { ...usage, cache_write_5m_tokens: random.int(999), cache_write_1h_tokens: random.int(999) },
      }
    default:
      return { usage: { ...usage, reasoning_tokens: random.int(usage.output_tokens + 1) } }
  }
}

/** Ends a request, for the first time or again. */
export function endRequest(world: World, request: Request, outcome: Outcome): void {
  const { meter, admission, customer } = request
  if (!meter) return
  const { request_id, rate_card, tier_asked } = admission
  const held = heldBy(request) + request.holding
  const tier = outcome.tier_served ?? unservedTier(rate_card, tier_asked)
  request.is_ending = true
  const isCommitted = (settlement: Settlement, { free, frozen }: Operation) => {
    assertThat(request.end === undefined, () => `${request_id} ended twice`)
    request.end = { outcome, settlement, free, frozen }
  }
  launch<Settlement | undefined>(world, {
    what: `end ${request_id} ${JSON.stringify(outcome)}`,
    customer,
    // An estimate never costs more than the hold.
    low: outcome.reported ? -priceOf(rate_card, outcome.reported.usage, tier) : -held,
    high: held,
    call: needs => endMeter(needs, meter, outcome),
    done(settlement, operation) {
      if (settlement) isCommitted(settlement, operation)
      else request.is_said_to_have_ended = true
    },
    adopt(books, operation) {
      const settlement = settlementIn(books.requests.get(request_id), outcome)
      if (settlement && !request.end) isCommitted(settlement, operation)
    },
  })
}
