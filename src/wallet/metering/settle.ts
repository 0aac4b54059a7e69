/** The end of a metered request: what it cost is taken, the rest is returned, once. */

import { AppError } from "../../platform/errors.ts"
import type { TxQuery } from "../../platform/store.ts"
import { customerAccount, type SystemAccount } from "../ledger/chart.ts"
import { minNanos, type Nanos, subtractNanos, ZERO } from "../ledger/nanos.ts"
import { post, type Transfer } from "../ledger/post.ts"
import { cost, dearerTier, hasTier, type RateCard } from "../pricing/cost.ts"
import { NO_USAGE, type ReportedUsage, type TokenUsage } from "../pricing/usage.ts"
import type { Meter, MeterNeeds } from "./meter.ts"
import type { Outcome, PricedAttempt, Settlement, UsageSource } from "./receipt.ts"
import { estimateWithin } from "./slices.ts"

/** A stored open request, as far as ending it needs. */
export interface OpenRequest {
  id: string
  customer_id: string
  started_at: number
  estimated_input_tokens: number
  tier_asked: string
}

const FIND_STATE = "SELECT state, held_nanos FROM metered_request WHERE customer_id = ? AND id = ?"
const FIND_FREE = "SELECT balance_nanos, is_frozen FROM ledger_account WHERE id = ?"
const END = `UPDATE metered_request SET
  state = ?, tier_served = ?, route_id = ?, upstream_id = ?, upstream_model = ?, attempts = ?, held_nanos = 0,
  input_tokens = ?, cache_read_tokens = ?, cache_write_5m_tokens = ?, cache_write_1h_tokens = ?,
  output_tokens = ?, reasoning_tokens = ?, web_search_count = ?, usage_source = ?, usage_flag = ?,
  cost_nanos = ?, charged_nanos = ?, loss_nanos = ?, end_reason = ?, first_output_ms = ?, duration_ms = ?,
  notes = ?, ended_at = ? WHERE customer_id = ? AND id = ? AND state = 'open'`

/**
 * Ends a request: charges the reported usage, or an estimate of what was delivered, or nothing when nothing
 * was. Resolves when durable. On a repeat nothing is written and the answer is `undefined`.
 */
export function endMeter(needs: MeterNeeds, meter: Meter, outcome: Outcome): Promise<Settlement | undefined> {
  const { admission } = meter
  const request: OpenRequest = {
    id: admission.request_id,
    customer_id: admission.customer_id,
    started_at: meter.started_at,
    estimated_input_tokens: admission.estimated_input_tokens,
    tier_asked: admission.tier_asked,
  }
  return needs.store.tx(q => endRequest(q, needs, { request, rate_card: admission.rate_card, outcome }))
}

/** The same inside a transaction; start-up recovery uses it too. */
export async function endRequest(
  q: TxQuery,
  needs: Pick<MeterNeeds, "clock" | "events">,
  end: { request: OpenRequest; rate_card: RateCard; outcome: Outcome },
): Promise<Settlement | undefined> {
  const { request, rate_card, outcome } = end
  const stored = await q.get<{ state: string; held_nanos: Nanos }>(
    FIND_STATE,
    request.customer_id,
    request.id,
  )
  if (stored?.state !== "open") return undefined
  const now = needs.clock.now()
  const tier = tierOf(rate_card, outcome.tier_served) ?? dearerTier(rate_card, request.tier_asked)
  const { usage, source } = chooseUsage(request, outcome, limit =>
    estimateWithin(stored.held_nanos, limit, rate_card, tier),
  )
  const price = cost(usage, rate_card, tier)
  const parts = await divide(q, request.customer_id, price, stored.held_nanos)
  const transfers = transfersFor(request, parts, now)
  if (transfers.length > 0) {
    const posted = await post(q, now, transfers)
    if (posted.kind !== "posted")
      throw new AppError("internal", `${request.id} was not settled: ${posted.kind}`)
  }
  const settlement: Settlement = {
    state: source === "none" && price === ZERO ? "released" : "settled",
    usage,
    usage_source: source,
    cost_nanos: price,
    charged_nanos: price - parts.loss,
    loss_nanos: parts.loss,
  }
  const attempts = priceAttempts(outcome, price, one => cost(one, rate_card, tier))
  await writeEnd(q, request, { outcome, settlement, attempts, tier, now })
  q.afterCommit(() => {
    const data = { request_id: request.id, customer_id: request.customer_id, end_reason: outcome.end_reason }
    needs.events.emit(settlement.state === "settled" ? "request-settled" : "request-released", data)
  })
  return settlement
}

function priceAttempts(
  { attempts }: Outcome,
  settled: Nanos,
  priceOf: (usage: TokenUsage) => Nanos,
): PricedAttempt[] {
  return attempts.map(({ usage, ...attempt }) => {
    const reported = usage && isPlausible(usage) ? priceOf(usage) : ZERO
    return { ...attempt, cost_nanos: attempt.result === "answered" ? settled : reported }
  })
}

