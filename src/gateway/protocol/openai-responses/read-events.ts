/** Reads a Responses stream into ModelEvents, tolerant of what real upstreams leave out; judges no error. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present, stringOf } from "../json.ts"
import type { ModelEvent, StopReason } from "../model-event.ts"
import type { Line } from "../open-blocks.ts"
import { EMPTY_LINE, leave, speak } from "../open-blocks.ts"
import { readFailure } from "./errors.ts"
import type { Block } from "./read-blocks.ts"
import { closeBlock, newBlock, openBlock, readInside } from "./read-blocks.ts"
import { readUsage } from "./read-usage.ts"

interface OpenItem {
  key: string
  output_index: number | undefined
  id: string | undefined
  type: string
  block: Block
}

/** Where a reading stands; made by `startReading`, never changed in place. */
export interface Reading {
  id: string | undefined
  is_started: boolean
  is_ended: boolean
  has_call: boolean
  item_count: number
  open: readonly OpenItem[]
  /** Ids and call ids of finished items: a repeated item would run a tool twice. */
  finished: ReadonlySet<string>
  /** Of every call so far. */
  call_ids: ReadonlySet<string>
  line: Line
}

/** A reading as it changes during one event, and what it has to say. */
interface Draft {
  state: Reading
  events: ModelEvent[]
}

/** The start of a stream. */
export function startReading(): Reading {
  const ids = { id: undefined, finished: new Set<string>(), call_ids: new Set<string>() }
  return {
    ...ids,
    is_started: false,
    is_ended: false,
    has_call: false,
    item_count: 0,
    open: [],
    line: EMPTY_LINE,
  }
}

const SILENCE: readonly ModelEvent[] = []

/** Folds one parsed `data:` of the stream. Never throws; after the terminal event everything is ignored. */
export function readEvents(state: Reading, wire: unknown): [Reading, readonly ModelEvent[]] {
  if (state.is_ended || !isJsonObject(wire)) return [state, SILENCE]
  const open = OPENERS.has(wire.type) ? findOpen(state, wire) : undefined
  if (open !== undefined) return readInOpen(state, open, wire)
  const draft: Draft = { state: { ...state }, events: [] }
  readOne(draft, wire)
  return [draft.state, draft.events]
}

/**
 * What is left to say when the upstream closed the stream: nothing after a terminal event, else that it
 * failed.
 */
export function endReading(state: Reading): ModelEvent[] {
  if (state.is_ended) return []
  const draft: Draft = { state: { ...state }, events: [] }
  const message = "The upstream closed the stream before its answer was complete."
  fail(draft, { code: "server_error", message })
  return draft.events
}

/** Reads a whole answer as the stream it stands for, so that there is one translator (gateway.md). */
export function readAnswer(body: unknown): ModelEvent[] {
  const is_response = isJsonObject(body) && Array.isArray(body.output)
  const wire = is_response ? { type: `response.${body.status ?? "completed"}`, response: body } : body
  const [state, events] = readEvents(startReading(), wire)
  return [...events, ...endReading(state)]
}

function readOne(draft: Draft, wire: JsonObject): void {
  const response = isJsonObject(wire.response) ? wire.response : {}
  switch (wire.type) {
    case "response.created":
    case "response.in_progress":
    case "response.queued":
      start(draft, response)
      break
    case "response.output_item.added":
      addItem(draft, wire)
      break
    case "response.output_item.done":
      finishItem(draft, wire)
      break
    case "response.completed":
    case "response.incomplete":
    case "response.failed":
    case "response.cancelled":
      finish(draft, wire, response)
      break
    case "error":
      fail(draft, isJsonObject(wire.error) ? wire.error : wire)
      break
    case undefined:
      // A bare error object in the stream (sdk-wire 2, mid-stream errors).
      if (isJsonObject(wire.error)) fail(draft, wire.error)
      break
    default:
      if (typeof wire.type === "string") readInItem(draft, wire)
  }
}

