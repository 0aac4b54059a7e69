/** Answers kept under idempotency keys for a day; source: https://docs.stripe.com/api/idempotent_requests. */
import { type Clock, DAY_MS } from "../../platform/clock.ts"
import { Refusal } from "./refusal.ts"

export interface Answer {
  status: number
  /** JSON. */
  body: string
  request_id: string
}

export interface Idempotency {
  /** The answer that is kept; undefined for a new key, which is taken by this. Refuses another request's key. */
  begin(key: string, request: { endpoint: string; params: string }): Answer | undefined
  /** Keeps the answer, or frees the key when there is none to keep. */
  end(key: string, answer: Answer | undefined): void
}

interface Entry {
  endpoint: string
  params: string
  begun_at: number
  answer?: Answer
}

/** Above `largest_count` keys the oldest go. */
export function createIdempotency(clock: Clock, largest_count: number): Idempotency {
  const entries = new Map<string, Entry>()
  return {
    begin(key, { endpoint, params }) {
      const entry = entries.get(key)
      const is_known = entry !== undefined && entry.begun_at > clock.now() - DAY_MS
      if (!is_known) {
        entries.delete(key)
        entries.set(key, { endpoint, params, begun_at: clock.now() })
        for (const oldest of entries.keys()) {
          if (entries.size <= largest_count) break
          entries.delete(oldest)
        }
        return undefined
      }
      if (entry.endpoint !== endpoint || entry.params !== params) throw otherRequest(key, entry, endpoint)
      if (!entry.answer) throw underWay()
      return entry.answer
    },
    end(key, answer) {
      const entry = entries.get(key)
      if (!answer) entries.delete(key)
      else if (entry) entry.answer = answer
    },
  }
}

function otherRequest(key: string, entry: Entry, endpoint: string): Refusal {
  const [before, now] = [entry.endpoint, endpoint].map(one => one.split(" ")[1])
  const only =
    before === now
      ? "with the same parameters they were first used with."
      : `for the same endpoint they were first used for ('${now}' vs '${before}').`
  const message =
    `Keys for idempotent requests can only be used ${only} ` +
    `Try using a key other than '${key}' if you meant to execute a different request.`
  return new Refusal(400, { type: "idempotency_error", message }, false)
}

function underWay(): Refusal {
  const message =
    "There is currently another in-progress request using this Stripe-Idempotency-Key " +
    "(that probably means you submitted twice, and the other request is still going through)."
  return new Refusal(409, { type: "idempotency_error", code: "idempotency_key_in_use", message }, false)
}
