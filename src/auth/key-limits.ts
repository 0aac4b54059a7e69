/** How much one API key may ask at once and per minute; in memory, per process. */
import type { Clock } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import { createRateLimit } from "../platform/rate-limit.ts"

export interface KeyLimits {
  /** Takes a place for one request; the answer gives it back, once. Throws `rate_limited` when there is none. */
  enter(key_id: string): () => void
}

/** When all places are taken, a repeat is worthwhile after about this long. */
const BUSY_RETRY_MS = 2_000

export function createKeyLimits(
  clock: Clock,
  limits: { concurrency: number; requests_per_minute: number },
): KeyLimits {
  const open = new Map<string, number>()
  const rate = createRateLimit(clock, {
    burst: limits.requests_per_minute,
    per_minute: limits.requests_per_minute,
  })
  return {
    enter(key_id) {
      const count = open.get(key_id) ?? 0
      if (count >= limits.concurrency) {
        throw new AppError("rate_limited", `This API key has ${count} open requests, the most it may have.`, {
          code: "concurrency_limit",
          retry_after_ms: BUSY_RETRY_MS,
        })
      }
      const wait_ms = rate.take(key_id)
      if (wait_ms > 0) {
        throw new AppError(
          "rate_limited",
          `This API key made ${limits.requests_per_minute} requests in a minute.`,
          {
            code: "rate_limit_exceeded",
            retry_after_ms: wait_ms,
          },
        )
      }
      open.set(key_id, count + 1)
      let has_left = false
      return () => {
        if (!has_left) leave(open, key_id)
        has_left = true
      }
    },
  }
}

function leave(open: Map<string, number>, key_id: string): void {
  const count = (open.get(key_id) ?? 1) - 1
  if (count > 0) open.set(key_id, count)
  else open.delete(key_id)
}
