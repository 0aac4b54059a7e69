/** The items of a Responses input as they are stored and sent on: as a list, with ids, without references. */
import type { NewId } from "../../platform/ids.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"

export type Item = JsonObject

/** The input as a list of items; a text is one user message. What is no item is left for the reader to refuse. */
export function itemsOf(input: unknown): Item[] {
  if (typeof input === "string") return [userMessage(input)]
  return Array.isArray(input) ? (input as Item[]) : []
}

/** A message of the user with one text. */
export const userMessage = (text: string): Item => ({
  type: "message",
  role: "user",
  content: [{ type: "input_text", text }],
})

/** What the API calls the ids of each type of item; anything else is `item_…`. */
const ID_PREFIX: Record<string, string> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  function_call_output: "fco",
  custom_tool_call: "ctc",
  custom_tool_call_output: "ctco",
  tool_search_call: "tsc",
  tool_search_output: "tso",
  web_search_call: "ws",
  compaction: "cmp",
}

/** The type of an item; a message may leave it out (OpenAI's EasyInputMessage). */
export const typeOf = (item: Item): string =>
  typeof item.type === "string" ? item.type : item.role === undefined ? "" : "message"

/** Items as they are listed: each has a type and an id; texts are parts (sdk-wire 1, `input_items`). */
export const namedItems = (items: readonly Item[], newId: NewId): Item[] =>
  items.filter(isJsonObject).map(item => {
    const type = typeOf(item)
    const id = idOf(item) ?? newId(ID_PREFIX[type] ?? "item")
    if (type !== "message") return { ...item, id }
    const { content, role } = item
    const part_type = role === "assistant" ? "output_text" : "input_text"
    const parts = typeof content === "string" ? [{ type: part_type, text: content }] : content
    return { status: "completed", ...item, id, type, content: parts }
  })

/** The id of an item, when it has one. */
export const idOf = (item: Item): string | undefined =>
  typeof item.id === "string" && item.id !== "" ? item.id : undefined

/** The ids of items, each once. */
export const idsOf = (items: readonly Item[]): string[] => [
  ...new Set(items.map(idOf).filter(id => id !== undefined)),
]

/**
 * Stored items as they are sent to an upstream: without the ids, which no upstream knows (the Codex CLI sends none,
 * codex-cli-wire 6.2), and without thinking that has nothing but its summary, which no upstream takes back.
 */
export const resent = (items: readonly Item[]): Item[] =>
  items.filter(canBeResent).map(item => {
    if (!isJsonObject(item)) return item
    const { id: _, ...rest } = item
    return rest
  })

/** What is no item at all goes on, to be refused where items are read. */
const canBeResent = (item: Item): boolean =>
  !isJsonObject(item) ||
  item.type !== "reasoning" ||
  typeof item.encrypted_content === "string" ||
  (Array.isArray(item.content) && item.content.length > 0)

/** Whether this item only names another (`{"type":"item_reference","id":…}`, also without its type). */
export const isReference = (item: unknown): item is Item & { id: string } =>
  isJsonObject(item) &&
  typeof item.id === "string" &&
  (item.type === "item_reference" || (item.type == null && item.role === undefined))
