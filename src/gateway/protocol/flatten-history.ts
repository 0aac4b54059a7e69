/** Turns the calls and results of a history into function calls under the upstream's names; repairs no order. */

import { CUSTOM_PARAMETER, flattenTools } from "./flatten-tools.ts"
import { present } from "./json.ts"
import type { Item, Tool, ToolCallItem, ToolSearchResultItem } from "./model-request.ts"
import type { Naming, ToolIdentity } from "./tool-names.ts"

/** The items with every client tool call as a function call; everything else as it is. */
export function flattenHistory(items: readonly Item[], naming: Naming): Item[] {
  return items.map(item => {
    switch (item.kind) {
      case "tool-call":
        return flattenCall(item, naming)
      case "tool-result":
        return item.tool === "function" ? item : { ...item, tool: "function" }
      case "tool-search-result":
        return flattenSearchResult(item, naming)
      default:
        return item
    }
  })
}

/** The tools that the searches of a history found, in order. */
export const foundTools = (items: readonly Item[]): Tool[] =>
  items.flatMap(item => (item.kind === "tool-search-result" ? item.tools : []))

export const identityOf = ({ tool, name, namespace }: ToolCallItem): ToolIdentity =>
  present({ tool, name, namespace })

/** Free text becomes the one string of an object; arguments that are JSON already stay byte for byte. */
function flattenCall(item: ToolCallItem, naming: Naming): ToolCallItem {
  const text = item.arguments
  return {
    kind: "tool-call",
    tool: "function",
    call_id: item.call_id,
    name: naming.nameOf(identityOf(item)),
    arguments: item.tool === "custom" ? `{"${CUSTOM_PARAMETER}":${JSON.stringify(text)}}` : text,
  }
}

/** The found tools are offered like all others, so the model only has to be told their names. */
function flattenSearchResult({ call_id, tools }: ToolSearchResultItem, naming: Naming): Item {
  const found = flattenTools(tools, naming).filter(tool => tool.kind === "function")
  const lines = found.map(({ name, description }) => `- ${name}${firstLine(description)}`)
  const output =
    lines.length === 0 ? "No tools were found." : `These tools can be called now:\n${lines.join("\n")}`
  return { kind: "tool-result", tool: "function", call_id, output }
}

const LONGEST_LINE = 200

function firstLine(description: string | undefined): string {
  const [line = ""] = (description ?? "").split("\n", 1)
  return line === "" ? "" : `: ${line.slice(0, LONGEST_LINE)}`
}
