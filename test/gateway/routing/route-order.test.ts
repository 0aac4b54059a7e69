/** The order of routes: tiers first, weights within a tier, the same for the same conversation. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { isOpenTo, orderRoutes, type Routable } from "../../../src/gateway/routing/route-order.ts"
import { checkProperty } from "../../support/property.ts"
import { createTestRandom } from "../../support/random.ts"

const route = (id: string, tier: number, weight: number): Routable => ({
  id,
  tier,
  weight,
  upstream: { id: "u" },
})
const idsOf = (routes: readonly Routable[]) => routes.map(one => one.id)
const keys = (count: number) => Array.from({ length: count }, (_, number) => `key-${number}`)

/** How often each route came first. */
function countFirsts(orders: readonly Routable[][]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [first] of orders) counts[first!.id] = (counts[first!.id] ?? 0) + 1
  return counts
}

/** The sum of squared deviations from what the weights promise. */
function chiSquare(routes: readonly Routable[], counts: Record<string, number>, total: number): number {
  const weights = routes.reduce((sum, one) => sum + one.weight, 0)
  return routes.reduce((sum, one) => {
    const expected = (total * one.weight) / weights
    return sum + ((counts[one.id] ?? 0) - expected) ** 2 / expected
  }, 0)
}

test("one route needs no draw, and none gives none", () => {
  const never = () => expect.unreachable()
  expect(idsOf(orderRoutes([route("a", 0, 1)], never))).toEqual(["a"])
  expect(orderRoutes([], never)).toEqual([])
})

test("a lower tier always comes first, whatever the weights, drawn or by conversation", () => {
  const routes = [route("c", 2, 1), route("b", 1, 1_000), route("a", 0, 1)]
  const random = createTestRandom()
  for (const sticky_key of [undefined, ...keys(50)]) {
    expect(idsOf(orderRoutes(routes, random, { sticky_key }))).toEqual(["a", "b", "c"])
  }
})

describe("weights share the first place", () => {
  const tables: [string, number[]][] = [
    ["two equal ones", [1, 1]],
    ["one and three", [1, 3]],
    ["five of all sizes", [1, 2, 5, 10, 40]],
    ["a hundred to one", [100, 1]],
  ]
  const TOTAL = 8_000
  /** For four degrees of freedom a chi-square above 23.5 has a chance of one in ten thousand. */
  const LIMIT = 23.5

  test.each(tables)("drawn: %s", (_, weights) => {
    const routes = weights.map((weight, number) => route(`r${number}`, 0, weight))
    const random = createTestRandom(7)
    const orders = keys(TOTAL).map(() => orderRoutes(routes, random))
    expect(chiSquare(routes, countFirsts(orders), TOTAL)).toBeLessThan(LIMIT)
  })

  test.each(tables)("by conversation: %s", (_, weights) => {
    const routes = weights.map((weight, number) => route(`r${number}`, 0, weight))
    const orders = keys(TOTAL).map(sticky_key => orderRoutes(routes, createTestRandom(), { sticky_key }))
    expect(chiSquare(routes, countFirsts(orders), TOTAL)).toBeLessThan(LIMIT)
  })

  test("the second place is shared by weight among those that are left", () => {
    const routes = [route("a", 0, 1), route("b", 0, 3), route("c", 0, 1_000_000)]
    const random = createTestRandom(3)
    const seconds = keys(4_000).map(() => [orderRoutes(routes, random)[1]!])
    expect(countFirsts(seconds).a).toBeWithin(880, 1_120)
  })
})

describe("a conversation", () => {
  const routes = [route("a", 0, 1), route("b", 0, 2), route("c", 0, 3)]

  test("has the same order without any randomness, in any order of the catalogue", () => {
    const never = () => expect.unreachable()
    for (const sticky_key of keys(100)) {
      const there = idsOf(orderRoutes(routes, never, { sticky_key }))
      expect(idsOf(orderRoutes(routes.toReversed(), never, { sticky_key }))).toEqual(there)
    }
  })

  test("keeps the place it has in this version: the hash is part of the contract with restarts", () => {
    const firsts = keys(6).map(sticky_key => orderRoutes(routes, createTestRandom(), { sticky_key })[0]!.id)
    expect(firsts).toEqual(["a", "c", "c", "b", "c", "b"])
  })

  test("moves only to a route that is added, never between those that were there", () => {
    const more = [...routes, route("d", 0, 2)]
    let moved = 0
    for (const sticky_key of keys(2_000)) {
      const before = orderRoutes(routes, createTestRandom(), { sticky_key })[0]!.id
      const after = orderRoutes(more, createTestRandom(), { sticky_key })[0]!.id
      if (after === before) continue
      expect(after).toBe("d")
      moved++
    }
    // Its own share is 2 of 8.
    expect(moved).toBeWithin(420, 580)
  })
})

test("a route that would have to wait comes behind the others of its tier, before the next tier", () => {
  const routes = [route("full", 0, 1_000), route("free", 0, 1), route("next", 1, 1_000)]
  const isFull = (one: Routable) => one.id === "full"
  expect(idsOf(orderRoutes(routes, createTestRandom(), { isFull }))).toEqual(["free", "full", "next"])
})

test("law: every route is tried once, by tier, and the list that was given stays as it was", () => {
  const some = fc.record({ tier: fc.nat(3), weight: fc.integer({ min: 1, max: 1_000 }) })
  const values = fc.record({ drafts: fc.array(some, { maxLength: 8 }), key: fc.option(fc.string()) })
  checkProperty(import.meta.path, values, ({ drafts, key }) => {
    const routes = drafts.map(({ tier, weight }, number) => route(`r${number}`, tier, weight))
    const before = [...routes]
    const ordered = orderRoutes(routes, createTestRandom(), { sticky_key: key ?? undefined })
    expect(idsOf(ordered).toSorted()).toEqual(idsOf(routes).toSorted())
    expect(ordered.map(one => one.tier)).toEqual(ordered.map(one => one.tier).toSorted((a, b) => a - b))
    expect(routes).toEqual(before)
  })
})

test.each([
  [undefined, false, true],
  [false, false, true],
  [true, false, false],
  [true, true, true],
  [undefined, true, true],
])("a route with is_vip_only %p is open to a customer with is_vip %p: %p", (is_vip_only, is_vip, is_open) => {
  const one = is_vip_only === undefined ? route("a", 0, 1) : { ...route("a", 0, 1), is_vip_only }
  expect(isOpenTo(one, is_vip)).toBe(is_open)
})
