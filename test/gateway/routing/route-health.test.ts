/** What is known of routes: the report after tries, the smoothing, and that routes which are gone are forgotten. */
import { expect, test } from "bun:test"
import { createHealthOfRoutes } from "../../../src/gateway/routing/route-health.ts"
import { createTestClock, START_AT } from "../../support/clock.ts"
import { createTestRandom } from "../../support/random.ts"

const A = { id: "a", upstream: { id: "up" } }
const B = { id: "b", upstream: { id: "up" } }

function stage() {
  const clock = createTestClock()
  return { clock, health: createHealthOfRoutes({ clock, random: createTestRandom() }) }
}

test("a route nobody has tried is available and not reported", () => {
  const { health } = stage()
  expect([health.isAvailable("a"), health.opensAt("a"), health.list()]).toEqual([true, 0, []])
})

test("the report has the outcomes by kind, the share of answers and the smoothed time", () => {
  const { health } = stage()
  health.begin(B).end({ kind: "answered", first_output_ms: null })
  health.begin(A).end({ kind: "answered", first_output_ms: 1_000 })
  health.begin(A).end({ kind: "answered", first_output_ms: 2_000 })
  health.begin(A).end({ kind: "cut" })
  health.begin(A).end({ kind: "client-left" })
  health.begin(A).end({ kind: "timeout" })
  expect(health.list()).toEqual([
    {
      route_id: "a",
      upstream_id: "up",
      state: "closed",
      open_reason: null,
      open_until: null,
      failures_in_a_row: 2,
      outcomes: { answered: 2, cut: 1, "client-left": 1, timeout: 1 },
      success_share: 0.5,
      first_output_ms: 1_200,
    },
    {
      route_id: "b",
      upstream_id: "up",
      state: "closed",
      open_reason: null,
      open_until: null,
      failures_in_a_row: 0,
      outcomes: { answered: 1 },
      success_share: 1,
      first_output_ms: null,
    },
  ])
})

test("outcomes are those of five minutes; without answers or failures there is no share", () => {
  const { clock, health } = stage()
  health.begin(A).end({ kind: "error" })
  clock.advance(300_001)
  health.begin(A).end({ kind: "client-fault" })
  expect(health.list()[0]).toMatchObject({
    outcomes: { "client-fault": 1 },
    success_share: null,
    failures_in_a_row: 1,
  })
})

test("a route that opened says why and until when, and is half-open after that", () => {
  const { clock, health } = stage()
  health.begin(A).end({ kind: "key-refused" })
  expect(health.isAvailable("a")).toBe(false)
  expect(health.opensAt("a")).toBe(START_AT + 60_000)
  expect(health.list()[0]).toMatchObject({
    state: "open",
    open_reason: "key-refused",
    open_until: START_AT + 60_000,
  })
  clock.advance(60_000)
  expect(health.list()[0]).toMatchObject({ state: "half-open", open_reason: "key-refused" })
  expect(health.isAvailable("a")).toBe(true)
  health.begin(A).end({ kind: "answered", first_output_ms: null })
  expect(health.list()[0]).toMatchObject({ state: "closed", open_reason: null, open_until: null })
})

test("a try ends once, whatever is said after that", () => {
  const { health } = stage()
  const begun = health.begin(A)
  begun.end({ kind: "client-left" })
  for (let count = 0; count < 5; count++) begun.end({ kind: "error" })
  expect(health.list()[0]).toMatchObject({ state: "closed", outcomes: { "client-left": 1 } })
})

test("a route that was not used for an hour is forgotten, one with a try under way is not", () => {
  const { clock, health } = stage()
  health.begin(A).end({ kind: "key-refused" })
  const long = health.begin(B)
  clock.advance(3_600_001)
  expect(health.list().map(one => one.route_id)).toEqual(["b"])
  expect(health.isAvailable("a")).toBe(true)
  long.end({ kind: "answered", first_output_ms: null })
  expect(health.list()[0]).toMatchObject({ route_id: "b", outcomes: { answered: 1 } })
})
