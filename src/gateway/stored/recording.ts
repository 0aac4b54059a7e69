/** The events of a background response: numbered as they come, kept in cache.db, read by any number of readers. */
import type { Clock } from "../../platform/clock.ts"
import type { TxQuery } from "../../platform/store.ts"
import type { JsonObject } from "../protocol/json.ts"
import { eventText, KEEPALIVE_COMMENT } from "../protocol/sse.ts"
import type { StoreNeeds } from "./needs.ts"
import { pack, unpack } from "./packing.ts"

/** The events of a response that runs. What is written to the database is no longer in memory. */
export interface Recording {
  customer_id: string
  object_id: string
  /** Server-sent events as text, the newest; the first of them has the number `tail_number`. */
  tail: string[]
  tail_number: number
  tail_chars: number
  /** Of the packed events in the database. */
  stored_chars: number
  is_closed: boolean
  /** Resolved and replaced when there is something new. */
  news: PromiseWithResolvers<void>
}

/** Written when so much has come: a reader that falls behind reads it from the database. */
const BATCH_CHARS = 64 * 1024

export const startRecording = (customer_id: string, object_id: string): Recording => ({
  customer_id,
  object_id,
  tail: [],
  tail_number: 0,
  tail_chars: 0,
  stored_chars: 0,
  is_closed: false,
  news: Promise.withResolvers(),
})

/** The number the next event gets. */
const nextNumber = ({ tail_number, tail }: Recording): number => tail_number + tail.length

/** An event as the next of the recording, as text. */
export function numberEvent(recording: Recording, event: JsonObject & { type: string }): string {
  const numbered = { ...event, sequence_number: nextNumber(recording) }
  return eventText(numbered)
}

/** Gives an event its number and shows it to the readers. */
export function recordEvent(recording: Recording, event: JsonObject & { type: string }): void {
  const text = numberEvent(recording, event)
  recording.tail.push(text)
  recording.tail_chars += text.length
  announce(recording)
}

function announce(recording: Recording): void {
  recording.news.resolve()
  recording.news = Promise.withResolvers()
}

/** No event will come any more: readers end when they have read all. */
export function closeRecording(recording: Recording): void {
  recording.is_closed = true
  announce(recording)
}

/** Writes what is in memory once it is worth a write. The run waits for it, so memory stays bounded. */
export async function flushRecording(needs: StoreNeeds, recording: Recording): Promise<void> {
  if (recording.tail_chars < BATCH_CHARS) return
  const batch = await packTail(recording)
  await needs.cache.tx(batch.write)
  batch.forget()
}

/** The events in memory, and `more`, as one row to be written, alone or beside something else. */
export async function packTail(recording: Recording, more: readonly string[] = []) {
  const { customer_id, object_id, tail_number } = recording
  const events = [...recording.tail, ...more]
  const count = events.length
  const { packed } = await pack(events)
  return {
    packed_chars: packed.length,
    async write(q: TxQuery): Promise<void> {
      await q.run(
        "INSERT INTO stored_event (customer_id, object_id, first_number, last_number, body) VALUES (?, ?, ?, ?, ?)",
        customer_id,
        object_id,
        tail_number,
        tail_number + count - 1,
        packed,
      )
    },
    /** After the commit: the readers find them in the database from now on. */
    forget(): void {
      recording.tail.splice(0, count)
      recording.tail_number += count
      recording.tail_chars = recording.tail.reduce((sum, text) => sum + text.length, 0)
      recording.stored_chars += packed.length
    },
  }
}

/** Which response's events. */
export interface RecordingKey {
  customer_id: string
  object_id: string
}

/** The number of the last event in the database; `undefined` when there is none. */
export async function lastStoredNumber(needs: StoreNeeds, key: RecordingKey): Promise<number | undefined> {
  const row = await needs.cache.read.get<{ last: number | null }>(
    "SELECT max(last_number) AS last FROM stored_event WHERE customer_id = ? AND object_id = ?",
    key.customer_id,
    key.object_id,
  )
  return row?.last ?? undefined
}

interface Batch {
  first_number: number
  body: string
}

/** Batches read at once: a reader holds a few hundred KiB at most, however long the stream is. */
const BATCHES_AT_ONCE = 4

const READ_BATCHES = `SELECT first_number, body FROM stored_event
  WHERE customer_id = ? AND object_id = ? AND last_number >= ? ORDER BY first_number LIMIT ${BATCHES_AT_ONCE}`

/** The events that are in the database, from a number on; each with the number that follows the last of it. */
export async function* readStoredEvents(
  needs: StoreNeeds,
  key: RecordingKey,
  from: number,
): AsyncGenerator<{ text: string; next: number }> {
  let next = from
  for (;;) {
    const { read } = needs.cache
    const batches = await read.all<Batch>(READ_BATCHES, key.customer_id, key.object_id, next)
    if (batches.length === 0) return
    for (const { first_number, body } of batches) {
      const events = (await unpack(body)) as string[]
      const text = events.slice(Math.max(0, next - first_number)).join("")
      next = first_number + events.length
      yield { text, next }
    }
  }
}

/** Silence after which a follower is sent a comment, so that nothing between us hangs up. */
const KEEPALIVE_MS = 15_000

/** The events of a running response from a number on, then those to come, to its end. */
export async function* followRecording(
  needs: StoreNeeds,
  recording: Recording,
  from: number,
): AsyncGenerator<string> {
  let next = from
  for (;;) {
    if (next < recording.tail_number) {
      for await (const batch of readStoredEvents(needs, recording, next)) {
        next = batch.next
        yield batch.text
      }
    }
    // Between two steps nothing is awaited: what is new is in memory, or the promise tells of it.
    const { news, is_closed } = recording
    if (next < recording.tail_number) continue
    const fresh = recording.tail.slice(next - recording.tail_number)
    next += fresh.length
    if (fresh.length > 0) yield fresh.join("")
    else if (is_closed) return
    else if ((await silence(needs.clock, news.promise)) === "silent") yield KEEPALIVE_COMMENT
  }
}

function silence(clock: Clock, news: Promise<void>): Promise<"silent" | "news"> {
  const { promise, resolve } = Promise.withResolvers<"silent" | "news">()
  const cancel = clock.after(KEEPALIVE_MS, () => resolve("silent"))
  news.then(() => {
    cancel()
    resolve("news")
  })
  return promise
}
