/** Checks a Messages stream that we wrote against the laws of its protocol; never changes or stops it. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, parseObject } from "../json.ts"

interface OpenBlock {
  index: unknown
  type: string
  input: string
}

/** Where a check stands; made by `startValidating`. */
export interface Validation {
  count: number
  open: OpenBlock | undefined
  /** The place of the next block. */
  next_index: number
  has_call: boolean
  has_stop: boolean
  /** A tool's input was no JSON object: legal only where the model was cut. */
  has_broken_input: boolean
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
  const nothing = { open: undefined, has_call: false, has_stop: false, is_ended: false }
  return { ...nothing, has_broken_input: false, count: 0, next_index: 0, violations: [] }
}

/** Folds one event: the name on its `event:` line, without which it is lost (claude-code-wire 6), and its data. */
export function validateEvent(state: Validation, name: string | undefined, data: unknown): Validation {
  const event = isJsonObject(data) ? data : {}
  const check: Check = { state: { ...state, count: state.count + 1 }, event }
  expect(check, isJsonObject(data), "is no JSON object: this protocol has no [DONE]")
  expect(check, name === event.type, "has another name than its type")
  expect(check, !state.is_ended, "follows the terminal event")
  checkOne(check, String(event.type))
  return check.state
}

/** All violations once the stream is over. */
export function endValidating(state: Validation): readonly string[] {
  return state.is_ended ? state.violations : [...state.violations, "The stream has no terminal event."]
}

function expect(check: Check, is_kept: boolean, complaint: string): void {
  if (is_kept) return
  const { state, event } = check
  state.violations = [...state.violations, `Event ${state.count - 1} (${event.type}) ${complaint}.`]
}

function checkOne(check: Check, type: string): void {
  const { state, event } = check
  // A ping may come at any place, and an error may come first.
  if (type === "ping") {
    state.count -= 1
    return
  }
  if (type === "error") {
    checkError(check)
    return
  }
  expect(check, (state.count === 1) === (type === "message_start"), "is not first, or message_start is not")
  switch (type) {
    case "message_start":
      checkStart(check, isJsonObject(event.message) ? event.message : {})
      break
    case "content_block_start":
      checkBlockStart(check)
      break
    case "content_block_delta":
      checkDelta(check)
      break
    case "content_block_stop":
      checkBlockStop(check)
      break
    case "message_delta":
      checkStop(check)
      break
    case "message_stop":
      expect(check, state.has_stop, "comes without a stop reason")
      state.is_ended = true
      break
    default:
      expect(check, false, "is not an event of this protocol")
  }
}

function checkError({ state, event }: Check): void {
  const error = isJsonObject(event.error) ? event.error : {}
  const has_words = typeof error.type === "string" && typeof error.message === "string"
  expect({ state, event }, has_words, "has no type and message")
  state.is_ended = true
}

function checkStart(check: Check, message: JsonObject): void {
  expect(check, typeof message.id === "string" && message.id !== "", "has no id (claude-code-wire 6)")
  expect(check, message.type === "message" && message.role === "assistant", "is no message of the assistant")
  expect(check, Array.isArray(message.content) && message.content.length === 0, "does not begin empty")
  expect(check, message.stop_reason === null, "has a stop reason before the end")
  checkUsage(check, message.usage, START_COUNTERS)
}

const START_COUNTERS = [
  "input_tokens",
  "output_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
]
/** The end needs to tell the output only; what it leaves out stays as the start told it (claude-code-wire 6). */
const END_COUNTERS = ["output_tokens"]

/** Both places must have usage (sdk-wire 3, Stream). */
function checkUsage(check: Check, usage: unknown, keys: readonly string[]): void {
  const counts = isJsonObject(usage) ? usage : {}
  const has_all = keys.every(key => Number.isSafeInteger(counts[key]) && (counts[key] as number) >= 0)
  expect(check, has_all, "lacks a counter of usage, or has a negative one")
}

/** The fields that a block must have when it is announced; null: not this kind. */
const START: { [type: string]: (block: JsonObject) => boolean } = {
  text: block => block.text === "",
  thinking: block => block.thinking === "" && block.signature === "",
  redacted_thinking: block => typeof block.data === "string",
  tool_use: block => isNamed(block) && isEmptyObject(block.input),
  server_tool_use: block => isNamed(block) && isEmptyObject(block.input),
  web_search_tool_result: block => typeof block.tool_use_id === "string",
}

const isNamed = ({ id, name }: JsonObject): boolean =>
  typeof id === "string" && id !== "" && typeof name === "string" && name !== ""

const isEmptyObject = (value: unknown): boolean => isJsonObject(value) && Object.keys(value).length === 0

function checkBlockStart(check: Check): void {
  const { state, event } = check
  const block = isJsonObject(event.content_block) ? event.content_block : {}
  const type = String(block.type)
  expect(check, state.open === undefined, "opens a block inside another one")
  expect(check, event.index === state.next_index, `has not the index ${state.next_index}`)
  expect(check, !state.has_stop, "comes after the stop reason")
  const is_whole = Object.hasOwn(START, type) && START[type]!(block)
  expect(check, is_whole, "announces an unknown or incomplete block")
  state.open = { index: event.index, type, input: "" }
  state.next_index += 1
  state.has_call ||= type === "tool_use"
}

/** Which deltas a block may have. */
const HOME = new Map<string, readonly string[]>(
  Object.entries({
    text_delta: ["text"],
    citations_delta: ["text"],
    thinking_delta: ["thinking"],
    signature_delta: ["thinking"],
    input_json_delta: ["tool_use", "server_tool_use"],
  }),
)

function checkDelta(check: Check): void {
  const { state, event } = check
  const delta = isJsonObject(event.delta) ? event.delta : {}
  const { open } = state
  expect(check, open !== undefined && open.index === event.index, "stands outside its own open block")
  const homes = HOME.get(String(delta.type)) ?? []
  expect(check, open !== undefined && homes.includes(open.type), "is a delta of another kind of block")
  if (open === undefined || typeof delta.partial_json !== "string") return
  state.open = { ...open, input: open.input + delta.partial_json }
}

function checkBlockStop(check: Check): void {
  const { state, event } = check
  const { open } = state
  expect(check, open !== undefined && open.index === event.index, "closes a block that is not the open one")
  state.has_broken_input ||= open !== undefined && !isInput(open.input)
  state.open = undefined
}

/** No input at all is `{}` (claude-code-wire 6). */
const isInput = (input: string): boolean => input.trim() === "" || parseObject(input) !== undefined

function checkStop(check: Check): void {
  const { state, event } = check
  const delta = isJsonObject(event.delta) ? event.delta : {}
  expect(check, state.open === undefined, "leaves a block open")
  expect(check, !state.has_stop, "is the second one")
  expect(check, typeof delta.stop_reason === "string", "has no stop reason")
  const is_call = delta.stop_reason === "tool_use"
  const is_cut = delta.stop_reason === "max_tokens" || delta.stop_reason === "refusal"
  expect(
    check,
    is_call ? state.has_call : is_cut || !state.has_call,
    "says tool_use without a call, or not with one",
  )
  expect(check, is_cut || !state.has_broken_input, "follows an input that is no JSON object")
  checkUsage(check, event.usage, END_COUNTERS)
  state.has_stop = true
}
