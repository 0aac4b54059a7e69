/** A whole answer from a streamed one: for clients that do not stream, when their answer may outgrow its first hold. */
import type { AppError } from "../platform/errors.ts"
import type { Settlement } from "../wallet/metering/receipt.ts"
import { LARGEST_ANSWER_BYTES } from "./dispatch.ts"
import { type Forwarding, finish, nextBytes } from "./forward.ts"
import { answerMap, type Outlet, type Passing } from "./outlet.ts"
import { CLIENTS, UPSTREAMS } from "./protocol/codecs.ts"
import { cutAnswer } from "./protocol/cut-answer.ts"
import { errorOfFailure } from "./protocol/failure.ts"
import type { ModelEvent } from "./protocol/model-event.ts"
import { dataOf } from "./protocol/sse.ts"

export interface Collected {
  /** The answer object as JSON text. */
  text: string
  settlement: Settlement | undefined
}

/** Keeps what a stream says instead of showing it. */
export interface Collector extends Outlet {
  /** The answer that the complete stream amounts to; `undefined` when it has none. Throws the error that it ended with. */
  whole(): string | undefined
  /** The answer as far as it came, when it was ended by us. */
  partial(): string
}

const NOTHING = new Uint8Array(0)

export const openCollector = (passing: Passing): Collector =>
  passing.outgoing.is_passed ? collectBytes(passing) : collectEvents(passing)

function collectBytes({ door, connection, start }: Passing): Collector {
  const upstream = UPSTREAMS[connection.route.upstream.protocol]
  const chunks: Uint8Array[] = []
  return {
    write(batch) {
      // A whole answer always shows its usage.
      chunks.push(connection.passage.adapt(batch, { ...start, shows_usage: true }))
      return NOTHING
    },
    fail: () => NOTHING,
    keepalive: () => NOTHING,
    whole() {
      const text = Buffer.concat(chunks).toString("latin1")
      return upstream.wholeAnswer(text)
    },
    partial() {
      const bytes = Buffer.concat(chunks)
      const reader = upstream.startReading()
      const events = dataOf({ bytes, text: bytes.toString("latin1") }).flatMap(data => reader.read(data))
      return JSON.stringify(CLIENTS[door.protocol].collect(start, cutAnswer(events)))
    },
  }
}

function collectEvents({ door, start, connection, outgoing }: Passing): Collector {
  const reader = UPSTREAMS[connection.route.upstream.protocol].startReading()
  const map = answerMap(door, connection, outgoing)
  const events: ModelEvent[] = []
  return {
    write(batch) {
      for (const data of dataOf(batch)) events.push(...map.map(reader.read(data)))
      if (batch.is_end) events.push(...map.map(reader.end()))
      return NOTHING
    },
    fail: () => NOTHING,
    keepalive: () => NOTHING,
    whole: () => JSON.stringify(CLIENTS[door.protocol].collect(start, events)),
    partial: () => JSON.stringify(CLIENTS[door.protocol].collect(start, cutAnswer(events))),
  }
}

const isOutOfCredit = ({ reason }: AppError): boolean => reason === "payment_required"

/**
 * Reads the stream to its end, holding slices on the way, and gives the answer that it amounts to.
 * `undefined` when the client has left. Throws the error by which we ended the stream: cut, silent.
 */
export async function collectAnswer(
  forwarding: Forwarding,
  collector: Collector,
): Promise<Collected | undefined> {
  const { sniffed } = forwarding.connection
  while (forwarding.state === "open") {
    const step = nextBytes(forwarding)
    forwarding.step = step.catch(() => {})
    await step
    // The drain has taken over: two readers would take events from each other.
    if (forwarding.has_client_left) return undefined
    if (sniffed.output_bytes > LARGEST_ANSWER_BYTES) forwarding.connection.abort()
  }
  finish(forwarding)
  const error: AppError | undefined = forwarding.error
  // What was produced is paid for: it is given, as far as it came.
  if (error && isOutOfCredit(error)) {
    forwarding.exchange.notes.push("the answer is incomplete: the credit ran out")
    return { text: collector.partial(), settlement: forwarding.settlement }
  }
  if (error) throw error
  const text = collector.whole()
  // An error event ends a stream without an answer to give.
  if (text === undefined) throw errorOfFailure(sniffed.failure)
  return { text, settlement: forwarding.settlement }
}
