/** Background responses that run in this process; what is finished is in the store only. */
import { AppError } from "../../platform/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Item } from "./items.ts"
import type { Recording } from "./recording.ts"

export interface Run {
  customer_id: string
  id: string
  /** As a poll sees it now. */
  response: JsonObject
  /** Its own input, as stored. */
  input: Item[]
  previous_id: string | undefined
  recording: Recording
  /** The customer wants it to end. */
  is_cancelled: boolean
  /** Aborts the upstream. */
  cancel: AbortController
  /** Resolves when its end is stored. */
  done: PromiseWithResolvers<void>
}

export interface Runs {
  find(key: { customer_id: string; id: string }): Run | undefined
  /** Throws `rate_limited` when the customer has as many as one may have. */
  add(run: Run): void
  remove(run: Run): void
}

/** Background responses that one customer may have under way. */
export const MOST_RUNS = 16
/** When all places are taken, a repeat is worthwhile after about this long. */
const BUSY_RETRY_MS = 5_000

export function createRuns(): Runs {
  const customers = new Map<string, Map<string, Run>>()
  return {
    find: ({ customer_id, id }) => customers.get(customer_id)?.get(id),
    add(run) {
      const runs = customers.get(run.customer_id) ?? new Map<string, Run>()
      if (runs.size >= MOST_RUNS) {
        throw new AppError(
          "rate_limited",
          `You have ${runs.size} background responses under way, the most one may have: wait for one to end, or cancel one.`,
          { code: "background_limit", retry_after_ms: BUSY_RETRY_MS, field: "background" },
        )
      }
      runs.set(run.id, run)
      customers.set(run.customer_id, runs)
    },
    remove(run) {
      const runs = customers.get(run.customer_id)
      runs?.delete(run.id)
      if (runs?.size === 0) customers.delete(run.customer_id)
    },
  }
}
