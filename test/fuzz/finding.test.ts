/** The judge of the fuzzer's memory: what is held counts, what only waits to be collected does not. */
import { expect, test } from "bun:test"
import { findInMemory } from "./finding.ts"

const SIZE_MB = 400

const fill = (): Uint8Array => new Uint8Array(SIZE_MB * 1_000_000).fill(1)

const heldNow = (): number => {
  Bun.gc(true)
  return process.memoryUsage.rss() / 1e6
}

test("a gigantic line that was let go is no finding", () => {
  const most_mb = heldNow() + SIZE_MB / 2
  expect(fill().at(-1)).toBe(1)
  expect(findInMemory(7, most_mb)).toEqual([])
})

test("one that is held is a finding", () => {
  const most_mb = heldNow() + SIZE_MB / 2
  const line = fill()
  expect(findInMemory(7, most_mb)).toEqual([
    { index: 7, message: expect.stringMatching(/^\d+ MB are held after this batch$/) },
  ])
  expect(line.at(-1)).toBe(1)
})
