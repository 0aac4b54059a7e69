/** Reads one output item, piece by piece, into its blocks' events; the response around it is read-events'. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present, stringOf } from "../json.ts"
import type { Citation, ModelEvent } from "../model-event.ts"
import type { SearchResult, ToolKind } from "../model-request.ts"
import { restOf, restOfArguments } from "../partial-arguments.ts"
import { addSent, NOTHING_SENT, restOfSent, type SentText } from "../sent-text.ts"

/** What was sent of a part, by part key such as `text:0`. */
type Sent = { readonly [part: string]: SentText }

interface MessageBlock {
  kind: "message"
  phase: string | undefined
  /** The key of the open part. */
  current?: string
  sent: Sent
  citations: { readonly [part: string]: number }
}

interface ReasoningBlock {
  kind: "reasoning"
  current?: string
  counts: { summary: number; text: number }
  sent: Sent
}

interface CallBlock {
  kind: "call"
  tool: ToolKind
  is_started: boolean
  is_whole: boolean
  sent: string
}

interface HostedBlock {
  kind: "hosted"
  item: JsonObject & { type: string }
}

export type Block = MessageBlock | ReasoningBlock | CallBlock | HostedBlock
type Step = [Block, ModelEvent[]]

/** A block that has said nothing yet, by the `type` of the item or of the event that speaks of it. */
export function newBlock(item: JsonObject & { type: string }): Block {
  switch (item.type) {
    case "message":
      return { kind: "message", phase: stringOf(item.phase), sent: {}, citations: {} }
    case "reasoning":
      return { kind: "reasoning", counts: { summary: 0, text: 0 }, sent: {} }
    case "function_call":
      return { kind: "call", tool: "function", is_started: false, is_whole: false, sent: "" }
    case "custom_tool_call":
      return { kind: "call", tool: "custom", is_started: false, is_whole: false, sent: "" }
    case "tool_search_call":
      if (item.execution === "server") return { kind: "hosted", item }
      return { kind: "call", tool: "tool_search", is_started: false, is_whole: false, sent: "" }
    default:
      return { kind: "hosted", item }
  }
}

/**
 * The first events of a block: what the opened item already says, except texts, which its deltas or its end
 * bring.
 */
export function openBlock(block: Block, item: JsonObject, fallback_id: string): Step {
  switch (block.kind) {
    case "message":
      return [block, []]
    case "reasoning":
      return [block, [{ type: "reasoning-start" }]]
    case "hosted":
      return [block, [{ type: "hosted-call-start", call_type: block.item.type }]]
    case "call":
      return startCall(block, item, fallback_id)
  }
}

function startCall(block: CallBlock, item: JsonObject, fallback_id: string): [CallBlock, ModelEvent[]] {
  const name = block.tool === "tool_search" ? "tool_search" : stringOf(item.name)
  if (block.is_started || name === undefined || name === "") return [block, []]
  const call_id = stringOf(item.call_id) || stringOf(item.id) || fallback_id
  const namespace = stringOf(item.namespace) || undefined
  const start = present({ type: "tool-call-start" as const, tool: block.tool, call_id, name, namespace })
  const kept: ModelEvent[] = block.sent === "" ? [] : [{ type: "tool-call-delta", text: block.sent }]
  return [{ ...block, is_started: true }, [start, ...kept]]
}

/** One event inside an open item; unknown ones say nothing. */
export function readInside(block: Block, event: JsonObject): Step {
  switch (block.kind) {
    case "message":
      return readInMessage(block, event)
    case "reasoning":
      return readInReasoning(block, event)
    case "call":
      return readInCall(block, event)
    case "hosted":
      return [block, []]
  }
}

/**
 * The end of a block, with the finished item when the upstream sent it; `is_cut` says that the model was
 * stopped.
 */
export function closeBlock(block: Block, item: JsonObject, is_cut: boolean): ModelEvent[] {
  switch (block.kind) {
    case "message":
      return closeMessage(block, item)
    case "reasoning":
      return closeReasoning(block, item)
    case "call":
      return closeCall(block, item, is_cut)
    case "hosted": {
      const { id: _, ...raw } = item.type === undefined ? block.item : item
      const results = readSources(raw.action)
      const end = { type: "hosted-call-end" as const, raw: { ...raw, type: block.item.type } }
      return [results.length === 0 ? end : { ...end, results }]
    }
  }
}

