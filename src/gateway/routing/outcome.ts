/** What a try on a route says about that route; not what the customer is told. */
import type { Failure } from "../upstream/failures.ts"

/** How a try ended, as far as its route is concerned. */
export type Outcome =
  /** `first_output_ms` is from sending to the first output; null for a whole answer, which says nothing of it. */
  | { kind: "answered"; first_output_ms: number | null }
  /** The upstream asks to be left alone for a while: no failure of its health. */
  | { kind: "rate-limited"; retry_after_ms: number }
  | { kind: FailureKind }
  | { kind: NeutralKind }

/** Failures of the route: no connection, silence, an early end, an error of its own, the operator's key refused. */
export type FailureKind = "unreachable" | "timeout" | "cut" | "error" | "key-refused"

/** Ends that say nothing about the route: the request's own fault, a client that left, a try that was never sent. */
export type NeutralKind = "client-fault" | "client-left" | "unasked"

export type OutcomeKind = Outcome["kind"]

export const FAILURE_KINDS = ["unreachable", "timeout", "cut", "error", "key-refused"] as const

const FAILURES: ReadonlySet<OutcomeKind> = new Set(FAILURE_KINDS)

/** Whether the outcome counts against the route. */
export const isFailure = ({ kind }: Outcome): boolean => FAILURES.has(kind)

/** When the upstream does not say for how long it limits. */
const UNSAID_LIMIT_MS = 1_000

/**
 * Error codes that mean the operator's key or account: ours (failures.ts), and those that upstreams put into a
 * stream. Until the operator acts, every further request ends the same way.
 */
const KEY_CODES: ReadonlySet<string> = new Set([
  "upstream_access",
  "upstream_quota",
  "insufficient_quota",
  "invalid_api_key",
  "authentication_error",
  "permission_error",
  "billing_error",
])

/** Reads a failed attempt. The key comes first: an exhausted account answers 429 and has no end by itself. */
export function outcomeOf({ result, error, is_final }: Failure): Outcome {
  if (is_final) return { kind: "client-fault" }
  if (KEY_CODES.has(error.detail.code ?? "")) return { kind: "key-refused" }
  if (error.reason === "rate_limited") {
    return { kind: "rate-limited", retry_after_ms: error.detail.retry_after_ms ?? UNSAID_LIMIT_MS }
  }
  return { kind: result === "unreachable" || result === "timeout" || result === "cut" ? result : "error" }
}
