/** Reads a Responses stream from the side while its bytes pass through: how far it is and what it used. */
import { NO_USAGE, type ReportedUsage } from "../../../wallet/pricing/usage.ts"
import { isJsonObject, type JsonObject, stringOf } from "../json.ts"
import { eventData, eventName } from "../sse.ts"
import { readUsage } from "./read-usage.ts"

/** How far a stream is. `prelude`: nothing has come that a client could act on, another route may still be tried. */
export type Phase = "prelude" | "output" | "completed" | "incomplete" | "failed"

export interface UpstreamFailure {
  code: string
  message: string
}

/** What is known of a stream or of a whole answer. */
export interface Sniffed {
  phase: Phase
  /** Bytes of text, reasoning and tool arguments delivered so far. */
  output_bytes: number
  response_id: string | undefined
  reported: ReportedUsage | undefined
  tier_served: string | undefined
  failure: UpstreamFailure | undefined
  web_search_count: number
  /** The last event seen, for continuing its sequence numbers. */
  last_event: string | undefined
}

export const startSniffing = (): Sniffed => ({
  phase: "prelude",
  output_bytes: 0,
  response_id: undefined,
  reported: undefined,
  tier_served: undefined,
  failure: undefined,
  web_search_count: 0,
  last_event: undefined,
})

/** Events that carry no output yet (codex-cli-wire 4.1, sdk-wire 2). */
const PRELUDE = new Set(["response.created", "response.in_progress", "response.queued", "keepalive"])
const TERMINAL: Record<string, Phase> = {
  "response.completed": "completed",
  "response.incomplete": "incomplete",
  "response.failed": "failed",
  error: "failed",
}

export const isTerminal = (sniffed: Sniffed): boolean =>
  sniffed.phase !== "prelude" && sniffed.phase !== "output"

/** Notes one event (as text, one character per byte). Only the first and the last are parsed. */
export function sniffEvent(sniffed: Sniffed, event: string): void {
  const type = eventName(event) ?? typeOf(event)
  if (type === undefined) return
  sniffed.last_event = event
  const end = TERMINAL[type]
  if (end) return noteEnd(sniffed, end, parseData(event))
  if (PRELUDE.has(type)) {
    if (type === "response.created") sniffed.response_id = stringOf(responseOf(parseData(event)).id)
    return
  }
  if (sniffed.phase === "prelude") sniffed.phase = "output"
  if (type.endsWith(".delta")) sniffed.output_bytes += deltaLength(event)
  else if (type === "response.output_item.done" && event.includes('"web_search_call"'))
    sniffed.web_search_count += 1
}

/** Notes a whole (not streamed) answer. */
export function sniffAnswer(answer: unknown): Sniffed {
  const sniffed = startSniffing()
  const response = isJsonObject(answer) ? answer : {}
  const output = Array.isArray(response.output) ? response.output : []
  sniffed.web_search_count = output.filter(
    item => isJsonObject(item) && item.type === "web_search_call",
  ).length
  sniffed.response_id = stringOf(response.id)
  const end: Phase =
    response.status === "failed" ? "failed" : response.status === "incomplete" ? "incomplete" : "completed"
  noteEnd(sniffed, end, { response })
  if (!sniffed.reported) sniffed.output_bytes = JSON.stringify(output).length
  return sniffed
}

/** The sequence number after the last event's. */
export function nextSequenceNumber(sniffed: Sniffed): number {
  const last = sniffed.last_event === undefined ? undefined : parseData(sniffed.last_event).sequence_number
  return typeof last === "number" ? last + 1 : 0
}

function noteEnd(sniffed: Sniffed, end: Phase, data: JsonObject): void {
  // The first terminal event counts: what an upstream says after it is not believed.
  if (isTerminal(sniffed)) return
  const response = responseOf(data)
  sniffed.phase = end
  sniffed.response_id ??= stringOf(response.id)
  sniffed.tier_served = stringOf(response.service_tier)
  sniffed.reported = withSearches(readUsage(response.usage), sniffed.web_search_count)
  if (end === "failed") sniffed.failure = failureOf(isJsonObject(response.error) ? response.error : data)
}

function withSearches(
  reported: ReportedUsage | undefined,
  web_search_count: number,
): ReportedUsage | undefined {
  if (!reported || web_search_count === 0) return reported
  return { ...reported, usage: { ...(reported.usage ?? NO_USAGE), web_search_count } }
}

/** `response.failed` carries `response.error`; the event `error` is flat or nested (sdk-wire 2). */
function failureOf(data: JsonObject): UpstreamFailure {
  const error = isJsonObject(data.error) ? data.error : data
  return {
    code: stringOf(error.code) ?? "server_error",
    message: stringOf(error.message) ?? "The upstream ended the answer with an error.",
  }
}

const responseOf = (data: JsonObject): JsonObject => (isJsonObject(data.response) ? data.response : {})

function parseData(event: string): JsonObject {
  try {
    const data: unknown = JSON.parse(eventData(event))
    return isJsonObject(data) ? data : {}
  } catch {
    // Nonsense from an upstream is data like any other: it says nothing.
    return {}
  }
}

/** The type of an event without an `event:` line. */
function typeOf(event: string): string | undefined {
  return event.includes("data:") ? stringOf(parseData(event).type) : undefined
}

/** The length of the `delta` string as it stands in the JSON, without parsing it. */
function deltaLength(event: string): number {
  const key = event.indexOf('"delta":"')
  if (key === -1) return 0
  const start = key + 9
  let end = event.indexOf('"', start)
  while (end > start && event[end - 1] === "\\") end = event.indexOf('"', end + 1)
  return Math.max(0, (end === -1 ? event.length : end) - start)
}
