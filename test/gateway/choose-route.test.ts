/** The order of routes: tiers first, weights within a tier. */
import { expect, test } from "bun:test"
import type { Route } from "../../src/gateway/catalog/catalog.ts"
import { orderRoutes } from "../../src/gateway/choose-route.ts"
import type { Random } from "../../src/platform/ids.ts"
import { createTestRandom } from "../support/random.ts"

const upstream = { id: "u", protocol: "openai-responses", base_url: "http://u.test", key: "" } as const
const route = (id: string, tier: number, weight: number): Route => ({
  id,
  tier,
  weight,
  upstream,
  upstream_model: "m",
})
const idsOf = (routes: readonly Route[], random: Random) => orderRoutes(routes, random).map(one => one.id)

/** Random bytes that read as the given number. */
const drawing =
  (number: number): Random =>
  () =>
    Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number)

test("one route needs no draw, and none gives none", () => {
  const never = () => expect.unreachable()
  expect(idsOf([route("a", 0, 1)], never)).toEqual(["a"])
  expect(idsOf([], never)).toEqual([])
})

test("a lower tier always comes first", () => {
  const routes = [route("a", 0, 1), route("b", 1, 1_000), route("c", 2, 1)]
  const random = createTestRandom()
  for (let count = 0; count < 50; count++) expect(idsOf(routes, random)).toEqual(["a", "b", "c"])
})

test("within a tier the weights share the first place", () => {
  const routes = [route("a", 0, 1), route("b", 0, 3)]
  const random = createTestRandom()
  const firsts = Array.from({ length: 4_000 }, () => idsOf(routes, random)[0])
  expect(firsts.filter(id => id === "a").length).toBeWithin(900, 1_100)
})

test.each([
  [0, "a"],
  [1, "b"],
  [3, "b"],
  [4, "a"],
  // Read as unsigned: the largest draw is no negative place.
  [0xffffffff, "b"],
])("the draw %i of the weights 1 and 3 is %s", (number, id) => {
  expect(idsOf([route("a", 0, 1), route("b", 0, 3)], drawing(number))[0]).toBe(id)
})

test("every route is tried once, and the list that was given stays as it was", () => {
  const routes = [route("a", 0, 1), route("b", 0, 1), route("c", 0, 1), route("d", 7, 1)]
  const before = [...routes]
  const random = createTestRandom()
  for (let count = 0; count < 50; count++) {
    expect(idsOf(routes, random).toSorted()).toEqual(["a", "b", "c", "d"])
  }
  expect(routes).toEqual(before)
})
