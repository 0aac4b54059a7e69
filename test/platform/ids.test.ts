/** Ids: their shape, their order, and that none comes twice. */
import { expect, test } from "bun:test"
import { base32, createNewId, systemRandom } from "../../src/platform/ids.ts"
import { createTestClock } from "../support/clock.ts"
import { createTestRandom } from "../support/random.ts"

test("an id is its prefix and 26 characters without i, l, o and u", () => {
  const newId = createNewId({ clock: createTestClock(), random: createTestRandom() })
  expect(newId("cus")).toMatch(/^cus_[0-9a-hjkmnp-tv-z]{26}$/)
})

test("ids sort by the time they were made, also across digits of the time", () => {
  const clock = createTestClock(0)
  const newId = createNewId({ clock, random: createTestRandom() })
  const ids: string[] = []
  for (const ms of [0, 1, 30, 1, 992, 31_744, 2 ** 31, 2 ** 40]) {
    clock.advance(ms)
    ids.push(newId("req"))
  }
  expect(ids.toSorted()).toEqual(ids)
})

test("the time of an id is the ULID's: 48 bits in ten characters", () => {
  // The ULID specification's example: 1469918176385 is 01ARYZ6S41.
  const newId = createNewId({ clock: createTestClock(1_469_918_176_385), random: createTestRandom() })
  expect(newId("x").slice(2, 12)).toBe("01aryz6s41")
})

test("ten thousand ids of one millisecond are all different", () => {
  const newId = createNewId({ clock: createTestClock(), random: systemRandom })
  const ids = new Set(Array.from({ length: 10_000 }, () => newId("evt")))
  expect(ids.size).toBe(10_000)
})

test("base 32 puts the most significant bits first", () => {
  expect(base32(Uint8Array.of(0, 0, 0, 0, 0))).toBe("00000000")
  expect(base32(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff))).toBe("zzzzzzzz")
  expect(base32(Uint8Array.of(0b00001_000, 0b10_00011_0, 0b0100_0010, 0b1_00110_00, 0b111_01000))).toBe(
    "12345678",
  )
})

test("bits that fill no whole character are kept in a last one", () => {
  expect(base32(Uint8Array.of(0xff))).toBe("zw")
  expect(base32(new Uint8Array(0))).toBe("")
})

test("the system's random bytes are as many as asked and differ", () => {
  const [first, second] = [systemRandom(20), systemRandom(20)]
  expect(first).toHaveLength(20)
  expect(first).not.toEqual(second)
})
