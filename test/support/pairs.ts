/** Every pair of client and upstream protocol, and the way of an answer's bytes from one to the other; judges nothing. */
import type { AnswerStart } from "../../src/gateway/protocol/codec.ts"
import { CLIENTS, type ClientProtocol, UPSTREAMS } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import {
  createEventSplitter,
  dataOf,
  eventData,
  eventName,
  splitEvents,
} from "../../src/gateway/protocol/sse.ts"
import type { ToolNames } from "../../src/gateway/protocol/tool-names.ts"
import { createAnswerMap } from "../../src/gateway/protocol/translate-answer.ts"

export interface Pair {
  client: ClientProtocol
  upstream: Protocol
}

export const UPSTREAM_PROTOCOLS: readonly Protocol[] = [
  "openai-responses",
  "openai-chat",
  "anthropic-messages",
]
export const CLIENT_PROTOCOLS = Object.keys(CLIENTS) as ClientProtocol[]

/** All twelve; those of equal protocols are what a quirk forces to be translated. */
export const PAIRS: readonly Pair[] = CLIENT_PROTOCOLS.flatMap(client =>
  UPSTREAM_PROTOCOLS.map(upstream => ({ client, upstream })),
)

/** For `test.each`: a name and the pair. */
export const NAMED_PAIRS: [string, Pair][] = PAIRS.map(pair => [`${pair.client} on ${pair.upstream}`, pair])

/** The upstream that the scenes of this folder call `here`. */
export const UPSTREAM_ID = "here"

/** The translation room's word for a client: legacy completions are a small Chat. */
export const spokenBy = (client: ClientProtocol): Protocol =>
  client === "openai-completions" ? "openai-chat" : client

const ID_PREFIX = {
  "openai-responses": "resp",
  "openai-chat": "chatcmpl",
  "openai-completions": "cmpl",
  "anthropic-messages": "msg",
} as const satisfies Record<ClientProtocol, string>

export function startOf(client: ClientProtocol): AnswerStart {
  return { id: `${ID_PREFIX[client]}_test`, created_at: 1_700_000_000, model: "model-x", shows_usage: true }
}

/** The stream that these events amount to, as a server of the protocol sends it. */
export function writeStream(protocol: ClientProtocol, events: readonly ModelEvent[]): string {
  const writer = CLIENTS[protocol].startWriting(startOf(protocol))
  return events.map(event => writer.write(event)).join("")
}

const encoder = new TextEncoder()
export const bytesOf = (text: string): Uint8Array => encoder.encode(text)

/** The bytes cut at these places. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map(place => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

/** What the upstream's chunks say, read as the gateway reads them. */
export function readChunks(upstream: Protocol, chunks: readonly Uint8Array[]): ModelEvent[] {
  const reader = UPSTREAMS[upstream].startReading()
  const splitter = createEventSplitter()
  const events: ModelEvent[] = []
  for (const chunk of chunks) {
    for (const data of dataOf(splitter.push(chunk))) events.push(...reader.read(data))
  }
  for (const data of dataOf(splitter.rest())) events.push(...reader.read(data))
  return [...events, ...reader.end()]
}

export const readStream = (upstream: Protocol, text: string): ModelEvent[] =>
  readChunks(upstream, [bytesOf(text)])

/** An upstream's events in the client's words. */
export function mapBack(
  { client, upstream }: Pair,
  events: readonly ModelEvent[],
  names: ToolNames = new Map(),
): readonly ModelEvent[] {
  const origin = { upstream_id: UPSTREAM_ID, from: spokenBy(client), to: upstream }
  return createAnswerMap(names, origin).map(events)
}

/** What the client gets of these bytes of the upstream. */
export function translateChunks(pair: Pair, chunks: readonly Uint8Array[], names?: ToolNames): string {
  return writeStream(pair.client, mapBack(pair, readChunks(pair.upstream, chunks), names))
}

export const translateStream = (pair: Pair, text: string, names?: ToolNames): string =>
  translateChunks(pair, [bytesOf(text)], names)

/** One event as it stands on the wire. */
export interface WireEvent {
  name: string | undefined
  /** Parsed; `[DONE]` stays a text. */
  data: unknown
}

export function wireEvents(text: string): WireEvent[] {
  return splitEvents(Buffer.from(text, "utf8").toString("latin1")).flatMap(event => {
    const data = eventData(event)
    if (data === "") return []
    return [{ name: eventName(event), data: data === "[DONE]" ? data : JSON.parse(data) }]
  })
}

/** Every broken law of the client's protocol. */
export function findViolations(client: ClientProtocol, text: string): readonly string[] {
  const validator = CLIENTS[client].startValidating()
  for (const { name, data } of wireEvents(text)) validator.note(name, data)
  return validator.end()
}

/** The events that end a stream of the client's protocol, well or not. */
export function terminalsOf(client: ClientProtocol, text: string): string[] {
  return wireEvents(text).flatMap(({ data }) => {
    if (data === "[DONE]") return ["[DONE]"]
    const { type, error } = data as JsonObject
    if (client === "openai-chat" || client === "openai-completions")
      return isJsonObject(error) ? ["error"] : []
    const ends =
      client === "openai-responses"
        ? /^(response\.(completed|incomplete|failed)|error)$/
        : /^(message_stop|error)$/
    return ends.test(String(type)) ? [String(type)] : []
  })
}

/** A client's stream read by the reader of its protocol; completions have none: their text and end. */
export function readClient(client: ClientProtocol, text: string): readonly ModelEvent[] {
  return client === "openai-completions" ? readCompletion(wireEvents(text)) : readStream(client, text)
}

/** The same for a whole answer. */
export function readWhole(client: ClientProtocol, body: JsonObject): readonly ModelEvent[] {
  return client === "openai-completions"
    ? readCompletion([
        { name: undefined, data: body },
        { name: undefined, data: "[DONE]" },
      ])
    : UPSTREAMS[client].readAnswer(body)
}

/** Chat's reader knows the usage and the ends of completions; only their text has another place. */
function readCompletion(events: readonly WireEvent[]): ModelEvent[] {
  const reader = UPSTREAMS["openai-chat"].startReading()
  const read = events.flatMap(({ data }) => {
    if (!isJsonObject(data) || !Array.isArray(data.choices)) return reader.read(data)
    const choices = data.choices.map(({ text, ...choice }) => ({ ...choice, delta: { content: text } }))
    return reader.read({ ...data, choices })
  })
  return [...read, ...reader.end()]
}
