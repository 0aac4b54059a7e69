/** Makes a request of one protocol one that another protocol's writer can say in full; writes no wire. */
import { flattenHistory, foundTools, identityOf } from "./flatten-history.ts"
import { flattenTools, minimalTool, uniqueTools } from "./flatten-tools.ts"
import type { Problem } from "./json-at.ts"
import type { FunctionTool, Item, ModelRequest, Protocol, Tool } from "./model-request.ts"
import { offerTools } from "./offered-tools.ts"
import { repairHistory } from "./repair-history.ts"
import { stripParts } from "./strip-parts.ts"
import { stripReasoning } from "./strip-reasoning.ts"
import type { Target } from "./target.ts"
import { mapToolChoice } from "./tool-choice.ts"
import { type Naming, startNaming, type ToolNames } from "./tool-names.ts"

/** The translated request, how its tools are called by the client, and what the customer is told about it. */
export type TranslatedRequest =
  | { ok: true; request: ModelRequest; names: ToolNames; notes: string[] }
  | ({ ok: false } & Problem)

/**
 * The request as `target` can take it; `from` is the client's protocol. Refused by the first of `only_native`. Also for
 * equal protocols, when a quirk forces a translation: what only passing bytes can carry is refused there too.
 */
export function translateRequest(request: ModelRequest, from: Protocol, target: Target): TranslatedRequest {
  const refused = request.only_native?.[0]
  if (refused !== undefined) return { ok: false, ...refused }
  const { tools: offered, notes } = offerTools(request.tools, from, target)
  const { instructions, items } = stripParts(request, target)
  const history = stripReasoning(items, from, target)
  const translate = target.protocol === "openai-responses" ? nameNatively : flatten
  const {
    names,
    tools,
    items: named,
    is_closed,
  } = translate({ tools: offered, items: history, from, target })
  const choice = is_closed ? "none" : mapToolChoice(request.tool_choice, { tools, names, notes })
  const { tool_choice: _, parallel_tool_calls, ...rest } = request
  return {
    ok: true,
    request: {
      ...rest,
      instructions,
      items: repairHistory(named, repairRules(target)),
      tools,
      ...(choice === undefined ? {} : { tool_choice: choice }),
      // Upstreams refuse either field without tools, and Messages this one where no tool may be called.
      ...(parallel_tool_calls === undefined || choice === "none" || tools.length === 0
        ? {}
        : { parallel_tool_calls }),
    },
    names,
    notes,
  }
}

/** OpenAI's Chat takes call ids of 40 characters, the others of 64. */
const repairRules = ({ protocol }: Target) => ({
  call_id_length: protocol === "openai-chat" ? 40 : 64,
  keeps_order: protocol === "openai-responses",
})

interface ToolHistory {
  tools: Tool[]
  items: Item[]
  from: Protocol
  target: Target
}

interface NamedHistory {
  names: ToolNames
  tools: Tool[]
  items: Item[]
  /** The client offers no tools: those of the history are defined, but must not be called. */
  is_closed: boolean
}

/**
 * For upstreams that know functions only. Named are first the offered tools, then what was found and called, in order.
 * A compaction request has calls and no tools (codex-cli-wire 7), and strict upstreams refuse calls of undefined tools:
 * they are defined again, and must not be called.
 */
function flatten({ tools, items, target }: ToolHistory): NamedHistory {
  const naming = startNaming(target.tool_name_length)
  const offered = flattenTools(tools, naming)
  const history = flattenHistory(items, naming)
  const found = flattenTools(foundTools(items), naming).flatMap(ordinaryFunction)
  const called = offered.length === 0 ? calledTools(items, naming) : []
  const all = uniqueTools([...offered, ...found, ...called])
  const is_closed = offered.length === 0 && all.length > 0
  return { names: naming.names, tools: all, items: history, is_closed }
}

/** A found tool is loaded: it is deferred no more, and hosted ones cannot be found. */
function ordinaryFunction(tool: Tool): FunctionTool[] {
  if (tool.kind !== "function") return []
  const { is_deferred: _, cache: __, ...ordinary } = tool
  return [ordinary]
}

function calledTools(items: readonly Item[], naming: Naming): FunctionTool[] {
  return items.flatMap(item => {
    if (item.kind !== "tool-call") return []
    const identity = identityOf(item)
    return [minimalTool(identity, naming.nameOf(identity))]
  })
}

/** Responses upstreams know every kind of tool; what another protocol's client named too long gets a short name. */
function nameNatively({ tools, items, from, target }: ToolHistory): NamedHistory {
  const naming = startNaming(target.tool_name_length)
  if (from === "openai-responses") return { names: naming.names, tools, items, is_closed: false }
  const named = tools.map(tool => {
    if (tool.kind !== "function" && tool.kind !== "custom") return tool
    return { ...tool, name: naming.nameOf({ tool: tool.kind, name: tool.name }) }
  })
  const renamed = items.map(item => {
    if (item.kind !== "tool-call" || item.tool === "tool_search" || item.namespace !== undefined) return item
    return { ...item, name: naming.nameOf({ tool: item.tool, name: item.name }) }
  })
  return { names: naming.names, tools: uniqueTools(named), items: renamed, is_closed: false }
}
