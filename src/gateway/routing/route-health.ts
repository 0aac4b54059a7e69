/** What is known of each route from its tries: outcomes, speed and the state of its breaker, in memory. */
import type { Clock } from "../../platform/clock.ts"
import type { Random } from "../../platform/ids.ts"
import {
  type Breaker,
  type BreakerState,
  beginPass,
  createBreaker,
  endPass,
  isAvailable,
  type OpenReason,
  openReasonOf,
  opensAt,
  stateOf,
} from "./breaker.ts"
import { FAILURE_KINDS, type Outcome } from "./outcome.ts"
import { createOutcomeWindow, type OutcomeCounts, type OutcomeWindow } from "./outcome-window.ts"

/** A route as the operator sees it. */
export interface RouteHealth {
  route_id: string
  upstream_id: string
  state: BreakerState
  /** Why it is open or half-open. */
  open_reason: OpenReason | null
  /** When it is asked again; null when nothing keeps it from being asked. */
  open_until: number | null
  failures_in_a_row: number
  /** Outcomes of the last five minutes, by kind. */
  outcomes: OutcomeCounts
  /** Answers among answers and failures of the last five minutes; null without any. */
  success_share: number | null
  /** Smoothed time from sending to the first output; null before the first stream. */
  first_output_ms: number | null
}

/** A try on a route that is under way. */
export interface Try {
  /** Says what came of it; calling it again does nothing. */
  end(outcome: Outcome): void
}

export interface HealthOfRoutes {
  /** Whether it may be tried: a route nobody has tried yet is. */
  isAvailable(route_id: string): boolean
  /** When a route that is not available opens. */
  opensAt(route_id: string): number
  /** Begins a try, whatever the state; `isAvailable` is asked before. */
  begin(route: RouteName): Try
  /** Every route that was tried within the last hour, by id. */
  list(): RouteHealth[]
}

export interface RouteName {
  id: string
  upstream: { id: string }
}

interface Known {
  upstream_id: string
  breaker: Breaker
  outcomes: OutcomeWindow
  first_output_ms: number | null
  used_at: number
  open_tries: number
}

/** Five minutes. */
const REPORTED = { slot_ms: 10_000, slot_count: 30 }
/** How much the newest time weighs. */
const SMOOTHING = 0.2
/** A route that was taken out of the catalogue must not be reported for ever. */
const FORGOTTEN_AFTER_MS = 3_600_000

export function createHealthOfRoutes(needs: { clock: Clock; random: Random }): HealthOfRoutes {
  const { clock } = needs
  const routes = new Map<string, Known>()

  function forgetIdle(): void {
    const limit = clock.now() - FORGOTTEN_AFTER_MS
    for (const [id, { used_at, open_tries }] of routes) {
      if (used_at < limit && open_tries === 0) routes.delete(id)
    }
  }

  function know({ id, upstream }: RouteName): Known {
    const found = routes.get(id)
    if (found) return found
    forgetIdle()
    const known = createKnown(upstream.id)
    routes.set(id, known)
    return known
  }

  return {
    isAvailable(route_id) {
      const known = routes.get(route_id)
      return known === undefined || isAvailable(known.breaker, clock.now())
    },
    opensAt(route_id) {
      const known = routes.get(route_id)
      return known ? opensAt(known.breaker) : 0
    },
    begin: route => beginTry(needs, know(route)),
    list() {
      forgetIdle()
      const now = clock.now()
      const list = [...routes].map(([id, known]) => reportOf(id, known, now))
      return list.sort((a, b) => (a.route_id < b.route_id ? -1 : 1))
    },
  }
}

const createKnown = (upstream_id: string): Known => ({
  upstream_id,
  breaker: createBreaker(),
  outcomes: createOutcomeWindow(REPORTED),
  first_output_ms: null,
  used_at: 0,
  open_tries: 0,
})

function beginTry(needs: { clock: Clock; random: Random }, known: Known): Try {
  known.used_at = needs.clock.now()
  known.open_tries++
  const pass = beginPass(known.breaker, known.used_at)
  let is_ended = false
  return {
    end(outcome) {
      if (is_ended) return
      is_ended = true
      const now = needs.clock.now()
      known.open_tries--
      known.used_at = now
      known.outcomes.add(outcome.kind, now)
      noteFirstOutput(known, outcome)
      endPass(known.breaker, pass, { outcome, now, random: needs.random })
    },
  }
}

function noteFirstOutput(known: Known, outcome: Outcome): void {
  if (outcome.kind !== "answered" || outcome.first_output_ms === null) return
  const before = known.first_output_ms ?? outcome.first_output_ms
  known.first_output_ms = before + SMOOTHING * (outcome.first_output_ms - before)
}

function reportOf(route_id: string, known: Known, now: number): RouteHealth {
  const { breaker } = known
  const outcomes = known.outcomes.counts(now)
  const state = stateOf(breaker, now)
  const answered = outcomes.answered ?? 0
  const tries = FAILURE_KINDS.reduce((sum, kind) => sum + (outcomes[kind] ?? 0), answered)
  return {
    route_id,
    upstream_id: known.upstream_id,
    state,
    open_reason: openReasonOf(breaker, now),
    open_until: state === "closed" ? null : opensAt(breaker),
    failures_in_a_row: breaker.failures_in_a_row,
    outcomes,
    success_share: tries === 0 ? null : answered / tries,
    first_output_ms: known.first_output_ms === null ? null : Math.round(known.first_output_ms),
  }
}
