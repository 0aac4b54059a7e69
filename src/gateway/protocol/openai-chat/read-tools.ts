/** Reads the tools of a Chat request and which of them must be called; what the model does with them is not known. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present } from "../json.ts"
import type { At } from "../json-at.ts"
import { asBoolean, asList, asObject, asString, at, optional, refuse } from "../json-at.ts"
import type { CustomTool, FunctionTool, Tool, ToolChoice, WebSearchTool } from "../model-request.ts"

/** Tools and choice of a body; the legacy `functions` and `function_call` are the same in older words. */
export function readTools(root: At): { tools: Tool[]; tool_choice: ToolChoice | undefined } {
  const tools = [
    ...(optional(at(root, "tools"), here => asList(here, readTool)) ?? []),
    ...(optional(at(root, "functions"), here => asList(here, readFunction)) ?? []),
  ]
  const search = optional(at(root, "web_search_options"), readWebSearch)
  const choice = optional(at(root, "tool_choice"), here => readChoice(here, tools))
  const legacy = optional(at(root, "function_call"), here => readLegacyChoice(here, tools))
  return { tools: search === undefined ? tools : [...tools, search], tool_choice: choice ?? legacy }
}

/** One tool. An unknown type is kept verbatim: a request never fails because of one optional tool (gateway.md). */
function readTool(here: At): Tool {
  const raw = asObject(here)
  // Some clients leave the type out; only functions are meant then.
  const type = raw.type === undefined && raw.function !== undefined ? "function" : asString(at(here, "type"))
  if (type === "function") return readFunction(at(here, "function"))
  if (type === "custom") return readCustom(at(here, "custom"))
  return { kind: "raw", protocol: "openai-chat", raw }
}

function readFunction(here: At): FunctionTool {
  asObject(here)
  return present({
    kind: "function" as const,
    name: readName(at(here, "name")),
    description: optional(at(here, "description"), asString),
    parameters: optional(at(here, "parameters"), asObject),
    is_strict: optional(at(here, "strict"), asBoolean) === true ? (true as const) : undefined,
  })
}

function readName(here: At): string {
  const name = asString(here)
  if (here.value === "") refuse(here, "expected the name of a tool, got an empty string")
  return name
}

function readCustom(here: At): CustomTool {
  asObject(here)
  const format = at(here, "format")
  const grammar = at(format, "grammar")
  return present({
    kind: "custom" as const,
    name: readName(at(here, "name")),
    description: optional(at(here, "description"), asString),
    grammar:
      at(format, "type").value === "grammar"
        ? { syntax: asString(at(grammar, "syntax")), definition: asString(at(grammar, "definition")) }
        : undefined,
  })
}

function readWebSearch(here: At): WebSearchTool {
  asObject(here)
  const location = at(at(here, "user_location"), "approximate")
  return present({
    kind: "web_search" as const,
    context_size: optional(at(here, "search_context_size"), asString),
    user_location: optional(location, readLocation),
  })
}

function readLocation(here: At): WebSearchTool["user_location"] {
  asObject(here)
  return present({
    city: optional(at(here, "city"), asString),
    region: optional(at(here, "region"), asString),
    country: optional(at(here, "country"), asString),
    timezone: optional(at(here, "timezone"), asString),
  })
}

function readChoice(here: At, tools: readonly Tool[]): ToolChoice {
  const choice = here.value
  if (choice === "auto" || choice === "none") return choice
  if (choice === "required") return requireOne(here, tools)
  if (!isJsonObject(choice)) {
    refuse(here, "expected auto, none, required or a tool")
    return "auto"
  }
  if (choice.type === "function" || choice.type === "custom") {
    const name = chosenName(at(at(here, choice.type), "name"), tools)
    return { tool: choice.type, name }
  }
  if (choice.type !== "allowed_tools") refuse(at(here, "type"), "expected function, custom or allowed_tools")
  // A choice among several is softened, not refused: no other protocol can say it.
  const allowed: JsonObject = isJsonObject(choice.allowed_tools) ? choice.allowed_tools : choice
  return allowed.mode === "required" ? requireOne(here, tools) : "auto"
}

function requireOne(here: At, tools: readonly Tool[]): ToolChoice {
  if (tools.length === 0) refuse(here, "a tool is required, but tools is empty")
  return "required"
}

function chosenName(here: At, tools: readonly Tool[]): string {
  const name = asString(here)
  if (!tools.some(tool => "name" in tool && tool.name === name)) {
    refuse(here, `there is no tool ${JSON.stringify(name)} in tools`)
  }
  return name
}

/** `function_call`: auto, none or `{name}`. */
function readLegacyChoice(here: At, tools: readonly Tool[]): ToolChoice {
  if (here.value === "auto" || here.value === "none") return here.value
  if (isJsonObject(here.value)) return { tool: "function", name: chosenName(at(here, "name"), tools) }
  refuse(here, "expected auto, none or a function")
  return "auto"
}
