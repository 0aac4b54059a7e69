/** Checks a Chat stream that we wrote against the laws of its protocol; never changes or stops it. */
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"
import { DONE } from "./wire.ts"

/** Where a check stands; made by `startValidating`. */
export interface Validation {
  count: number
  /** What must be the same in all chunks. */
  head: { id: unknown; model: unknown; created: unknown } | undefined
  has_role: boolean
  call_ids: readonly unknown[]
  /** The kind of each call, by index. */
  call_types: readonly string[]
  finish: string | undefined
  has_usage: boolean
  /** The last word came: `[DONE]` or an error. */
  is_ended: boolean
  has_failed: boolean
  /** Broken laws, as sentences. */
  violations: readonly string[]
}

interface Check {
  state: Validation
}

/** The start of a stream. */
export function startValidating(): Validation {
  const nothing = { head: undefined, finish: undefined, call_ids: [], call_types: [], violations: [] }
  return { ...nothing, count: 0, has_role: false, has_usage: false, is_ended: false, has_failed: false }
}

/** Folds one event of the stream: a chunk as an object, or `[DONE]`. */
export function validateEvent(state: Validation, event: JsonObject | typeof DONE): Validation {
  const check: Check = { state: { ...state, count: state.count + 1 } }
  expect(check, !state.is_ended, "follows the end")
  if (event === DONE) checkDone(check)
  else if ("error" in event) checkFailure(check, event)
  else checkChunk(check, event)
  return check.state
}

/** All violations once the stream is over; `[DONE]` may be missing (sdk-wire 2), the finish_reason may not. */
export function endValidating(state: Validation): readonly string[] {
  const has_end = state.has_failed || state.finish !== undefined
  return has_end ? state.violations : [...state.violations, "The stream has no finish_reason and no error."]
}

/** Checks a whole stream at once. */
export function validateEvents(events: readonly (JsonObject | typeof DONE)[]): readonly string[] {
  return endValidating(events.reduce(validateEvent, startValidating()))
}

function expect(check: Check, is_kept: boolean, complaint: string): void {
  if (is_kept) return
  const { state } = check
  state.violations = [...state.violations, `Event ${state.count - 1} ${complaint}.`]
}

function checkDone(check: Check): void {
  expect(check, check.state.finish !== undefined, "is [DONE] without a finish_reason")
  check.state.is_ended = true
}

/** An error is no clean end: no finish_reason before it and nothing after it (gateway.md, Streams). */
function checkFailure(check: Check, { error }: JsonObject): void {
  const { message, type } = isJsonObject(error) ? error : {}
  expect(
    check,
    typeof message === "string" && typeof type === "string",
    "has an error without message and type",
  )
  expect(check, check.state.finish === undefined, "is an error after the finish_reason")
  check.state.is_ended = true
  check.state.has_failed = true
}

function checkChunk(check: Check, event: JsonObject): void {
  const { id, model, created, choices } = event
  const { state } = check
  state.head ??= { id, model, created }
  const is_named = typeof id === "string" && id !== "" && typeof model === "string"
  expect(check, is_named && Number.isSafeInteger(created), "lacks id, model or created")
  const { head } = state
  const is_same = head.id === id && head.model === model && head.created === created
  expect(check, is_same, "has another id, model or created than the first")
  expect(check, event.object === "chat.completion.chunk", "has another object than chat.completion.chunk")
  expect(check, Array.isArray(choices), "has no list of choices (sdk-wire 2)")
  const list = Array.isArray(choices) ? choices : []
  expect(check, list.length <= 1, "has more than one choice")
  if (list.length === 0) checkUsage(check, event.usage)
  else checkChoice(check, list[0])
}

/** A chunk without choices reports the usage, once and behind the finish_reason. */
function checkUsage(check: Check, usage: unknown): void {
  const { state } = check
  expect(check, state.finish !== undefined && !state.has_usage, "has no choices where none is due")
  state.has_usage = true
  const counts = isJsonObject(usage) ? usage : {}
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = counts
  const is_sum = typeof input === "number" && typeof output === "number" && total === input + output
  expect(check, is_sum, "has a total that is not prompt + completion")
}

const FINISHES = new Set(["stop", "length", "tool_calls", "content_filter"])

function checkChoice(check: Check, choice: unknown): void {
  const { state } = check
  const { index, delta, finish_reason } = isJsonObject(choice) ? choice : {}
  expect(check, index === 0, "has another index than 0")
  expect(check, isJsonObject(delta), "has no delta")
  expect(check, state.finish === undefined, "follows the finish_reason")
  if (isJsonObject(delta)) checkDelta(check, delta)
  if (finish_reason === null || finish_reason === undefined) return
  expect(check, FINISHES.has(String(finish_reason)), "has an unknown finish_reason")
  state.finish = String(finish_reason)
  const has_calls = state.call_types.length > 0
  const is_cut = finish_reason === "length" || finish_reason === "content_filter"
  const is_right = is_cut || (finish_reason === "tool_calls") === has_calls
  expect(check, is_right, "says tool_calls without a call, or has calls and does not say so")
}

function checkDelta(check: Check, delta: JsonObject): void {
  const { state } = check
  const is_first = !state.has_role
  expect(check, is_first === (delta.role === "assistant"), "has a role that is not first, or lacks it")
  state.has_role = true
  for (const key of ["content", "refusal", "reasoning_content"]) {
    const text = delta[key]
    const is_text = text === undefined || typeof text === "string" || (key === "content" && text === null)
    expect(check, is_text, `has a ${key} that is no text`)
  }
  const { tool_calls } = delta
  expect(check, tool_calls === undefined || Array.isArray(tool_calls), "has tool_calls that are no list")
  if (Array.isArray(tool_calls))
    for (const call of tool_calls) checkCall(check, isJsonObject(call) ? call : {})
}

/** The first chunk of a call carries index, id, type and name; the others the index only (gateway.md, Tools). */
function checkCall(check: Check, call: JsonObject): void {
  const { state } = check
  const count = state.call_types.length
  const { index, id, type } = call
  if (index === count) {
    const is_known = type === "function" || type === "custom"
    expect(check, is_known, "opens a call that is neither function nor custom")
    expect(check, typeof id === "string" && id !== "", "opens a call without id")
    expect(check, !state.call_ids.includes(id), "opens a call with the id of another")
    state.call_types = [...state.call_types, String(type)]
    state.call_ids = [...state.call_ids, id]
    const name = bodyOf(call, String(type)).name
    expect(check, typeof name === "string" && name !== "", "opens a call without name")
  } else {
    expect(check, index === count - 1, "has a call index that was used before or is left out")
    const is_bare = id === undefined && bodyOf(call, state.call_types[count - 1]).name === undefined
    expect(check, is_bare, "repeats the id or the name of a call")
  }
  const body = bodyOf(call, state.call_types[Number(index)])
  const text = state.call_types[Number(index)] === "custom" ? body.input : body.arguments
  expect(check, typeof text === "string", "has a call without a piece of its arguments")
}

function bodyOf(call: JsonObject, type: string | undefined): JsonObject {
  const body = type === undefined ? undefined : call[type]
  return isJsonObject(body) ? body : {}
}
