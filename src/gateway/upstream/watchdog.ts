/** Notices silence on many things at once, with a single timer for all of them. */
import type { Clock } from "../../platform/clock.ts"

/** One watched thing. */
export interface Watchdog {
  /** Something happened. */
  touch(): void
  stop(): void
}

export interface Watch {
  /** Calls `onSilence` once, when `limit_ms` have passed without a touch: at most a second late. */
  start(limit_ms: number, onSilence: () => void): Watchdog
}

interface Watched extends Watchdog {
  limit_ms: number
  touched_at: number
  onSilence: () => void
}

const TICK_MS = 1_000

/** A timer for each of thousands of streams would cost more than the streams; one that looks at all costs nothing. */
export function createWatch(clock: Clock): Watch {
  const watched = new Set<Watched>()
  let is_ticking = false

  function tick(): void {
    const now = clock.now()
    for (const one of watched) {
      if (now - one.touched_at < one.limit_ms) continue
      watched.delete(one)
      one.onSilence()
    }
    is_ticking = watched.size > 0
    if (is_ticking) clock.after(TICK_MS, tick)
  }

  return {
    start(limit_ms, onSilence) {
      const one: Watched = {
        limit_ms,
        touched_at: clock.now(),
        onSilence,
        touch: () => {
          one.touched_at = clock.now()
        },
        stop: () => void watched.delete(one),
      }
      watched.add(one)
      if (!is_ticking) clock.after(TICK_MS, tick)
      is_ticking = true
      return one
    },
  }
}
