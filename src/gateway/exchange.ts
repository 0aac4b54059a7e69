/** One metered request on its way through the gateway: what its steps share. */

import type { GuardNeeds } from "../auth/guard.ts"
import type { KeyLimits } from "../auth/key-limits.ts"
import type { Config } from "../platform/config.ts"
import { AppError } from "../platform/errors.ts"
import type { Random } from "../platform/ids.ts"
import type { Log } from "../platform/log.ts"
import type { Metrics } from "../platform/metrics.ts"
import type { Tasks } from "../platform/tasks.ts"
import type { Meter, MeterNeeds } from "../wallet/metering/meter.ts"
import type { Attempt, EndReason, Outcome, Settlement } from "../wallet/metering/receipt.ts"
import { endMeter } from "../wallet/metering/settle.ts"
import type { ReportedUsage } from "../wallet/pricing/usage.ts"
import type { Catalog, Model, Route } from "./catalog/catalog.ts"
import type { DispatchNeeds } from "./dispatch.ts"
import type { Door } from "./door.ts"
import type { Drains } from "./drains.ts"
import type { Policies } from "./policy/policy.ts"
import type { AnswerStart } from "./protocol/codec.ts"
import type { JsonObject } from "./protocol/json.ts"
import type { ReasoningMemory } from "./reasoning-memory.ts"

export interface GatewayNeeds extends MeterNeeds, GuardNeeds, DispatchNeeds {
  config: Config
  catalog: Catalog
  policies: Policies
  reasoning_memory: ReasoningMemory
  key_limits: KeyLimits
  metrics: Metrics
  log: Log
  random: Random
  /** Work that outlives its request: drains and settlements. */
  tasks: Tasks
  drains: Drains
}

/** Keeps an answer that the client asked to store. */
export interface Recorder {
  /** `answer`: the whole object as the client sees it. Never throws: an answer is delivered whether kept or not. */
  record(answer: JsonObject): Promise<void>
}

export interface Exchange {
  request_id: string
  door: Door
  /** What the answer begins with. */
  start: AnswerStart
  model: Model
  meter: Meter
  attempts: Attempt[]
  /** Aborts when the client's connection is gone. */
  client_left: AbortSignal
  /** Aborts when the answer is no longer wanted: the upstream is left at once, without a drain. */
  cancelled: AbortSignal | undefined
  /** Gives back the key's place; calling it again does nothing. */
  leave(): void
  /** Whether its end is in the books. */
  is_ended: boolean
  /** What was left out of the request for the route that answered. */
  notes: string[]
  /** Whether the route that answered was told the service tier. */
  is_tier_sent: boolean
  /** The request, for what the answer shows of it. */
  asked_body: JsonObject
  recorder: Recorder | undefined
}

/** What the end of an exchange knows beside the exchange itself. */
export interface End {
  end_reason: EndReason
  route: Route | undefined
  reported: ReportedUsage | undefined
  output_bytes: number
  /** Hosted searches that have ended. */
  web_search_count?: number
  tier_served: string | undefined
  first_output_ms: number | undefined
}

/** Where a customer without credit goes from here, as the end of a sentence. */
export const topUp = ({ config }: Pick<GatewayNeeds, "config">): string =>
  config.public_url ? `Top up at ${config.public_url}` : "Top up"

/** Output is estimated at this many bytes a token, for holding slices and where an upstream reports nothing. */
const BYTES_PER_TOKEN = 4

export const estimateTokens = (output_bytes: number): number => Math.ceil(output_bytes / BYTES_PER_TOKEN)

/** Charges what the exchange used and closes it; resolves when that is durable. */
export async function endExchange(
  needs: GatewayNeeds,
  exchange: Exchange,
  end: End,
): Promise<Settlement | undefined> {
  const { meter, attempts, model } = exchange
  const { route } = end
  const outcome: Outcome = {
    end_reason: end.end_reason,
    reported: end.reported,
    delivered_output_tokens: estimateTokens(end.output_bytes),
    delivered_search_count: end.web_search_count ?? 0,
    tier_served: end.tier_served ?? (exchange.is_tier_sent ? undefined : "default"),
    served_by: route && {
      route_id: route.id,
      upstream_id: route.upstream.id,
      upstream_model: route.upstream_model,
    },
    attempts,
    notes: exchange.notes,
    first_output_ms: end.first_output_ms,
  }
  try {
    const settlement = await endPatiently(needs, meter, outcome)
    exchange.is_ended = true
    if (settlement) count(needs.metrics, model.id, end, settlement)
    return settlement
  } finally {
    exchange.leave()
  }
}

/** When the disk does not take the end, it is tried again; after that a restart settles by the last checkpoint. */
const RETRY_AFTER_MS = [100, 1_000]

async function endPatiently(
  needs: GatewayNeeds,
  meter: Meter,
  outcome: Outcome,
): Promise<Settlement | undefined> {
  for (const wait_ms of RETRY_AFTER_MS) {
    try {
      return await endMeter(needs, meter, outcome)
    } catch (error) {
      if (!(error instanceof AppError && error.reason === "unavailable")) throw error
      await new Promise<void>(resolve => void needs.clock.after(wait_ms, resolve))
    }
  }
  return endMeter(needs, meter, outcome)
}

function count(metrics: Metrics, model: string, end: End, settlement: Settlement): void {
  const { usage } = settlement
  metrics.requests.inc({ model, end_reason: end.end_reason })
  metrics.tokens.inc({ model, kind: "input" }, usage.input_tokens)
  metrics.tokens.inc({ model, kind: "cache_read" }, usage.cache_read_tokens)
  metrics.tokens.inc(
    { model, kind: "cache_write" },
    usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
  )
  metrics.tokens.inc({ model, kind: "output" }, usage.output_tokens)
  if (end.first_output_ms !== undefined) metrics.first_output.observe(end.first_output_ms / 1000)
}
