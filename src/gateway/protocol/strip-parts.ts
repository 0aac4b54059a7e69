/** Leaves out what only another protocol can say: raw items and parts, cache marks, the billing line. */
import type { Item, MessageItem, ModelRequest, Part, TextPart, ToolResultItem } from "./model-request.ts"
import type { Target } from "./target.ts"

/** The request's prompt and items in words that the target's writer knows. Tools are flatten-tools'. */
export function stripParts(
  request: ModelRequest,
  target: Target,
): Pick<ModelRequest, "instructions" | "items"> {
  return {
    instructions: request.instructions.flatMap(part => stripInstruction(part, target)),
    items: request.items.flatMap(item => stripItem(item, target)),
  }
}

/** Differs from conversation to conversation, so that no prompt cache would hit (claude-code-wire 5, point 2). */
const BILLING_LINE = /^x-anthropic-billing-header:[^\n]*\n*/

function stripInstruction(part: TextPart, target: Target): TextPart[] {
  if (hasMarks(target)) return [part]
  const text = part.text.replace(BILLING_LINE, "")
  return text === "" ? [] : [{ kind: "text", text }]
}

/** Only Messages has cache marks; other upstreams cache by themselves. */
const hasMarks = ({ protocol }: Target): boolean => protocol === "anthropic-messages"

function stripItem(item: Item, target: Target): Item[] {
  switch (item.kind) {
    case "raw":
      return item.protocol === target.protocol ? [item] : []
    case "message":
      return stripMessage(item, target)
    case "tool-result":
      return [stripResult(item, target)]
    default:
      return [item]
  }
}

/** A message of which nothing is left is left out: no upstream takes an empty one. */
function stripMessage(item: MessageItem, target: Target): Item[] {
  const parts = item.parts.flatMap(part => stripPart(part, target))
  return parts.length === 0 && item.parts.length > 0 ? [] : [{ ...item, parts }]
}

function stripResult(item: ToolResultItem, target: Target): Item {
  const { output, cache, ...rest } = item
  const stripped = typeof output === "string" ? output : output.flatMap(part => stripPart(part, target))
  const kept = stripped.length === 0 ? "" : stripped
  return cache !== undefined && hasMarks(target)
    ? { ...rest, output: kept, cache }
    : { ...rest, output: kept }
}

function stripPart(part: Part, target: Target): Part[] {
  if (part.kind === "raw") return part.protocol === target.protocol ? [part] : []
  if (part.kind === "refusal" || part.cache === undefined || hasMarks(target)) return [part]
  const { cache: _, ...unmarked } = part
  return [unmarked]
}
