/** What a client sees of an upstream's stream: its own bytes where the protocols are equal, else a translation. */
import type { AppError } from "../platform/errors.ts"
import type { Door } from "./door.ts"
import type { AnswerStart, AnswerWriter } from "./protocol/codec.ts"
import { CLIENTS, spokenBy, UPSTREAMS } from "./protocol/codecs.ts"
import type { ModelEvent } from "./protocol/model-event.ts"
import { type Batch, dataOf } from "./protocol/sse.ts"
import { type AnswerMap, createAnswerMap } from "./protocol/translate-answer.ts"
import type { Connection } from "./upstream/connection.ts"
import type { Outgoing } from "./upstream/outgoing.ts"

export interface Outlet {
  /** The client's bytes for a batch of the upstream's. */
  write(batch: Batch): Uint8Array
  /** The events that end the stream with an error of ours. */
  fail(error: AppError): Uint8Array
  keepalive(): Uint8Array
  /** What must be done when the end is in the books and before the client sees it. */
  afterEnd?(): Promise<void>
}

export interface Passing {
  door: Door
  start: AnswerStart
  connection: Connection
  outgoing: Outgoing
}

export function openOutlet(passing: Passing): Outlet {
  return passing.outgoing.is_passed ? passOn(passing) : translateOn(passing)
}

function passOn({ connection, start }: Passing): Outlet {
  const { passage } = connection
  return {
    write: batch => passage.adapt(batch, start),
    fail: error => encoder.encode(passage.fail(error, start)),
    keepalive: () => encoder.encode(passage.keepalive(start)),
  }
}

const encoder = new TextEncoder()

/** What a translation needs of a passing. */
export interface Translating {
  door: Pick<Door, "protocol">
  start: AnswerStart
  connection: { route: { upstream: Pick<Connection["route"]["upstream"], "id" | "protocol"> } }
  outgoing: Pick<Outgoing, "names">
}

/** The upstream's events read, mapped and written in the client's protocol. */
export function translateOn({ door, start, connection, outgoing }: Translating): Outlet {
  const reader = UPSTREAMS[connection.route.upstream.protocol].startReading()
  const map = answerMap(door, connection, outgoing)
  const writer = CLIENTS[door.protocol].startWriting(start)
  return {
    write(batch) {
      let text = ""
      for (const data of dataOf(batch)) text += writeAll(writer, map, reader.read(data))
      if (batch.is_end) text += writeAll(writer, map, reader.end())
      return encoder.encode(text)
    },
    fail: error => encoder.encode(writer.fail(error)),
    keepalive: () => encoder.encode(writer.keepalive()),
  }
}

function writeAll(writer: AnswerWriter, map: AnswerMap, events: readonly ModelEvent[]): string {
  let text = ""
  for (const event of map.map(events)) text += writer.write(event)
  return text
}

/** The way back of what the request's translation renamed. */
export function answerMap(
  door: Translating["door"],
  connection: Translating["connection"],
  outgoing: Translating["outgoing"],
): AnswerMap {
  const { upstream } = connection.route
  return createAnswerMap(outgoing.names, {
    upstream_id: upstream.id,
    from: spokenBy(door.protocol),
    to: upstream.protocol,
  })
}
