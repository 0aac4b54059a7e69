/** Writes reasoning blocks as reasoning items; seals and unseals nothing. */
import { present } from "../json.ts"
import type { Draft, OpenReasoning } from "./draft.ts"
import { addItem, emitInside, finishItem, nextItemId } from "./draft.ts"
import { closeOpen } from "./write-calls.ts"

/** Opens a reasoning item. */
export function openReasoning(draft: Draft): void {
  closeOpen(draft, "completed")
  const item = { type: "reasoning" as const, id: nextItemId(draft, "rs"), summary: [] }
  addItem(draft, { kind: "reasoning", item, part: undefined })
}

/** A piece of a summary or of the thinking itself; a new index or kind begins a new part. */
export function writeReasoning(
  draft: Draft,
  piece: { of: "summary" | "text"; index: number; text: string },
): void {
  const { open } = draft.state
  if (open?.kind !== "reasoning") return
  const is_same_part = open.part?.of === piece.of && open.part.index === piece.index
  const { part, item } = is_same_part ? open : openPart(draft, piece)
  if (part === undefined) return
  if (part.of === "summary") {
    const summary_index = item.summary.length
    emitInside(draft, "response.reasoning_summary_text.delta", { summary_index, delta: piece.text })
  } else {
    const content_index = item.content?.length ?? 0
    emitInside(draft, "response.reasoning_text.delta", { content_index, delta: piece.text })
  }
  draft.state.open = { kind: "reasoning", item, part: { ...part, text: part.text + piece.text } }
}

function openPart(draft: Draft, piece: { of: "summary" | "text"; index: number }): OpenReasoning {
  const closed = closePart(draft, draft.state.open as OpenReasoning)
  if (piece.of === "summary") {
    const part = { type: "summary_text", text: "" }
    const summary_index = closed.item.summary.length
    emitInside(draft, "response.reasoning_summary_part.added", { summary_index, part })
  } else {
    const part = { type: "reasoning_text", text: "" }
    const content_index = closed.item.content?.length ?? 0
    emitInside(draft, "response.content_part.added", { content_index, part })
  }
  return { ...closed, part: { of: piece.of, index: piece.index, text: "" } }
}

function closePart(draft: Draft, open: OpenReasoning): OpenReasoning {
  const { part, item } = open
  if (part === undefined) return open
  const { text } = part
  if (part.of === "summary") {
    const summary_index = item.summary.length
    const wire = { type: "summary_text" as const, text }
    emitInside(draft, "response.reasoning_summary_text.done", { summary_index, text })
    emitInside(draft, "response.reasoning_summary_part.done", { summary_index, part: wire })
    return { kind: "reasoning", item: { ...item, summary: [...item.summary, wire] }, part: undefined }
  }
  const content = item.content ?? []
  const content_index = content.length
  const wire = { type: "reasoning_text" as const, text }
  emitInside(draft, "response.reasoning_text.done", { content_index, text })
  emitInside(draft, "response.content_part.done", { content_index, part: wire })
  return { kind: "reasoning", item: { ...item, content: [...content, wire] }, part: undefined }
}

/** Ends the reasoning item; the sealed blob comes with it (codex-cli-wire 4.2). */
export function closeReasoning(draft: Draft, sealed: string | undefined): void {
  const { open } = draft.state
  if (open?.kind !== "reasoning") return
  const { item } = closePart(draft, open)
  finishItem(draft, present({ ...item, encrypted_content: sealed }))
}
