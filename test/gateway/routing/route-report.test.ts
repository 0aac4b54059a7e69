/** What the operator reads of routes: the answer's shape, and the gauges at each scrape. */
import { expect, test } from "bun:test"
import { Registry } from "prom-client"
import type { RouteHealth } from "../../../src/gateway/routing/route-health.ts"
import { exposeRouteHealth, toApiHealth } from "../../../src/gateway/routing/route-report.ts"
import { START_AT } from "../../support/clock.ts"

const healthOf = (route_id: string, more: Partial<RouteHealth>): RouteHealth => ({
  route_id,
  upstream_id: "up",
  state: "closed",
  open_reason: null,
  open_until: null,
  failures_in_a_row: 0,
  outcomes: { answered: 3 },
  success_share: 1,
  first_output_ms: null,
  ...more,
})

test("the answer has its time in words, and everything else as it is", () => {
  const open = healthOf("a", { state: "open", open_reason: "failures", open_until: START_AT })
  expect(toApiHealth(open)).toMatchObject({ routeId: open.route_id, openUntil: "2026-01-02T03:04:05.000Z" })
  expect(toApiHealth(healthOf("a", {})).openUntil).toBeNull()
})

test("every scrape shows the routes of that moment", async () => {
  const registry = new Registry()
  let list = [
    healthOf("a", { state: "open", first_output_ms: 1_250 }),
    healthOf("b", { state: "half-open" }),
    healthOf("c", { first_output_ms: 40 }),
  ]
  exposeRouteHealth(registry, { health: () => list })
  const scrape = async () => (await registry.metrics()).split("\n").filter(line => /^\w+\{/.test(line))
  expect(await scrape()).toEqual([
    'codexapi_route_state{route="a",upstream="up"} 2',
    'codexapi_route_state{route="b",upstream="up"} 1',
    'codexapi_route_state{route="c",upstream="up"} 0',
    'codexapi_route_first_output_seconds{route="a",upstream="up"} 1.25',
    'codexapi_route_first_output_seconds{route="c",upstream="up"} 0.04',
  ])
  list = [healthOf("a", {})]
  expect(await scrape()).toEqual(['codexapi_route_state{route="a",upstream="up"} 0'])
})
