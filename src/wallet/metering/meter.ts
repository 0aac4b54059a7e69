/** A metered request from its first hold to its end: the only caller of the ledger for model usage. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Events } from "../../platform/events.ts"
import type { Applied, Store, TxQuery } from "../../platform/store.ts"
import { customerAccount } from "../ledger/chart.ts"
import { type Nanos, ZERO } from "../ledger/nanos.ts"
import { post, type Transfer } from "../ledger/post.ts"
import { affordableOutputTokens, dearerTier, type RateCard } from "../pricing/cost.ts"
import { type CacheWrite, firstSlice, type HoldSize, holdAmount, isRefillDue, nextSlice } from "./slices.ts"

export interface MeterNeeds {
  store: Store
  clock: Clock
  events: Events
  /** This run of the server. */
  boot_id: string
}

/** What is known when a request is admitted; it does not change afterwards. */
export interface Admission {
  request_id: string
  customer_id: string
  key_id: string
  endpoint: string
  is_streamed: boolean
  model_asked: string
  model_served: string
  rate_card: RateCard
  tier_asked: string
  estimated_input_tokens: number
  /** The longest cache that the request asks to be written. */
  cache_write?: CacheWrite | undefined
  /** The most output the request allows: its own limit or the model's. */
  max_output_tokens: number
}

/** An open metered request. Amounts in nano-USD. */
export interface Meter {
  readonly admission: Admission
  readonly started_at: number
  held_nanos: Nanos
  held_output_tokens: number
  slice_tokens: number
  hold_count: number
}

/** Not enough credit for the first hold. */
export interface Refusal {
  kind: "insufficient"
  available_nanos: Nanos
  required_nanos: Nanos
  /** How much output the available credit would buy after the input. */
  affordable_output_tokens: number
}

export type Opened = { kind: "open"; meter: Meter } | Refusal | { kind: "frozen" }

const INSERT = `INSERT INTO metered_request
  (id, customer_id, key_id, boot_id, state, endpoint, is_streamed, model_asked, model_served, rate_card_id,
   tier_asked, held_nanos, hold_count, estimated_input_tokens, checkpoint_output_tokens, started_at)
  VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?, 1, ?, 0, ?)`
const EXTEND = `UPDATE metered_request
  SET held_nanos = held_nanos + ?, hold_count = hold_count + 1, checkpoint_output_tokens = ?
  WHERE customer_id = ? AND id = ? AND state = 'open'`

/**
 * Holds the input estimate and the first slice of output, and writes the open request: one transaction.
 * Resolves when applied; the upstream may be called then, the client may see a byte only after `durable`.
 */
export function openMeter(needs: MeterNeeds, admission: Admission): Promise<Applied<Opened>> {
  const { rate_card, tier_asked, estimated_input_tokens } = admission
  const slice = firstSlice(admission.max_output_tokens)
  const amount = holdAmount(holdSize(admission, slice), rate_card, dearerTier(rate_card, tier_asked))
  const now = needs.clock.now()
  return needs.store.apply(async q => {
    const held = await hold(q, now, { admission, number: 0, amount })
    if (held.kind === "frozen") return held
    if (held.kind === "insufficient") return explainRefusal(admission, amount, held.available_nanos)
    await q.run(
      INSERT,
      admission.request_id,
      admission.customer_id,
      admission.key_id,
      needs.boot_id,
      admission.endpoint,
      admission.is_streamed ? 1 : 0,
      admission.model_asked,
      admission.model_served,
      rate_card.id,
      tier_asked,
      amount,
      estimated_input_tokens,
      now,
    )
    const meter: Meter = {
      admission,
      started_at: now,
      held_nanos: amount,
      held_output_tokens: slice,
      slice_tokens: slice,
      hold_count: 1,
    }
    return { kind: "open", meter }
  })
}

/** Whether the next slice must be held before more output is delivered. */
export function needsNextSlice(meter: Meter, delivered_output_tokens: number): boolean {
  return (
    isRefillDue(delivered_output_tokens, meter.held_output_tokens) &&
    sliceAfter(meter, delivered_output_tokens) > 0
  )
}

/** Beyond its limit too: an upstream that ignores the limit delivers what must be paid all the same. */
function sliceAfter(meter: Meter, delivered_output_tokens: number): number {
  const { slice_tokens, held_output_tokens, admission } = meter
  const is_beyond = delivered_output_tokens > held_output_tokens
  return nextSlice(
    slice_tokens,
    held_output_tokens,
    is_beyond ? Number.POSITIVE_INFINITY : admission.max_output_tokens,
  )
}

/**
 * Holds the next slice and records how much has been delivered (what a restart would settle by).
 * `refused` when the credit does not cover it: the answer must end as out of credit.
 */
export async function extendMeter(
  needs: MeterNeeds,
  meter: Meter,
  delivered_output_tokens: number,
): Promise<"held" | "refused"> {
  const { admission } = meter
  const { rate_card } = admission
  const slice = sliceAfter(meter, delivered_output_tokens)
  const amount = holdAmount(
    { input_tokens: 0, output_tokens: slice },
    rate_card,
    dearerTier(rate_card, admission.tier_asked),
  )
  const isHeld = await needs.store.tx(async q => {
    const held = await hold(q, needs.clock.now(), { admission, number: meter.hold_count, amount })
    if (held.kind !== "held") return false
    const changed = await q.run(
      EXTEND,
      amount,
      delivered_output_tokens,
      admission.customer_id,
      admission.request_id,
    )
    if (changed !== 1)
      throw new AppError("internal", `${admission.request_id} has ended and cannot hold more`)
    return true
  })
  if (!isHeld) return "refused"
  meter.held_nanos = (meter.held_nanos + amount) as Nanos
  meter.held_output_tokens += slice
  meter.slice_tokens = slice
  meter.hold_count += 1
  return "held"
}

type Held = { kind: "held" } | { kind: "insufficient"; available_nanos: Nanos } | { kind: "frozen" }

async function hold(
  q: TxQuery,
  now: number,
  part: { admission: Admission; number: number; amount: Nanos },
): Promise<Held> {
  if (part.amount === ZERO) return { kind: "held" }
  const { request_id, customer_id } = part.admission
  const transfer: Transfer = {
    id: `${request_id}:hold:${part.number}`,
    group_id: request_id,
    kind: "hold",
    from: customerAccount(customer_id, "token"),
    to: customerAccount(customer_id, "token_held"),
    amount_nanos: part.amount,
    ref: part.admission.model_served,
    actor: "system",
    event_at: now,
  }
  const result = await post(q, now, [transfer])
  switch (result.kind) {
    case "posted":
      return { kind: "held" }
    case "insufficient":
      return result
    case "frozen":
      return { kind: "frozen" }
    default:
      throw new AppError("internal", `hold ${transfer.id} was not posted: ${result.kind}`)
  }
}

const holdSize = ({ estimated_input_tokens, cache_write }: Admission, output_tokens: number): HoldSize => ({
  input_tokens: estimated_input_tokens,
  output_tokens,
  cache_write,
})

function explainRefusal(admission: Admission, required_nanos: Nanos, available_nanos: Nanos): Refusal {
  const { rate_card } = admission
  const tier = dearerTier(rate_card, admission.tier_asked)
  const input = holdAmount(holdSize(admission, 0), rate_card, tier)
  const left = Math.max(0, available_nanos - input) as Nanos
  return {
    kind: "insufficient",
    available_nanos,
    required_nanos,
    affordable_output_tokens: affordableOutputTokens(left, rate_card, tier),
  }
}
