/** What translating a stream costs, for every pair of protocols: processor time per event, and memory that stays. */
import { heapStats } from "bun:jsc"
import { type Translating, translateOn } from "../../src/gateway/outlet.ts"
import { CLIENTS, type ClientProtocol } from "../../src/gateway/protocol/codecs.ts"
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { type Batch, createEventSplitter, splitEvents } from "../../src/gateway/protocol/sse.ts"
import { NO_USAGE } from "../../src/wallet/pricing/usage.ts"

export interface TranslationResult {
  client: ClientProtocol
  upstream: Protocol
  /** Median of the rounds: the worst and the best are one collection of garbage apart. */
  microsPerEvent: number
  bestMicros: number
  /** How much more is in use, garbage apart, after 100,000 more text deltas, which say 490 KB. */
  keptKb: number
}

const UPSTREAMS = ["openai-responses", "openai-chat", "anthropic-messages"] as const
const start = { id: "resp_bench", created_at: 1_760_000_000, model: "bench", shows_usage: true }
/** About what one read of a socket brings while a model writes. */
const BATCH_BYTES = 1_460
const ROUNDS = 9
const PASSES = 4

interface Pair {
  client: ClientProtocol
  upstream: Protocol
}

const pairs: Pair[] = (Object.keys(CLIENTS) as ClientProtocol[]).flatMap(client =>
  UPSTREAMS.filter(upstream => upstream !== client).map(upstream => ({ client, upstream })),
)

/** Measures all pairs in turns, so that a noisy moment hits all. */
export function measureTranslation(eventCount = 2_000): TranslationResult[] {
  const streams = new Map(UPSTREAMS.map(upstream => [upstream, streamOf(upstream, eventCount)]))
  const rounds = pairs.map((): number[] => [])
  for (let round = -2; round < ROUNDS; round++) {
    for (const [index, pair] of pairs.entries()) {
      const { batches, count } = streams.get(pair.upstream) ?? { batches: [], count: 1 }
      const before = process.cpuUsage()
      for (let pass = 0; pass < PASSES; pass++) translate(pair, batches)
      const { user, system } = process.cpuUsage(before)
      // The first rounds only compile.
      if (round >= 0) rounds[index]?.push((user + system) / PASSES / count)
    }
  }
  return pairs.map((pair, index) => {
    const sorted = (rounds[index] ?? []).toSorted((a, b) => a - b)
    const [bestMicros = Number.NaN] = sorted
    const microsPerEvent = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
    return { ...pair, microsPerEvent, bestMicros, keptKb: measureKept(pair) }
  })
}

function translate({ client, upstream }: Pair, batches: readonly Batch[]): void {
  const outlet = translateOn(translating({ client, upstream }))
  for (const batch of batches) outlet.write(batch)
}

const KEPT_EVENTS = 100_000

/** In the middle of a stream that says the same over and over. */
function measureKept({ client, upstream }: Pair): number {
  const { batches, count } = streamOf(upstream, 2_000)
  const outlet = translateOn(translating({ client, upstream }))
  const [from, to] = [Math.floor(batches.length * 0.3), Math.floor(batches.length * 0.5)]
  for (const batch of batches.slice(0, from)) outlet.write(batch)
  const before = heapInUse()
  const repeated = batches.slice(from, to)
  const rounds = Math.ceil(KEPT_EVENTS / (count * 0.2))
  for (let round = 0; round < rounds; round++) for (const batch of repeated) outlet.write(batch)
  const kept = heapInUse() - before
  // The outlet must live until it is measured.
  outlet.keepalive()
  return kept / 1024
}

function heapInUse(): number {
  Bun.gc(true)
  Bun.gc(true)
  return heapStats().heapSize
}

function translating({ client, upstream }: Pair): Translating {
  const connection = { route: { upstream: { id: "bench", protocol: upstream } } }
  return { door: { protocol: client }, start, connection, outgoing: { names: new Map() } }
}

/** A stream of about so many events, as the batches in which it would arrive. */
function streamOf(upstream: Protocol, eventCount: number): { batches: Batch[]; count: number } {
  const writer = CLIENTS[upstream].startWriting(start)
  const text = [...answer(eventCount)].map(event => writer.write(event)).join("")
  return { batches: batchesOf(text), count: splitEvents(text).length }
}

function batchesOf(text: string): Batch[] {
  const bytes = Buffer.from(text)
  const splitter = createEventSplitter()
  const batches: Batch[] = []
  for (let at = 0; at < bytes.length; at += BATCH_BYTES) {
    batches.push(splitter.push(bytes.subarray(at, at + BATCH_BYTES)))
  }
  return batches.map((batch, index) => (index === batches.length - 1 ? { ...batch, is_end: true } : batch))
}

/** One turn of an agent: it thinks (a tenth), speaks (seven tenths) and writes a file (a fifth). */
function* answer(eventCount: number): Generator<ModelEvent> {
  yield { type: "answer-start", id: "bench", model: "bench" }
  yield { type: "reasoning-start" }
  for (let index = 0; index < eventCount * 0.1; index++) {
    yield { type: "reasoning-delta", of: "summary", index: 0, text: " thinking" }
  }
  yield { type: "reasoning-end", sealed: "c2VhbGVk" }
  yield { type: "text-start" }
  for (let index = 0; index < eventCount * 0.7; index++) {
    yield { type: "text-delta", text: index % 50 === 0 ? ' "größer"\n' : " word" }
  }
  yield { type: "text-end" }
  yield { type: "tool-call-start", tool: "function", call_id: "call_bench", name: "write_file" }
  yield { type: "tool-call-delta", text: '{"content":"' }
  for (let index = 0; index < eventCount * 0.2; index++) yield { type: "tool-call-delta", text: " line\\n" }
  yield { type: "tool-call-delta", text: '"}' }
  yield { type: "tool-call-end" }
  yield { type: "usage", reported: { usage: { ...NO_USAGE, output_tokens: eventCount } } }
  yield { type: "answer-end", stop: "tool_call" }
}
