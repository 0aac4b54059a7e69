/** Writes the tools of a Chat request; chooses and renames none. */
import type { JsonObject } from "../json.ts"
import { present } from "../json.ts"
import type { FunctionTool, Tool } from "../model-request.ts"
import type { Target } from "../target.ts"
import type { WireTool } from "./wire.ts"

/** The wire form of a tool: only functions; all other kinds were made functions before, or are left out. */
export function writeTool(tool: Tool, target: Target): WireTool[] {
  return tool.kind === "function" ? [writeFunction(tool, target)] : []
}

/** `strict` is said only when it is wanted: the wire's default is false. */
function writeFunction(tool: FunctionTool, { quirks }: Target): WireTool {
  const { name, description, is_strict } = tool
  const parameters = quirks.has("strict-tool-schemas") ? plainSchema(tool.parameters) : tool.parameters
  return { type: "function", function: present({ name, description, parameters, strict: is_strict }) }
}

/** Quirk strict-tool-schemas. The members keep their order, so that the same tool is the same bytes. */
function plainSchema({ $schema: _, ...schema }: JsonObject = {}): JsonObject {
  const has_properties = typeof schema.properties === "object" && schema.properties !== null
  return { ...schema, type: "object", properties: has_properties ? schema.properties : {} }
}
