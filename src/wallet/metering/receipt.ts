/** The shapes that metering shares with receipts: attempts, ends, and where counts come from. */
import type { ReportedUsage, TokenUsage } from "../pricing/usage.ts"

/** One try on one route. */
export interface Attempt {
  route_id: string
  upstream_id: string
  /** `answered`, or what went wrong: `status-500`, `saturated`, `unsuited`, `timeout`, `cut` … */
  result: string
  duration_ms: number
  /** What a try that failed used all the same, by its own report. */
  usage?: TokenUsage
}

/** A try as a receipt keeps it. */
export interface PricedAttempt extends Omit<Attempt, "usage"> {
  /** By the rate card: of the one that answered what is settled; of others what they reported, whoever pays it. */
  cost_nanos: number
}

/** Where the charged counts come from. */
export type UsageSource = "reported" | "estimated" | "none"

/** How a request ended; part of its receipt. */
export type EndReason =
  | "completed"
  | "incomplete"
  | "failed"
  | "cut"
  | "timeout"
  | "out-of-credit"
  | "client-left"
  | "refused-upstream"
  | "unreachable"
  | "aborted"
  | "server-stopped"
  | "cancelled"

/** The route that answered. */
export interface ServedBy {
  route_id: string
  upstream_id: string
  upstream_model: string
}

/** Everything that is known when a request ends. */
export interface Outcome {
  end_reason: EndReason
  /** What the upstream reported; `undefined` when it reported nothing. */
  reported: ReportedUsage | undefined
  /** Output delivered to the client, estimated from its text; used only when nothing was reported. */
  delivered_output_tokens: number
  /** Hosted searches that were seen to end; used only when nothing was reported. */
  delivered_search_count?: number
  tier_served: string | undefined
  served_by: ServedBy | undefined
  attempts: Attempt[]
  first_output_ms: number | undefined
  /** What was left out of the request on its way to the upstream, e.g. `web_search`; in words, for the receipt. */
  notes?: string[]
}

/** What a settled or released request cost; all amounts in nano-USD. */
export interface Settlement {
  state: "settled" | "released"
  usage: TokenUsage
  usage_source: UsageSource
  cost_nanos: number
  charged_nanos: number
  loss_nanos: number
}
