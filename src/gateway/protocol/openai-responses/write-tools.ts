/** Writes the tools of a Responses request; chooses and renames none. */
import { present } from "../json.ts"
import type { CustomTool, FunctionTool, Tool, WebSearchTool } from "../model-request.ts"
import type { WireTool } from "./wire.ts"

/** The wire form of a tool: one, or none when only another protocol could say it. */
export function writeTool(tool: Tool): WireTool[] {
  switch (tool.kind) {
    case "function":
      return [writeFunction(tool)]
    case "custom":
      return [writeCustom(tool)]
    case "namespace": {
      const { name, description } = tool
      return [present({ type: "namespace", name, description, tools: tool.tools.flatMap(writeTool) })]
    }
    case "tool_search": {
      const { description, parameters } = tool
      return [present({ type: "tool_search", execution: "client", description, parameters })]
    }
    case "web_search":
      return [writeWebSearch(tool)]
    case "raw":
      return tool.protocol === "openai-responses" ? [tool.raw as WireTool] : []
  }
}

/** `strict` is always said, because the wire's default is true while other protocols' is false. */
function writeFunction(tool: FunctionTool): WireTool {
  const { name, description, is_deferred, parameters } = tool
  const strict = tool.is_strict ?? false
  const wire = { type: "function", name, description, strict, defer_loading: is_deferred }
  return { ...present(wire), parameters: parameters ?? null }
}

function writeCustom(tool: CustomTool): WireTool {
  const { name, description, grammar } = tool
  const format = grammar === undefined ? undefined : { type: "grammar", ...grammar }
  return present({ type: "custom", name, description, format })
}

/** codex-cli-wire 8. */
function writeWebSearch(tool: WebSearchTool): WireTool {
  const { allowed_domains, user_location } = tool
  return present({
    type: "web_search",
    external_web_access: tool.has_live_access,
    filters: allowed_domains === undefined ? undefined : { allowed_domains: allowed_domains },
    user_location: user_location === undefined ? undefined : writeLocation(user_location),
    search_context_size: tool.context_size,
    search_content_types: tool.content_types,
  })
}

/** Always in one order, so that the same tool is the same bytes. */
function writeLocation(location: NonNullable<WebSearchTool["user_location"]>): { type: string } {
  const { country, region, city, timezone } = location
  return present({ type: "approximate", country, region, city, timezone })
}
