/** Reads a Chat stream into ModelEvents, tolerant of what real upstreams leave out or add; judges no error. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, present, stringOf } from "../json.ts"
import type { ModelEvent, StopReason } from "../model-event.ts"
import { EMPTY_LINE } from "../open-blocks.ts"
import { readFailure } from "./failures.ts"
import { closeCalls, readCalls, readLegacyCall } from "./read-calls.ts"
import { cite, contentPieces, say, thoughtOf } from "./read-texts.ts"
import { readUsage } from "./read-usage.ts"
import { closeSaid, type Draft, type Reading } from "./reading.ts"

/** The start of a stream. */
export function startReading(): Reading {
  const nothing = { id: undefined, said: undefined, stop: undefined, usage: undefined }
  return { ...nothing, is_started: false, is_ended: false, block_count: 0, calls: [], line: EMPTY_LINE }
}

/** Folds one parsed `data:` of the stream. Never throws; after a failure everything is ignored. */
export function readEvents(state: Reading, wire: unknown): [Reading, ModelEvent[]] {
  if (state.is_ended || !isJsonObject(wire)) return [state, []]
  const text = onlyText(state, wire)
  if (text !== undefined) return [state, [{ type: "text-delta", text }]]
  const draft: Draft = { state: { ...state }, events: [] }
  readChunk(draft, wire)
  return [draft.state, draft.events]
}

/**
 * What is left to say when the upstream closed the stream: that it is complete, with or without `[DONE]`, when a
 * finish_reason came; else that it failed.
 */
export function endReading(state: Reading): ModelEvent[] {
  if (state.is_ended) return []
  const draft: Draft = { state: { ...state }, events: [] }
  const { stop } = state
  if (stop === undefined) {
    const message = "The upstream closed the stream before its answer was complete."
    fail(draft, { code: "server_error", message })
    return draft.events
  }
  reportUsage(draft)
  draft.events.push({ type: "answer-end", stop })
  return draft.events
}

/** Reads a whole answer as the stream it stands for, so that there is one translator (gateway.md). */
export function readAnswer(body: unknown): ModelEvent[] {
  const [state, events] = readEvents(startReading(), isJsonObject(body) ? asChunk(body) : body)
  return [...events, ...endReading(state)]
}

/** A whole answer without a finish_reason is complete all the same. */
function asChunk(body: JsonObject): JsonObject {
  const choice: unknown = Array.isArray(body.choices) ? body.choices[0] : undefined
  if (!isJsonObject(choice)) return body
  const message = isJsonObject(choice.message) ? choice.message : {}
  const list = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isJsonObject) : []
  const tool_calls = list.map((call, index) => ({ ...call, index }))
  const finish_reason = stringOf(choice.finish_reason) || "stop"
  return { ...body, choices: [{ ...choice, delta: { ...message, tool_calls }, finish_reason }] }
}

/** The shortest path: a chunk that says nothing but more of the open text. */
function onlyText(state: Reading, { choices, error, usage }: JsonObject): string | undefined {
  if (state.said?.kind !== "text" || state.line.length !== 1 || state.stop !== undefined) return undefined
  if (error != null || usage != null || !Array.isArray(choices)) return undefined
  const choice: unknown = choices[0]
  if (!isJsonObject(choice) || choice.finish_reason != null || choice.error != null) return undefined
  const { delta } = choice
  if (!isJsonObject(delta) || typeof delta.content !== "string" || delta.content === "") return undefined
  for (const key in delta) if (key !== "content" && key !== "role" && delta[key] != null) return undefined
  return choice.usage == null ? delta.content : undefined
}

function readChunk(draft: Draft, wire: JsonObject): void {
  const failure = readFailure(wire)
  if (failure !== undefined) {
    start(draft, wire)
    fail(draft, failure)
    return
  }
  if (!Array.isArray(wire.choices) && !isJsonObject(wire.usage)) return
  start(draft, wire)
  noteUsage(draft, wire.usage)
  // One choice is asked for, so the first of the list is it, whatever its index says.
  const choice: unknown = Array.isArray(wire.choices) ? wire.choices[0] : undefined
  if (isJsonObject(choice)) readChoice(draft, choice)
}

function readChoice(draft: Draft, choice: JsonObject): void {
  // Moonshot reports inside the choice.
  noteUsage(draft, choice.usage)
  const failure = readFailure(choice)
  const reason = stringOf(choice.finish_reason) || undefined
  if (failure === undefined && draft.state.stop === undefined) {
    const delta = choice.delta ?? choice.message
    if (isJsonObject(delta)) readDelta(draft, delta)
    if (reason !== undefined && !FAILED.has(reason)) finish(draft, reason)
  }
  if (failure !== undefined) fail(draft, failure)
  else if (reason !== undefined && FAILED.has(reason)) fail(draft, { code: "server_error", message: STOPPED })
}

/** Upstreams that say so when they break off: OpenRouter's `error`, DeepSeek's lack of resources. */
const FAILED = new Set(["error", "insufficient_system_resource"])
const STOPPED = "The upstream broke its answer off."

function readDelta(draft: Draft, delta: JsonObject): void {
  const thought = thoughtOf(delta)
  if (thought !== "") say(draft, "reasoning", thought)
  if (delta.content != null) {
    for (const { kind, text } of contentPieces(delta.content)) say(draft, kind, text)
  }
  if (Array.isArray(delta.annotations)) cite(draft, delta.annotations)
  if (typeof delta.refusal === "string") say(draft, "refusal", delta.refusal)
  if (Array.isArray(delta.tool_calls)) readCalls(draft, delta.tool_calls)
  if (isJsonObject(delta.function_call)) readLegacyCall(draft, delta.function_call)
}

function start(draft: Draft, wire: JsonObject): void {
  if (draft.state.is_started) return
  const id = stringOf(wire.id) || undefined
  draft.state.is_started = true
  draft.state.id = id
  const model = stringOf(wire.model) || undefined
  draft.events.push(present({ type: "answer-start" as const, id, model }))
}

/** Cumulative reports (vLLM sends one in every chunk): the last counts, so it is said once, at the end. */
function noteUsage(draft: Draft, usage: unknown): void {
  if (isJsonObject(usage)) draft.state.usage = usage
}

function reportUsage(draft: Draft): void {
  const reported = readUsage(draft.state.usage)
  if (reported !== undefined) draft.events.push({ type: "usage", reported })
}

/** What a finish_reason means; `stop` and words that are not known say nothing beyond the end. */
const CUTS: { [reason: string]: StopReason } = {
  length: "max_tokens",
  max_tokens: "max_tokens",
  model_length: "max_tokens",
  content_filter: "content_filter",
}

/** The answer has been said in full; usage may follow, so its end is said at the end of the stream. */
function finish(draft: Draft, reason: string): void {
  const cut = Object.hasOwn(CUTS, reason) ? CUTS[reason] : undefined
  closeSaid(draft)
  closeCalls(draft, cut !== undefined)
  const has_call = draft.state.calls.some(call => call.is_started)
  draft.state.stop = cut ?? (has_call ? "tool_call" : "end")
}

/** Blocks stay open: what was not finished must not look finished. Consumed tokens are reported all the same. */
function fail(draft: Draft, failure: { code: string; message: string }): void {
  if (!draft.state.is_started) start(draft, {})
  reportUsage(draft)
  draft.events.push({ type: "answer-failed", ...failure })
  draft.state.is_ended = true
}
