/** The health of routes as the operator reads it: a JSON answer and two gauges. */
import { Gauge, type Registry } from "prom-client"
import { toIsoOrNull } from "../../platform/schema.ts"
import type { RouteHealth } from "./route-health.ts"

/** The health of one route in the admin API: camelCase, times in ISO 8601. */
export const toApiHealth = (health: RouteHealth) => ({
  routeId: health.route_id,
  upstreamId: health.upstream_id,
  state: health.state,
  openReason: health.open_reason,
  openUntil: toIsoOrNull(health.open_until),
  failuresInARow: health.failures_in_a_row,
  outcomes: health.outcomes,
  successShare: health.success_share,
  firstOutputMs: health.first_output_ms,
})

const STATE_VALUE = { closed: 0, "half-open": 1, open: 2 } as const

/** Adds the gauges to `registry`; they are set anew at every scrape, so a route that is gone is gone there too. */
export function exposeRouteHealth(registry: Registry, routing: { health(): RouteHealth[] }): void {
  const registers = [registry]
  const labelNames = ["route", "upstream"] as const
  new Gauge({
    name: "codexapi_route_state",
    help: "0: closed, 1: half-open, 2: open or cooling down.",
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const one of routing.health()) this.set(labelsOf(one), STATE_VALUE[one.state])
    },
  })
  new Gauge({
    name: "codexapi_route_first_output_seconds",
    help: "Smoothed time from sending to the first output.",
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const one of routing.health()) {
        if (one.first_output_ms !== null) this.set(labelsOf(one), one.first_output_ms / 1000)
      }
    },
  })
}

const labelsOf = ({ route_id, upstream_id }: RouteHealth) => ({ route: route_id, upstream: upstream_id })
