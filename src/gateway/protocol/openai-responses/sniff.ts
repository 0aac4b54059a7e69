/** Reads a Responses stream from the side while its bytes pass through: how far it is and what it used. */
import { NO_USAGE, type ReportedUsage } from "../../../wallet/pricing/usage.ts"
import { deliveredBytes } from "../delivered.ts"
import { isJsonObject, type JsonObject, parseObject, stringOf } from "../json.ts"
import { isTerminal, type Phase, type Sniffed, type Sniffer } from "../sniffed.ts"
import { endOfEvent, eventData, eventName, isName, objectOf } from "../sse.ts"
import { endOfString } from "../top-level.ts"
import { readFailure } from "./errors.ts"
import { readAnswer } from "./read-events.ts"
import { readUsage } from "./read-usage.ts"

/** What is known of a Responses stream; beside the common facts, where it stands. */
interface Sniffing extends Sniffed {
  /** `output_bytes` when the last item was finished. */
  bytes_before_item: number
  /** `response.created` and the last event seen: what an end of our own making must continue. */
  created: Place | undefined
  last: Place | undefined
  event_count: number
}

const startState = (): Sniffing => ({
  phase: "prelude",
  output_bytes: 0,
  bytes_before_item: 0,
  reported: undefined,
  tier_served: undefined,
  failure: undefined,
  web_search_count: 0,
  created: undefined,
  last: undefined,
  event_count: 0,
})

/** Events that carry no output yet (codex-cli-wire 4.1, sdk-wire 2). */
const PRELUDE = new Set(["response.created", "response.in_progress", "response.queued", "keepalive"])
const TERMINAL: Record<string, Phase> = {
  "response.completed": "completed",
  "response.incomplete": "incomplete",
  "response.failed": "failed",
  error: "failed",
}

/** A sniffer that can also say where an end of our own making must continue. */
export interface ResponsesSniffer extends Sniffer {
  /** The id that the stream gave its response. */
  responseId(): string | undefined
  /** The sequence number after the last event's. */
  nextNumber(): number
}

/** Only the last event of a stream is parsed; the others cost a few searches. */
export function startSniffing(): ResponsesSniffer {
  const state = startState()
  return {
    sniffed: state,
    note: text => noteText(state, text),
    finish: () => "",
    responseId: () => state.created && stringOf(responseOf(objectOf(textOf(state.created))).id),
    nextNumber: () => numberAfter(state),
  }
}

function noteText(state: Sniffing, text: string): number {
  const has_cr = text.includes("\r")
  let at = 0
  while (at < text.length && !isTerminal(state)) {
    const end = endOfEvent(text, at, has_cr)
    state.last = { text, at, end }
    state.event_count += 1
    if (text.startsWith(TEXT_DELTA, at)) {
      if (state.phase === "prelude") state.phase = "output"
      state.output_bytes += deltaLength(state.last)
    } else {
      const type = nameAt(text, at) ?? typeOf(text.slice(at, end))
      if (type !== undefined) noteEvent(state, type, state.last)
      if (isTerminal(state)) {
        state.end_at = end
        return at
      }
    }
    at = end
  }
  return at
}

/** The commonest event by far. */
const TEXT_DELTA = "event: response.output_text.delta"

/** Where an event stands in the text it came in. */
interface Place {
  text: string
  at: number
  end: number
}

const textOf = ({ text, at, end }: Place): string => text.slice(at, end)

function noteEvent(sniffed: Sniffing, type: string, place: Place): void {
  const end = Object.hasOwn(TERMINAL, type) ? TERMINAL[type] : undefined
  if (end) {
    // An end that cannot be read is none: its clients parse it.
    const data = parseObject(eventData(textOf(place)))
    if (data) noteEnd(sniffed, end, data)
    return
  }
  if (PRELUDE.has(type)) {
    if (type === "response.created") sniffed.created = place
    return
  }
  if (sniffed.phase === "prelude") sniffed.phase = "output"
  if (type.endsWith(".delta")) sniffed.output_bytes += deltaLength(place)
  else if (type === "response.output_item.done") noteItem(sniffed, place)
}

