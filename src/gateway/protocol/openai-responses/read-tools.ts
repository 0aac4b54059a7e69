/** Reads the tools of a Responses request; what the model does with them is not known here. */
import { isJsonObject, present } from "../json.ts"
import type { At } from "../json-at.ts"
import { asBoolean, asList, asObject, asString, at, optional } from "../json-at.ts"
import type { FunctionTool, NamespaceTool, Tool, WebSearchTool } from "../model-request.ts"

/**
 * One tool. An unknown type is kept verbatim: a request never fails because of one optional tool
 * (gateway.md).
 */
export function readTool(here: At): Tool {
  const raw = asObject(here)
  const type = asString(at(here, "type"))
  if (type === "function") return readFunction(here)
  if (type === "custom") return readCustom(here)
  if (type === "namespace") return readNamespace(here)
  if (type === "web_search" || type.startsWith("web_search_")) return readWebSearch(here)
  if (type === "tool_search" && raw.execution !== "server") {
    return present({
      kind: "tool_search" as const,
      description: optional(at(here, "description"), asString),
      parameters: optional(at(here, "parameters"), asObject),
    })
  }
  return { kind: "raw", protocol: "openai-responses", raw }
}

function readFunction(here: At): FunctionTool {
  return present({
    kind: "function" as const,
    name: asString(at(here, "name")),
    description: optional(at(here, "description"), asString),
    parameters: optional(at(here, "parameters"), asObject),
    is_strict: optional(at(here, "strict"), asBoolean) === true ? (true as const) : undefined,
    is_deferred: at(here, "defer_loading").value === true ? (true as const) : undefined,
  })
}

function readCustom(here: At): Tool {
  const format = at(here, "format")
  const isGrammar = at(format, "type").value === "grammar"
  return present({
    kind: "custom" as const,
    name: asString(at(here, "name")),
    description: optional(at(here, "description"), asString),
    grammar: isGrammar
      ? { syntax: asString(at(format, "syntax")), definition: asString(at(format, "definition")) }
      : undefined,
  })
}

function readNamespace(here: At): NamespaceTool {
  return present({
    kind: "namespace" as const,
    name: asString(at(here, "name")),
    description: optional(at(here, "description"), asString),
    tools: asList(at(here, "tools"), readTool),
  })
}

/** All options of codex-cli-wire 8; the older names (web_search_preview, dated ones) are the same tool. */
function readWebSearch(here: At): WebSearchTool {
  const strings = (list: At) => asList(list, asString)
  return present({
    kind: "web_search" as const,
    has_live_access: optional(at(here, "external_web_access"), asBoolean),
    allowed_domains: optional(at(at(here, "filters"), "allowed_domains"), strings),
    user_location: optional(at(here, "user_location"), readLocation),
    context_size: optional(at(here, "search_context_size"), asString),
    content_types: optional(at(here, "search_content_types"), strings),
  })
}

function readLocation(here: At): WebSearchTool["user_location"] {
  if (!isJsonObject(here.value)) asObject(here)
  return present({
    city: optional(at(here, "city"), asString),
    region: optional(at(here, "region"), asString),
    country: optional(at(here, "country"), asString),
    timezone: optional(at(here, "timezone"), asString),
  })
}
