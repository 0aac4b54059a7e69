/** Server-sent events as bytes: cutting a stream into whole events and writing one; not what the events mean. */

/** The whole events that a chunk completed. */
export interface WholeEvents {
  /** Their bytes, exactly as they came; empty when none is complete yet. */
  bytes: Uint8Array
  /** The text of each, one character per byte (latin1), without the blank line; `decodeEvent` gives its data. */
  events: string[]
}

export interface EventSplitter {
  push(chunk: Uint8Array): WholeEvents
  /** What came after the last blank line. */
  rest(): WholeEvents
  /** Bytes kept because their event is not complete. */
  pending_bytes(): number
}

const NOTHING = new Uint8Array(0)

/** Cuts a byte stream at blank lines (LF or CRLF). Any split of the bytes gives the same events. */
export function createEventSplitter(): EventSplitter {
  let pending: Uint8Array = NOTHING
  return {
    push(chunk) {
      const joined = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const buffer = Buffer.from(joined.buffer, joined.byteOffset, joined.byteLength)
      const end = lastBoundary(buffer)
      pending = joined.subarray(end)
      if (end === 0) return { bytes: NOTHING, events: [] }
      return {
        bytes: end === joined.length ? joined : joined.subarray(0, end),
        events: cut(buffer.toString("latin1", 0, end)),
      }
    },
    rest() {
      const bytes = pending
      pending = NOTHING
      return { bytes, events: cut(Buffer.from(bytes).toString("latin1")) }
    },
    pending_bytes: () => pending.length,
  }
}

/** The index after the last blank line; 0 when there is none. */
function lastBoundary(buffer: Buffer): number {
  const lf = buffer.lastIndexOf("\n\n")
  const crlf = buffer.lastIndexOf("\n\r\n")
  return Math.max(lf === -1 ? 0 : lf + 2, crlf === -1 ? 0 : crlf + 3)
}

function cut(text: string): string[] {
  const events = text.includes("\r") ? text.split(/\n\r?\n/) : text.split("\n\n")
  return events.filter(event => event.trim() !== "")
}

/** The event's name, from its `event:` line; `undefined` when it has none. */
export function eventName(event: string): string | undefined {
  if (!event.startsWith("event:")) return /\nevent: ?([^\r\n]*)/.exec(event)?.[1]
  const end = event.indexOf("\n")
  return event.slice(6, end === -1 ? undefined : end).trim()
}

/** The event's data lines joined, decoded as UTF-8. */
export function eventData(event: string): string {
  const data: string[] = []
  for (const line of event.split("\n")) {
    if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5).replace(/\r$/, ""))
  }
  return Buffer.from(data.join("\n"), "latin1").toString("utf8")
}

const encoder = new TextEncoder()

/** One event whose name equals its data's `type`. */
export function encodeEvent(data: { type: string }): Uint8Array {
  return encoder.encode(`event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`)
}

/** A comment: keeps proxies awake, unseen by clients. */
export const KEEPALIVE_COMMENT = encoder.encode(": keepalive\n\n")
