/** What only a Chat upstream can do and must not be dropped silently; judges no form. */
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"

interface OnlyNative {
  field: string
  message: string
}

/** Every such wish of a body, with the field's name as the client wrote it. */
export function findOnlyNative(body: JsonObject): OnlyNative[] {
  const found: OnlyNative[] = []
  const note = (field: string, message: string) => found.push({ field, message })
  if (body.logprobs === true) note("logprobs", "This model gives no log probabilities. Leave logprobs out.")
  if (body.prediction != null)
    note("prediction", "This model takes no predicted output. Leave prediction out.")
  const messages = Array.isArray(body.messages) ? body.messages : []
  for (const [index, message] of messages.entries()) noteParts(found, message, index)
  return found
}

/** The content parts that every protocol can carry; `input_audio` and whatever vendors add are not among them. */
const CARRIED = new Set(["text", "refusal", "image_url", "file"])

function noteParts(found: OnlyNative[], message: unknown, index: number): void {
  if (!isJsonObject(message)) return
  const path = `messages[${index}]`
  if (message.audio != null) found.push({ field: `${path}.audio`, message: "This model hears no audio." })
  if (!Array.isArray(message.content)) return
  for (const [place, part] of message.content.entries()) {
    const type: unknown = isJsonObject(part) ? part.type : undefined
    if (typeof type !== "string" || CARRIED.has(type)) continue
    const words = `This model takes no content of type ${JSON.stringify(type)}.`
    found.push({ field: `${path}.content[${place}]`, message: words })
  }
}
