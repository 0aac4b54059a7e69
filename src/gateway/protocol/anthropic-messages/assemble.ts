/** Puts the events of a complete Messages stream together to the message they amount to; judges nothing. */

import { parseArguments } from "../exact-json.ts"
import { isJsonObject, type JsonObject, stringOf } from "../json.ts"
import { mergeUsage } from "./read-usage.ts"

/** A block with the pieces of its input, which are parsed when they are whole. */
interface Assembly {
  block: JsonObject
  input: string
}

/** The message; `undefined` when the stream has no start or no stop reason. */
export function assembleMessage(wires: Iterable<JsonObject>): JsonObject | undefined {
  let message: JsonObject | undefined
  let is_complete = false
  const blocks = new Map<unknown, Assembly>()
  for (const wire of wires) {
    if (wire.type === "message_start" && message === undefined && isJsonObject(wire.message)) {
      message = { ...wire.message }
    } else if (wire.type === "message_delta" && message !== undefined) {
      is_complete = addEnd(message, wire) || is_complete
    } else addToBlocks(blocks, wire)
  }
  if (message === undefined || !is_complete) return undefined
  // In the place of the empty list of the start, so that the keys keep their order.
  return { ...message, content: [...blocks.values()].map(finishBlock) }
}

function addEnd(message: JsonObject, wire: JsonObject): boolean {
  const delta = isJsonObject(wire.delta) ? wire.delta : {}
  Object.assign(message, delta)
  const usage = mergeUsage(isJsonObject(message.usage) ? message.usage : undefined, wire.usage)
  if (usage !== undefined) message.usage = usage
  return typeof delta.stop_reason === "string"
}

function addToBlocks(blocks: Map<unknown, Assembly>, wire: JsonObject): void {
  if (wire.type === "content_block_start" && isJsonObject(wire.content_block)) {
    blocks.set(wire.index, { block: { ...wire.content_block }, input: "" })
    return
  }
  const assembly = wire.type === "content_block_delta" ? blocks.get(wire.index) : undefined
  if (assembly !== undefined && isJsonObject(wire.delta)) addDelta(assembly, wire.delta)
}

function addDelta(assembly: Assembly, delta: JsonObject): void {
  const { block } = assembly
  switch (delta.type) {
    case "text_delta":
      block.text = (stringOf(block.text) ?? "") + (stringOf(delta.text) ?? "")
      break
    case "thinking_delta":
      block.thinking = (stringOf(block.thinking) ?? "") + (stringOf(delta.thinking) ?? "")
      break
    case "signature_delta":
      block.signature = (stringOf(block.signature) ?? "") + (stringOf(delta.signature) ?? "")
      break
    case "input_json_delta":
      assembly.input += stringOf(delta.partial_json) ?? ""
      break
    case "citations_delta":
      block.citations = [...(Array.isArray(block.citations) ? block.citations : []), delta.citation]
      break
  }
}

function finishBlock({ block, input }: Assembly): JsonObject {
  return input === "" ? block : { ...block, input: parseArguments(input) }
}
