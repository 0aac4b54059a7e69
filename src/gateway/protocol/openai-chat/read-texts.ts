/** Reads the text, refusal and thinking of Chat deltas into blocks; calls are read-calls'. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present, stringOf } from "../json.ts"
import type { Citation, ModelEvent } from "../model-event.ts"
import { settleCalls } from "./read-calls.ts"
import type { Draft, SaidKind } from "./reading.ts"
import { closeSaid, nextKey, sayInLine } from "./reading.ts"

/** A piece of text of one kind; another kind closes the open one. Nothing is opened for empty text. */
export function say(draft: Draft, kind: SaidKind, text: string): void {
  if (text === "") return
  const { said } = draft.state
  if (said?.kind === kind) {
    sayInLine(draft, said.key, [deltaOf(kind, text)])
    return
  }
  closeSaid(draft)
  settleCalls(draft)
  const key = nextKey(draft)
  draft.state.said = { kind, key }
  sayInLine(draft, key, [STARTS[kind], deltaOf(kind, text)])
}

const STARTS: { [kind in SaidKind]: ModelEvent } = {
  text: { type: "text-start" },
  refusal: { type: "text-start", is_refusal: true },
  reasoning: { type: "reasoning-start" },
}

function deltaOf(kind: SaidKind, text: string): ModelEvent {
  return kind === "reasoning"
    ? { type: "reasoning-delta", of: "text", index: 0, text }
    : { type: "text-delta", text }
}

/**
 * Thinking: `reasoning_content` (DeepSeek and most), `reasoning` (OpenRouter, Groq), else OpenRouter's details, which
 * repeat `reasoning` where both are sent.
 */
export function thoughtOf(delta: JsonObject): string {
  const plain = stringOf(delta.reasoning_content) || stringOf(delta.reasoning)
  if (plain) return plain
  if (!Array.isArray(delta.reasoning_details)) return ""
  const details = delta.reasoning_details.filter(isJsonObject)
  return details.map(detail => stringOf(detail.text) ?? stringOf(detail.summary) ?? "").join("")
}

interface Piece {
  kind: "text" | "reasoning"
  text: string
}

/** `content` is a string, or a list of parts that may be thinking (Mistral). */
export function contentPieces(content: unknown): Piece[] {
  if (typeof content === "string") return [{ kind: "text", text: content }]
  const parts = Array.isArray(content) ? content.filter(isJsonObject) : []
  return parts.flatMap((part): Piece[] => {
    if (part.type !== "thinking") return [{ kind: "text", text: stringOf(part.text) ?? "" }]
    const thoughts = Array.isArray(part.thinking) ? part.thinking.filter(isJsonObject) : []
    return thoughts.map(thought => ({ kind: "reasoning", text: stringOf(thought.text) ?? "" }))
  })
}

/** Sources of the open text; without a text they have no place. */
export function cite(draft: Draft, annotations: readonly unknown[]): void {
  const { said } = draft.state
  if (said?.kind === "text") sayInLine(draft, said.key, annotations.flatMap(readCitation))
}

function readCitation(annotation: unknown): ModelEvent[] {
  if (!isJsonObject(annotation) || annotation.type !== "url_citation") return []
  const source = isJsonObject(annotation.url_citation) ? annotation.url_citation : annotation
  const citation: Citation = present({
    url: stringOf(source.url) ?? "",
    title: stringOf(source.title) || undefined,
    start_index: countOf(source.start_index),
    end_index: countOf(source.end_index),
  })
  return [{ type: "text-citation", citation }]
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
