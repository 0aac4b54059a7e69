/** Places for reading on: bounded in all and for each customer, and given back. */
import { expect, test } from "bun:test"
import { createDrains } from "../../src/gateway/drains.ts"

const enter = (drains: ReturnType<typeof createDrains>, customer: string, count: number) =>
  Array.from({ length: count }, () => drains.enter(customer)).filter(leave => leave !== undefined)

test("one customer gets sixteen, all together sixty-four", () => {
  const drains = createDrains()
  expect(enter(drains, "a", 20)).toHaveLength(16)
  for (const other of ["b", "c", "d"]) expect(enter(drains, other, 20)).toHaveLength(16)
  expect(enter(drains, "e", 1)).toHaveLength(0)
})

test("a place that is given back can be taken again", () => {
  const drains = createDrains()
  const places = enter(drains, "a", 16)
  expect(drains.enter("a")).toBeUndefined()
  places[0]!()
  expect(enter(drains, "a", 2)).toHaveLength(1)
})
