/** Checks a Responses stream that we wrote against the laws of its protocol; never changes or stops it. */
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"

interface OpenItem {
  index: number
  id: unknown
  type: unknown
  /** The open content or summary part, as `content:0` or `summary:0`; undefined between parts. */
  part: string | undefined
  parts: { content: number; summary: number }
  /** What the deltas of this part or call said. */
  said: string
}

/** Where a check stands; made by `startValidating`. */
export interface Validation {
  count: number
  response_id: unknown
  open: OpenItem | undefined
  done_items: readonly unknown[]
  ids: ReadonlySet<unknown>
  is_ended: boolean
  /** Broken laws, as sentences. */
  violations: readonly string[]
}

interface Check {
  state: Validation
  event: JsonObject
}

/** The start of a stream. */
export function startValidating(): Validation {
  const nothing = { response_id: undefined, open: undefined, done_items: [], ids: new Set(), violations: [] }
  return { ...nothing, count: 0, is_ended: false }
}

/** Folds one event of the stream, as an object. */
export function validateEvent(state: Validation, event: JsonObject): Validation {
  const check: Check = { state: { ...state, count: state.count + 1 }, event }
  expect(check, !state.is_ended, "follows the terminal event")
  expect(check, event.sequence_number === state.count, `has not the number ${state.count}`)
  checkOne(check, String(event.type))
  return check.state
}

/** All violations once the stream is over. */
export function endValidating(state: Validation): readonly string[] {
  return state.is_ended ? state.violations : [...state.violations, "The stream has no terminal event."]
}

/** Checks a whole stream at once. */
export function validateEvents(events: readonly JsonObject[]): readonly string[] {
  return endValidating(events.reduce(validateEvent, startValidating()))
}

function expect(check: Check, is_kept: boolean, complaint: string): void {
  if (is_kept) return
  const { state, event } = check
  state.violations = [...state.violations, `Event ${state.count - 1} (${event.type}) ${complaint}.`]
}

function checkOne(check: Check, type: string): void {
  const is_early = type === "response.queued" || type === "response.in_progress"
  const is_opening = is_early || type === "response.created"
  expect(
    check,
    (check.state.count === 1) === (type === "response.created"),
    "is not first, or created is not",
  )
  // Before any item, when they come at all: upstreams leave them out, and a refusal fails at once.
  const has_items = check.state.open !== undefined || check.state.done_items.length > 0
  expect(check, !is_early || !has_items, "stands at the wrong place")
  if (is_opening || TERMINAL.has(type)) checkResponse(check, type)
  else if (type === "response.output_item.added") checkAdded(check)
  else if (type === "response.output_item.done") checkDone(check)
  else checkInside(check, type)
}

const TERMINAL = new Set(["response.completed", "response.incomplete", "response.failed"])

function checkResponse(check: Check, type: string): void {
  const { state, event } = check
  const response = isJsonObject(event.response) ? event.response : {}
  if (type === "response.created") state.response_id = response.id
  const is_named = typeof response.id === "string" && response.id !== ""
  expect(check, is_named && response.id === state.response_id, "names another response than created did")
  expect(check, response.object === "response", "has no object: response (sdk-wire 2)")
  expect(check, Array.isArray(response.output), "has no output list (sdk-wire 2)")
  if (!TERMINAL.has(type)) return
  state.is_ended = true
  expect(check, response.status === type.slice("response.".length), "has another status than its name")
  // A stream that we end while it passes lists nothing: nobody kept its items.
  const is_ended_by_us =
    type === "response.failed" && Array.isArray(response.output) && response.output.length === 0
  const is_same = is_ended_by_us || Bun.deepEquals(response.output, state.done_items)
  expect(check, is_same, "does not list exactly the finished items")
  if (type === "response.failed") expect(check, isFailure(response.error), "has no code and message")
  else expect(check, state.open === undefined, "leaves an item open")
  checkUsage(check, response.usage)
}

function isFailure(error: unknown): boolean {
  return isJsonObject(error) && typeof error.code === "string" && typeof error.message === "string"
}

function checkUsage(check: Check, usage: unknown): void {
  if (usage === undefined || usage === null) return
  const counts = isJsonObject(usage) ? usage : {}
  const { input_tokens: input, output_tokens: output, total_tokens: total } = counts
  const is_sum = typeof input === "number" && typeof output === "number" && total === input + output
  expect(check, is_sum, "has a total that is not input + output")
  const { input_tokens_details: read, output_tokens_details: written } = counts
  expect(check, isJsonObject(read) && typeof read.cached_tokens === "number", "lacks cached_tokens")
  const has_reasoning = isJsonObject(written) && typeof written.reasoning_tokens === "number"
  expect(check, has_reasoning, "lacks reasoning_tokens")
}