function start(draft: Draft, response: JsonObject): void {
  if (draft.state.is_started) return
  const id = stringOf(response.id)
  draft.state.is_started = true
  draft.state.id = id
  draft.events.push(present({ type: "answer-start" as const, id, model: stringOf(response.model) }))
}

function addItem(draft: Draft, wire: JsonObject): void {
  const item = itemOf(wire.item)
  if (item === undefined || isFinished(draft.state, stringOf(item.id) ?? item.call_id)) return
  const twin = draft.state.open.find(
    open => open.output_index === wire.output_index && open.output_index !== undefined,
  )
  if (twin?.type === item.type) return
  // Another kind of item at the same place: the first one will never be finished.
  if (twin !== undefined) close(draft, twin, {}, false)
  addOpen(draft, wire, item)
}

function addOpen(draft: Draft, wire: JsonObject, item: JsonObject & { type: string }): OpenItem {
  start(draft, {})
  const key = String(draft.state.item_count)
  draft.state.item_count += 1
  const [block, events] = openNamed(draft, newBlock(item), { item, key })
  const output_index = typeof wire.output_index === "number" ? wire.output_index : undefined
  const opened = { key, output_index, id: stringOf(item.id), type: item.type, block }
  draft.state.open = [...draft.state.open, opened]
  say(draft, key, events)
  return opened
}

/** Opens a block; a second call of one id gets another, because its result could not be told from the first's. */
function openNamed(
  { state }: Draft,
  block: Block,
  { item, key }: { item: JsonObject; key: string },
): [Block, ModelEvent[]] {
  const is_twin = state.call_ids.has(stringOf(item.call_id) || stringOf(item.id) || "")
  const named = is_twin ? { ...item, call_id: undefined, id: undefined } : item
  const [next, events] = openBlock(block, named, fallbackCallId(state, key))
  const call = events.find(event => event.type === "tool-call-start")
  if (call) state.call_ids = new Set([...state.call_ids, call.call_id])
  return [next, events]
}

/** For an upstream that gives its call no id: the client needs one that is unique in the conversation. */
function fallbackCallId(state: Reading, key: string): string {
  return `call_${state.id ?? "unnamed"}_${key}`
}

function finishItem(draft: Draft, wire: JsonObject): void {
  const item = itemOf(wire.item)
  if (item === undefined) return
  const open = findOpen(draft.state, { ...wire, item_id: item.id })
  const is_ours = open?.type === item.type
  if (!is_ours && namesOf(item).some(name => draft.state.finished.has(name))) return
  const target = is_ours ? open : addOpen(draft, wire, item)
  const [block, events] = openLate(draft, target, item)
  say(draft, target.key, events)
  close(draft, { ...target, block }, item, false)
}

/** The opening of a call whose name came only with the finished item. */
function openLate(draft: Draft, target: OpenItem, item: JsonObject): [Block, ModelEvent[]] {
  const { block } = target
  if (block.kind !== "call" || block.is_started) return [block, []]
  return openNamed(draft, block, { item, key: target.key })
}

/** The item of an event: by its place, else by its id. Some upstreams change the id from event to event. */
function findOpen(state: Reading, wire: JsonObject): OpenItem | undefined {
  const { output_index: place, item_id: id } = wire
  const by_place = state.open.find(open => typeof place === "number" && open.output_index === place)
  return by_place ?? state.open.find(open => typeof id === "string" && open.id === id)
}

/**
 * Events whose item was never announced open it themselves; only texts can, because a call needs its name.
 */
const OPENERS: ReadonlyMap<unknown, string> = new Map([
  ["response.output_text.delta", "message"],
  ["response.refusal.delta", "message"],
  ["response.reasoning_summary_text.delta", "reasoning"],
  ["response.reasoning_text.delta", "reasoning"],
  ["response.function_call_arguments.delta", "function_call"],
  ["response.custom_tool_call_input.delta", "custom_tool_call"],
])

