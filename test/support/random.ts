/** The fourth seam: random bytes that are the same in every run, and spread like real ones. */
import type { Random } from "../../src/platform/ids.ts"

/** Bytes of a SplitMix32 stream; another seed gives another stream. */
export function createTestRandom(seed = 1): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) & 0xff
  }
  return size => Uint8Array.from({ length: size }, next)
}
