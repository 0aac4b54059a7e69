/** Token buckets by name, in memory: how often something may happen; not how much it costs. */
import type { Clock } from "./clock.ts"
import { AppError } from "./errors.ts"

export interface RateLimit {
  /** Takes one; the answer is 0, or the milliseconds to wait until one is free (nothing is taken then). */
  take(name: string): number
}

interface Bucket {
  level: number
  filled_at: number
}

/** Above this many names the fullest (idle) buckets are forgotten. */
const LARGEST_COUNT = 100_000

/** `burst` at once, refilled evenly with `per_minute`. */
export function createRateLimit(clock: Clock, rate: { burst: number; per_minute: number }): RateLimit {
  const buckets = new Map<string, Bucket>()
  const per_ms = rate.per_minute / 60_000
  return {
    take(name) {
      const now = clock.now()
      const bucket = buckets.get(name) ?? { level: rate.burst, filled_at: now }
      bucket.level = Math.min(rate.burst, bucket.level + (now - bucket.filled_at) * per_ms)
      bucket.filled_at = now
      if (!buckets.has(name)) {
        if (buckets.size >= LARGEST_COUNT) forgetFullBuckets(buckets, now, rate.burst / per_ms)
        buckets.set(name, bucket)
      }
      if (bucket.level < 1) return Math.ceil((1 - bucket.level) / per_ms)
      bucket.level -= 1
      return 0
    },
  }
}

function forgetFullBuckets(buckets: Map<string, Bucket>, now: number, refill_ms: number): void {
  for (const [name, bucket] of buckets) if (now - bucket.filled_at >= refill_ms) buckets.delete(name)
  // An attacker with endless names must not hold memory: drop the oldest half.
  if (buckets.size < LARGEST_COUNT) return
  let surplus = buckets.size / 2
  for (const name of buckets.keys()) if (surplus-- > 0) buckets.delete(name)
}

export interface AttemptNeeds {
  attempt_limit: RateLimit
}

/**
 * Counts one attempt under each name: by waiting, never by lock-out. Throws `rate_limited` when one of them has had too
 * many.
 */
export function limitAttempts(needs: AttemptNeeds, names: readonly string[]): void {
  const wait_ms = Math.max(...names.map(name => needs.attempt_limit.take(name)))
  if (wait_ms <= 0) return
  throw new AppError("rate_limited", `Too many attempts. Try again in ${Math.ceil(wait_ms / 1000)} s.`, {
    code: "too_many_attempts",
    retry_after_ms: wait_ms,
  })
}
