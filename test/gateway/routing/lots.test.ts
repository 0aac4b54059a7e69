/** Numbers to draw with: inside their bounds, from all four bytes, the same for the same text. */
import { expect, test } from "bun:test"
import { drawUnit, hashUnit } from "../../../src/gateway/routing/lots.ts"

test.each([
  ["the smallest", [0, 0, 0, 0], 0.5 / 2 ** 32],
  ["a half", [0x80, 0, 0, 0], 0.5],
  ["the largest", [255, 255, 255, 255], 1],
  ["the last byte", [0, 0, 0, 255], 255.5 / 2 ** 32],
])("%s of random bytes", (_, bytes, unit) => {
  const drawn = drawUnit(() => Uint8Array.from(bytes))
  expect(drawn).toBeCloseTo(unit, 9)
  expect(drawn).toBeGreaterThan(0)
  expect(drawn).toBeLessThan(1)
})

test("a text has the number of its published hash", () => {
  // xxHash32 of nothing with seed 0 is 0x02cc5d05, by its specification.
  expect(hashUnit("")).toBe((0x02cc5d05 + 0.5) / 2 ** 32)
  expect(hashUnit("a")).not.toBe(hashUnit("b"))
})
