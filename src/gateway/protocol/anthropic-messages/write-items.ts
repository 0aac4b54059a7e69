/** Writes items as the alternating turns of a Messages request; the request around them is write-request's. */

import { parseArguments } from "../exact-json.ts"
import { present } from "../json.ts"
import type {
  HostedCallItem,
  Item,
  MessageItem,
  ReasoningItem,
  ToolCallItem,
  ToolResultItem,
} from "../model-request.ts"
import type { Target } from "../target.ts"
import { searchQuery, writeResults } from "./search-results.ts"
import { orderTurns } from "./turns.ts"
import type { WireBlock, WireTurn } from "./wire.ts"
import { writeCacheMark, writeParts } from "./write-parts.ts"

/** The turns of a history: a user's first and last, alternating, every call answered by the next turn. */
export function writeItems(items: readonly Item[], target: Target): WireTurn[] {
  const turns: WireTurn[] = []
  for (const [place, item] of items.entries()) {
    const role = roleOf(item)
    const blocks = writeItem(item, target, place)
    const last = turns.at(-1)
    if (blocks.length === 0) continue
    if (last?.role === role) last.content.push(...blocks)
    else turns.push({ role, content: blocks })
  }
  return orderTurns(turns)
}

function roleOf(item: Item): "user" | "assistant" {
  switch (item.kind) {
    case "message":
      return item.role === "assistant" ? "assistant" : "user"
    case "tool-result":
    case "tool-search-result":
      return "user"
    default:
      return "assistant"
  }
}

function writeItem(item: Item, target: Target, place: number): WireBlock[] {
  switch (item.kind) {
    case "message":
      return writeMessage(item, target)
    case "reasoning":
      return writeReasoning(item)
    case "tool-call":
      return [writeCall(item)]
    case "tool-result":
      return [writeResult(item, target)]
    case "tool-search-result": {
      const content = `Tools found: ${item.tools.map(tool => ("name" in tool ? tool.name : tool.kind)).join(", ")}`
      return [{ type: "tool_result", tool_use_id: legalId(item.call_id), content }]
    }
    case "hosted-call":
      return writeSearch(item, place)
    case "raw":
      return []
  }
}

/**
 * Instructions in the middle of a history become marked user text at the same place: not every model of this protocol
 * takes a system message there (claude-code-wire 5.1), all know the client's own reminder form.
 */
function writeMessage({ role, parts }: MessageItem, target: Target): WireBlock[] {
  const blocks = writeParts(parts, target)
  if (role === "user" || role === "assistant") return blocks
  return blocks.map(block =>
    block.type === "text"
      ? { ...block, text: `<system-reminder>\n${block.text}\n</system-reminder>` }
      : block,
  ) as WireBlock[]
}

/** Only sealed thinking goes back: the upstream refuses thinking that it has not signed. */
function writeReasoning({ sealed, is_redacted, text, summary }: ReasoningItem): WireBlock[] {
  if (!sealed) return []
  if (is_redacted) return [{ type: "redacted_thinking", data: sealed }]
  return [{ type: "thinking", thinking: text.join("") || summary.join(""), signature: sealed }]
}

function writeCall({ call_id, name, tool, arguments: text }: ToolCallItem): WireBlock {
  const input = tool === "custom" ? { input: text } : parseArguments(text)
  return { type: "tool_use", id: legalId(call_id), name, input }
}

function writeResult({ call_id, output, is_error, cache }: ToolResultItem, target: Target): WireBlock {
  return present({
    type: "tool_result" as const,
    tool_use_id: legalId(call_id),
    content: writeOutput(output, target),
    is_error,
    cache_control: writeCacheMark(cache),
  })
}

/** Blank texts are left out here, too; an output of nothing else is an empty text. */
function writeOutput(output: ToolResultItem["output"], target: Target): string | WireBlock[] {
  if (typeof output === "string") return output
  const blocks = writeParts(output, target)
  return blocks.length === 0 ? "" : blocks
}

/** A search whose pages are not sealed by this upstream cannot be shown to it; the answer's text stays. */
function writeSearch({ raw, results = [] }: HostedCallItem, place: number): WireBlock[] {
  const query = searchQuery(raw)
  const sealed = results.filter(result => result.sealed !== undefined)
  if (query === undefined || sealed.length === 0) return []
  const id = `srvtoolu_history_${place}`
  return [
    { type: "server_tool_use", id, name: "web_search", input: { query } },
    { type: "web_search_tool_result", tool_use_id: id, content: writeResults(sealed) },
  ]
}

/** Call ids of other upstreams made legal (codex-cli-wire 10.14); a legal one stays, others get a name by content. */
function legalId(id: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(id)) return id
  return `call_${id.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 40)}_${hashOf(id)}`
}

/** FNV-1a with 32 bits: enough to keep the ids of one conversation apart. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, "0")
}
