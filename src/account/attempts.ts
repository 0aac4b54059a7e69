/** Throttles for endpoints that work on passwords: per address and per account, by waiting, never by lock-out. */
import { AppError } from "../platform/errors.ts"
import type { RateLimit } from "../platform/rate-limit.ts"

export interface AttemptNeeds {
  attempt_limit: RateLimit
}

/** Counts one attempt under each name. Throws `rate_limited` when one of them has had too many. */
export function limitAttempts(needs: AttemptNeeds, names: readonly string[]): void {
  const wait_ms = Math.max(...names.map(name => needs.attempt_limit.take(name)))
  if (wait_ms <= 0) return
  throw new AppError("rate_limited", `Too many attempts. Try again in ${Math.ceil(wait_ms / 1000)} s.`, {
    code: "too_many_attempts",
    retry_after_ms: wait_ms,
  })
}
