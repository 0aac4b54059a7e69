/** Writes the tools of a Messages request and the choice among them; chooses and renames none. */
import { present } from "../json.ts"
import type { FunctionTool, ModelRequest, Tool, ToolChoice, WebSearchTool } from "../model-request.ts"
import type { Target } from "../target.ts"
import type { WireTool, WireToolChoice } from "./wire.ts"
import { writeCacheMark } from "./write-parts.ts"

/**
 * The wire tools. Kinds of other protocols were made functions before (flattening is not known here). A history with
 * calls needs its tools even when the client lists none (compaction): they are declared by name.
 */
export function writeTools({ tools, items }: ModelRequest, target: Target): WireTool[] {
  const written = tools.flatMap(tool => writeTool(tool, target))
  if (written.length > 0) return written
  const names = new Set(items.flatMap(item => (item.kind === "tool-call" ? [item.name] : [])))
  return [...names].map(name => ({ name, input_schema: NO_PARAMETERS }))
}

const NO_PARAMETERS = { type: "object", properties: {} }

function writeTool(tool: Tool, target: Target): WireTool[] {
  switch (tool.kind) {
    case "function":
      return [writeFunction(tool)]
    case "web_search":
      return target.quirks.has("no-web-search") ? [] : [writeWebSearch(tool)]
    case "raw":
      return tool.protocol === "anthropic-messages" ? [tool.raw] : []
    default:
      return []
  }
}

/** The schema must be of type object. `strict` is the upstream's own and off by default. */
function writeFunction({ name, description, parameters, is_strict, cache }: FunctionTool): WireTool {
  const input_schema = parameters === undefined ? NO_PARAMETERS : { ...parameters, type: "object" }
  return present({ name, description, input_schema, strict: is_strict, cache_control: writeCacheMark(cache) })
}

/** claude-code-wire 9. An upstream takes one of the two filters only: what is allowed counts more. */
function writeWebSearch(tool: WebSearchTool): WireTool {
  const { allowed_domains, blocked_domains, max_uses, user_location } = tool
  const has_allowed = allowed_domains !== undefined && allowed_domains.length > 0
  const has_blocked = !has_allowed && blocked_domains !== undefined && blocked_domains.length > 0
  return present({
    type: "web_search_20250305",
    name: "web_search",
    allowed_domains: has_allowed ? allowed_domains : undefined,
    blocked_domains: has_blocked ? blocked_domains : undefined,
    max_uses,
    user_location: user_location === undefined ? undefined : writeLocation(user_location),
  })
}

/** Always in one order, so that the same tool is the same bytes. */
function writeLocation({
  city,
  region,
  country,
  timezone,
}: NonNullable<WebSearchTool["user_location"]>): WireTool {
  return present({ type: "approximate", city, region, country, timezone })
}

/** Whether the client wants a call in any case: then the upstream must not think. */
export function isForced(choice: WireToolChoice | undefined): boolean {
  return choice?.type === "any" || choice?.type === "tool"
}

/** A choice of a tool that is not there becomes free; without tools of the client none may be called. */
export function writeToolChoice(
  request: ModelRequest,
  tools: readonly WireTool[],
): WireToolChoice | undefined {
  if (tools.length === 0) return undefined
  const is_only_history = request.tools.length === 0
  const choice = is_only_history ? { type: "none" } : choiceOf(request.tool_choice, tools)
  if (request.parallel_tool_calls !== false || choice?.type === "none") return choice
  return { type: "auto", ...choice, disable_parallel_tool_use: true }
}

function choiceOf(choice: ToolChoice | undefined, tools: readonly WireTool[]): WireToolChoice | undefined {
  if (choice === undefined) return undefined
  if (typeof choice === "string") return { type: choice === "required" ? "any" : choice }
  const name = choice.tool === "web_search" ? "web_search" : choice.name
  return tools.some(tool => tool.name === name) ? { type: "tool", name } : { type: "auto" }
}
