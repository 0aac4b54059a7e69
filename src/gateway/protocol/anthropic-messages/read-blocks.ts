/** Reads one content block, piece by piece, into its events; the message around it is read-events'. */

import { argumentsOf } from "../exact-json.ts"
import { isJsonObject, type JsonObject, parseObject, present, stringOf } from "../json.ts"
import type { ModelEvent } from "../model-event.ts"
import { restOfArguments } from "../partial-arguments.ts"
import { queryOf } from "./read-parts.ts"
import { readSearch } from "./search-results.ts"

interface TextBlock {
  kind: "text"
  is_started: boolean
}

/** Said only when there is something to say: an empty unsigned block is somebody's keepalive. */
interface ThinkingBlock {
  kind: "thinking"
  is_started: boolean
  signature: string
}

interface RedactedBlock {
  kind: "redacted"
  data: string
}

interface CallBlock {
  kind: "call"
  /** The input that came whole with the start of the block, as text. */
  whole: string | undefined
  sent: string
}

/** A hosted search; it stays open until the block with its results has come. */
interface SearchBlock {
  kind: "search"
  id: string
  input: JsonObject
  sent: string
}

export type Block = TextBlock | ThinkingBlock | RedactedBlock | CallBlock | SearchBlock
export type Step = [Block, readonly ModelEvent[]]

const NOTHING: readonly ModelEvent[] = []

/** A block as it is announced, with what it says at once; `undefined` for kinds that say nothing to other protocols. */
export function openBlock(start: JsonObject, fallback_id: string): Step | undefined {
  switch (start.type) {
    case "text":
      return openText(start)
    case "thinking": {
      const block: ThinkingBlock = {
        kind: "thinking",
        is_started: false,
        signature: stringOf(start.signature) ?? "",
      }
      return think(block, stringOf(start.thinking) ?? "")
    }
    case "redacted_thinking":
      return [{ kind: "redacted", data: stringOf(start.data) ?? "" }, NOTHING]
    case "tool_use":
      return openCall(start, fallback_id)
    case "server_tool_use":
      return openSearch(start)
    default:
      return undefined
  }
}

function openText(start: JsonObject): Step {
  const [block, events] = say({ kind: "text", is_started: false }, stringOf(start.text) ?? "")
  const citations = Array.isArray(start.citations) ? start.citations.flatMap(readCitation) : []
  return citations.length === 0 ? [block, events] : cite(block, events, citations)
}

/** A call that nobody named cannot be made. */
function openCall(start: JsonObject, fallback_id: string): Step | undefined {
  const name = stringOf(start.name)
  if (name === undefined || name === "") return undefined
  const call_id = stringOf(start.id) || fallback_id
  const has_input = isJsonObject(start.input) && Object.keys(start.input).length > 0
  const whole = has_input ? argumentsOf(start.input as JsonObject) : undefined
  return [{ kind: "call", whole, sent: "" }, [{ type: "tool-call-start", tool: "function", call_id, name }]]
}

function openSearch(start: JsonObject): Step | undefined {
  if (start.name !== "web_search") return undefined
  const input = isJsonObject(start.input) ? start.input : {}
  return [
    { kind: "search", id: stringOf(start.id) ?? "", input, sent: "" },
    [{ type: "hosted-call-start", call_type: "web_search_call" }],
  ]
}

/** One delta; unknown ones say nothing, and so does a delta of another kind than its block. */
export function readDelta(block: Block, delta: JsonObject): Step {
  switch (delta.type) {
    case "text_delta":
      return block.kind === "text" ? say(block, stringOf(delta.text) ?? "") : [block, NOTHING]
    case "thinking_delta":
      return block.kind === "thinking" ? think(block, stringOf(delta.thinking) ?? "") : [block, NOTHING]
    case "signature_delta":
      if (block.kind !== "thinking") return [block, NOTHING]
      return [{ ...block, signature: block.signature + (stringOf(delta.signature) ?? "") }, NOTHING]
    case "input_json_delta":
      return sayInput(block, stringOf(delta.partial_json) ?? "")
    case "citations_delta":
      return block.kind === "text" ? cite(block, NOTHING, readCitation(delta.citation)) : [block, NOTHING]
    default:
      return [block, NOTHING]
  }
}