/** A finished item counts itself when no deltas did: sealed reasoning, and upstreams that send no deltas. */
function noteItem(sniffed: Sniffing, place: Place): void {
  const text = textOf(place)
  const had_deltas = sniffed.output_bytes > sniffed.bytes_before_item
  sniffed.output_bytes += had_deltas ? sealedLength(text) : eventData(text).length
  sniffed.bytes_before_item = sniffed.output_bytes
  if (IS_SEARCH.test(text)) sniffed.web_search_count += 1
}

/** As a value of `type`: a function of the client's may have the same name. */
const IS_SEARCH = /"type"\s*:\s*"web_search_call"/

const SEALED = '"encrypted_content":"'

/** The length of the sealed reasoning in an item: it grows with the reasoning that no delta shows. */
function sealedLength(text: string): number {
  const start = text.indexOf(SEALED)
  return start === -1 ? 0 : endOfString(text, start + SEALED.length - 1) - 1 - (start + SEALED.length)
}

const EVENT = "event: "

/** The name on the `event:` line, when the event begins with one. */
function nameAt(text: string, at: number): string | undefined {
  if (!text.startsWith(EVENT, at)) return undefined
  const end = text.indexOf("\n", at)
  const name = text.slice(at + EVENT.length, end === -1 ? undefined : end).trimEnd()
  return isName(name) ? name : undefined
}

/** Nothing that was answered: somebody else's background response, or one that was stopped. */
const UNFINISHED = new Set<unknown>(["queued", "in_progress", "cancelled"])

/** Notes a whole (not streamed) answer; `undefined` when it is none: no list of output, and no error either. */
export function sniffAnswer(answer: unknown): Sniffed | undefined {
  const response = isJsonObject(answer) ? answer : {}
  if (UNFINISHED.has(response.status)) return undefined
  const has_failed = response.status === "failed" || isJsonObject(response.error)
  if (!Array.isArray(response.output) && !has_failed) return undefined
  const output = Array.isArray(response.output) ? response.output : []
  const sniffed = startState()
  sniffed.web_search_count = output.filter(
    item => isJsonObject(item) && item.type === "web_search_call",
  ).length
  noteEnd(sniffed, has_failed ? "failed" : response.status === "incomplete" ? "incomplete" : "completed", {
    response,
  })
  if (has_failed || !sniffed.reported)
    sniffed.output_bytes = deliveredBytes(readAnswer({ ...response, status: "completed" }))
  return sniffed
}

/** After the last event's number; an event that cannot be read is counted all the same, because numbers must rise. */
function numberAfter({ created, last, event_count }: Sniffing): number {
  const numberOf = (place: Place | undefined) => place && objectOf(textOf(place)).sequence_number
  const number = numberOf(last)
  if (typeof number === "number") return number + 1
  return typeof numberOf(created) === "number" ? event_count : 0
}

function noteEnd(sniffed: Sniffing, end: Phase, data: JsonObject): void {
  const response = responseOf(data)
  sniffed.phase = end
  sniffed.tier_served = stringOf(response.service_tier)
  sniffed.reported = withSearches(readUsage(response.usage), sniffed.web_search_count)
  if (end === "failed") sniffed.failure = readFailure(errorIn(data))
}

function withSearches(
  reported: ReportedUsage | undefined,
  web_search_count: number,
): ReportedUsage | undefined {
  if (!reported || web_search_count === 0) return reported
  return { ...reported, usage: { ...(reported.usage ?? NO_USAGE), web_search_count } }
}

/** `response.failed` carries `response.error`; the event `error` is flat or nested (sdk-wire 2). */
function errorIn(data: JsonObject): JsonObject {
  const nested = [responseOf(data).error, data.error].find(isJsonObject)
  return nested ?? (stringOf(data.type)?.startsWith("response.") ? {} : data)
}

const responseOf = (data: JsonObject): JsonObject => (isJsonObject(data.response) ? data.response : {})

/** The type of an event that does not begin with an `event:` line. */
function typeOf(event: string): string | undefined {
  return eventName(event) ?? (event.includes("data:") ? stringOf(objectOf(event).type) : undefined)
}

const DELTA = /"delta"\s*:\s*"/

/**
 * The length of the `delta` string as it stands in the JSON, without parsing it. Only the event is searched: a search
 * that runs on to the end of the batch would cost the square of its size.
 */
function deltaLength(place: Place): number {
  const event = textOf(place)
  const key = DELTA.exec(event)
  if (!key) return 0
  const from = key.index + key[0].length
  return endOfString(event, from - 1) - 1 - from
}
