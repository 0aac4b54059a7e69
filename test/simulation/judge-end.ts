/** Whether a request's end is right: the charged usage, the price, and where the money came from. */
import type { Outcome, Settlement } from "../../src/wallet/metering/receipt.ts"
import type { TokenUsage } from "../../src/wallet/pricing/usage.ts"
import type { RequestRow } from "./books.ts"
import { assertThat, type End, heldBy, type Request, smaller, spendable } from "./oracle.ts"
import { priceOf, tokens, unservedTier } from "./prices.ts"

const COUNTERS = [
  "input_tokens",
  "cache_read_tokens",
  "cache_write_5m_tokens",
  "cache_write_1h_tokens",
  "output_tokens",
  "reasoning_tokens",
  "web_search_count",
] as const satisfies (keyof TokenUsage)[]

/** Where the money of an ended request comes from and goes to. */
export interface Parts {
  from_held: bigint
  returned: bigint
  from_free: bigint
  loss: bigint
}

/** Throws Violation unless the settlement is the right one at this moment; gives its parts. */
export function judgeEnd(request: Request, end: End): Parts {
  const { request_id } = request.admission
  const say = (what: string) => () =>
    `${request_id} ${what}: ${JSON.stringify(end.settlement)} after ${JSON.stringify(end.outcome)}`
  judgeUsage(request, end, say)
  return judgeMoney(request, end, say)
}

/** Throws Violation unless the committed row is the receipt of the end. */
export function judgeRow(row: RequestRow, request: Request, end: End): void {
  const { request_id } = request.admission
  const say = (what: string) => () =>
    `${request_id} ${what}: ${JSON.stringify(row)} after ${JSON.stringify(end.outcome)}`
  assertThat(row.state !== "open" && row.held_nanos === 0, say("should have ended and hold nothing"))
  judgeReceipt(row, { ...end, tier: tierOf(request, end) }, say)
  assertThat(request.announced_count <= 1, say(`was announced ${request.announced_count} times`))
}

/** The settlement in a committed row, when it is that of `outcome`: each has its own `first_output_ms`. */
export function settlementIn(row: RequestRow | undefined, outcome: Outcome): Settlement | undefined {
  if (!row || row.state === "open" || row.first_output_ms !== (outcome.first_output_ms ?? null))
    return undefined
  return { ...(row as unknown as Settlement), usage: row as unknown as TokenUsage }
}

type Say = (what: string) => () => string

const tierOf = ({ admission }: Request, { outcome }: Pick<End, "outcome">): string =>
  outcome.tier_served ?? unservedTier(admission.rate_card, admission.tier_asked)

/** The receipt says what the settlement said. */
function judgeReceipt(row: RequestRow, end: End & { tier: string }, say: Say): void {
  const { settlement, outcome, tier } = end
  const { usage, usage_source, cost_nanos, charged_nanos, loss_nanos, state } = settlement
  const isSame =
    COUNTERS.every(counter => row[counter] === usage[counter]) &&
    row.state === state &&
    row.usage_source === usage_source &&
    row.cost_nanos === cost_nanos &&
    row.charged_nanos === charged_nanos &&
    row.loss_nanos === loss_nanos &&
    row.end_reason === outcome.end_reason &&
    row.usage_flag === (outcome.reported?.flag ?? null) &&
    row.tier_served === tier
  assertThat(isSame, say("has another receipt than was acknowledged"))
}

/** The usage is the reported one, or an estimate of what was delivered, or none. */
function judgeUsage(request: Request, end: End, say: Say): void {
  const { outcome, settlement } = end
  const { usage, usage_source, state } = settlement
  const expected = expectedSource(outcome)
  assertThat(usage_source === expected, say(`is priced by ${usage_source} usage instead of ${expected}`))
  assertThat(state === (expected === "none" ? "released" : "settled"), say("is in the wrong state"))
  if (expected === "reported")
    assertThat(isSameUsage(usage, outcome.reported!.usage), say("has another usage"))
  if (expected === "none") assertThat(isSameUsage(usage, tokens(0, 0)), say("is charged for nothing"))
  if (expected === "estimated") judgeEstimate(request, end, say)
}

export function expectedSource({ reported, delivered_output_tokens, end_reason }: Outcome) {
  if (reported) return "reported"
  return delivered_output_tokens === 0 && end_reason !== "completed" ? "none" : "estimated"
}

const isSameUsage = (a: TokenUsage, b: TokenUsage) => COUNTERS.every(counter => a[counter] === b[counter])

/** An estimate is never above the hold, and no lower than it has to be, but for the rounding. */
function judgeEstimate(request: Request, { outcome, settlement }: End, say: Say): void {
  const { rate_card, estimated_input_tokens } = request.admission
  const tier = tierOf(request, { outcome })
  const held = heldBy(request)
  const price = (usage: TokenUsage) => priceOf(rate_card, usage, tier)
  const full = tokens(estimated_input_tokens, outcome.delivered_output_tokens)
  const { usage } = settlement
  assertThat(price(usage) <= held, say(`is estimated above its hold of ${held}`))
  const isInputCovered = price(tokens(estimated_input_tokens, 0)) <= held
  const isInputKept = isSameUsage(usage, tokens(estimated_input_tokens, usage.output_tokens))
  const isMost = isInputKept && price(tokens(estimated_input_tokens, usage.output_tokens + 2)) >= held
  if (price(full) <= held) assertThat(isSameUsage(usage, full), say("is estimated lower than delivered"))
  else if (isInputCovered) assertThat(isMost, say(`is estimated too low for its hold of ${held}`))
  else assertThat(isSameUsage(usage, tokens(0, 0)), say("should be estimated as nothing"))
}

/** The price is exact; an overrun is taken from what is free, and only what is not there is lost. */
function judgeMoney(request: Request, { outcome, settlement }: End, say: Say): Parts {
  const { rate_card } = request.admission
  const cost = priceOf(rate_card, settlement.usage, tierOf(request, { outcome }))
  const held = heldBy(request)
  const from_held = smaller(cost, held)
  const from_free = smaller(cost - from_held, spendable(request.customer))
  const loss = cost - from_held - from_free
  const isRight =
    BigInt(settlement.cost_nanos) === cost &&
    BigInt(settlement.charged_nanos) === cost - loss &&
    BigInt(settlement.loss_nanos) === loss
  assertThat(
    isRight,
    say(`should cost ${cost}, of which ${from_held} held, ${from_free} free and ${loss} lost`),
  )
  return { from_held, returned: held - from_held, from_free, loss }
}
