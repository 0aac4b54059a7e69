/** Writes ModelEvents as a Messages stream in the order of claude-code-wire 6; sends nothing itself. */
import type { AnswerStart } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import type { Citation, ModelEvent, StopReason } from "../model-event.ts"
import type { SearchResult, ToolKind } from "../model-request.ts"
import {
  addDelta,
  begin,
  closeBlock,
  type Draft,
  openBlock,
  usageOf,
  type Writing,
  writeWholeBlock,
} from "./draft.ts"
import { writeFailure } from "./errors.ts"
import { searchQuery, writeResults } from "./search-results.ts"
import type { WireDelta, WireEvent, WireSearchContent } from "./wire.ts"

/** The start of an answer. */
export function startWriting(start: AnswerStart): Writing {
  return {
    start,
    is_started: false,
    is_ended: false,
    open: undefined,
    index: 0,
    part: "",
    is_custom: false,
    is_refusal: false,
    has_call: false,
    usage: undefined,
  }
}

/**
 * Folds one event. Exactly one terminal event is ever written; whatever follows it is ignored. `message_start` waits
 * for the first event that says something, so that counters which come before it stand in it.
 */
export function writeEvents(state: Writing, event: ModelEvent): [Writing, WireEvent[]] {
  if (state.is_ended) return [state, []]
  if (event.type === "text-delta" && state.open === "text" && event.text !== "") {
    const delta = { type: "text_delta" as const, text: event.text }
    return [state, [{ type: "content_block_delta", index: state.index, delta }]]
  }
  const draft: Draft = { state: { ...state }, events: [] }
  writeOne(draft, event)
  return [draft.state, draft.events]
}

function writeOne(draft: Draft, event: ModelEvent): void {
  const { state } = draft
  switch (event.type) {
    case "answer-start":
      break
    case "text-start":
      if (event.is_refusal) state.is_refusal = true
      break
    case "text-delta":
      writeText(draft, event.text)
      break
    case "text-citation":
      writeCitation(draft, event.citation)
      break
    case "text-end":
      if (state.open === "text") closeBlock(draft)
      break
    case "reasoning-start":
      state.part = ""
      break
    case "reasoning-delta":
      writeThinking(draft, event)
      break
    case "reasoning-end":
      endThinking(draft, event)
      break
    case "tool-call-start":
      startCall(draft, event)
      break
    case "tool-call-delta":
      writeArguments(draft, event.text)
      break
    case "tool-call-end":
      endCall(draft)
      break
    case "hosted-call-start":
      // Its query is known only at its end.
      break
    case "hosted-call-end":
      writeSearch(draft, event.raw, event.results)
      break
    case "usage":
      state.usage = event.reported.usage
      break
    case "answer-end":
      end(draft, event.stop, event.stop_sequence)
      break
    case "answer-failed":
      fail(draft, writeFailure(event))
      break
  }
}

/** A text block is opened by its first piece: clients replay an empty one, which upstreams refuse. */
function openText(draft: Draft): void {
  if (draft.state.open !== "text") openBlock(draft, { type: "text", text: "" })
}

function writeText(draft: Draft, text: string): void {
  if (text === "") return
  openText(draft)
  addDelta(draft, { type: "text_delta", text })
}

/** Clients use title and url (claude-code-wire 9). */
function writeCitation(draft: Draft, { url, title }: Citation): void {
  openText(draft)
  const citation = { url, title: title ?? url, encrypted_index: "", cited_text: "" }
  addDelta(draft, { type: "citations_delta", citation: { type: "web_search_result_location", ...citation } })
}

function openThinking(draft: Draft): void {
  if (draft.state.open !== "thinking") openBlock(draft, { type: "thinking", thinking: "", signature: "" })
}

/** Parts become one text; a blank line keeps them apart, as in the texts themselves. */
function writeThinking(draft: Draft, { of, index, text }: { of: string; index: number; text: string }): void {
  if (text === "") return
  const { state } = draft
  const part = `${of}:${index}`
  const thinking = state.part === "" || state.part === part ? text : `\n\n${text}`
  state.part = part
  openThinking(draft)
  addDelta(draft, { type: "thinking_delta", thinking })
}

/** Reasoning that said nothing and sealed nothing leaves no block. */
function endThinking(draft: Draft, { sealed, is_redacted }: { sealed?: string; is_redacted?: true }): void {
  const has_text = draft.state.part !== ""
  if (is_redacted && sealed !== undefined) {
    writeWholeBlock(draft, { type: "redacted_thinking", data: sealed })
    return
  }
  if (!has_text && !sealed) return
  openThinking(draft)
  if (sealed) addDelta(draft, { type: "signature_delta", signature: sealed })
  closeBlock(draft)
}

