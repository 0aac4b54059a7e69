/** Chooses which of a client's tools an upstream of another protocol is offered at all; renames none. */
import type { Protocol, Tool } from "./model-request.ts"
import type { Target } from "./target.ts"

/**
 * The tools without what the target cannot run; each is named in a note, because a request never fails by one optional
 * tool (gateway.md). Marks and deferral stay only in the protocol that has them: a deferred tool becomes an ordinary
 * one (claude-code-wire 9).
 */
export function offerTools(
  tools: readonly Tool[],
  from: Protocol,
  target: Target,
): { tools: Tool[]; notes: string[] } {
  const notes = new Set<string>()
  const offered = tools.flatMap(tool => offerTool(tool, { from, target, notes }))
  return { tools: offered, notes: [...notes] }
}

interface Offer {
  from: Protocol
  target: Target
  notes: Set<string>
}

function offerTool(tool: Tool, offer: Offer): Tool[] {
  switch (tool.kind) {
    case "web_search":
      if (canSearch(offer.target)) return [tool]
      offer.notes.add("web_search was left out: the upstream has no hosted search")
      return []
    case "raw":
      if (tool.protocol === offer.target.protocol) return [tool]
      offer.notes.add(`${wordOf(tool.raw.type)} was left out: the upstream has no such tool`)
      return []
    case "namespace":
      return [{ ...tool, tools: tool.tools.flatMap(member => offerTool(member, offer)) }]
    case "function": {
      const { is_deferred, cache, ...plain } = tool
      const keeps_deferral = is_deferred && offer.from === offer.target.protocol
      const keeps_mark = cache !== undefined && offer.target.protocol === "anthropic-messages"
      return [{ ...plain, ...(keeps_deferral ? { is_deferred } : {}), ...(keeps_mark ? { cache } : {}) }]
    }
    default:
      return [tool]
  }
}

const canSearch = ({ protocol, quirks }: Target): boolean =>
  protocol !== "openai-chat" && !quirks.has("no-web-search")

/** A type that may stand in a header; the client can write anything there. */
const wordOf = (type: unknown): string =>
  typeof type === "string" && /^[\w.-]{1,64}$/.test(type) ? type : "a hosted tool"