/** The pages of a search, which are said only when asked for: `web_search_call.action.sources`. */
function readSources(action: unknown): SearchResult[] {
  const sources = isJsonObject(action) && Array.isArray(action.sources) ? action.sources : []
  return sources.flatMap(source => {
    const url = isJsonObject(source) ? stringOf(source.url) : undefined
    return url === undefined ? [] : [{ url }]
  })
}

function readInMessage(block: MessageBlock, event: JsonObject): Step {
  const index = indexOf(event.content_index)
  switch (event.type) {
    case "response.output_text.delta":
      return sayText(block, `text:${index}`, stringOf(event.delta) ?? "")
    case "response.refusal.delta":
      return sayText(block, `refusal:${index}`, stringOf(event.delta) ?? "")
    case "response.output_text.done":
      return completePart(block, index, { type: "output_text", text: event.text })
    case "response.refusal.done":
      return completePart(block, index, { type: "refusal", refusal: event.refusal })
    case "response.content_part.done":
      return isJsonObject(event.part) ? endPart(block, index, event.part) : [block, []]
    case "response.output_text.annotation.added":
      return cite(block, `text:${index}`, [event.annotation])
    default:
      return [block, []]
  }
}

/** Text of a part; opens the part when another one or none is open. Nothing is opened for empty text. */
function sayText(block: MessageBlock, part: string, text: string): [MessageBlock, ModelEvent[]] {
  if (text === "") return [block, []]
  const events: ModelEvent[] = []
  if (block.current !== part) {
    const is_refusal = part.startsWith("refusal") ? (true as const) : undefined
    if (block.current !== undefined) events.push({ type: "text-end" })
    events.push(present({ type: "text-start" as const, phase: block.phase, is_refusal }))
  }
  events.push({ type: "text-delta", text })
  const sent = { ...block.sent, [part]: addSent(block.sent[part] ?? NOTHING_SENT, text) }
  return [{ ...block, current: part, sent }, events]
}

/** Whatever a finished part holds beyond what was sent. */
function completePart(block: MessageBlock, index: number, part: JsonObject): [MessageBlock, ModelEvent[]] {
  const key = part.type === "refusal" ? `refusal:${index}` : `text:${index}`
  const full = stringOf(part.type === "refusal" ? part.refusal : part.text)
  const [spoken, events] = sayText(block, key, restOfSent(block.sent[key] ?? NOTHING_SENT, full))
  const annotations = Array.isArray(part.annotations) ? part.annotations : []
  const [cited, citations] = cite(spoken, key, annotations.slice(spoken.citations[key] ?? 0))
  return [cited, [...events, ...citations]]
}

function endPart(block: MessageBlock, index: number, part: JsonObject): [MessageBlock, ModelEvent[]] {
  const [{ current, ...rest }, events] = completePart(block, index, part)
  return [rest, current === undefined ? events : [...events, { type: "text-end" }]]
}

/** Sources of the open part; they cannot be told after it was closed. */
function cite(block: MessageBlock, part: string, annotations: unknown[]): [MessageBlock, ModelEvent[]] {
  if (block.current !== part || annotations.length === 0) return [block, []]
  const citations = { ...block.citations, [part]: (block.citations[part] ?? 0) + annotations.length }
  return [{ ...block, citations }, annotations.flatMap(readCitation)]
}

function readCitation(annotation: unknown): ModelEvent[] {
  if (!isJsonObject(annotation) || annotation.type !== "url_citation") return []
  const citation: Citation = present({
    url: stringOf(annotation.url) ?? "",
    title: stringOf(annotation.title) || undefined,
    start_index: countOf(annotation.start_index),
    end_index: countOf(annotation.end_index),
  })
  return [{ type: "text-citation", citation }]
}

function closeMessage(block: MessageBlock, item: JsonObject): ModelEvent[] {
  const events: ModelEvent[] = []
  let open = { ...block, phase: block.phase ?? stringOf(item.phase) }
  for (const [index, part] of listOf(item.content).entries()) {
    const [next, said] = completePart(open, index, part)
    open = next as typeof open
    events.push(...said)
  }
  if (open.current !== undefined) events.push({ type: "text-end" })
  return events
}

