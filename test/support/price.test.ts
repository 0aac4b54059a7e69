/** Tests of the oracle that checks receipts, by figures worked out by hand. */
import { expect, test } from "bun:test"
import { nanosOf, priceOf } from "./price.ts"

test("a price is exact: 250 fresh, 1,000 cached and 300 output tokens cost 0.01075 USD", () => {
  expect(priceOf({ input: 1250, cached: 1000, output: 300 })).toBe(nanosOf("0.01075"))
})

test("decimals are read to the nano and nothing else is taken for one", () => {
  expect([nanosOf("5.00"), nanosOf("-0.000000001"), nanosOf("12")]).toEqual([
    5_000_000_000n,
    -1n,
    12_000_000_000n,
  ])
  expect(() => nanosOf("1.0000000001")).toThrow("not an exact decimal")
  expect(() => nanosOf("")).toThrow("not an exact decimal")
})
