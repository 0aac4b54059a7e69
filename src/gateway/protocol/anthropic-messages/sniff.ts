/** Reads a Messages stream from the side while its bytes pass through: how far it is and what it used. */
import { deliveredBytes } from "../delivered.ts"
import { isJsonObject, type JsonObject, parseObject, stringOf } from "../json.ts"
import { isTerminal, type Phase, type Sniffed, type Sniffer } from "../sniffed.ts"
import { endOfEvent, eventData, eventName, eventText } from "../sse.ts"
import { endOfString } from "../top-level.ts"
import { readError } from "./errors.ts"
import { isCut, readAnswer } from "./read-events.ts"
import { mergeUsage, readUsage } from "./read-usage.ts"

/** What is known of a Messages stream; beside the common facts, where it stands. */
interface Sniffing extends Sniffed {
  usage: JsonObject | undefined
  /** What `message_delta` said; from there on the end has begun. */
  stop_reason: string | undefined
  /** Whether the output was counted at the end; what `message_start` says of it is a placeholder. */
  has_output_count: boolean
  open: OpenPlace | undefined
}

interface OpenPlace {
  index: unknown
  type: string
}

/** A sniffer that can also say which block is open: there an empty delta is legal. */
export interface MessagesSniffer extends Sniffer {
  openBlock(): OpenPlace | undefined
}

const startState = (): Sniffing => ({
  phase: "prelude",
  output_bytes: 0,
  web_search_count: 0,
  reported: undefined,
  tier_served: undefined,
  failure: undefined,
  usage: undefined,
  stop_reason: undefined,
  has_output_count: false,
  open: undefined,
})

/** Only the first and the last events of a stream and those that open a block are parsed. */
export function startSniffing(): MessagesSniffer {
  const state = startState()
  return {
    sniffed: state,
    note: text => noteText(state, text),
    finish: () => finish(state),
    openBlock: () => state.open,
  }
}

/** The commonest event by far. */
const DELTA = "event: content_block_delta"

function noteText(state: Sniffing, text: string): number {
  const has_cr = text.includes("\r")
  let end_at = hasEnded(state) ? 0 : text.length
  let at = 0
  while (at < text.length && !isTerminal(state)) {
    const end = endOfEvent(text, at, has_cr)
    if (text.startsWith(DELTA, at)) noteDelta(state, text.slice(at, end))
    else {
      noteEvent(state, text.slice(at, end))
      if (end_at === text.length && hasEnded(state)) end_at = at
    }
    at = end
    if (isTerminal(state)) state.end_at = at
  }
  return end_at
}

const hasEnded = (state: Sniffing): boolean => isTerminal(state) || state.stop_reason !== undefined

/** The string of a delta that is delivered; its key comes right behind the delta's type. */
const PIECE = /"(?:text|thinking|partial_json|signature)"\s*:\s*"/

/**
 * Counts a delta as it stands in the JSON, without parsing it. An empty one is no output yet. It is given the event
 * alone: a search that runs on to the end of the batch would cost the square of its size.
 */
function noteDelta(state: Sniffing, event: string): void {
  const key = PIECE.exec(event)
  if (!key) return
  const from = key.index + key[0].length
  addOutput(state, endOfString(event, from - 1) - 1 - from)
}

function addOutput(state: Sniffing, bytes: number): void {
  if (bytes <= 0) return
  state.output_bytes += bytes
  if (state.phase === "prelude") state.phase = "output"
}

function noteEvent(state: Sniffing, event: string): void {
  if (!event.includes("data:")) return
  const data = parseObject(eventData(event))
  // What cannot be read is no event: its clients parse it.
  if (!data) return
  switch (eventName(event) ?? data.type) {
    case "message_start":
      noteUsage(state, isJsonObject(data.message) ? data.message.usage : undefined)
      break
    case "content_block_start":
      noteBlock(state, data)
      break
    case "content_block_delta":
      noteDelta(state, event)
      break
    case "content_block_stop":
      state.open = undefined
      break
    case "message_delta":
      noteStop(state, data)
      break
    case "message_stop":
      complete(state)
      break
    case "error":
      state.phase = "failed"
      state.failure = readError(data.error)
      break
  }
}

/** An empty text or thinking is announced before there is any (claude-code-wire 6); all other blocks are output. */
function noteBlock(state: Sniffing, data: JsonObject): void {
  const block = isJsonObject(data.content_block) ? data.content_block : {}
  const type = stringOf(block.type) ?? ""
  state.open = { index: data.index, type }
  if (type === "text" || type === "thinking") {
    addOutput(state, (stringOf(block.text) ?? stringOf(block.thinking) ?? "").length)
    return
  }
  if (state.phase === "prelude") state.phase = "output"
  // One that failed has an error object in place of its results, and is not billed.
  if (type === "web_search_tool_result" && Array.isArray(block.content)) state.web_search_count += 1
  const is_whole = type !== "tool_use" && type !== "server_tool_use"
  addOutput(state, is_whole ? JSON.stringify(block).length : lengthOfInput(block.input))
}

const lengthOfInput = (input: unknown): number =>
  isJsonObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input).length : 0

function noteUsage(state: Sniffing, usage: unknown): void {
  state.usage = mergeUsage(state.usage, usage)
  const reported = readUsage(state.usage)
  state.reported = reported && !state.has_output_count ? { ...reported, is_partial: true } : reported
  const tier = stringOf(state.usage?.service_tier)
  state.tier_served = tier === "standard" ? "default" : tier
}

function noteStop(state: Sniffing, data: JsonObject): void {
  state.has_output_count ||= isJsonObject(data.usage) && typeof data.usage.output_tokens === "number"
  noteUsage(state, data.usage)
  const delta = isJsonObject(data.delta) ? data.delta : {}
  state.stop_reason ??= stringOf(delta.stop_reason)
}

function complete(state: Sniffing): void {
  if (state.reported?.is_partial) state.reported.flag ??= "no output count"
  state.phase = phaseOf(state.stop_reason)
}

const phaseOf = (stop_reason: string | undefined): Phase =>
  stop_reason !== undefined && isCut(stop_reason) ? "incomplete" : "completed"

/** A stop reason is an end, also without `message_stop`; the SDK's helper wants that one, too (sdk-wire 3). */
function finish(state: Sniffing): string {
  if (isTerminal(state) || state.stop_reason === undefined) return ""
  complete(state)
  return eventText({ type: "message_stop" })
}

/** Notes a whole (not streamed) answer; `undefined` when it is none: no list of content, and no error either. */
export function sniffAnswer(answer: unknown): Sniffed | undefined {
  if (!isJsonObject(answer)) return undefined
  const state = startState()
  if (Array.isArray(answer.content)) {
    state.has_output_count = true
    noteUsage(state, answer.usage)
    state.output_bytes = deliveredBytes(readAnswer(answer))
    state.phase = phaseOf(stringOf(answer.stop_reason))
    return state
  }
  if (!isJsonObject(answer.error)) return undefined
  state.phase = "failed"
  state.failure = readError(answer.error)
  return state
}