function startCall(
  draft: Draft,
  { tool, call_id, name }: { tool: ToolKind; call_id: string; name: string },
): void {
  openBlock(draft, { type: "tool_use", id: call_id, name, input: {} })
  draft.state.has_call = true
  draft.state.is_custom = tool === "custom"
  if (tool === "custom") addDelta(draft, inputDelta('{"input":"'))
}

/** Always as deltas: Claude Code loses an input that stands in the start (claude-code-wire 6). */
const inputDelta = (partial_json: string): WireDelta => ({ type: "input_json_delta", partial_json })

function writeArguments(draft: Draft, text: string): void {
  if (text === "" || draft.state.open !== "tool_use") return
  addDelta(draft, inputDelta(draft.state.is_custom ? JSON.stringify(text).slice(1, -1) : text))
}

function endCall(draft: Draft): void {
  if (draft.state.open !== "tool_use") return
  if (draft.state.is_custom) addDelta(draft, inputDelta('"}'))
  closeBlock(draft)
}

/** A search and its results are two blocks; hosted work of other kinds has none here. */
function writeSearch(draft: Draft, raw: JsonObject, results: SearchResult[] | undefined): void {
  const query = searchQuery(raw)
  if (query === undefined) return
  const { start, index, open } = draft.state
  const place = open === undefined ? index : index + 1
  const id = `srvtoolu_${start.id.replace(/^msg_/, "")}_${place}`
  const input = inputDelta(JSON.stringify({ query }))
  writeWholeBlock(draft, { type: "server_tool_use", id, name: "web_search", input: {} }, input)
  const has_failed = raw.status === "failed" && results === undefined
  const content: WireSearchContent = has_failed
    ? { type: "web_search_tool_result_error", error_code: "unavailable" }
    : writeResults(results ?? [])
  writeWholeBlock(draft, { type: "web_search_tool_result", tool_use_id: id, content })
}

function end(draft: Draft, stop: StopReason, sequence: string | undefined): void {
  const { state } = draft
  begin(draft)
  closeBlock(draft)
  const stop_reason = stopReason(state, stop)
  const stop_sequence = stop_reason === "stop_sequence" ? (sequence ?? null) : null
  draft.events.push({ type: "message_delta", delta: { stop_reason, stop_sequence }, usage: usageOf(state) })
  draft.events.push({ type: "message_stop" })
  state.is_ended = true
}

/** `tool_use` exactly when there is a call and nothing cut the answer (gateway.md, Tools). */
function stopReason(state: Writing, stop: StopReason): string {
  if (stop === "max_tokens") return "max_tokens"
  if (stop === "content_filter" || stop === "refusal") return "refusal"
  if (state.has_call) return "tool_use"
  if (state.is_refusal) return "refusal"
  return stop === "stop_sequence" ? "stop_sequence" : "end_turn"
}

/** Never a clean end: after complete blocks Claude Code takes one for the answer (claude-code-wire 6). */
function fail(draft: Draft, error: { type: string; message: string }): void {
  draft.state.is_ended = true
  draft.events.push({ type: "error", error })
}

/** Ends the stream with an error of ours; says nothing after the end. */
export function writeError(state: Writing, error: { type: string; message: string }): [Writing, WireEvent[]] {
  if (state.is_ended) return [state, []]
  const draft: Draft = { state: { ...state }, events: [] }
  fail(draft, error)
  return [draft.state, draft.events]
}

/**
 * An empty delta of the open block: Claude Code counts it, a ping it does not (claude-code-wire 6, Idle streams).
 * Between blocks an empty thinking block is opened; reasoning that follows goes on in it, anything else closes it.
 */
export function writeKeepalive(state: Writing): [Writing, WireEvent[]] {
  if (state.is_ended) return [state, []]
  const draft: Draft = { state: { ...state }, events: [] }
  if (state.open === undefined) openThinking(draft)
  addDelta(draft, emptyDelta(draft.state.open))
  return [draft.state, draft.events]
}

/** What keeps a stream alive inside a block of this kind. */
export function emptyDelta(open: string | undefined): WireDelta {
  switch (open) {
    case "text":
      return { type: "text_delta", text: "" }
    case "tool_use":
      return inputDelta("")
    default:
      return { type: "thinking_delta", thinking: "" }
  }
}
