/** Writes text blocks as the content parts of message items; no other kind of item. */
import { present } from "../json.ts"
import type { Citation } from "../model-event.ts"
import type { Draft, OpenMessage } from "./draft.ts"
import { addItem, emitInside, nextItemId } from "./draft.ts"
import type { WirePart } from "./wire.ts"
import { closeOpen } from "./write-calls.ts"

/**
 * Opens a text. Texts that follow each other in one phase are parts of one message: Codex shows each message
 * apart.
 */
export function openText(draft: Draft, text: { phase?: string; is_refusal?: true }): void {
  const part = { text: "", is_refusal: text.is_refusal === true, annotations: [] }
  const { open } = draft.state
  if (open?.kind === "message" && open.item.phase === text.phase) {
    draft.state.open = { ...open, part }
  } else {
    closeOpen(draft, "completed")
    addMessage(draft, text.phase)
    draft.state.open = { ...(draft.state.open as unknown as OpenMessage), part }
  }
  const content_index = (draft.state.open as OpenMessage).item.content.length
  emitInside(draft, "response.content_part.added", { content_index, part: wirePart(part) })
}

function addMessage(draft: Draft, phase: string | undefined): void {
  const id = nextItemId(draft, "msg")
  const status = "in_progress" as const
  const empty = { type: "message" as const, id, status, role: "assistant" as const, content: [] }
  addItem(draft, { kind: "message", item: present({ ...empty, phase }), part: undefined })
}

/** A piece of the open text; forwarded at once. */
export function writeText(draft: Draft, text: string): void {
  const { open } = draft.state
  if (open?.kind !== "message" || open.part === undefined) return
  const content_index = open.item.content.length
  if (open.part.is_refusal) emitInside(draft, "response.refusal.delta", { content_index, delta: text })
  else emitInside(draft, "response.output_text.delta", { content_index, delta: text, logprobs: [] })
  draft.state.open = { ...open, part: { ...open.part, text: open.part.text + text } }
}

/** A source of the open text. */
export function addCitation(draft: Draft, citation: Citation): void {
  const { open } = draft.state
  if (open?.kind !== "message" || open.part === undefined) return
  const annotation = {
    type: "url_citation" as const,
    url: citation.url,
    title: citation.title ?? "",
    start_index: citation.start_index ?? 0,
    end_index: citation.end_index ?? 0,
  }
  const content_index = open.item.content.length
  const annotation_index = open.part.annotations.length
  const place = { content_index, annotation_index, annotation }
  emitInside(draft, "response.output_text.annotation.added", place)
  draft.state.open = {
    ...open,
    part: { ...open.part, annotations: [...open.part.annotations, annotation] },
  }
}

/** Ends the open text; the message stays open for a text that may follow. */
export function closeText(draft: Draft): void {
  const { open } = draft.state
  if (open?.kind !== "message" || open.part === undefined) return
  const content_index = open.item.content.length
  const { text, is_refusal } = open.part
  const part = wirePart(open.part)
  if (is_refusal) emitInside(draft, "response.refusal.done", { content_index, refusal: text })
  else emitInside(draft, "response.output_text.done", { content_index, text, logprobs: [] })
  emitInside(draft, "response.content_part.done", { content_index, part })
  const item = { ...open.item, content: [...open.item.content, part] }
  draft.state.open = { kind: "message", item, part: undefined }
}

/** An output_text has its list of annotations, empty or not (sdk-wire 4). */
function wirePart(part: NonNullable<OpenMessage["part"]>): WirePart {
  if (part.is_refusal) return { type: "refusal", refusal: part.text }
  return { type: "output_text", text: part.text, annotations: part.annotations }
}
