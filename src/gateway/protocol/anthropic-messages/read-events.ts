/** Reads a Messages stream into ModelEvents, tolerant of what real upstreams leave out; judges no error. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present, stringOf } from "../json.ts"
import type { ModelEvent, StopReason } from "../model-event.ts"
import type { Line } from "../open-blocks.ts"
import { EMPTY_LINE, leave, speak } from "../open-blocks.ts"
import { readError } from "./errors.ts"
import type { Block } from "./read-blocks.ts"
import { closeBlock, closeSearch, isWholeCall, openBlock, readDelta } from "./read-blocks.ts"
import { mergeUsage, readUsage } from "./read-usage.ts"

interface OpenBlock {
  key: string
  /** Its place on the wire; undefined once the wire has closed it and only its end is still due. */
  index: unknown
  block: Block
}

interface Stop {
  reason: string
  sequence: string | undefined
}

/** Where a reading stands; made by `startReading`, never changed in place. */
export interface Reading {
  id: string | undefined
  is_started: boolean
  is_ended: boolean
  has_call: boolean
  block_count: number
  open: readonly OpenBlock[]
  call_ids: ReadonlySet<string>
  line: Line
  /** The vendor's counters so far. */
  usage: JsonObject | undefined
  /** From `message_delta`: what remains is `message_stop`, which not every upstream sends. */
  stop: Stop | undefined
}

/** A reading as it changes during one event, and what it has to say. */
interface Draft {
  state: Reading
  events: ModelEvent[]
}

/** The start of a stream. */
export function startReading(): Reading {
  return {
    id: undefined,
    is_started: false,
    is_ended: false,
    has_call: false,
    block_count: 0,
    open: [],
    call_ids: new Set<string>(),
    line: EMPTY_LINE,
    usage: undefined,
    stop: undefined,
  }
}

const SILENCE: readonly ModelEvent[] = []

/** Folds one parsed `data:` of the stream. Never throws; after the terminal event everything is ignored. */
export function readEvents(state: Reading, wire: unknown): [Reading, readonly ModelEvent[]] {
  if (state.is_ended || !isJsonObject(wire)) return [state, SILENCE]
  if (wire.type === "content_block_delta") return readInBlock(state, wire)
  const draft: Draft = { state: { ...state }, events: [] }
  readOne(draft, wire)
  return [draft.state, draft.events]
}

/**
 * What is left to say when the upstream closed the stream: a stop reason alone is an end (claude-code-wire 6), and
 * complete blocks without one are not: a cut upstream looks like that.
 */
export function endReading(state: Reading): readonly ModelEvent[] {
  if (state.is_ended) return SILENCE
  const draft: Draft = { state: { ...state }, events: [] }
  if (state.stop === undefined) {
    fail(draft, { message: "The upstream closed the stream before its answer was complete." })
  } else finish(draft)
  return draft.events
}

/** Reads a whole answer as the stream it stands for, so that there is one translator (gateway.md). */
export function readAnswer(body: unknown): readonly ModelEvent[] {
  const is_message = isJsonObject(body) && Array.isArray(body.content)
  const wires: unknown[] = is_message ? unfold(body, body.content as unknown[]) : [body]
  const events: ModelEvent[] = []
  let state = startReading()
  for (const wire of wires) {
    const [next, said] = readEvents(state, wire)
    state = next
    events.push(...said)
  }
  return [...events, ...endReading(state)]
}

function unfold(message: JsonObject, content: unknown[]): JsonObject[] {
  const { stop_reason = null, stop_sequence = null } = message
  const blocks = content.flatMap((content_block, index) => [
    { type: "content_block_start", index, content_block },
    { type: "content_block_stop", index },
  ])
  const delta = { stop_reason: stop_reason ?? "end_turn", stop_sequence }
  return [{ type: "message_start", message }, ...blocks, { type: "message_delta", delta }]
}

function readOne(draft: Draft, wire: JsonObject): void {
  switch (wire.type) {
    case "message_start":
      start(draft, isJsonObject(wire.message) ? wire.message : {})
      break
    case "content_block_start":
      startBlock(draft, wire)
      break
    case "content_block_stop":
      stopBlock(draft, wire.index)
      break
    case "message_delta":
      noteStop(draft, wire)
      break
    case "message_stop":
      if (draft.state.stop === undefined) draft.state.stop = { reason: "end_turn", sequence: undefined }
      finish(draft)
      break
    case "error":
      fail(draft, wire.error)
      break
    case undefined:
      // A bare error object, as some vendors of this protocol send it.
      if (isJsonObject(wire.error)) fail(draft, wire.error)
      break
  }
}

function start(draft: Draft, message: JsonObject): void {
  const { state } = draft
  if (state.is_started) return
  const id = stringOf(message.id)
  state.is_started = true
  state.id = id
  draft.events.push(present({ type: "answer-start" as const, id, model: stringOf(message.model) }))
  state.usage = mergeUsage(state.usage, message.usage)
  reportUsage(draft)
}

function reportUsage(draft: Draft): void {
  const reported = readUsage(draft.state.usage)
  if (reported !== undefined) draft.events.push({ type: "usage", reported })
}

/** A delta changes nothing but its block, and most often not even that. */
function readInBlock(state: Reading, wire: JsonObject): [Reading, readonly ModelEvent[]] {
  const place = state.open.findIndex(open => open.index === wire.index)
  const open = state.open[place]
  // Without an index it belongs to no open block; those that wait for their end have none either.
  if (open?.index === undefined || !isJsonObject(wire.delta)) return [state, SILENCE]
  const [block, said] = readDelta(open.block, wire.delta)
  const next = block === open.block ? state : { ...state, open: state.open.with(place, { ...open, block }) }
  if (said.length === 0) return [next, said]
  const [line, events] = speak(state.line, open.key, said)
  return line === state.line ? [next, events] : [{ ...next, line }, events]
}

