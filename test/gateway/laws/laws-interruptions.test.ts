/**
 * Laws 2, 3 and 8 where we speak ourselves: keepalives at any place of a stream change nothing of what is said, and an
 * error of ours at any place ends it once and honestly; for translated streams and for bytes that pass.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { CLIENTS, type ClientProtocol, UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { isTerminal } from "../../../src/gateway/protocol/sniffed.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { arbitraryConversation } from "../../support/arbitrary-conversation.ts"
import { meaningOf } from "../../support/meaning.ts"
import {
  bytesOf,
  CLIENT_PROTOCOLS,
  findViolations,
  mapBack,
  readClient,
  readStream,
  startOf,
  terminalsOf,
  UPSTREAM_PROTOCOLS,
  writeStream,
} from "../../support/pairs.ts"
import { checkProperty } from "../../support/property.ts"

const CANARY = "an error that is no text of the assistant"
const broken = () => new AppError("upstream", CANARY, { code: "upstream_cut" })

/** What the client hears of a stream that ended by an error. */
function expectFailed(client: ClientProtocol, text: string, complete: string): void {
  expect(findViolations(client, text)).toEqual([])
  expect(terminalsOf(client, text)).toEqual([client === "openai-responses" ? "response.failed" : "error"])
  const { said, end } = meaningOf(readClient(client, text))
  expect(complete.startsWith(said)).toBe(true)
  expect(end).toStartWith("failed")
}

const somePlaces = fc.array(fc.nat(40), { minLength: 1, maxLength: 3 })

describe.each(CLIENT_PROTOCOLS.map(client => [client]))("a translated stream of %s", client => {
  const conversations = fc
    .constantFrom(...UPSTREAM_PROTOCOLS)
    .chain(upstream => arbitraryConversation({ client, upstream }))
  const cases = fc.tuple(conversations, somePlaces)

  test("says the same with keepalives, and ends once and honestly by an error of ours, at any place", () => {
    checkProperty(import.meta.path, cases, ([{ pair, events, names }, places]) => {
      const read = mapBack(pair, readStream(pair.upstream, writeStream(pair.upstream, events)), names)
      expectSame(client, read, places)
      expectBroken(client, read, (places[0] ?? 0) % read.length)
    })
  })
})

function expectSame(client: ClientProtocol, read: readonly ModelEvent[], places: number[]): void {
  const writer = CLIENTS[client].startWriting(startOf(client))
  const pieces = read.map((event, place) => {
    const kept = places.includes(place) ? writer.keepalive() : ""
    return kept + writer.write(event)
  })
  const text = pieces.join("")
  expect(findViolations(client, text)).toEqual([])
  const plain = meaningOf(readClient(client, writeStream(client, read)))
  expect(meaningOf(readClient(client, text))).toEqual(plain)
}

function expectBroken(client: ClientProtocol, read: readonly ModelEvent[], place: number): void {
  const writer = CLIENTS[client].startWriting(startOf(client))
  const shown = read.slice(0, place).map(event => writer.write(event))
  expectFailed(client, shown.join("") + writer.fail(broken()), meaningOf(read).said)
  const after = read.slice(place).map(event => writer.write(event))
  expect(after.join("") + writer.fail(broken())).toBe("")
}

/** The stream's events, each with its blank line. */
const eventsIn = (text: string): string[] => text.split(/(?<=\n\n)/)

/** The bytes by a passage; at some places something of ours is said. */
function pass(
  protocol: Protocol,
  events: readonly string[],
  say: (place: number) => "keepalive" | undefined,
) {
  const passage = UPSTREAMS[protocol].startPassage()
  const start = startOf(protocol)
  const shown = events.map((event, place) => {
    if (isTerminal(passage.sniffed)) return ""
    const kept = say(place) === "keepalive" ? passage.keepalive(start) : ""
    const bytes = bytesOf(event)
    const batch = { bytes, text: Buffer.from(bytes).toString("latin1") }
    passage.note(batch.text)
    return kept + Buffer.from(passage.adapt(batch, start)).toString("utf8")
  })
  return { text: shown.join(""), fail: () => passage.fail(broken(), start) }
}

describe.each(UPSTREAM_PROTOCOLS.map(protocol => [protocol]))("bytes of %s that pass", protocol => {
  const pair = { client: protocol, upstream: protocol }
  const cases = fc.tuple(arbitraryConversation(pair), somePlaces)

  test("say the same with keepalives, and end once and honestly by an error of ours, at any place", () => {
    checkProperty(import.meta.path, cases, ([{ events }, places]) => {
      const stream = writeStream(protocol, events)
      const say = (place: number) => (places.includes(place) ? "keepalive" : undefined)
      const { text } = pass(protocol, eventsIn(stream), say)
      expect(findViolations(protocol, text)).toEqual([])
      expect(meaningOf(readClient(protocol, text))).toEqual(meaningOf(readClient(protocol, stream)))
      expectCut(protocol, eventsIn(stream), { draw: places[0] ?? 0, said: meaningOf(events).said })
    })
  })
})

function expectCut(
  protocol: Protocol,
  whole: string[],
  { draw, said }: { draw: number; said: string },
): void {
  // The end of an answer is given whole or not at all (connection.ts).
  const end_at = whole.findIndex(event =>
    /"finish_reason":"|message_delta|response\.(comp|incomp)/.test(event),
  )
  // Before anything was sent an error is a status, not an event.
  const place = Math.min(end_at, 1 + (draw % Math.max(1, end_at)))
  const { text, fail } = pass(protocol, whole.slice(0, place), () => undefined)
  expectFailed(protocol, text + fail(), said)
}
