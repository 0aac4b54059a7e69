/** Writes ModelEvents as a Chat stream in the form of sdk-wire 2; sends nothing itself. */
import type { AnswerStart } from "../codec.ts"
import type { Citation, ModelEvent, StopReason } from "../model-event.ts"
import { type Draft, emitDelta, emitFinish, type Writing } from "./draft.ts"
import { failureChunk } from "./errors.ts"
import { DONE, type FinishReason, type WireEvent } from "./wire.ts"
import { writeUsage } from "./write-usage.ts"

/** The start of an answer; the same events give the same bytes. */
export function startWriting(start: AnswerStart): Writing {
  return {
    start,
    has_role: false,
    is_ended: false,
    call_count: 0,
    tool: "function",
    part: undefined,
    before_length: 0,
    text_length: 0,
    usage: undefined,
  }
}

/** Folds one event. The stream ends once, well or with an error; whatever follows its end is ignored. */
export function writeEvents(state: Writing, event: ModelEvent): [Writing, WireEvent[]] {
  if (state.is_ended) return [state, []]
  const draft: Draft = { state: { ...state }, events: [] }
  writeOne(draft, event)
  return [draft.state, draft.events]
}

/** Starts and ends of blocks are not on this wire, and hosted calls say nothing. */
function writeOne(draft: Draft, event: ModelEvent): void {
  switch (event.type) {
    case "text-start":
      draft.state.before_length += draft.state.text_length
      draft.state.text_length = 0
      if (event.is_refusal) draft.state.part = REFUSAL
      break
    case "text-delta":
      writeText(draft, event.text)
      break
    case "text-citation":
      writeCitation(draft, event.citation)
      break
    case "text-end":
    case "reasoning-end":
      draft.state.part = undefined
      break
    case "reasoning-delta":
      writeReasoning(draft, event)
      break
    case "tool-call-start":
      openCall(draft, event)
      break
    case "tool-call-delta":
      writeArguments(draft, event.text)
      break
    case "usage":
      draft.state.usage = event.reported.usage
      break
    case "answer-end":
      end(draft, event.stop)
      break
    case "answer-failed":
      draft.state.is_ended = true
      draft.events.push(failureChunk(event))
      break
  }
}

/** The open text is a refusal. */
const REFUSAL = "refusal"

function writeText(draft: Draft, text: string): void {
  if (draft.state.part === REFUSAL) {
    emitDelta(draft, { refusal: text })
    return
  }
  draft.state.text_length += text.length
  emitDelta(draft, { content: text })
}

/** All texts of an answer are one `content` here, so places are counted from its start. */
function writeCitation(draft: Draft, { url, title, start_index, end_index }: Citation): void {
  const { before_length: before } = draft.state
  const place = { start_index: before + (start_index ?? 0), end_index: before + (end_index ?? 0) }
  const annotation = { type: "url_citation" as const, url_citation: { url, title: title ?? "", ...place } }
  emitDelta(draft, { annotations: [annotation] })
}

/** Summaries and thinking alike; a blank line parts what are parts of their own in other protocols. */
function writeReasoning(draft: Draft, piece: { of: string; index: number; text: string }): void {
  const part = `${piece.of}:${piece.index}`
  const is_next = draft.state.part !== undefined && draft.state.part !== part
  draft.state.part = part
  emitDelta(draft, { reasoning_content: is_next ? `\n\n${piece.text}` : piece.text })
}

/** The first chunk of a call has index, id, type and name; without the index the SDK loses the call (sdk-wire 2). */
function openCall(draft: Draft, { call_id: id, name, tool }: ModelEvent & { type: "tool-call-start" }): void {
  const index = draft.state.call_count
  draft.state.call_count += 1
  draft.state.tool = tool === "custom" ? "custom" : "function"
  const call =
    tool === "custom"
      ? { index, id, type: "custom" as const, custom: { name, input: "" } }
      : { index, id, type: "function" as const, function: { name, arguments: "" } }
  emitDelta(draft, { tool_calls: [call] })
}

function writeArguments(draft: Draft, text: string): void {
  const index = draft.state.call_count - 1
  const piece =
    draft.state.tool === "custom" ? { custom: { input: text } } : { function: { arguments: text } }
  emitDelta(draft, { tool_calls: [{ index, ...piece }] })
}

/** finish_reason, then the usage if the client asked for it, then the end. */
function end(draft: Draft, stop: StopReason): void {
  const { start, usage } = draft.state
  draft.state.is_ended = true
  emitFinish(draft, reasonOf(stop, draft.state.call_count))
  if (start.shows_usage && usage !== undefined) {
    const { id, created_at: created, model } = start
    const object = "chat.completion.chunk" as const
    draft.events.push({ id, object, created, model, choices: [], usage: writeUsage(usage) })
  }
  draft.events.push(DONE)
}

/** `tool_calls` exactly when there is a call and the model was not cut (gateway.md, Tools). */
function reasonOf(stop: StopReason, call_count: number): FinishReason {
  if (stop === "max_tokens") return "length"
  if (stop === "content_filter") return "content_filter"
  return call_count > 0 ? "tool_calls" : "stop"
}
