/** Cuts an upstream's bytes into batches of whole events, sniffed, with the end of the answer as a batch of its own. */
import type { Passage } from "../protocol/codec.ts"
import { isTerminal } from "../protocol/sniffed.ts"
import { type Batch, createEventSplitter, dataOf } from "../protocol/sse.ts"

/** The next bytes; `undefined` at the end. Rejects when the connection breaks. */
export type ReadChunk = () => Promise<Uint8Array | undefined>

export interface BatchReader {
  /**
   * The next batch. The end of an answer is withheld until it is complete, and what comes before it need not wait for
   * it; `onEnding` is called when it has begun.
   */
  next(onEnding: () => void): Promise<Batch | "end" | "oversized">
  /** Nothing more will come: the end, if it lacks only its last events. */
  finish(): Batch | undefined
}

/** An event larger than this is nonsense. */
const LARGEST_EVENT_BYTES = 32 * 1024 * 1024
/** The last events of an answer are small, but for a Responses object with everything in it. */
const LARGEST_END_BYTES = 64 * 1024 * 1024

export function createBatchReader(readChunk: ReadChunk, passage: Passage): BatchReader {
  const splitter = createEventSplitter()
  const ready: Batch[] = []
  let withheld: Batch[] = []
  let withheld_bytes = 0

  function take(batch: Batch): void {
    if (isTerminal(passage.sniffed)) {
      ready.push(batch)
      return
    }
    const begins_at = passage.note(batch.text)
    // What an upstream says after the end of its answer, such as a second one, is for nobody.
    const { end_at = batch.text.length } = passage.sniffed
    if (begins_at > 0) ready.push(cut(batch, 0, begins_at))
    if (begins_at < end_at) withhold(cut(batch, begins_at, end_at))
    if (isTerminal(passage.sniffed)) release()
  }

  function withhold(batch: Batch): void {
    withheld.push(batch)
    withheld_bytes += batch.bytes.length
  }

  function release(): void {
    ready.push({ ...join(withheld), is_end: true })
    withheld = []
  }

  function finish(): Batch | undefined {
    const missing = passage.finish()
    if (withheld.length > 0 && isTerminal(passage.sniffed)) {
      if (missing !== "") withhold({ bytes: Buffer.from(missing, "latin1"), text: missing })
      release()
    }
    return ready.shift()
  }

  return {
    finish,
    async next(onEnding) {
      for (;;) {
        const batch = ready.shift()
        if (batch) return batch
        if (withheld.length > 0) onEnding()
        const chunk = await readChunk()
        const whole = chunk ? splitter.push(chunk) : closed(splitter.rest())
        if (whole.bytes.length > 0) take(whole)
        if (!chunk && ready.length === 0) return finish() ?? "end"
        if (splitter.pending_bytes() > LARGEST_EVENT_BYTES) return "oversized"
        if (withheld_bytes > LARGEST_END_BYTES) return finish() ?? "oversized"
      }
    },
  }
}

/**
 * The last event of a stream that ended without a blank line. Clients would not see it, and what comes after it would
 * run into it: one that can be read gets its blank line, any other was cut and says nothing.
 */
function closed({ bytes, text }: Batch): Batch {
  const is_whole = dataOf({ bytes, text }).length > 0 || /^data: ?\[DONE\]/m.test(text)
  const end = "\n\n"
  return is_whole ? { bytes: Buffer.concat([bytes, Buffer.from(end)]), text: text + end } : NOTHING
}

const NOTHING: Batch = { bytes: new Uint8Array(0), text: "" }

const cut = ({ bytes, text }: Batch, from: number, to: number): Batch =>
  from === 0 && to === text.length
    ? { bytes, text }
    : { bytes: bytes.subarray(from, to), text: text.slice(from, to) }

const join = (batches: readonly Batch[]): Batch =>
  batches.length === 1
    ? batches[0]!
    : {
        bytes: Buffer.concat(batches.map(batch => batch.bytes)),
        text: batches.map(batch => batch.text).join(""),
      }
