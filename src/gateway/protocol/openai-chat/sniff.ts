/** Reads a Chat stream from the side while its bytes pass through: how far it is and what it used. */
import type { JsonObject } from "../json.ts"
import { isJsonObject, stringOf } from "../json.ts"
import { isTerminal, type Phase, type Sniffed, type Sniffer } from "../sniffed.ts"
import { endOfEvent, eventData, objectOf } from "../sse.ts"
import { endOfString } from "../top-level.ts"
import { readFailure } from "./failures.ts"
import { readUsage } from "./read-usage.ts"

/** What is known of a Chat stream; beside the common facts, how it will end. */
interface Sniffing extends Sniffed {
  /** Set by the first finish_reason: from that chunk on everything is the end. */
  end: Phase | undefined
}

const startState = (): Sniffing => ({
  phase: "prelude",
  output_bytes: 0,
  web_search_count: 0,
  reported: undefined,
  tier_served: undefined,
  failure: undefined,
  end: undefined,
})

/** Text deltas cost a few searches; only chunks that may say more are parsed. */
export function startSniffing(): Sniffer {
  const state = startState()
  return {
    sniffed: state,
    note: text => noteText(state, text),
    finish() {
      if (isTerminal(state) || state.end === undefined) return ""
      state.phase = state.end
      return "data: [DONE]\n\n"
    },
  }
}

function noteText(state: Sniffing, text: string): number {
  const has_cr = text.includes("\r")
  const had_ended = state.end !== undefined || isTerminal(state)
  let end_at = had_ended ? 0 : text.length
  for (let at = 0; at < text.length && !isTerminal(state); ) {
    const next = endOfEvent(text, at, has_cr)
    noteEvent(state, text.slice(at, next))
    const is_end = state.end !== undefined || isTerminal(state)
    if (is_end && end_at === text.length) end_at = at
    at = next
    if (isTerminal(state)) state.end_at = at
  }
  return end_at
}

/** What makes a chunk worth parsing. A quote inside a text is escaped, so these are members, not words. */
const MAY_SAY_MORE =
  /"(?:finish_reason"\s*:\s*"|usage"\s*:\s*\{|error"\s*:\s*[^\sfn]|annotations"|reasoning_details"|object"\s*:\s*"error")/

/** A call counts as output from its first chunk on: the client may act on its name. */
const HAS_CALL = /"(?:tool_calls"\s*:\s*\[\s*\{|function_call"\s*:\s*\{)/

function noteEvent(state: Sniffing, event: string): void {
  if (MAY_SAY_MORE.test(event)) {
    noteChunk(state, objectOf(event))
    return
  }
  if (event.length < LONGEST_DONE && eventData(event).trimEnd() === "[DONE]") {
    noteDone(state)
    return
  }
  state.output_bytes += outputLength(event)
  if (state.phase === "prelude" && (state.output_bytes > 0 || HAS_CALL.test(event))) state.phase = "output"
}

/** `[DONE]` with a comment or a name before it. */
const LONGEST_DONE = 200

/** Without a finish_reason `[DONE]` is no end: what is missing is not known. */
function noteDone(state: Sniffing): void {
  if (state.end !== undefined) state.phase = state.end
  else
    fail(state, { code: "server_error", message: "The upstream ended its answer without a finish_reason." })
}

function noteChunk(state: Sniffing, chunk: JsonObject): void {
  const choices = Array.isArray(chunk.choices) ? chunk.choices.filter(isJsonObject) : []
  const failure = readFailure(chunk) ?? choices.map(readFailure).find(each => each !== undefined)
  noteFacts(state, chunk)
  for (const choice of choices) {
    const piece = choice.delta ?? choice.message
    if (isJsonObject(piece)) notePiece(state, piece)
    if (stringOf(choice.finish_reason)) state.end ??= endOf(choice.finish_reason as string)
    // Moonshot reports inside the choice.
    state.reported = readUsage(choice.usage) ?? state.reported
  }
  if (failure !== undefined) fail(state, failure)
  else if (state.end === "failed") {
    fail(state, { code: "server_error", message: "The upstream broke its answer off." })
  }
}

function noteFacts(state: Sniffing, chunk: JsonObject): void {
  state.reported = readUsage(chunk.usage) ?? state.reported
  state.tier_served = stringOf(chunk.service_tier) || state.tier_served
}

function fail(state: Sniffing, failure: { code: string; message: string }): void {
  state.phase = "failed"
  state.failure = failure
}

const ENDS: { [reason: string]: Phase } = {
  length: "incomplete",
  max_tokens: "incomplete",
  model_length: "incomplete",
  content_filter: "incomplete",
  error: "failed",
  insufficient_system_resource: "failed",
}

const endOf = (reason: string): Phase => (Object.hasOwn(ENDS, reason) ? ENDS[reason]! : "completed")

/** The bytes that a parsed delta or message brings; details repeat what `reasoning` says. */
function notePiece(state: Sniffing, piece: JsonObject): void {
  const thought = stringOf(piece.reasoning_content) || stringOf(piece.reasoning)
  const details = thought || !Array.isArray(piece.reasoning_details) ? [] : piece.reasoning_details
  const calls = Array.isArray(piece.tool_calls) ? piece.tool_calls.filter(isJsonObject) : []
  const legacy = isJsonObject(piece.function_call) ? [piece.function_call] : []
  const texts = [
    thought,
    contentOf(piece.content),
    piece.refusal,
    ...details.map(detail => (isJsonObject(detail) ? (detail.text ?? detail.summary) : "")),
    ...calls.map(call => (isJsonObject(call.function) ? call.function.arguments : undefined)),
    ...calls.map(call => (isJsonObject(call.custom) ? call.custom.input : undefined)),
    ...legacy.map(call => call.arguments),
  ]
  const bytes = texts.reduce((sum: number, text) => sum + byteLength(text), 0)
  state.output_bytes += bytes
  if (state.phase === "prelude" && (bytes > 0 || calls.length + legacy.length > 0)) state.phase = "output"
}

/** A list of parts (Mistral) counts as it stands. */
const contentOf = (content: unknown): unknown => (Array.isArray(content) ? JSON.stringify(content) : content)

const byteLength = (text: unknown): number => (typeof text === "string" ? Buffer.byteLength(text) : 0)

const OUTPUT = /"(content|reasoning_content|reasoning|refusal|arguments|input|text)"\s*:\s*"/g

/** The length of all output strings of a chunk as they stand in the JSON, without parsing it. */
function outputLength(event: string): number {
  let length = 0
  let thought = false
  OUTPUT.lastIndex = 0
  for (let key = OUTPUT.exec(event); key !== null; key = OUTPUT.exec(event)) {
    const from = OUTPUT.lastIndex
    const end = endOfString(event, from - 1)
    OUTPUT.lastIndex = end
    const is_thought = key[1]!.startsWith("reasoning")
    // Some upstreams send the same thinking under both names.
    if (!is_thought || !thought) length += end - 1 - from
    thought ||= is_thought && end - 1 > from
  }
  return length
}

/** Notes a whole (not streamed) answer; `undefined` when it is neither an answer nor an error. */
export function sniffAnswer(answer: unknown): Sniffed | undefined {
  if (!isJsonObject(answer)) return undefined
  const failure = readFailure(answer)
  if (!Array.isArray(answer.choices) && failure === undefined) return undefined
  const state = startState()
  noteChunk(state, answer)
  if (state.phase !== "failed") state.phase = state.end ?? "completed"
  const { end: _, ...sniffed } = state
  return sniffed
}