function readInReasoning(block: ReasoningBlock, event: JsonObject): Step {
  switch (event.type) {
    case "response.reasoning_summary_text.delta":
      return think(block, ["summary", indexOf(event.summary_index)], stringOf(event.delta) ?? "")
    case "response.reasoning_text.delta":
      return think(block, ["text", indexOf(event.content_index)], stringOf(event.delta) ?? "")
    default:
      return [block, []]
  }
}

type PartOfReasoning = ["summary" | "text", number]

/**
 * A piece of a summary or of the thinking; parts are counted anew, because not every upstream counts right.
 */
function think(
  block: ReasoningBlock,
  [of, index]: PartOfReasoning,
  text: string,
): [ReasoningBlock, ModelEvent[]] {
  if (text === "") return [block, []]
  const part = `${of}:${index}`
  const count = block.current === part ? block.counts[of] : block.counts[of] + 1
  const sent = { ...block.sent, [part]: addSent(block.sent[part] ?? NOTHING_SENT, text) }
  const next = { ...block, current: part, counts: { ...block.counts, [of]: count }, sent }
  return [next, [{ type: "reasoning-delta", of, index: count - 1, text }]]
}

function closeReasoning(block: ReasoningBlock, item: JsonObject): ModelEvent[] {
  const events: ModelEvent[] = []
  let open = block
  const parts: [PartOfReasoning, JsonObject][] = [
    ...listOf(item.summary).map((part, index): [PartOfReasoning, JsonObject] => [["summary", index], part]),
    ...listOf(item.content).map((part, index): [PartOfReasoning, JsonObject] => [["text", index], part]),
  ]
  for (const [place, part] of parts) {
    const sent = open.sent[`${place[0]}:${place[1]}`] ?? NOTHING_SENT
    const [next, said] = think(open, place, restOfSent(sent, stringOf(part.text)))
    open = next
    events.push(...said)
  }
  const sealed = stringOf(item.encrypted_content) || undefined
  events.push(present({ type: "reasoning-end" as const, sealed }))
  return events
}

function readInCall(block: CallBlock, event: JsonObject): Step {
  switch (event.type) {
    case "response.function_call_arguments.delta":
    case "response.custom_tool_call_input.delta":
      return sayArguments(block, stringOf(event.delta) ?? "")
    case "response.function_call_arguments.done":
      return sayArguments({ ...block, is_whole: true }, restOf(block.sent, stringOf(event.arguments)))
    case "response.custom_tool_call_input.done":
      return sayArguments({ ...block, is_whole: true }, restOf(block.sent, stringOf(event.input)))
    default:
      return [block, []]
  }
}

/** Arguments of a call whose name is not known yet are kept until the finished item names it. */
function sayArguments(block: CallBlock, text: string): [CallBlock, ModelEvent[]] {
  if (text === "") return [block, []]
  const next = { ...block, sent: block.sent + text }
  return [next, block.is_started ? [{ type: "tool-call-delta", text }] : []]
}

function closeCall(block: CallBlock, item: JsonObject, is_cut: boolean): ModelEvent[] {
  // A call that nobody ever named cannot be made.
  if (!block.is_started) return []
  const isCutHere = item.status === "incomplete" || (is_cut && !block.is_whole)
  const full = argumentsOf(item)
  // A cut call keeps exactly what arrived: `{}` would make it a call without arguments.
  const rest = isCutHere ? restOf(block.sent, full) : restOfArguments(block.tool, block.sent, full)
  const end = present({ type: "tool-call-end" as const, is_cut: isCutHere ? (true as const) : undefined })
  return rest === "" ? [end] : [{ type: "tool-call-delta", text: rest }, end]
}

/**
 * The arguments of a finished call; an object only in tool_search_call (codex-cli-wire 4.2) or by mistake.
 */
function argumentsOf(item: JsonObject): string | undefined {
  const whole = item.arguments ?? item.input
  return isJsonObject(whole) ? JSON.stringify(whole) : stringOf(whole)
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function indexOf(value: unknown): number {
  return countOf(value) ?? 0
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
