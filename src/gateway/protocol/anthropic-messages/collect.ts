/** Collects ModelEvents into the whole message, the answer without `stream`; sends nothing. */
import type { AnswerStart } from "../codec.ts"
import { errorOfFailure } from "../failure.ts"
import type { JsonObject } from "../json.ts"
import type { ModelEvent } from "../model-event.ts"
import { assembleMessage } from "./assemble.ts"
import { startWriting, writeEvents } from "./write-events.ts"

/** The message that the stream would have amounted to. Throws what a failure, or a missing end, amounts to. */
export function collectMessage(start: AnswerStart, events: Iterable<ModelEvent>): JsonObject {
  let state = startWriting(start)
  const wires: JsonObject[] = []
  for (const event of events) {
    if (event.type === "answer-failed") throw errorOfFailure(event)
    const [next, written] = writeEvents(state, event)
    wires.push(...written)
    if (next.is_ended) return assembleMessage(wires)!
    state = next
  }
  throw errorOfFailure({ code: "server_error", message: "The answer ended before it was complete." })
}
