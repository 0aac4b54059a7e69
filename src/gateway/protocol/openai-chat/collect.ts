/** Collects a Chat stream into the whole completion, the answer without `stream`; sends nothing. */
import type { AnswerStart } from "../codec.ts"
import { errorOfFailure } from "../failure.ts"
import type { JsonObject } from "../json.ts"
import type { ModelEvent } from "../model-event.ts"
import { assembleCompletion } from "./assemble.ts"
import { DONE, type WireEvent } from "./wire.ts"
import { startWriting, writeEvents } from "./write-events.ts"

/** The completion that the stream would have come to; events that fail or never end throw. */
export function collectCompletion(start: AnswerStart, events: Iterable<ModelEvent>): JsonObject {
  // Whole answers always show their usage (sdk-wire 2).
  let state = startWriting({ ...start, shows_usage: true })
  const chunks: WireEvent[] = []
  for (const event of events) {
    if (event.type === "answer-failed") throw errorOfFailure(event)
    const [next, written] = writeEvents(state, event)
    state = next
    chunks.push(...written)
  }
  if (!state.is_ended) throw errorOfFailure(undefined)
  const objects = chunks.filter(chunk => chunk !== DONE) as unknown as JsonObject[]
  return { ...start.echo, ...assembleCompletion(objects) }
}