function startBlock(draft: Draft, wire: JsonObject): void {
  start(draft, {})
  const raw = isJsonObject(wire.content_block) ? wire.content_block : {}
  settleStopped(draft, false)
  // Another block at the same place: the first one will never be stopped.
  stopBlock(draft, wire.index)
  if (raw.type === "web_search_tool_result") {
    endSearch(draft, raw)
    return
  }
  const key = String(draft.state.block_count)
  draft.state.block_count += 1
  const opened = openBlock(withOwnId(draft.state, raw), `call_${draft.state.id ?? "unnamed"}_${key}`)
  if (opened === undefined) return
  const [block, events] = opened
  noteCall(draft, events[0])
  draft.state.open = [...draft.state.open, { key, index: wire.index, block }]
  say(draft, key, events)
}

/** A second call with the same id gets one of its own: clients and upstreams keep only one call of an id. */
function withOwnId(state: Reading, raw: JsonObject): JsonObject {
  return typeof raw.id === "string" && state.call_ids.has(raw.id) ? { ...raw, id: undefined } : raw
}

function noteCall(draft: Draft, event: ModelEvent | undefined): void {
  if (event?.type !== "tool-call-start") return
  draft.state.has_call = true
  draft.state.call_ids = new Set([...draft.state.call_ids, event.call_id])
}

function endSearch(draft: Draft, raw: JsonObject): void {
  const id = stringOf(raw.tool_use_id) ?? ""
  const searches = draft.state.open.filter(({ block }) => block.kind === "search")
  const open = searches.find(({ block }) => block.kind === "search" && block.id === id) ?? searches[0]
  // Results that nobody searched for belong to no call of this answer.
  if (open === undefined || open.block.kind !== "search") return
  close(draft, open, closeSearch(open.block, raw.content ?? []))
}

/**
 * The wire has closed a block. A search waits for its results; a call whose arguments are no JSON waits for the next
 * event, because only the stop reason tells whether it was cut (it follows at once).
 */
function stopBlock(draft: Draft, index: unknown): void {
  const open = draft.state.open.find(each => each.index === index && each.index !== undefined)
  if (open === undefined) return
  const is_waiting = open.block.kind === "search" || (open.block.kind === "call" && !isWholeCall(open.block))
  if (!is_waiting) {
    close(draft, open, closeBlock(open.block, false))
    return
  }
  draft.state.open = draft.state.open.map(each => (each === open ? { ...open, index: undefined } : each))
}

/** Ends the calls that waited to know whether they were cut. */
function settleStopped(draft: Draft, is_cut: boolean): void {
  for (const open of draft.state.open) {
    if (open.block.kind !== "call" || open.index !== undefined) continue
    close(draft, open, closeBlock(open.block, is_cut))
  }
}

function close(draft: Draft, open: OpenBlock, said: readonly ModelEvent[]): void {
  const { state } = draft
  say(draft, open.key, said)
  state.open = state.open.filter(each => each.key !== open.key)
  const [line, events] = leave(state.line, open.key)
  state.line = line
  draft.events.push(...events)
}

function say(draft: Draft, key: string, said: readonly ModelEvent[]): void {
  const [line, events] = speak(draft.state.line, key, said)
  draft.state.line = line
  draft.events.push(...events)
}

/** Only the first stop reason counts; one without a reason reports usage only. */
function noteStop(draft: Draft, wire: JsonObject): void {
  start(draft, {})
  const { state } = draft
  state.usage = mergeUsage(state.usage, wire.usage)
  const delta = isJsonObject(wire.delta) ? wire.delta : {}
  const reason = stringOf(delta.stop_reason)
  if (reason !== undefined && state.stop === undefined) {
    state.stop = { reason, sequence: stringOf(delta.stop_sequence) }
    closeAll(draft)
  }
  reportUsage(draft)
}

function closeAll(draft: Draft): void {
  const is_cut = draft.state.stop !== undefined && isCut(draft.state.stop.reason)
  for (const open of draft.state.open) {
    const is_cut_here = is_cut && open.block.kind === "call" && !isWholeCall(open.block)
    close(draft, open, closeBlock(open.block, is_cut_here))
  }
}

function finish(draft: Draft): void {
  start(draft, {})
  closeAll(draft)
  const { stop, has_call } = draft.state
  const sequence = stop?.reason === "stop_sequence" ? stop.sequence : undefined
  const reason = stopOf(stop?.reason ?? "end_turn", has_call)
  draft.events.push(present({ type: "answer-end" as const, stop: reason, stop_sequence: sequence }))
  draft.state.is_ended = true
}

/** Both words say that the model ran out of room (claude-code-wire 6). */
export const isCut = (reason: string): boolean =>
  reason === "max_tokens" || reason === "model_context_window_exceeded"

/** Whether there is a call counts more than what the upstream says of it (claude-code-wire 6). */
function stopOf(reason: string, has_call: boolean): StopReason {
  if (isCut(reason)) return "max_tokens"
  if (reason === "refusal") return "refusal"
  if (has_call) return "tool_call"
  return reason === "stop_sequence" ? "stop_sequence" : "end"
}

/** Blocks stay open: what was not finished must not look finished. */
function fail(draft: Draft, error: unknown): void {
  start(draft, {})
  draft.events.push({ type: "answer-failed", ...readError(error) })
  draft.state.is_ended = true
}
