/** The circuit breaker of one route: when it is left alone, and who may find out whether it works again. */
import type { Random } from "../../platform/ids.ts"
import { drawUnit } from "./lots.ts"
import { FAILURE_KINDS, isFailure, type Outcome } from "./outcome.ts"
import { createOutcomeWindow, type OutcomeWindow } from "./outcome-window.ts"

/** `half-open`: its time is up, and one probe decides. */
export type BreakerState = "closed" | "open" | "half-open"

/** Why a route is left alone. */
export type OpenReason = "failures" | "key-refused" | "rate-limited"

export interface Breaker {
  /** Null while it is closed. */
  open_until: number | null
  opened_by: "failures" | "key-refused"
  /** The upstream asked to be left alone until then; apart from its health. */
  cool_until: number
  failures_in_a_row: number
  /** The tries since it was closed, for the share of failures. */
  recent: OutcomeWindow
  /** How often it opened without a calm time between: the exponent of the wait. */
  opens: number
  closed_at: number
  /** Grows whenever it opens or closes; a try that began in an earlier period decides nothing any more. */
  period: number
  /** The try that may decide in `half-open`. */
  probe: Pass | undefined
}

/** A try under way, as the breaker knows it. */
export interface Pass {
  period: number
}

/** Five is not bad luck any more, and costs five requests a failover at most. */
const FAILURES_TO_OPEN = 5
/** For routes that fail now and then: more than half of at least twenty tries in about a minute. */
const RECENT = { slot_ms: 10_000, slot_count: 6 }
const TRIES_TO_JUDGE = 20
const SHARE_TO_OPEN = 0.5
const SHORTEST_OPEN_MS = 5_000
const LONGEST_OPEN_MS = 300_000
/** Waits are shortened by up to this share, so that routes that fell together are not probed together. */
const JITTER = 0.2
/** Closed for this long without opening, the next wait is the shortest again. */
const CALM_MS = 60_000
/** The operator has to act; a probe a minute notices that it was done. */
const KEY_OPEN_MS = 60_000
/** Whatever an upstream asks for, it is asked again after this: limits are lifted, headers are wrong. */
const LONGEST_COOL_MS = 300_000

export function createBreaker(): Breaker {
  return {
    open_until: null,
    opened_by: "failures",
    cool_until: 0,
    failures_in_a_row: 0,
    recent: createOutcomeWindow(RECENT),
    opens: 0,
    closed_at: Number.NEGATIVE_INFINITY,
    period: 0,
    probe: undefined,
  }
}

/** The state now; a route that cools down counts as open. */
export function stateOf(breaker: Breaker, now: number): BreakerState {
  if (now < opensAt(breaker)) return "open"
  return breaker.open_until === null ? "closed" : "half-open"
}

/** When it can be asked again; in the past when it can be. */
export const opensAt = ({ open_until, cool_until }: Breaker): number => Math.max(open_until ?? 0, cool_until)

/** Why it is left alone now, or null. */
export function openReasonOf(breaker: Breaker, now: number): OpenReason | null {
  if (breaker.open_until !== null) return breaker.opened_by
  return now < breaker.cool_until ? "rate-limited" : null
}

/** Whether a try may begin: closed, or half-open with nobody probing. */
export function isAvailable(breaker: Breaker, now: number): boolean {
  const state = stateOf(breaker, now)
  return state === "closed" || (state === "half-open" && breaker.probe === undefined)
}

/** Begins a try, also one that is made although the route is not available; the first of `half-open` is the probe. */
export function beginPass(breaker: Breaker, now: number): Pass {
  const pass: Pass = { period: breaker.period }
  if (breaker.probe === undefined && stateOf(breaker, now) === "half-open") breaker.probe = pass
  return pass
}

/**
 * Ends a try, once. An answer closes; a failure opens a closed route by the limits above, and a half-open one only
 * if it was the probe: tries made for want of anything better must not lengthen the wait.
 */
export function endPass(
  breaker: Breaker,
  pass: Pass,
  ended: { outcome: Outcome; now: number; random: Random },
): void {
  const { outcome, now, random } = ended
  const is_probe = breaker.probe === pass
  if (is_probe) breaker.probe = undefined
  // A limit is a limit, however old the request that met it.
  if (outcome.kind === "rate-limited") cool(breaker, now + outcome.retry_after_ms, now)
  if (pass.period !== breaker.period) return
  if (outcome.kind === "answered") noteAnswer(breaker, now)
  if (!isFailure(outcome)) return
  breaker.failures_in_a_row++
  breaker.recent.add(outcome.kind, now)
  const is_closed = breaker.open_until === null
  if (!is_closed && !is_probe) return
  if (outcome.kind === "key-refused") open(breaker, now + KEY_OPEN_MS, outcome.kind)
  else if (is_probe || hasFailedEnough(breaker, now)) trip(breaker, now, random)
}

function noteAnswer(breaker: Breaker, now: number): void {
  breaker.failures_in_a_row = 0
  if (breaker.open_until !== null) close(breaker, now)
  breaker.recent.add("answered", now)
}

function hasFailedEnough(breaker: Breaker, now: number): boolean {
  if (breaker.failures_in_a_row >= FAILURES_TO_OPEN) return true
  const counts = breaker.recent.counts(now)
  const failed = FAILURE_KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0)
  const tries = failed + (counts.answered ?? 0)
  return tries >= TRIES_TO_JUDGE && failed / tries > SHARE_TO_OPEN
}

/** Opens for twice as long as the last time. */
function trip(breaker: Breaker, now: number, random: Random): void {
  if (breaker.open_until === null && now - breaker.closed_at > CALM_MS) breaker.opens = 0
  const longest_ms = Math.min(LONGEST_OPEN_MS, SHORTEST_OPEN_MS * 2 ** breaker.opens)
  breaker.opens++
  open(breaker, now + Math.round(longest_ms * (1 - JITTER * drawUnit(random))), "failures")
}

function open(breaker: Breaker, until: number, reason: Breaker["opened_by"]): void {
  breaker.open_until = until
  breaker.opened_by = reason
  breaker.period++
}

/** What failed before it opened is no argument against it any more. */
function close(breaker: Breaker, now: number): void {
  breaker.open_until = null
  breaker.closed_at = now
  breaker.period++
  breaker.recent.clear()
}

function cool(breaker: Breaker, until: number, now: number): void {
  breaker.cool_until = Math.max(breaker.cool_until, Math.min(until, now + LONGEST_COOL_MS))
}
