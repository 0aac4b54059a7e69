/** Reads the tools of a Messages request; what the model does with them is not known here. */
import { present } from "../json.ts"
import type { At } from "../json-at.ts"
import { asList, asNumber, asObject, asString, at, optional } from "../json-at.ts"
import type { CacheMark, FunctionTool, Tool, ToolChoice, WebSearchTool } from "../model-request.ts"

/** All dated forms of the hosted search (claude-code-wire 9). */
const isWebSearch = (type: unknown): boolean => typeof type === "string" && /^web_search_\d+$/.test(type)

/** One tool. Only hosted and Anthropic's own tools have a type; those we do not know are kept verbatim. */
export function readTool(here: At): Tool {
  const raw = asObject(here)
  const type = raw.type ?? "custom"
  if (type === "custom") return readFunction(here)
  if (isWebSearch(type)) return readWebSearch(here)
  asString(at(here, "type"))
  return { kind: "raw", protocol: "anthropic-messages", raw }
}

/** `defer_loading` is not carried: such a tool is sent as an ordinary one (claude-code-wire 9). */
function readFunction(here: At): FunctionTool {
  return present({
    kind: "function" as const,
    name: asString(at(here, "name")),
    description: optional(at(here, "description"), asString),
    parameters: optional(at(here, "input_schema"), asObject),
    is_strict: at(here, "strict").value === true ? (true as const) : undefined,
    cache: readCacheMark(at(here, "cache_control")),
  })
}

function readWebSearch(here: At): WebSearchTool {
  const strings = (list: At) => asList(list, asString)
  return present({
    kind: "web_search" as const,
    allowed_domains: optional(at(here, "allowed_domains"), strings),
    blocked_domains: optional(at(here, "blocked_domains"), strings),
    max_uses: optional(at(here, "max_uses"), asNumber),
    user_location: optional(at(here, "user_location"), readLocation),
  })
}

function readLocation(here: At): NonNullable<WebSearchTool["user_location"]> {
  asObject(here)
  return present({
    city: optional(at(here, "city"), asString),
    region: optional(at(here, "region"), asString),
    country: optional(at(here, "country"), asString),
    timezone: optional(at(here, "timezone"), asString),
  })
}

/** A mark of any kind; only one that says an hour lasts an hour. */
export function readCacheMark(here: At): CacheMark | undefined {
  return optional(here, mark => (asObject(mark).ttl === "1h" ? "1h" : "5m"))
}

/** `tools` tells whether the named tool is a hosted one. An unknown type is softened, not refused. */
export function readToolChoice(here: At, tools: readonly Tool[]): ToolChoice {
  switch (asString(at(here, "type"))) {
    case "any":
      return "required"
    case "none":
      return "none"
    case "tool": {
      const name = asString(at(here, "name"))
      const is_hosted = name === "web_search" && tools.some(tool => tool.kind === "web_search")
      return is_hosted ? { tool: "web_search" } : { tool: "function", name }
    }
    default:
      return "auto"
  }
}
