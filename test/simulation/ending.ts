/** The ends a request can have: usage below or far above its hold, zero, doubted or none; and repeats. */
import type { EndReason, Outcome, Settlement } from "../../src/wallet/metering/receipt.ts"
import { endMeter } from "../../src/wallet/metering/settle.ts"
import type { ReportedUsage } from "../../src/wallet/pricing/usage.ts"
import { judgeEnd } from "./judge-end.ts"
import { launch } from "./launch.ts"
import { assertThat, type End, isOpen, move, type Oracle, type Request } from "./oracle.ts"
import { TIERS, tokens } from "./prices.ts"
import type { World } from "./world.ts"

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
  const { meter, admission } = request
  if (!meter) return
  request.is_ending = true
  launch<Settlement | undefined>(world, {
    what: `end ${admission.request_id} ${JSON.stringify(outcome)}`,
    call: needs => endMeter(needs, meter, outcome),
    foresee: () => ({
      check(value) {
        const settlement = value as Settlement | undefined
        const is_first = isOpen(request)
        assertThat(
          is_first === (settlement !== undefined),
          () => `${admission.request_id} ended twice, or not at all`,
        )
        if (settlement) becomeEnded(world.oracle, request, { outcome, settlement })
      },
    }),
  })
}

/** Takes over a settlement that is right, with the transfers it must have made. */
export function becomeEnded(oracle: Oracle, request: Request, end: End): void {
  const { request_id, customer_id } = request.admission
  const { from_held, returned, from_free, loss } = judgeEnd(request, end)
  const [free, held] = [`${customer_id}/token`, `${customer_id}/token_held`]
  const [revenue, lost] = ["system/revenue_usage", "system/loss_overrun"]
  oracle.journal.set(request, "end", end)
  move(oracle, [
    { id: `${request_id}:settle`, from: held, to: revenue, amount: from_held },
    { id: `${request_id}:release`, from: held, to: free, amount: returned },
    { id: `${request_id}:overrun`, from: free, to: revenue, amount: from_free },
    { id: `${request_id}:loss`, from: lost, to: revenue, amount: loss },
  ])
}
