/** Collects ModelEvents into one whole text completion, the answer without `stream`; sends nothing. */
import type { AnswerStart } from "../codec.ts"
import { errorOfFailure } from "../failure.ts"
import type { ModelEvent } from "../model-event.ts"
import type { WireUsage } from "../openai-chat/wire.ts"
import { writeUsage } from "../openai-chat/write-usage.ts"
import type { WireCompletion } from "./wire.ts"
import { choice, finishReason, shellOf } from "./write-events.ts"

/** The whole answer; always with its usage. Throws the AppError of events that fail or never end. */
export function collectCompletion(start: AnswerStart, events: Iterable<ModelEvent>): WireCompletion {
  const texts: string[] = []
  let usage: WireUsage | undefined
  for (const event of events) {
    if (event.type === "text-delta") texts.push(event.text)
    else if (event.type === "usage") usage = writeUsage(event.reported.usage)
    else if (event.type === "answer-failed") throw errorOfFailure(event)
    else if (event.type === "answer-end") {
      const completion = { ...shellOf(start), choices: [choice(texts.join(""), finishReason(event.stop))] }
      return usage === undefined ? completion : { ...completion, usage }
    }
  }
  const message = "The answer ended before it was complete."
  throw errorOfFailure({ code: "server_error", message })
}