const STARTED_TEXT: TextBlock = { kind: "text", is_started: true }

function say(block: TextBlock, text: string): [TextBlock, readonly ModelEvent[]] {
  if (text === "") return [block, NOTHING]
  if (block.is_started) return [block, [{ type: "text-delta", text }]]
  return [STARTED_TEXT, [{ type: "text-start" }, { type: "text-delta", text }]]
}

/** Sources may come before the text that cites them (capture 33). */
function cite(block: Block, before: readonly ModelEvent[], citations: ModelEvent[]): Step {
  if (block.kind !== "text" || citations.length === 0) return [block, before]
  const opening: ModelEvent[] = block.is_started ? [] : [{ type: "text-start" }]
  return [STARTED_TEXT, [...before, ...opening, ...citations]]
}

function readCitation(raw: unknown): ModelEvent[] {
  if (!isJsonObject(raw)) return []
  const url = stringOf(raw.url)
  if (url === undefined) return []
  const title = stringOf(raw.title)
  const citation = present({ url, title: title === url ? undefined : title || undefined })
  return [{ type: "text-citation", citation }]
}

function think(block: ThinkingBlock, text: string): Step {
  if (text === "") return [block, NOTHING]
  const delta: ModelEvent = { type: "reasoning-delta", of: "text", index: 0, text }
  if (block.is_started) return [block, [delta]]
  return [{ ...block, is_started: true }, [{ type: "reasoning-start" }, delta]]
}

function sayInput(block: Block, text: string): Step {
  if (text === "" || (block.kind !== "call" && block.kind !== "search")) return [block, NOTHING]
  const next = { ...block, sent: block.sent + text }
  return [next, block.kind === "call" ? [{ type: "tool-call-delta", text }] : NOTHING]
}

/** The end of a block; `is_cut` says that the model was stopped inside it. A search ends with `closeSearch`. */
export function closeBlock(block: Block, is_cut: boolean): readonly ModelEvent[] {
  switch (block.kind) {
    case "text":
      return block.is_started ? [{ type: "text-end" }] : NOTHING
    case "thinking":
      return closeThinking(block)
    case "redacted":
      return [{ type: "reasoning-start" }, { type: "reasoning-end", sealed: block.data, is_redacted: true }]
    case "call":
      return closeCall(block, is_cut)
    case "search":
      return closeSearch(block, undefined)
  }
}

function closeThinking({ is_started, signature }: ThinkingBlock): readonly ModelEvent[] {
  const sealed = signature || undefined
  if (!is_started && sealed === undefined) return NOTHING
  const end: ModelEvent = present({ type: "reasoning-end" as const, sealed })
  return is_started ? [end] : [{ type: "reasoning-start" }, end]
}

/** A cut call keeps exactly what arrived: `{}` would make it a call without arguments. */
function closeCall(block: CallBlock, is_cut: boolean): readonly ModelEvent[] {
  if (is_cut) return [{ type: "tool-call-end", is_cut: true }]
  const rest = restOfArguments("function", block.sent, block.sent === "" ? block.whole : undefined)
  return rest === ""
    ? [{ type: "tool-call-end" }]
    : [{ type: "tool-call-delta", text: rest }, { type: "tool-call-end" }]
}

/** Whether the call's arguments are whole; if not, only the stop reason tells whether the model was cut. */
export function isWholeCall(block: CallBlock): boolean {
  if (block.sent === "") return block.whole !== undefined
  try {
    JSON.parse(block.sent)
    return true
  } catch {
    // Not whole: the question this function answers.
    return false
  }
}

/** The end of a search with the content of its result block; without one the search has failed. */
export function closeSearch(block: SearchBlock, content: unknown): readonly ModelEvent[] {
  return [{ type: "hosted-call-end", ...readSearch(searchedFor(block), content) }]
}

function searchedFor({ sent, input }: SearchBlock): string {
  return queryOf(sent === "" ? input : parseObject(sent))
}
