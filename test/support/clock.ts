/** The first seam: a clock that stands still until a test moves it, firing the timers it passes. */
import type { Clock } from "../../src/platform/clock.ts"

export interface TestClock extends Clock {
  /** Moves on by `ms` and fires, in order, every timer that comes due on the way, new ones included. */
  advance(ms: number): void
  /** How many timers wait. */
  timer_count(): number
}

interface Timer {
  due_at: number
  action: () => void
}

/** 2026-01-02T03:04:05Z: every test clock starts here. */
export const START_AT = Date.UTC(2026, 0, 2, 3, 4, 5)

export function createTestClock(start_at: number = START_AT): TestClock {
  let now = start_at
  const timers = new Set<Timer>()

  const findNext = (until: number): Timer | undefined =>
    [...timers].filter(timer => timer.due_at <= until).sort((a, b) => a.due_at - b.due_at)[0]

  return {
    now: () => now,
    after(ms, action) {
      const timer = { due_at: now + ms, action }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const until = now + ms
      for (let timer = findNext(until); timer; timer = findNext(until)) {
        timers.delete(timer)
        now = timer.due_at
        timer.action()
      }
      now = until
    },
    timer_count: () => timers.size,
  }
}
