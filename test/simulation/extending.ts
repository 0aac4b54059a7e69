/** A request's stream: output is delivered, and the next slice held when it is due. */
import { AppError } from "../../src/platform/errors.ts"
import { extendMeter, needsNextSlice } from "../../src/wallet/metering/meter.ts"
import { assertThat, type Operation, type Request } from "./oracle.ts"
import { priceOf, tokens, unservedTier } from "./prices.ts"
import { launch, type World } from "./world.ts"

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
  const { meter, admission, customer, delivered } = request
  if (!meter || request.is_extending) return
  const number = meter.hold_count
  const amount = nextHold(request)
  const had_ended = request.is_ending || request.end !== undefined
  request.is_extending = true
  request.holding += amount
  const isOver = () => {
    request.is_extending = false
    request.holding -= amount
  }
  const isCommitted = () => {
    request.holds.set(number, amount)
    request.checkpoint = delivered
  }
  launch(world, {
    what: `hold ${admission.request_id}:${number}, ${amount} nanos`,
    customer,
    low: -amount,
    high: amount,
    call: needs => extendMeter(needs, meter, delivered),
    done(result, operation) {
      isOver()
      if (result === "held") isCommitted()
      judgeHold(result, amount, operation)
    },
    failed(error) {
      isOver()
      // Its request had ended, or its opening was undone by a fault.
      const is_refusal = error instanceof AppError && error.reason === "internal"
      return is_refusal && (had_ended || request.phase === "refused")
    },
    adopt(books) {
      isOver()
      if ((books.requests.get(admission.request_id)?.hold_count ?? 0) > number) isCommitted()
    },
  })
}

function judgeHold(result: "held" | "refused", amount: bigint, { free, frozen, what }: Operation): void {
  const isRight =
    result === "held"
      ? free.high >= amount && (amount === 0n || frozen.has(false))
      : free.low < amount || frozen.has(true)
  assertThat(isRight, () => `${what}: ${result} with ${free.low}…${free.high} free`)
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
