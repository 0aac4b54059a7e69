/** The memory of conversations: how long, how many, and which are forgotten first. */
import { expect, test } from "bun:test"
import { createStickyRoutes } from "../../../src/gateway/routing/sticky-routes.ts"
import { createTestClock } from "../../support/clock.ts"

function stage() {
  const clock = createTestClock()
  return { clock, sticky: createStickyRoutes(clock) }
}

test("the route that answered last is remembered for ten minutes since", () => {
  const { clock, sticky } = stage()
  sticky.remember("a", "r1")
  clock.advance(599_999)
  expect(sticky.recall("a")).toBe("r1")
  sticky.remember("a", "r2")
  clock.advance(599_999)
  expect(sticky.recall("a")).toBe("r2")
  clock.advance(1)
  expect(sticky.recall("a")).toBeUndefined()
  expect(sticky.recall("b")).toBeUndefined()
})

test("recalling does not lengthen it: only an answer warms a cache", () => {
  const { clock, sticky } = stage()
  sticky.remember("a", "r1")
  clock.advance(300_000)
  sticky.recall("a")
  clock.advance(300_000)
  expect(sticky.recall("a")).toBeUndefined()
})

test("of more than fifty thousand the one that was silent longest is forgotten", () => {
  const { sticky } = stage()
  for (let number = 0; number < 50_000; number++) sticky.remember(`k${number}`, "r")
  sticky.remember("k0", "r")
  sticky.remember("new", "r")
  expect(sticky.recall("k0")).toBe("r")
  expect(sticky.recall("k1")).toBeUndefined()
  expect(sticky.recall("k2")).toBe("r")
  expect(sticky.recall("new")).toBe("r")
})
