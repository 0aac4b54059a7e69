/** Takes sealed reasoning out of a request body that otherwise passes as it is; for translated requests see strip-reasoning. */
import { isJsonObject, type JsonObject } from "./json.ts"
import type { Protocol } from "./model-request.ts"
import { unwrapSealed } from "./sealed.ts"

/** Which sealed blobs go. */
type Goes = (sealed: unknown) => boolean

/** Blobs that another protocol's upstream sealed: they came to the client through our translation. */
export const isForeign: Goes = sealed => typeof sealed === "string" && unwrapSealed(sealed) !== undefined

/** The body without the reasoning whose seal `goes`; the same body when there is none. Chat seals nothing. */
export function withoutReasoning(body: JsonObject, protocol: Protocol, goes: Goes): JsonObject {
  if (protocol === "openai-responses" && Array.isArray(body.input)) {
    return { ...body, input: body.input.filter(item => !isSealedItem(item, goes)) }
  }
  if (protocol === "anthropic-messages" && Array.isArray(body.messages)) {
    return { ...body, messages: body.messages.flatMap(message => withoutThinking(message, goes)) }
  }
  return body
}

const isSealedItem = (item: unknown, goes: Goes): boolean =>
  isJsonObject(item) && item.type === "reasoning" && goes(item.encrypted_content)

/** The message without such blocks; none when nothing else was in it. */
function withoutThinking(message: unknown, goes: Goes): unknown[] {
  if (!isJsonObject(message) || !Array.isArray(message.content)) return [message]
  const content = message.content.filter(block => !isSealedBlock(block, goes))
  return content.length === 0 && message.content.length > 0 ? [] : [{ ...message, content }]
}

const isSealedBlock = (block: unknown, goes: Goes): boolean =>
  isJsonObject(block) &&
  ((block.type === "thinking" && goes(block.signature)) ||
    (block.type === "redacted_thinking" && goes(block.data)))
