/** The whole message that a Messages stream amounts to, as text. */
import { isJsonObject, type JsonObject } from "../json.ts"
import { eventData, splitEvents } from "../sse.ts"
import { assembleMessage } from "./assemble.ts"

/**
 * `text` is a complete stream, one character per byte. The wire never says the message whole, so it is put together;
 * tool inputs keep their digits. `undefined` when the stream has no message, or an error in it.
 */
export function wholeAnswer(text: string): string | undefined {
  const wires = splitEvents(text).map(parseData)
  if (wires.some(({ type }) => type === "error")) return undefined
  const message = assembleMessage(wires)
  return message && JSON.stringify(message)
}

function parseData(event: string): JsonObject {
  try {
    const data: unknown = JSON.parse(eventData(event))
    return isJsonObject(data) ? data : {}
  } catch {
    // Not JSON: an event that says nothing.
    return {}
  }
}