function checkAdded(check: Check): void {
  const { state, event } = check
  const item = isJsonObject(event.item) ? event.item : {}
  expect(check, state.open === undefined, "opens an item inside another one")
  expect(check, event.output_index === state.done_items.length, "has not the next output_index")
  expect(check, typeof item.id === "string" && !state.ids.has(item.id), "reuses an item id or has none")
  state.ids = new Set([...state.ids, item.id])
  const place = { index: state.done_items.length, id: item.id, type: item.type }
  state.open = { ...place, part: undefined, parts: { content: 0, summary: 0 }, said: "" }
}

function checkDone(check: Check): void {
  const { state, event } = check
  const item = isJsonObject(event.item) ? event.item : {}
  const { open } = state
  const is_same = open?.id === item.id && open?.type === item.type && open?.index === event.output_index
  expect(check, open !== undefined && is_same, "closes an item that is not the open one")
  expect(check, open?.part === undefined, "closes an item with an open part")
  const has_call_id = typeof item.call_id === "string" && item.call_id !== ""
  if (CALL_TEXT.get(String(item.type)) !== undefined)
    expect(check, has_call_id, "finishes a call without call_id")
  const text = item[CALL_TEXT.get(String(item.type)) ?? ""]
  if (typeof text === "string") expect(check, text === open?.said, "has other arguments than its deltas")
  state.done_items = [...state.done_items, event.item]
  state.open = undefined
}

/**
 * Where each kind of call keeps the text that its deltas carried; a tool search has none (codex-cli-wire
 * 4.2).
 */
const CALL_TEXT = new Map<string, string>(
  Object.entries({
    function_call: "arguments",
    custom_tool_call: "input",
    tool_search_call: "",
  }),
)

/** Which item an event may stand in; an unknown event stops the SDK's helper (sdk-wire 2). */
const HOME = new Map<string, readonly string[]>(
  Object.entries({
    "response.content_part.added": ["message", "reasoning"],
    "response.content_part.done": ["message", "reasoning"],
    "response.output_text.delta": ["message"],
    "response.output_text.annotation.added": ["message"],
    "response.output_text.done": ["message"],
    "response.refusal.delta": ["message"],
    "response.refusal.done": ["message"],
    "response.reasoning_summary_part.added": ["reasoning"],
    "response.reasoning_summary_part.done": ["reasoning"],
    "response.reasoning_summary_text.delta": ["reasoning"],
    "response.reasoning_summary_text.done": ["reasoning"],
    "response.reasoning_text.delta": ["reasoning"],
    "response.reasoning_text.done": ["reasoning"],
    "response.function_call_arguments.delta": ["function_call"],
    "response.function_call_arguments.done": ["function_call"],
    "response.custom_tool_call_input.delta": ["custom_tool_call"],
    "response.custom_tool_call_input.done": ["custom_tool_call"],
    "response.web_search_call.in_progress": ["web_search_call"],
    "response.web_search_call.searching": ["web_search_call"],
    "response.web_search_call.completed": ["web_search_call"],
  }),
)

function checkInside(check: Check, type: string): void {
  const { state, event } = check
  const { open } = state
  const homes = HOME.get(type)
  expect(check, homes !== undefined, "is not an event of this protocol")
  const is_ours = open?.id === event.item_id && open?.index === event.output_index
  const is_home = homes?.includes(String(open?.type)) === true
  expect(check, open !== undefined && is_ours && is_home, "stands outside its own open item")
  if (open === undefined) return
  const part = partOf(event)
  if (part === undefined) state.open = checkText(check, open)
  else state.open = checkPart(check, open, part)
}

type PartName = ["content" | "summary", number]

function partOf(event: JsonObject): PartName | undefined {
  if (typeof event.summary_index === "number") return ["summary", event.summary_index]
  return typeof event.content_index === "number" ? ["content", event.content_index] : undefined
}

function checkPart(check: Check, open: OpenItem, [kind, index]: PartName): OpenItem {
  const type = String(check.event.type)
  const name = `${kind}:${index}`
  if (type.endsWith("part.added")) {
    expect(check, open.part === undefined, "opens a part inside another one")
    expect(check, index === open.parts[kind], `has not the next ${kind}_index`)
    return { ...open, part: name, said: "" }
  }
  expect(check, open.part === name, "stands outside its own open part")
  if (!type.endsWith("part.done")) return checkText(check, open)
  return { ...open, part: undefined, parts: { ...open.parts, [kind]: index + 1 } }
}

/** Deltas add up to what the done event says. */
function checkText(check: Check, open: OpenItem): OpenItem {
  const { event } = check
  if (typeof event.delta === "string") return { ...open, said: open.said + event.delta }
  const is_text = /(?:text|refusal|arguments|input)\.done$/.test(String(event.type))
  const whole = event.text ?? event.refusal ?? event.arguments ?? event.input
  if (is_text) expect(check, whole === open.said, "says something else than its deltas")
  return open
}
