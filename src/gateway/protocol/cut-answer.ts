/** An answer that was ended in the middle, made whole as far as it came; whoever ended it says why elsewhere. */
import type { ModelEvent } from "./model-event.ts"

/** The events with their open block closed, and an end as by the limit of its length: a cut answer is no failed one. */
export function cutAnswer(events: readonly ModelEvent[]): ModelEvent[] {
  const index = events.findLastIndex(({ type }) => type.endsWith("-start") || type.endsWith("-end"))
  const end: ModelEvent = { type: "answer-end", stop: "max_tokens" }
  switch (events[index]?.type) {
    case "text-start":
      return [...events, { type: "text-end" }, end]
    case "reasoning-start":
      return [...events, { type: "reasoning-end" }, end]
    case "tool-call-start":
      return [...events, { type: "tool-call-end", is_cut: true }, end]
    case "hosted-call-start":
      // Nothing is known of what it found.
      return [...events.slice(0, index), end]
    default:
      return [...events, end]
  }
}