/** An item that was finished is not opened again: a client would run its tool twice. */
const isFinished = (state: Reading, name: unknown): boolean =>
  typeof name === "string" && name !== "" && state.finished.has(name)

function readInItem(draft: Draft, wire: JsonObject): void {
  if (isFinished(draft.state, wire.item_id)) return
  const opener = OPENERS.get(wire.type)
  const known = findOpen(draft.state, wire)
  if (known === undefined && opener === undefined) return
  const open = known ?? addOpen(draft, wire, { type: opener!, id: wire.item_id })
  const [state, events] = readInOpen(draft.state, open, wire)
  draft.state = state
  draft.events.push(...events)
}

/** What happens inside an open item changes nothing but its block. */
function readInOpen(state: Reading, open: OpenItem, wire: JsonObject): [Reading, readonly ModelEvent[]] {
  const [block, said] = readInside(open.block, wire)
  const place = state.open.indexOf(open)
  const next = block === open.block ? state : { ...state, open: state.open.with(place, { ...open, block }) }
  if (said.length === 0) return [next, SILENCE]
  const [line, events] = speak(state.line, open.key, said)
  return line === state.line ? [next, events] : [{ ...next, line }, events]
}

function close(draft: Draft, open: OpenItem, item: JsonObject, is_cut: boolean): void {
  say(draft, open.key, closeBlock(open.block, item, is_cut))
  const { state } = draft
  state.has_call ||= open.block.kind === "call" && open.block.is_started
  state.open = state.open.filter(each => each.key !== open.key)
  state.finished = new Set([...state.finished, ...namesOf(item)])
  const [line, events] = leave(state.line, open.key)
  state.line = line
  draft.events.push(...events)
}

function say(draft: Draft, key: string, said: ModelEvent[]): void {
  const [line, events] = speak(draft.state.line, key, said)
  draft.state.line = line
  draft.events.push(...events)
}

/**
 * The terminal event; its status counts more than its name, and its output only when nothing was streamed.
 */
function finish(draft: Draft, wire: JsonObject, response: JsonObject): void {
  start(draft, response)
  const status = stringOf(response.status) ?? String(wire.type).slice("response.".length)
  const is_cut = status === "incomplete"
  if (status !== "completed" && !is_cut) {
    reportUsage(draft, response)
    fail(draft, isJsonObject(response.error) ? response.error : { message: endedWith(status) })
    return
  }
  if (draft.state.item_count === 0 && Array.isArray(response.output)) {
    for (const item of response.output) finishItem(draft, { item })
  }
  for (const open of draft.state.open) close(draft, open, {}, is_cut)
  reportUsage(draft, response)
  draft.events.push({ type: "answer-end", stop: stopOf(draft.state, is_cut, response) })
  draft.state.is_ended = true
}

function stopOf(state: Reading, is_cut: boolean, response: JsonObject): StopReason {
  if (!is_cut) return state.has_call ? "tool_call" : "end"
  const details = isJsonObject(response.incomplete_details) ? response.incomplete_details : {}
  return details.reason === "content_filter" ? "content_filter" : "max_tokens"
}

function reportUsage(draft: Draft, response: JsonObject): void {
  const reported = readUsage(response.usage)
  if (reported !== undefined) draft.events.push({ type: "usage", reported })
}

/**
 * Blocks stay open: what was not finished must not look finished (codex-cli-wire 5.3 keeps finished items).
 */
function fail(draft: Draft, error: JsonObject): void {
  start(draft, {})
  draft.events.push({ type: "answer-failed", ...readFailure(error) })
  draft.state.is_ended = true
}

function endedWith(status: string): string {
  return `The upstream ended its answer with the status ${status}.`
}

function itemOf(value: unknown): (JsonObject & { type: string }) | undefined {
  if (!isJsonObject(value) || typeof value.type !== "string") return undefined
  return { ...value, type: value.type }
}

function namesOf(item: JsonObject): string[] {
  return [item.id, item.call_id].filter(name => typeof name === "string" && name !== "") as string[]
}
