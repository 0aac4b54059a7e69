/** Reads `messages` of a Messages request into items; the request around it is read-request's. */

import { argumentsOf } from "../exact-json.ts"
import { isJsonObject, type JsonObject, present, stringOf } from "../json.ts"
import type { At } from "../json-at.ts"
import { asBoolean, asList, asObject, asString, at, optional, refuse } from "../json-at.ts"
import type { Item, MessageItem, ToolResultItem } from "../model-request.ts"
import { queryOf, readPart, readParts } from "./read-parts.ts"
import { readCacheMark } from "./read-tools.ts"
import { readSearch } from "./search-results.ts"

/** The queries of hosted searches whose results come in a later block, by id. */
type Searches = Map<string, string>

/** The items of all messages, in order. `role: "system"` stands in the middle, too (claude-code-wire 5). */
export function readMessages(here: At): Item[] {
  const searches: Searches = new Map()
  const list = asList(here, message => readMessage(message, searches))
  if (Array.isArray(here.value) && list.length === 0) refuse(here, "expected at least one message")
  return list.flat()
}

function readMessage(here: At, searches: Searches): Item[] {
  asObject(here)
  const role = readRole(at(here, "role"))
  const content = at(here, "content")
  if (typeof content.value === "string" || role === "system") {
    return [{ kind: "message", role, parts: readParts(content) }]
  }
  return joinParts(
    role,
    asList(content, block => readBlock(block, searches)),
  )
}

function readRole(here: At): "user" | "assistant" | "system" {
  const role = here.value
  if (role === "user" || role === "assistant" || role === "system") return role
  refuse(here, "expected user, assistant or system")
  return "user"
}

/** What a block is: an item of its own, a part of a message, or nothing. */
type Block = Item | { part: MessageItem["parts"][number] } | undefined

/** Parts that stand together are one message. */
function joinParts(role: MessageItem["role"], blocks: Block[]): Item[] {
  const items: Item[] = []
  let message: MessageItem | undefined
  for (const block of blocks) {
    if (block === undefined) continue
    if ("part" in block) {
      if (message === undefined) {
        message = { kind: "message", role, parts: [] }
        items.push(message)
      }
      message.parts.push(block.part)
    } else {
      message = undefined
      items.push(block)
    }
  }
  return items
}

function readBlock(here: At, searches: Searches): Block {
  const raw = asObject(here)
  switch (raw.type) {
    case "thinking":
      return readThinking(here)
    case "redacted_thinking":
      return {
        kind: "reasoning",
        summary: [],
        text: [],
        sealed: asString(at(here, "data")),
        is_redacted: true,
      }
    case "tool_use":
      return readCall(here)
    case "tool_result":
      return readResult(here)
    case "server_tool_use":
      return keepSearch(raw, searches) ? undefined : { part: readPart(here) }
    case "web_search_tool_result":
      return readSearchResult(raw, searches)
    default:
      return { part: readPart(here) }
  }
}

/** An empty or absent signature seals nothing (claude-code-wire 6: replayed as `"signature":""`). */
function readThinking(here: At): Item {
  const text = optional(at(here, "thinking"), asString) ?? ""
  const sealed = optional(at(here, "signature"), asString) || undefined
  return present({ kind: "reasoning" as const, summary: [], text: text === "" ? [] : [text], sealed })
}

function readCall(here: At): Item {
  return {
    kind: "tool-call",
    tool: "function",
    call_id: asString(at(here, "id")),
    name: asString(at(here, "name")),
    arguments: argumentsOf(optional(at(here, "input"), asObject) ?? {}),
  }
}

function readResult(here: At): ToolResultItem {
  const content = at(here, "content")
  const isError = optional(at(here, "is_error"), asBoolean) === true
  return present({
    kind: "tool-result" as const,
    tool: "function" as const,
    call_id: asString(at(here, "tool_use_id")),
    output: typeof content.value === "string" ? content.value : (optional(content, readParts) ?? ""),
    is_error: isError ? (true as const) : undefined,
    cache: readCacheMark(at(here, "cache_control")),
  })
}

function keepSearch(raw: JsonObject, searches: Searches): boolean {
  if (raw.name !== "web_search") return false
  searches.set(stringOf(raw.id) ?? "", queryOf(raw.input))
  return true
}

/** A search stands where its results stand; one without results says nothing to a later turn. */
function readSearchResult(raw: JsonObject, searches: Searches): Item {
  const query = searches.get(stringOf(raw.tool_use_id) ?? "") ?? ""
  const content = isJsonObject(raw.content) || Array.isArray(raw.content) ? raw.content : []
  return { kind: "hosted-call", ...readSearch(query, content) }
}
