/** What was said, called and answered in a conversation, in order: for comparing requests of different protocols. */
import { parseExactly } from "../../src/gateway/protocol/exact-json.ts"
import type { Item, ModelRequest, Part } from "../../src/gateway/protocol/model-request.ts"
import type { ToolNames } from "../../src/gateway/protocol/tool-names.ts"

export type Line =
  | { who: "user" | "assistant" | "system" | "developer"; says: string }
  | { calls: string; id: string; with: string }
  | { answers: string; says: string }

/** Lines of neighbours that say alike are one: some protocols cut a message in two, others join them. */
export function dialogueOf(request: ModelRequest, names: ToolNames = new Map()): Line[] {
  const lines: Line[] = []
  for (const line of request.items.flatMap(item => linesOf(item, names))) {
    const last = lines.at(-1)
    if (last && "who" in last && "who" in line && last.who === line.who) last.says += line.says
    else lines.push({ ...line })
  }
  return lines
}

function linesOf(item: Item, names: ToolNames): Line[] {
  switch (item.kind) {
    case "message":
      return [{ who: item.role, says: textOf(item.parts) }]
    case "tool-call": {
      const known = names.get(item.name)
      const name = known ? `${known.namespace ?? ""}${known.name}` : `${item.namespace ?? ""}${item.name}`
      const is_wrapped = known?.tool === "custom" && item.tool === "function"
      const said = is_wrapped
        ? String((JSON.parse(item.arguments) as { input: unknown }).input)
        : item.arguments
      return [{ calls: name, id: item.call_id, with: said }]
    }
    case "tool-result":
      return [
        { answers: item.call_id, says: typeof item.output === "string" ? item.output : textOf(item.output) },
      ]
    default:
      return []
  }
}

const textOf = (parts: readonly Part[]): string =>
  parts.map(part => (part.kind === "text" || part.kind === "refusal" ? part.text : `<${part.kind}>`)).join("")

/** The same where arguments are an object on the wire: spacing and `1.0` for 1 mean nothing there, every digit does. */
export const withoutSpacing = (lines: Line[]): Line[] =>
  lines.map(line => ("calls" in line ? { ...line, with: respaced(line.with) } : line))

function respaced(text: string): string {
  try {
    return JSON.stringify(parseExactly(text))
  } catch {
    // The free text of a tool that takes no object.
    return text
  }
}
