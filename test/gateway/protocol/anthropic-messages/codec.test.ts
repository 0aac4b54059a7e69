/** Both sides of the Messages protocol as the pipeline uses them: any split of the bytes, any pair of blocks. */
import { describe, expect, test } from "bun:test"
import {
  messagesClient,
  messagesUpstream,
} from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { createEventSplitter, eventData, splitEvents } from "../../../../src/gateway/protocol/sse.ts"
import { arbitraryAnswer } from "../../../support/arbitrary-model.ts"
import { listStreams, loadStream } from "../../../support/messages-fixtures.ts"
import { checkProperty } from "../../../support/property.ts"

const START = { id: "msg_1", created_at: 1, model: "m" }

/** The events of a stream that comes in pieces of so many bytes. */
function readSplit(text: string, size: number): ModelEvent[] {
  const reader = messagesUpstream.startReading()
  const splitter = createEventSplitter()
  const events: ModelEvent[] = []
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    const batch = splitter.push(bytes.subarray(at, at + size))
    for (const event of splitEvents(batch.text)) {
      const data = eventData(event)
      if (data !== "" && data !== "[DONE]") events.push(...reader.read(JSON.parse(data)))
    }
  }
  return [...events, ...reader.end()]
}

describe("any split of the bytes gives the same events (Law 1)", () => {
  for (const file of listStreams()) {
    test(`of ${file}, with LF, CRLF, comments and a [DONE] at the end`, () => {
      const text = loadStream(file)
      const whole = readSplit(text, text.length)
      const crlf = text.replaceAll("\n", "\r\n")
      const noisy = `: comment\n\n${text}data: [DONE]\n\n`
      for (const variant of [text, crlf, noisy]) {
        for (const size of [1, 2, 5, 64]) expect(readSplit(variant, size)).toEqual(whole)
      }
    })
  }

  test("of any answer that we wrote, inside a character too", () => {
    checkProperty(import.meta.path, arbitraryAnswer, events => {
      const writer = messagesClient.startWriting(START)
      const text = events.map(event => writer.write(event)).join("")
      expect(readSplit(text, 3)).toEqual(readSplit(text, text.length * 4))
    })
  })
})

test("the first delta is sent at once, and nothing is kept back after it (gateway.md, Streams)", () => {
  const writer = messagesClient.startWriting(START)
  expect(writer.write({ type: "answer-start" })).toBe("")
  expect(writer.write({ type: "text-start" })).toBe("")
  expect(writer.write({ type: "text-delta", text: "a" })).toContain('"text":"a"')
  expect(writer.write({ type: "text-delta", text: "b" })).toContain('"text":"b"')
})

test("the same events give the same bytes, and another id another search", () => {
  const raw = { type: "web_search_call", action: { type: "search", query: "q" } }
  const write = (id: string) =>
    messagesClient.startWriting({ ...START, id }).write({ type: "hosted-call-end", raw, results: [] })
  expect(write("msg_1")).toBe(write("msg_1"))
  expect(write("msg_1")).toContain("srvtoolu_1_0")
  expect(write("msg_2")).toContain("srvtoolu_2_0")
})

test("whole answers of upstreams read as their streams do", () => {
  for (const file of listStreams().filter(each => !each.startsWith("34"))) {
    const text = loadStream(file)
    const whole = messagesUpstream.wholeAnswer(Buffer.from(text).toString("latin1"))
    const said = (events: readonly ModelEvent[]) =>
      events.filter(({ type }) => !/usage|delta|citation/.test(type)).map(event => event)
    expect(said(messagesUpstream.readAnswer(JSON.parse(whole!)))).toEqual(said(readSplit(text, 100)))
  }
})

test("what is billed or refused by must not stand twice", () => {
  for (const key of ["model", "max_tokens", "stream", "tools"])
    expect(messagesClient.guarded_keys).toContain(key)
})
