/** Turns tools that only the Responses protocol knows into functions for every other one; touches no history. */
import type { JsonObject } from "./json.ts"
import { present } from "./json.ts"
import type { CustomTool, FunctionTool, Tool, ToolSearchTool } from "./model-request.ts"
import type { Naming, ToolIdentity } from "./tool-names.ts"

/** The one parameter of a function that stands for a freeform tool. */
export const CUSTOM_PARAMETER = "input"

/**
 * The tools as plain functions under the upstream's names, in the same order. Hosted tools stay as they are. The
 * description of a namespace is left out: its tools describe themselves.
 */
export function flattenTools(tools: readonly Tool[], naming: Naming): Tool[] {
  return uniqueTools(tools.flatMap(tool => flattenTool(tool, undefined, naming)))
}

/** Each tool once: the first definition counts, so that a second search for a tool does not change the prompt. */
export function uniqueTools(tools: readonly Tool[]): Tool[] {
  const seen = new Set<string>()
  return tools.filter(tool => {
    if (tool.kind !== "function" && tool.kind !== "custom") return true
    const is_new = !seen.has(tool.name)
    seen.add(tool.name)
    return is_new
  })
}

function flattenTool(tool: Tool, namespace: string | undefined, naming: Naming): Tool[] {
  switch (tool.kind) {
    case "function":
      return [{ ...tool, name: naming.nameOf(present({ tool: tool.kind, name: tool.name, namespace })) }]
    case "custom":
      return [flattenCustom(tool, naming.nameOf(present({ tool: tool.kind, name: tool.name, namespace })))]
    case "namespace":
      return tool.tools.flatMap(member => flattenTool(member, tool.name, naming))
    case "tool_search":
      return [flattenSearch(tool, naming.nameOf(TOOL_SEARCH))]
    case "web_search":
    case "raw":
      return [tool]
  }
}

/** A tool search has no name of its own (codex-cli-wire 3.3). */
const TOOL_SEARCH: ToolIdentity = { tool: "tool_search", name: "tool_search" }

/** apply_patch says of itself that it must not be wrapped in JSON: the last word must be how it is called here. */
function flattenCustom(tool: CustomTool, name: string): FunctionTool {
  const { description, grammar } = tool
  const grammar_hint = grammar && `The text must match this ${grammar.syntax} grammar:\n${grammar.definition}`
  const call_hint = `Call it with one argument, \`${CUSTOM_PARAMETER}\`: the whole text, as a JSON string.`
  const sentences = [description, grammar_hint, call_hint].filter(text => text !== undefined && text !== "")
  return { kind: "function", name, description: sentences.join("\n\n"), parameters: customParameters() }
}

const customParameters = (): JsonObject => ({
  type: "object",
  properties: { [CUSTOM_PARAMETER]: { type: "string" } },
  required: [CUSTOM_PARAMETER],
  additionalProperties: false,
})

function flattenSearch({ description, parameters }: ToolSearchTool, name: string): FunctionTool {
  return {
    kind: "function",
    name,
    description: description ?? "Searches for tools that are not listed yet.",
    parameters: parameters ?? searchParameters(),
  }
}

/** What the Codex CLI sends itself (capture tools-catalogue). */
const searchParameters = (): JsonObject => ({
  type: "object",
  properties: { query: { type: "string" }, limit: { type: "number" } },
  required: ["query"],
})

/**
 * The least that an upstream takes for a tool that was called but is not offered any more. `properties` is there because
 * OpenAI refuses an object schema without.
 */
export function minimalTool(identity: ToolIdentity, name: string): FunctionTool {
  if (identity.tool === "custom") return { kind: "function", name, parameters: customParameters() }
  if (identity.tool === "tool_search") return { kind: "function", name, parameters: searchParameters() }
  return { kind: "function", name, parameters: { type: "object", properties: {} } }
}
