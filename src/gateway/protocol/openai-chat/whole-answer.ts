/** The whole completion that a Chat stream amounts to, put together from its chunks. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, parseObject } from "../json.ts"
import { eventData, splitEvents } from "../sse.ts"
import { assembleCompletion } from "./assemble.ts"
import { readFailure } from "./failures.ts"

/**
 * `text` is a complete stream, one character per byte. Arguments and texts are to the letter; `undefined` when the
 * stream failed or no finish_reason came.
 */
export function wholeAnswer(text: string): string | undefined {
  const chunks = splitEvents(text)
    .map(event => parseObject(eventData(event)))
    .filter(isJsonObject)
  if (chunks.some(chunk => readFailure(chunk) !== undefined)) return undefined
  const whole = assembleCompletion(chunks)
  const choices = whole.choices as JsonObject[]
  const is_complete = choices.length > 0 && choices.every(choice => choice.finish_reason !== null)
  return is_complete ? JSON.stringify(whole) : undefined
}
