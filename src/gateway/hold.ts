/** Credit for a call before it is made: what cannot be served is refused, the first slice is held; not its settlement. */
import { AppError } from "../platform/errors.ts"
import { formatUsd } from "../wallet/ledger/nanos.ts"
import { type Meter, type Opened, openMeter } from "../wallet/metering/meter.ts"
import { hasTier } from "../wallet/pricing/cost.ts"
import type { Asked } from "./asked.ts"
import type { ModelCall } from "./call.ts"
import type { Model } from "./catalog/catalog.ts"
import { type GatewayNeeds, topUp } from "./exchange.ts"
import { isOpenTo } from "./routing/route-order.ts"

/**
 * What can be known before any hold. A tier without a price would be served at another's, and some models have routes
 * for VIP customers only. Throws `invalid` or `forbidden`.
 */
export function assertServed(
  { id, rate_card, routes }: Model,
  { tier, is_vip }: { tier: string; is_vip: boolean },
): void {
  if (!routes.some(route => isOpenTo(route, is_vip))) {
    throw new AppError("forbidden", `${id} is for VIP Priority customers.`, {
      code: "vip_only",
      field: "model",
    })
  }
  if (hasTier(rate_card, tier)) return
  const known = ["default", ...Object.keys(rate_card.tier_multipliers)].join(", ")
  throw new AppError(
    "invalid",
    `service_tier: ${id} is offered in the tiers ${known}, not ${JSON.stringify(tier)}.`,
    {
      code: "unknown_service_tier",
      field: "service_tier",
    },
  )
}

/**
 * Holds the estimate of the input and the first slice of output. The meter may be used at once, the client must see
 * nothing before `durable`. Throws `payment_required` or `forbidden`; then nothing is held.
 */
export async function holdCredit(
  needs: GatewayNeeds,
  { request_id, caller, door }: Pick<ModelCall, "request_id" | "caller" | "door">,
  { asked, model }: { asked: Asked; model: Model },
): Promise<{ meter: Meter; durable: Promise<void> }> {
  const { admitted } = asked
  const { value: opened, durable } = await openMeter(needs, {
    request_id,
    customer_id: caller.customer_id,
    key_id: caller.key_id,
    endpoint: door.endpoint,
    is_streamed: admitted.is_streamed,
    model_asked: admitted.model,
    model_served: model.id,
    rate_card: model.rate_card,
    tier_asked: admitted.tier,
    estimated_input_tokens: admitted.estimated_input_tokens,
    cache_write: admitted.cache_write,
    max_output_tokens: Math.min(
      admitted.max_output_tokens ?? model.max_output_tokens,
      model.max_output_tokens,
    ),
  })
  return { meter: meterOf(needs, opened), durable }
}

function meterOf(needs: GatewayNeeds, opened: Opened) {
  if (opened.kind === "open") return opened.meter
  if (opened.kind === "frozen") {
    throw new AppError(
      "forbidden",
      "The operator has stopped spending from this wallet. Please contact support.",
      { code: "wallet_frozen" },
    )
  }
  const { available_nanos, required_nanos, affordable_output_tokens } = opened
  throw new AppError(
    "payment_required",
    `Not enough credit: this request needs $${formatUsd(required_nanos)}, and $${formatUsd(available_nanos)} is available. ${topUp(needs)}.`,
    {
      code: "insufficient_quota",
      extra: {
        available_usd: formatUsd(available_nanos),
        required_usd: formatUsd(required_nanos),
        affordable_output_tokens: Number.isFinite(affordable_output_tokens) ? affordable_output_tokens : null,
      },
    },
  )
}
