/** The whole message that a Messages stream amounts to, as text. */
import { objectOf, splitEvents } from "../sse.ts"
import { assembleMessage } from "./assemble.ts"

/**
 * `text` is a complete stream, one character per byte. The wire never says the message whole, so it is put together;
 * tool inputs keep their digits. `undefined` when the stream has no message, or an error in it.
 */
export function wholeAnswer(text: string): string | undefined {
  const wires = splitEvents(text).map(objectOf)
  if (wires.some(({ type }) => type === "error")) return undefined
  const message = assembleMessage(wires)
  return message && JSON.stringify(message)
}
