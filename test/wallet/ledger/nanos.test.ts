/** Tests of the ledger's unit: what is read, what is written, what is refused. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  addNanos,
  centsToNanos,
  formatUsd,
  minNanos,
  parseUsd,
  subtractNanos,
  toNanos,
} from "../../../src/wallet/ledger/nanos.ts"
import { checkProperty } from "../../support/property.ts"

const LIMIT = 9_000_000_000_000_000

describe("nano-USD", () => {
  test.each([
    ["12", 12_000_000_000],
    ["12.50", 12_500_000_000],
    ["0.5", 500_000_000],
    ["0.000000001", 1],
    ["0", 0],
    ["0.00", 0],
    ["007", 7_000_000_000],
    ["9000000", LIMIT],
    ["8999999.999999999", LIMIT - 1],
  ])("the amount %p is read as %p nanos", (text, nanos) => {
    expect(parseUsd(text)).toBe(toNanos(nanos))
  })

  test.each([
    "",
    " 1",
    "1 ",
    "-1",
    "+1",
    "1.",
    ".5",
    "1,5",
    "1e3",
    "0x10",
    "1_000",
    "١",
    "NaN",
    "Infinity",
    "1.0000000001",
    "9000000.000000001",
    "9000001",
    "99999999",
    "1\n",
  ])("%p is no amount", text => {
    expect(parseUsd(text)).toBeUndefined()
  })

  test.each([
    [0, "0.00"],
    [1, "0.000000001"],
    [10_000_000, "0.01"],
    [525, "0.000000525"],
    [54_399_000, "0.054399"],
    [10_750_000, "0.01075"],
    [1_100_000_000, "1.10"],
    [12_000_000_000, "12.00"],
    [-1, "-0.000000001"],
    [-1_500_000_000, "-1.50"],
    [LIMIT, "9000000.00"],
  ])("%p nanos are written as %p", (nanos, text) => {
    expect(formatUsd(toNanos(nanos))).toBe(text)
  })

  test("a sum over many accounts, beyond what a number holds, is written exactly", () => {
    expect(formatUsd(123_456_789_012_345_678_901_234_567n)).toBe("123456789012345678.901234567")
  })

  test("a cent is ten million nanos", () => {
    expect([centsToNanos(0), centsToNanos(1), centsToNanos(1999)]).toEqual(
      [0, 10_000_000, 19_990_000_000].map(toNanos),
    )
    expect(() => centsToNanos(0.00000001)).toThrow("not a whole number of nano-USD")
  })

  test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53)])(
    "%p is no whole number of nanos",
    amount => {
      expect(() => toNanos(amount)).toThrow("not a whole number of nano-USD")
    },
  )

  test("an account ends at 9.0 million USD on either side", () => {
    const [most, least] = [toNanos(LIMIT), toNanos(-LIMIT)]
    expect(() => toNanos(LIMIT + 1)).toThrow("beyond the ledger's ±9.0 million USD")
    expect(() => toNanos(-BigInt(LIMIT) - 1n)).toThrow("beyond the ledger's ±9.0 million USD")
    expect(() => addNanos(most, toNanos(1))).toThrow(RangeError)
    expect(() => subtractNanos(least, toNanos(1))).toThrow(RangeError)
  })

  test("the smaller of two amounts", () => {
    expect([minNanos(toNanos(1), toNanos(2)), minNanos(toNanos(2), toNanos(1))]).toEqual([
      toNanos(1),
      toNanos(1),
    ])
  })

  test("whatever is written reads back as the same amount", () => {
    checkProperty(import.meta.path, fc.integer({ min: 0, max: LIMIT }), nanos => {
      expect(parseUsd(formatUsd(toNanos(nanos)))).toBe(toNanos(nanos))
    })
  })
})
