/** Law 1 and law 2 at every byte: a stream of every kind of content in each wire, split and cut at every place; recorded ones stand in captures.test.ts. */
import { describe, expect, test } from "bun:test"
import { UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { isTerminal } from "../../../src/gateway/protocol/sniffed.ts"
import { createEventSplitter } from "../../../src/gateway/protocol/sse.ts"
import { meaningOf } from "../../support/meaning.ts"
import {
  bytesOf,
  CLIENT_PROTOCOLS,
  findViolations,
  mapBack,
  readChunks,
  readClient,
  readStream,
  terminalsOf,
  UPSTREAM_PROTOCOLS,
  writeStream,
} from "../../support/pairs.ts"

/** Everything that an answer can be made of, with text that UTF-8 writes in one to four bytes. */
const ANSWER: ModelEvent[] = [
  { type: "answer-start", id: "up_1", model: "m" },
  { type: "reasoning-start" },
  { type: "reasoning-delta", of: "summary", index: 0, text: "thi🜚nk" },
  { type: "reasoning-end", sealed: "c2VhbA==" },
  { type: "text-start" },
  { type: "text-delta", text: "é → 🜚\r\n" },
  { type: "text-delta", text: "\n\ndata: {}\n\n" },
  { type: "text-end" },
  { type: "tool-call-start", tool: "function", call_id: "call_1", name: "run" },
  { type: "tool-call-delta", text: '{"id": 9007199254740993,' },
  { type: "tool-call-delta", text: ' "é": 1.0}' },
  { type: "tool-call-end" },
  {
    type: "usage",
    reported: {
      usage: {
        input_tokens: 5,
        cache_read_tokens: 7,
        cache_write_5m_tokens: 0,
        cache_write_1h_tokens: 0,
        output_tokens: 11,
        reasoning_tokens: 3,
        web_search_count: 0,
      },
    },
  },
  { type: "answer-end", stop: "tool_call" },
]

const everyPlace = (bytes: Uint8Array): number[] => Array.from(bytes, (_, place) => place)

/** What the sniffer on the side ends with, whatever the chunks. */
function sniff(upstream: Protocol, chunks: readonly Uint8Array[]) {
  const passage = UPSTREAMS[upstream].startPassage()
  const splitter = createEventSplitter()
  for (const batch of [...chunks.map(chunk => splitter.push(chunk)), splitter.rest()]) {
    if (batch.text !== "" && !isTerminal(passage.sniffed)) passage.note(batch.text)
  }
  passage.finish()
  const { phase, output_bytes, reported } = passage.sniffed
  return { phase, output_bytes, reported }
}

/** What is read of the stream cut at each of its bytes; most neighbours read alike. */
function readCuts(upstream: Protocol): ModelEvent[][] {
  const bytes = bytesOf(writeStream(upstream, ANSWER))
  const readings = everyPlace(bytes).map(place => readChunks(upstream, [bytes.subarray(0, place)]))
  return [...new Map(readings.map(read => [JSON.stringify(read), read])).values()]
}

const CUT_READINGS = {
  "openai-responses": readCuts("openai-responses"),
  "openai-chat": readCuts("openai-chat"),
  "anthropic-messages": readCuts("anthropic-messages"),
}

describe.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))("%s", upstream => {
  const plain = writeStream(upstream, ANSWER)
  const line_ends: [string, string][] = [
    ["LF", plain],
    ["CRLF", plain.replaceAll("\n", "\r\n")],
  ]

  test.each(line_ends)("says the same split in two at every byte, and byte by byte (%s)", (_, text) => {
    const bytes = bytesOf(text)
    const whole = JSON.stringify(readStream(upstream, plain))
    const sniffed = sniff(upstream, [bytesOf(plain)])
    expect(sniffed).toMatchObject({ phase: "completed", reported: { usage: { output_tokens: 11 } } })
    const one_by_one = everyPlace(bytes).map(place => bytes.subarray(place, place + 1))
    for (const chunks of [
      one_by_one,
      ...everyPlace(bytes).map(place => [bytes.subarray(0, place), bytes.subarray(place)]),
    ]) {
      if (JSON.stringify(readChunks(upstream, chunks)) !== whole)
        throw new Error(`split ${chunks[0]?.length}`)
      const is_sniffed = chunks.length > 2 || (chunks[0]?.length ?? 0) % 5 === 0
      if (is_sniffed && !Bun.deepEquals(sniff(upstream, chunks), sniffed))
        throw new Error(`sniffed ${chunks[0]?.length}`)
    }
  })

  test.each(CLIENT_PROTOCOLS.map(client => [client]))(
    "cut at every byte is an honest failure or the whole answer for a client of %s",
    client => {
      const pair = { client, upstream }
      const complete = meaningOf(
        readClient(client, writeStream(client, mapBack(pair, readStream(upstream, plain)))),
      )
      const ends = new Set<string>()
      for (const read of CUT_READINGS[upstream]) {
        const text = writeStream(client, mapBack(pair, read))
        const meaning = meaningOf(readClient(client, text))
        expect(findViolations(client, text)).toEqual([])
        expect(terminalsOf(client, text)).toHaveLength(1)
        expect(complete.said.startsWith(meaning.said)).toBe(true)
        expect(complete.thought.startsWith(meaning.thought)).toBe(true)
        if (meaning.end === complete.end) expect({ ...meaning, usage: complete.usage }).toEqual(complete)
        ends.add(meaning.end)
      }
      expect([...ends]).toEqual(["failed: server_error", complete.end])
    },
  )
})

test("an upstream that cannot be read at all is an error for whoever wants the answer whole", () => {
  for (const upstream of UPSTREAM_PROTOCOLS) {
    for (const body of [null, 7, "text", [], {}, { error: { message: "no" } }]) {
      const events = UPSTREAMS[upstream].readAnswer(body)
      expect(events.at(-1)?.type).toMatch(/^answer-(failed|end)$/)
      expect(meaningOf(events).said).toBe("")
    }
  }
})
