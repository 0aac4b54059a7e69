/** Notices silence: calls back when nothing happened for a while, with one timer per watched thing. */
import type { Clock } from "../../platform/clock.ts"

export interface Watchdog {
  /** Something happened. Cheap: the timer is not touched. */
  touch(): void
  stop(): void
}

/** Calls `onSilence` once when `limit_ms` passed without a touch. */
export function startWatchdog(clock: Clock, limit_ms: number, onSilence: () => void): Watchdog {
  let touched_at = clock.now()
  let cancel = clock.after(limit_ms, check)
  function check(): void {
    const left_ms = touched_at + limit_ms - clock.now()
    if (left_ms > 0) cancel = clock.after(left_ms, check)
    else onSilence()
  }
  return {
    touch: () => {
      touched_at = clock.now()
    },
    stop: () => cancel(),
  }
}
