/** How much a whole answer says, in the bytes that the same answer has in a stream: its price is estimated by them. */
import type { ModelEvent } from "./model-event.ts"

/** Bytes of text, reasoning with its seal, and tool arguments, as they stand in JSON. */
export function deliveredBytes(events: Iterable<ModelEvent>): number {
  let bytes = 0
  for (const event of events) {
    if ("text" in event) bytes += jsonBytes(event.text)
    else if (event.type === "reasoning-end" && event.sealed !== undefined) bytes += jsonBytes(event.sealed)
  }
  return bytes
}

/** Without the quotes. */
const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2
