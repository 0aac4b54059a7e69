/** Reads `input` of a Responses request into items; the request around it is read-request's. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present } from "../json.ts"
import type { At } from "../json-at.ts"
import { asList, asObject, asString, at, optional, refuse } from "../json-at.ts"
import type { Item, MessageItem, Part, ReasoningItem, ToolCallItem } from "../model-request.ts"
import { readTool } from "./read-tools.ts"

/**
 * The items of `input`: a bare string is one user message; absent means none (previous_response_id may carry
 * all).
 */
export function readInput(here: At): Item[] {
  if (here.value === undefined || here.value === null) {
    refuse(here, "expected a text or a list of items, got nothing")
    return []
  }
  if (typeof here.value !== "string") return asList(here, readItem)
  return [{ kind: "message", role: "user", parts: [{ kind: "text", text: here.value }] }]
}

type ReadItem = (here: At) => Item

const ITEM_READERS: { [type: string]: ReadItem } = {
  message: readMessage,
  reasoning: readReasoning,
  function_call: readFunctionCall,
  custom_tool_call: readCustomCall,
  tool_search_call: readSearchCall,
  function_call_output: here => readResult(here, "function"),
  custom_tool_call_output: here => readResult(here, "custom"),
  tool_search_output: readSearchResult,
}

/** Calls that the upstream's own server ran. They come back without an id (codex-cli-wire 8). */
const HOSTED_CALLS = new Set([
  "web_search_call",
  "file_search_call",
  "image_generation_call",
  "code_interpreter_call",
  "mcp_call",
  "mcp_list_tools",
])

function readItem(here: At): Item {
  const raw = asObject(here)
  // The SDK's EasyInputMessage has a role and no type.
  const type = raw.type === undefined && raw.role !== undefined ? "message" : asString(at(here, "type"))
  const is_server_search = type.startsWith("tool_search_") && raw.execution === "server"
  const read = is_server_search || !Object.hasOwn(ITEM_READERS, type) ? undefined : ITEM_READERS[type]
  if (read !== undefined) return read(here)
  if (HOSTED_CALLS.has(type)) return { kind: "hosted-call", raw: { ...withoutId(raw), type } }
  return { kind: "raw", protocol: "openai-responses", raw }
}

function withoutId(raw: JsonObject): JsonObject {
  const { id: _, ...rest } = raw
  return rest
}

function readMessage(here: At): MessageItem {
  return present({
    kind: "message" as const,
    role: readRole(at(here, "role")),
    parts: readContent(at(here, "content")),
    phase: optional(at(here, "phase"), asString),
  })
}

function readRole(here: At): MessageItem["role"] {
  const role = here.value
  if (role === "user" || role === "assistant" || role === "system" || role === "developer") return role
  refuse(here, "expected user, assistant, system or developer")
  return "user"
}

function readContent(here: At): Part[] {
  if (typeof here.value === "string") return [{ kind: "text", text: here.value }]
  return asList(here, readPart)
}

function readPart(here: At): Part {
  const raw = asObject(here)
  switch (raw.type) {
    case "input_text":
    case "output_text":
    case "text":
      return { kind: "text", text: asString(at(here, "text")) }
    case "refusal":
      return { kind: "refusal", text: asString(at(here, "refusal")) }
    case "input_image":
      return readImage(here)
    case "input_file":
      return present({
        kind: "file" as const,
        data: optional(at(here, "file_data"), asString),
        url: optional(at(here, "file_url"), asString),
        file_id: optional(at(here, "file_id"), asString),
        filename: optional(at(here, "filename"), asString),
      })
    default:
      asString(at(here, "type"))
      return { kind: "raw", protocol: "openai-responses", raw }
  }
}

function readImage(here: At): Part {
  const url = optional(at(here, "image_url"), asString)
  const file_id = optional(at(here, "file_id"), asString)
  if (url === undefined && file_id === undefined) refuse(at(here, "image_url"), "expected a URL or a file_id")
  return present({ kind: "image" as const, url, file_id, detail: optional(at(here, "detail"), asString) })
}

/** Raw reasoning and blob come back as null when there is none (codex-cli-wire 6.2). */
function readReasoning(here: At): ReasoningItem {
  const textOf = (part: At) => asString(at(part, "text"))
  const sealed = optional(at(here, "encrypted_content"), asString)
  return present({
    kind: "reasoning" as const,
    summary: optional(at(here, "summary"), list => asList(list, textOf)) ?? [],
    text: optional(at(here, "content"), list => asList(list, textOf)) ?? [],
    sealed: sealed === "" ? undefined : sealed,
  })
}

function readFunctionCall(here: At): ToolCallItem {
  return readCall(here, "function", asString(at(here, "arguments")))
}

function readCustomCall(here: At): ToolCallItem {
  return readCall(here, "custom", asString(at(here, "input")))
}

/** A call with its arguments already read; the text is kept as it came. */
function readCall(here: At, tool: "function" | "custom", text: string): ToolCallItem {
  return present({
    kind: "tool-call" as const,
    tool,
    call_id: asString(at(here, "call_id")),
    name: asString(at(here, "name")),
    namespace: optional(at(here, "namespace"), asString),
    arguments: text,
  })
}

/** The only call whose arguments are an object on the wire (codex-cli-wire 4.2). */
function readSearchCall(here: At): ToolCallItem {
  return {
    kind: "tool-call",
    tool: "tool_search",
    call_id: asString(at(here, "call_id")),
    name: "tool_search",
    arguments: JSON.stringify(asObject(at(here, "arguments"))),
  }
}

function readResult(here: At, tool: "function" | "custom"): Item {
  return {
    kind: "tool-result",
    tool,
    call_id: asString(at(here, "call_id")),
    output: readOutput(at(here, "output")),
  }
}

/** A string or content parts (codex-cli-wire 6.4). */
function readOutput(here: At): string | Part[] {
  if (typeof here.value === "string") return here.value
  if (Array.isArray(here.value) && here.value.every(isJsonObject)) return asList(here, readPart)
  refuse(here, "expected a string or a list of content parts")
  return ""
}

function readSearchResult(here: At): Item {
  return {
    kind: "tool-search-result",
    call_id: asString(at(here, "call_id")),
    tools: asList(at(here, "tools"), readTool),
  }
}
