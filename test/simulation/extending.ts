/** A request's stream: output is delivered, and the next slice held when it is due. */
import { extendMeter, needsNextSlice } from "../../src/wallet/metering/meter.ts"
import { type Foreseen, launch } from "./launch.ts"
import { holdMore } from "./opening.ts"
import { assertThat, isOpen, type Request, spendable } from "./oracle.ts"
import { priceOf, tokens, unservedTier } from "./prices.ts"
import type { World } from "./world.ts"

const LARGEST_SLICE_TOKENS = 16_384

/** Delivers some output. */
export function deliver(world: World, request: Request): void {
  const { meter } = request
  if (!meter || request.is_extending) return
  request.delivered += world.random.between(1, 4_000)
  if (needsNextSlice(meter, request.delivered)) extend(world, request)
}

/** Holds the next slice, whether it is due or not, whether the request is open or not. */
export function extend(world: World, request: Request): void {
  const { meter, admission, delivered } = request
  if (!meter || request.is_extending) return
  const hold = { number: meter.hold_count, amount: nextHold(request) }
  request.is_extending = true
  const isOver = () => {
    request.is_extending = false
  }
  launch(world, {
    what: `hold ${admission.request_id}:${hold.number}, ${hold.amount} nanos`,
    call: needs => extendMeter(needs, meter, delivered),
    foresee: () => foreseeHold(world, request, { ...hold, delivered }),
    answered: isOver,
    failed: isOver,
  })
}

function foreseeHold(
  { oracle }: World,
  request: Request,
  hold: { number: number; amount: bigint; delivered: number },
): Foreseen {
  const { amount, delivered } = hold
  const is_held = amount === 0n || spendable(request.customer) >= amount
  // Its request had ended, or its opening was undone by a fault.
  if (is_held && !isOpen(request)) return { refusal: "internal" }
  return {
    check: value =>
      assertThat(value === is_held, () => `a hold of ${amount} should be ${is_held}, is ${value}`),
    follow() {
      if (!is_held) return
      oracle.journal.set(request, "checkpoint", delivered)
      holdMore(oracle, request, hold)
    },
  }
}

/** What the next hold of a request must be: twice the last slice, within the limits while they are kept. */
function nextHold({ meter, admission, delivered }: Request): bigint {
  const { slice_tokens, held_output_tokens } = meter!
  // Output beyond what is held came against the limit, and must be paid all the same.
  const limit = delivered > held_output_tokens ? Number.POSITIVE_INFINITY : admission.max_output_tokens
  const rest = limit - held_output_tokens
  const slice = Math.max(0, Math.min(slice_tokens * 2, LARGEST_SLICE_TOKENS, rest))
  return priceOf(
    admission.rate_card,
    tokens(0, slice),
    unservedTier(admission.rate_card, admission.tier_asked),
  )
}
