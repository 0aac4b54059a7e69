/** Server-sent events as bytes: cutting a stream into whole events and writing one; not what the events mean. */
import { type JsonObject, parseObject } from "./json.ts"

/** Whole events that came together. */
export interface Batch {
  /** Exactly as they came; empty when no event is complete yet. */
  bytes: Uint8Array
  /** The same, one character per byte (latin1): an index here is an index there. `eventData` decodes. */
  text: string
  /** The end of the answer, whole: it may be sent only when its charge is durable. */
  is_end?: true
}

export interface EventSplitter {
  push(chunk: Uint8Array): Batch
  /** What came after the last blank line. */
  rest(): Batch
  /** Bytes kept because their event is not complete. */
  pending_bytes(): number
}

const NOTHING = new Uint8Array(0)

/** Cuts a byte stream at blank lines (LF or CRLF). Any split of the bytes gives the same events. */
export function createEventSplitter(): EventSplitter {
  /** Chunks without a blank line, not joined before one comes: joining each time would cost the square of their size. */
  let pending: Uint8Array[] = []
  let pending_bytes = 0

  function keep(chunks: Uint8Array[]): void {
    pending = chunks
    pending_bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  return {
    push(chunk) {
      if (pending.length > 0 && !mayEndEvent(pending.at(-1)!, chunk)) {
        pending.push(chunk)
        pending_bytes += chunk.length
        return { bytes: NOTHING, text: "" }
      }
      const joined = pending.length === 0 ? chunk : Buffer.concat([...pending, chunk])
      const buffer = Buffer.from(joined.buffer, joined.byteOffset, joined.byteLength)
      const end = lastBoundary(buffer)
      keep(end === joined.length ? [] : [joined.subarray(end)])
      if (end === 0) return { bytes: NOTHING, text: "" }
      const bytes = end === joined.length ? joined : joined.subarray(0, end)
      return { bytes, text: buffer.toString("latin1", 0, end) }
    },
    rest() {
      const bytes = Buffer.concat(pending)
      keep([])
      return { bytes, text: bytes.toString("latin1") }
    },
    pending_bytes: () => pending_bytes,
  }
}

/** Whether a blank line can end in `chunk`: it holds one, or begins with the rest of one (its line feed is near the front). */
function mayEndEvent(before: Uint8Array, chunk: Uint8Array): boolean {
  const near = Buffer.concat([before.subarray(-3), chunk])
  return lastBoundary(near) > 0 || before.length < 3
}

/** The index after the last blank line; 0 when there is none. */
function lastBoundary(buffer: Buffer): number {
  const lf = buffer.lastIndexOf("\n\n")
  const crlf = buffer.lastIndexOf("\n\r\n")
  return Math.max(lf === -1 ? 0 : lf + 2, crlf === -1 ? 0 : crlf + 3)
}

/** The events of a batch's text, without their blank lines. */
export function splitEvents(text: string): string[] {
  return text.split(/\r?\n\r?\n/).filter(event => event.trim() !== "")
}

/**
 * The index after the event that begins at `from`. `has_cr`: whether the text has carriage returns at all, found
 * once per batch. Nothing is looked for beyond the event: that would cost the square of the batch's size.
 */
export function endOfEvent(text: string, from: number, has_cr: boolean): number {
  const lf = has_cr ? endOfLine(text, from) : text.indexOf("\n\n", from)
  if (lf === -1) return text.length
  return lf + (text.charCodeAt(lf + 1) === CARRIAGE_RETURN ? 3 : 2)
}

const LINE_FEED = 10
const CARRIAGE_RETURN = 13

/** Where the last line of an event ends, of which some have carriage returns; -1 when no blank line follows. */
function endOfLine(text: string, from: number): number {
  for (let at = text.indexOf("\n", from); at !== -1; at = text.indexOf("\n", at + 1)) {
    const next = text.charCodeAt(at + 1)
    if (next === LINE_FEED || (next === CARRIAGE_RETURN && text.charCodeAt(at + 2) === LINE_FEED)) return at
  }
  return -1
}

const MODEL = /"model"(\s*:\s*)"(?:[^"\\]|\\.)*"/g

/**
 * The batch with another model's name: in a stream `"model":` with plain quotes is never part of a text, whose own
 * quotes are escaped.
 */
export function renameModel(batch: Batch, model: string): Batch {
  if (!batch.text.includes('"model"')) return batch
  const name = Buffer.from(JSON.stringify(model)).toString("latin1")
  const text = batch.text.replace(MODEL, (_, colon: string) => `"model"${colon}${name}`)
  return { ...batch, text, bytes: Buffer.from(text, "latin1") }
}

/** Whether a name says something: the standard's default is `message`. */
export const isName = (name: string): boolean => name !== "" && name !== "message"

/** The event's name, from its `event:` line; `undefined` when it has none, or the default one. */
export function eventName(event: string): string | undefined {
  const end = event.indexOf("\n")
  const first = event.startsWith("event:") ? event.slice(6, end === -1 ? undefined : end).trim() : ""
  const name = first || (/\nevent: ?([^\r\n]+)/.exec(event)?.[1]?.trim() ?? "")
  return isName(name) ? name : undefined
}

/** The event's data lines joined, decoded as UTF-8. */
export function eventData(event: string): string {
  const data: string[] = []
  for (const line of event.split("\n")) {
    if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5).replace(/\r$/, ""))
  }
  return Buffer.from(data.join("\n"), "latin1").toString("utf8")
}

/** The event's data as an object; an empty one when it is none: nonsense says nothing. */
export const objectOf = (event: string): JsonObject => parseObject(eventData(event)) ?? {}

/** The parsed data of a batch's events; what is no JSON says nothing (Chat's `[DONE]`, an upstream's nonsense). */
export function dataOf(batch: Batch): unknown[] {
  const text = utf8Of(batch)
  const found: unknown[] = []
  for (let at = 0; at < text.length; ) {
    const blank = text.indexOf("\n\n", at)
    const end = blank === -1 ? text.length : blank
    const data = dataIn(text.slice(at, end))
    if (data !== undefined && data !== "[DONE]") pushParsed(found, data)
    at = end + 2
  }
  return found
}

/** The batch as text with plain line ends. Decoded at once: an event's own decoding would cost more than its parsing. */
function utf8Of({ bytes, text }: Batch): string {
  const decoded = isAscii(text)
    ? text
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
  return text.includes("\r") ? decoded.replaceAll("\r\n", "\n") : decoded
}

/** Counted natively: looking for other characters with a pattern takes twenty times as long. */
const isAscii = (latin1: string): boolean => Buffer.byteLength(latin1) === latin1.length

/** The data of an event: nearly always one line. */
function dataIn(event: string): string | undefined {
  const start = event.startsWith("data:") ? 0 : event.indexOf("\ndata:") + 1
  if (!event.startsWith("data:", start)) return undefined
  if (event.includes("\n", start)) return eventData(Buffer.from(event).toString("latin1"))
  return event.slice(start + (event[start + 5] === " " ? 6 : 5))
}

function pushParsed(found: unknown[], data: string): void {
  try {
    found.push(JSON.parse(data))
  } catch {
    // Nonsense says nothing; the answer ends as it ends.
  }
}

const encoder = new TextEncoder()

/** One event whose name equals its data's `type`. */
export function encodeEvent(data: { type: string }): Uint8Array {
  return encoder.encode(eventText(data))
}

/** The same as text. */
export const eventText = (data: { type: string }): string =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`

/** A comment: keeps proxies awake, unseen by clients. */
export const KEEPALIVE_COMMENT = ": keepalive\n\n"
