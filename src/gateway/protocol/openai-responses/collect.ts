/** Collects ModelEvents into the whole Response object, the answer without `stream`; sends nothing. */
import type { AnswerStart } from "../codec.ts"
import type { ModelEvent } from "../model-event.ts"
import type { WireResponse } from "./wire.ts"
import { startWriting, writeEvents } from "./write-events.ts"

/**
 * The response of the last event that the stream would have ended with; events that never end are a failure.
 */
export function collectResponse(start: AnswerStart, events: Iterable<ModelEvent>): WireResponse {
  let state = startWriting(start)
  for (const event of events) {
    const [next, written] = writeEvents(state, event)
    const last = written.at(-1)
    if (next.is_ended && last !== undefined && "response" in last) return last.response as WireResponse
    state = next
  }
  const message = "The answer ended before it was complete."
  return collectResponse(start, [{ type: "answer-failed", code: "server_error", message }])
}