/** The tier that was served; `undefined` when nobody said, or in a word that the card has no price for. */
const tierOf = (rate_card: RateCard, served: string | undefined): string | undefined =>
  served !== undefined && hasTier(rate_card, served) ? served : undefined

/** Reported usage is charged as reported; else what was delivered is estimated; nothing delivered is free. */
function chooseUsage(
  request: OpenRequest,
  outcome: Outcome,
  limit: (usage: TokenUsage) => TokenUsage,
): { usage: TokenUsage; source: UsageSource } {
  if (outcome.reported && isPlausible(outcome.reported.usage)) {
    return { usage: completed(outcome.reported, outcome), source: "reported" }
  }
  const web_search_count = outcome.delivered_search_count ?? 0
  const is_empty = outcome.delivered_output_tokens === 0 && web_search_count === 0
  if (is_empty && outcome.end_reason !== "completed") return { usage: NO_USAGE, source: "none" }
  const estimate = {
    ...NO_USAGE,
    input_tokens: request.estimated_input_tokens,
    output_tokens: outcome.delivered_output_tokens,
    web_search_count,
  }
  return { usage: limit(estimate), source: "estimated" }
}

/** A report without its output: the output and the searches are what was delivered. */
function completed({ usage, is_partial }: ReportedUsage, outcome: Outcome): TokenUsage {
  if (!is_partial) return usage
  return {
    ...usage,
    output_tokens: Math.max(usage.output_tokens, outcome.delivered_output_tokens),
    web_search_count: Math.max(usage.web_search_count, outcome.delivered_search_count ?? 0),
  }
}

/** No answer has a billion tokens: a report that says so is nonsense, and its price could leave the ledger's range. */
const MOST_TOKENS = 1_000_000_000

const isPlausible = (usage: TokenUsage): boolean => Object.values(usage).every(count => count <= MOST_TOKENS)

const flagOf = ({ reported }: Outcome): string | null =>
  reported && !isPlausible(reported.usage) ? "a count beyond all measure" : (reported?.flag ?? null)

/** Where the money goes; the five add up: `from_held + returned` = held, `from_held + from_free + loss` = price. */
interface Parts {
  from_held: Nanos
  returned: Nanos
  from_free: Nanos
  loss: Nanos
}

async function divide(q: TxQuery, customer_id: string, price: Nanos, held: Nanos): Promise<Parts> {
  const from_held = minNanos(price, held)
  const overrun = subtractNanos(price, from_held)
  if (overrun === ZERO)
    return { from_held, returned: subtractNanos(held, from_held), from_free: ZERO, loss: ZERO }
  const free = await q.get<{ balance_nanos: Nanos; is_frozen: number }>(
    FIND_FREE,
    customerAccount(customer_id, "token"),
  )
  const available = !free || free.is_frozen ? ZERO : free.balance_nanos
  const from_free = minNanos(overrun, available)
  return { from_held, returned: ZERO, from_free, loss: subtractNanos(overrun, from_free) }
}

function transfersFor(request: OpenRequest, parts: Parts, now: number): Transfer[] {
  const free = customerAccount(request.customer_id, "token")
  const held = customerAccount(request.customer_id, "token_held")
  const revenue: SystemAccount = "system/revenue_usage"
  const loss: SystemAccount = "system/loss_overrun"
  const transfer = (kind: string, from: string, to: string, amount_nanos: Nanos): Transfer => ({
    id: `${request.id}:${kind}`,
    group_id: request.id,
    kind,
    from,
    to,
    amount_nanos,
    ref: "",
    actor: "system",
    event_at: now,
  })
  return [
    transfer("settle", held, revenue, parts.from_held),
    transfer("release", held, free, parts.returned),
    transfer("overrun", free, revenue, parts.from_free),
    transfer("loss", loss, revenue, parts.loss),
  ].filter(one => one.amount_nanos > 0)
}

async function writeEnd(
  q: TxQuery,
  request: OpenRequest,
  end: { outcome: Outcome; settlement: Settlement; attempts: PricedAttempt[]; tier: string; now: number },
): Promise<void> {
  const { outcome, settlement, now } = end
  const { usage } = settlement
  const changed = await q.run(
    END,
    settlement.state,
    end.tier,
    outcome.served_by?.route_id ?? null,
    outcome.served_by?.upstream_id ?? null,
    outcome.served_by?.upstream_model ?? null,
    JSON.stringify(end.attempts),
    usage.input_tokens,
    usage.cache_read_tokens,
    usage.cache_write_5m_tokens,
    usage.cache_write_1h_tokens,
    usage.output_tokens,
    usage.reasoning_tokens,
    usage.web_search_count,
    settlement.usage_source,
    flagOf(outcome),
    settlement.cost_nanos,
    settlement.charged_nanos,
    settlement.loss_nanos,
    outcome.end_reason,
    outcome.first_output_ms ?? null,
    now - request.started_at,
    outcome.notes?.length ? JSON.stringify(outcome.notes) : null,
    now,
    request.customer_id,
    request.id,
  )
  if (changed !== 1) throw new AppError("internal", `${request.id} ended twice`)
}
