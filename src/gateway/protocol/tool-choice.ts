/** Maps a client's choice of tool to the tools that an upstream is offered; chooses nothing itself. */
import type { Tool, ToolChoice } from "./model-request.ts"
import type { ToolIdentity, ToolNames } from "./tool-names.ts"

export interface Offered {
  tools: readonly Tool[]
  /** Empty when the tools have the client's names. */
  names: ToolNames
  /** Gets a line when the choice cannot be kept. */
  notes: string[]
}

/**
 * The choice in the upstream's names. It is left out when no tools are offered, which upstreams refuse, and when it
 * forces a tool that is not offered, which is noted.
 */
export function mapToolChoice(choice: ToolChoice | undefined, offered: Offered): ToolChoice | undefined {
  if (choice === undefined) return undefined
  if (typeof choice === "string") return offered.tools.length === 0 ? undefined : choice
  if (choice.tool === "web_search") {
    // Its removal has its own note (offered-tools).
    return offered.tools.some(tool => tool.kind === "web_search") ? choice : undefined
  }
  const found = findTool(choice, offered)
  if (found === undefined) offered.notes.push("tool_choice was left out: it names a tool that is not offered")
  return found
}

/** The tool of that kind and name, else of that name: clients choose a freeform tool as a function, too. */
function findTool({ tool, name }: { tool: string; name: string }, offered: Offered): ToolChoice | undefined {
  const same = offered.tools.flatMap(each => {
    if (each.kind !== "function" && each.kind !== "custom") return []
    const identity: ToolIdentity = offered.names.get(each.name) ?? { tool: each.kind, name: each.name }
    return identity.name === name ? [{ each, identity }] : []
  })
  const best =
    same.find(({ identity }) => identity.tool === tool && identity.namespace === undefined) ?? same[0]
  return best && { tool: best.each.kind, name: best.each.name }
}
