/** Numbers between 0 and 1 to draw with: from random bytes, or the same ones each time from a text. */
import type { Random } from "../../platform/ids.ts"

const RANGE = 2 ** 32

/** A random number above 0 and below 1. */
export function drawUnit(random: Random): number {
  const [a = 0, b = 0, c = 0, d = 0] = random(4)
  return unitOf(((a << 24) | (b << 16) | (c << 8) | d) >>> 0)
}

/** The number of a text: the same in every process and version, because xxHash32 is a published function. */
export const hashUnit = (text: string): number => unitOf(Bun.hash.xxHash32(text))

/** Never 0 and never 1: both have no finite logarithm worth drawing with. */
const unitOf = (bits: number): number => (bits + 0.5) / RANGE
