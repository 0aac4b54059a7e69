/** Counts of outcomes over the last while, in slots of time; old slots are overwritten, nothing is swept. */
import type { OutcomeKind } from "./outcome.ts"

export type OutcomeCounts = Partial<Record<OutcomeKind, number>>

export interface OutcomeWindow {
  add(kind: OutcomeKind, now: number): void
  /** What was added in the last `slot_count` slots, the one that is being filled included. */
  counts(now: number): OutcomeCounts
  clear(): void
}

/** The window reaches back between `slot_ms * (slot_count - 1)` and `slot_ms * slot_count`. */
export function createOutcomeWindow(shape: { slot_ms: number; slot_count: number }): OutcomeWindow {
  const { slot_ms, slot_count } = shape
  const slots = new Map<number, { number: number; counts: OutcomeCounts }>()
  return {
    add(kind, now) {
      const number = Math.floor(now / slot_ms)
      let slot = slots.get(number % slot_count)
      if (slot?.number !== number) {
        slot = { number, counts: {} }
        slots.set(number % slot_count, slot)
      }
      slot.counts[kind] = (slot.counts[kind] ?? 0) + 1
    },
    counts(now) {
      const oldest = Math.floor(now / slot_ms) - slot_count + 1
      const sum: OutcomeCounts = {}
      for (const { number, counts } of slots.values()) if (number >= oldest) addCounts(sum, counts)
      return sum
    },
    clear: () => slots.clear(),
  }
}

function addCounts(sum: OutcomeCounts, counts: OutcomeCounts): void {
  for (const [kind, count] of Object.entries(counts) as [OutcomeKind, number][]) {
    sum[kind] = (sum[kind] ?? 0) + count
  }
}
