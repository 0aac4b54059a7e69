/** What a Chat request may ask that cannot be served here, although it is well-formed; reads no values. */
import type { Refusal } from "../codec.ts"
import { isJsonObject, type JsonObject } from "../json.ts"

/** The first thing that is not offered: what cannot be held for or has no price, files of the operator's account. */
export function findRefusal(body: JsonObject): Refusal | undefined {
  return findUnheld(body) ?? findUnpricedTool(body.tools) ?? findForeignPart(body.messages)
}

/** Several choices are several answers, of which credit can be held for one; audio has another price than text. */
function findUnheld({ n, audio, modalities }: JsonObject): Refusal | undefined {
  if (typeof n === "number" && n > 1)
    return { field: "n", message: "n above 1 is not offered here. Send several requests instead." }
  const is_spoken = Array.isArray(modalities) && modalities.some(word => word !== "text")
  if (is_spoken) return { field: "modalities", message: 'Answers are text only. Send modalities: ["text"].' }
  return audio == null
    ? undefined
    : { field: "audio", message: "Audio is not offered here. Leave audio out." }
}

/** A hosted tool without a price would be the operator's gift. */
function findUnpricedTool(tools: unknown): Refusal | undefined {
  const list = Array.isArray(tools) ? tools : []
  const index = list.findIndex(
    tool => isJsonObject(tool) && !["function", "custom"].includes(String(tool.type ?? "function")),
  )
  if (index === -1) return undefined
  const type = JSON.stringify((list[index] as JsonObject).type)
  return {
    field: `tools[${index}].type`,
    message: `The tool ${type} is not offered here. Leave it out of tools.`,
  }
}

/** An uploaded file belongs to the operator's account, and its size is not known; recordings have a price of their own. */
function findForeignPart(messages: unknown): Refusal | undefined {
  for (const [index, message] of listOf(messages)) {
    for (const [place, part] of listOf(message.content)) {
      if (part.type === "input_audio") {
        const field = `messages[${index}].content[${place}]`
        return { field, message: "Audio is not offered here. Send its transcript instead." }
      }
      if (!isJsonObject(part.file) || part.file.file_id == null) continue
      return {
        field: `messages[${index}].content[${place}].file.file_id`,
        message: "file_id is not offered here. Send the file's data itself.",
      }
    }
  }
  return undefined
}

function listOf(value: unknown): [number, JsonObject][] {
  if (!Array.isArray(value)) return []
  return [...value.entries()].filter((entry): entry is [number, JsonObject] => isJsonObject(entry[1]))
}
