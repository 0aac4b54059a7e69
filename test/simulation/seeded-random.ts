/** The only source of chance in a simulated run: the same seed gives the same run, on every machine. */

export interface SeededRandom {
  /** A whole number from 0 to `below` - 1. */
  int(below: number): number
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
}

const SIZE = 2 ** 32

/** A SplitMix32 stream. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = Math.imul(seed + 1, 0x85ebca6b) >>> 0
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  const int = (below: number) => Math.floor((next() / SIZE) * below)
  return {
    int,
    between: (low, high) => low + int(high - low + 1),
    chance: probability => next() < probability * SIZE,
    pick: list => list[int(list.length)]!,
  }
}
