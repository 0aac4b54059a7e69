/** Writes a ModelRequest as the body of POST /messages; equal protocols pass by and never come here. */
import { type JsonObject, present } from "../json.ts"
import type { Item, ModelRequest, Part, TextPart } from "../model-request.ts"
import type { Target } from "../target.ts"
import { settleCacheMarks } from "./cache-marks.ts"
import type { WireRequest, WireTextBlock } from "./wire.ts"
import { writeItems } from "./write-items.ts"
import { writeText } from "./write-parts.ts"
import { isThinking, type Thinking, writeThinking } from "./write-thinking.ts"
import { isForced, writeToolChoice, writeTools } from "./write-tools.ts"

/**
 * The body, keys in the order of claude-code-wire 5 and the same bytes for the same request, so that prompt caches
 * hit. No metadata: the wire knows only a user id, and that is private to the customer.
 */
export function writeRequest(request: ModelRequest, target: Target): WireRequest {
  const [leading, items] = splitLeading(request.items)
  const system = [...request.instructions, ...leading].flatMap(part => writeText(part.text, part.cache))
  const messages = writeItems(items, target)
  const tools = writeTools(request, target)
  const tool_choice = writeToolChoice(request, tools)
  const max_tokens = Math.min(request.max_output_tokens ?? target.max_output_tokens, target.max_output_tokens)
  const circumstances = { max_tokens, is_forced: isForced(tool_choice), turns: messages }
  const wish = writeThinking(request.reasoning, target, circumstances)
  const body: WireRequest = present({
    model: target.model,
    messages,
    system: system.length === 0 ? undefined : (system as WireTextBlock[]),
    tools: tools.length === 0 ? undefined : tools,
    tool_choice,
    max_tokens,
    thinking: wish.thinking,
    ...writeSampling(request, wish),
    stop_sequences: writeStop(request.stop),
    output_config: writeOutputConfig(request, wish),
    service_tier: writeTier(request.service_tier),
    stream: request.stream,
  })
  settleCacheMarks(body)
  return body
}

/** System and developer messages before the first turn are the system prompt. */
function splitLeading(items: readonly Item[]): [TextPart[], readonly Item[]] {
  const first = items.findIndex(item => !isInstruction(item))
  const count = first === -1 ? items.length : first
  const parts = items.slice(0, count).flatMap((item): Part[] => (item.kind === "message" ? item.parts : []))
  return [parts.filter((part): part is TextPart => part.kind === "text"), items.slice(count)]
}

/** Instructions of text only: pictures can stand only in a turn of the user. */
function isInstruction(item: Item): boolean {
  if (item.kind !== "message" || (item.role !== "system" && item.role !== "developer")) return false
  return item.parts.every(part => part.kind === "text")
}

/**
 * Neither while the model thinks, and never both: the upstream refuses it. A temperature above 1 is the protocol's 1.
 */
function writeSampling(
  { temperature, top_p }: ModelRequest,
  wish: Thinking,
): { temperature?: number; top_p?: number } {
  if (isThinking(wish)) return {}
  if (temperature !== undefined) return { temperature: Math.min(1, Math.max(0, temperature)) }
  return top_p === undefined ? {} : { top_p }
}

/** Blank sequences are refused by the upstream. */
function writeStop(stop: readonly string[] | undefined): string[] | undefined {
  const sequences = stop?.filter(sequence => sequence.trim() !== "") ?? []
  return sequences.length === 0 ? undefined : sequences
}

function writeOutputConfig(
  { text_format }: ModelRequest,
  { effort }: Thinking,
): WireRequest["output_config"] {
  const format: JsonObject | undefined =
    text_format?.kind === "json_schema" ? { type: "json_schema", schema: text_format.schema } : undefined
  if (effort === undefined && format === undefined) return undefined
  return present({ effort, format })
}

/** The wire knows two words; a tier that it cannot promise is not asked for. */
function writeTier(tier: string | undefined): string | undefined {
  if (tier === "default" || tier === "standard_only") return "standard_only"
  return tier === "auto" || tier === "priority" ? "auto" : undefined
}
