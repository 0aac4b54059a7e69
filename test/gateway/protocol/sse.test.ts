/** Server-sent events as bytes: any split gives the same bytes and events, and none is lost or changed. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  createEventSplitter,
  dataOf,
  encodeEvent,
  endOfEvent,
  eventData,
  eventName,
  eventText,
  KEEPALIVE_COMMENT,
  splitEvents,
} from "../../../src/gateway/protocol/sse.ts"
import { arbitraryText } from "../../support/arbitrary-model.ts"
import { checkProperty } from "../../support/property.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Pushes chunks and gives everything that came out. */
function splitAll(chunks: readonly Uint8Array[]) {
  const splitter = createEventSplitter()
  const batches = [...chunks.map(chunk => splitter.push(chunk)), splitter.rest()]
  return {
    bytes: Buffer.concat(batches.map(batch => batch.bytes)),
    text: batches.map(batch => batch.text).join(""),
    events: batches.flatMap(batch => splitEvents(batch.text)),
    batches,
  }
}

/** Cuts bytes at the given places. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [
    0,
    ...places.map(place => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ]
  return edges.slice(1).map((edge, at) => bytes.subarray(edges[at], edge))
}

const arbitraryEvent = fc
  .tuple(
    fc.constantFrom("response.output_text.delta", "keepalive", "x"),
    fc.array(arbitraryText, { maxLength: 3 }),
  )
  .map(([name, texts]) => ({ name, data: texts.map(text => JSON.stringify(text)) }))

const arbitraryStream = fc
  .tuple(fc.array(arbitraryEvent, { maxLength: 6 }), fc.constantFrom("\n", "\r\n"), fc.boolean())
  .map(([events, line_end, has_end]) => {
    const frames = events.map(({ name, data }) =>
      [`event: ${name}`, ...data.map(one => `data: ${one}`)].join(line_end),
    )
    const text = frames.join(line_end + line_end) + (has_end ? line_end + line_end : "")
    return { events, bytes: bytesOf(text) }
  })

describe("law 1: any split of the bytes", () => {
  test("gives the same bytes, in order", () => {
    checkProperty(import.meta.path, fc.tuple(arbitraryStream, fc.array(fc.nat())), ([{ bytes }, places]) => {
      expect(splitAll(cutAt(bytes, places)).bytes.equals(Buffer.from(bytes))).toBe(true)
    })
  })

  test("gives the same events, with their data decoded", () => {
    checkProperty(import.meta.path, fc.tuple(arbitraryStream, fc.array(fc.nat())), ([stream, places]) => {
      const { events } = splitAll(cutAt(stream.bytes, places))
      expect(events.map(event => [eventName(event), eventData(event)])).toEqual(
        stream.events.map(({ name, data }) => [name, data.join("\n")]),
      )
    })
  })

  test("one byte at a time, inside UTF-8 and inside CRLF", () => {
    const bytes = bytesOf('event: a\r\ndata: "ü🜚"\r\n\r\nevent: b\r\ndata: "€"\r\n\r\n')
    const { events, batches } = splitAll([...bytes].map(byte => Uint8Array.of(byte)))
    expect(events.map(eventData)).toEqual(['"ü🜚"', '"€"'])
    expect(batches.filter(batch => batch.bytes.length > 0)).toHaveLength(2)
  })
})

describe("a batch", () => {
  test("ends with a whole event; what follows waits", () => {
    const splitter = createEventSplitter()
    expect(splitter.push(bytesOf("data: 1\n\ndata: 2"))).toMatchObject({ text: "data: 1\n\n" })
    expect(splitter.pending_bytes()).toBe(7)
    expect(splitter.push(bytesOf("\n\n")).text).toBe("data: 2\n\n")
    expect(splitter.pending_bytes()).toBe(0)
  })

  test("is empty while no event is complete", () => {
    const splitter = createEventSplitter()
    const batch = splitter.push(bytesOf("data: 1\n"))
    expect(batch.bytes).toHaveLength(0)
    expect(batch.text).toBe("")
  })

  test("has its text at the same indexes as its bytes", () => {
    const batch = createEventSplitter().push(bytesOf("data: ü🜚\n\n"))
    expect(batch.text).toHaveLength(batch.bytes.length)
  })

  test("of a whole chunk is that chunk: nothing is copied", () => {
    const chunk = bytesOf("data: 1\n\n")
    expect(createEventSplitter().push(chunk).bytes).toBe(chunk)
  })

  test("of the rest is what came after the last blank line, once", () => {
    const splitter = createEventSplitter()
    splitter.push(bytesOf("data: 1\n\ndata: 2"))
    expect(splitter.rest().text).toBe("data: 2")
    expect(splitter.rest().text).toBe("")
  })

  test("reads chunks that are views into a larger buffer", () => {
    const whole = bytesOf("xxdata: 1\n\nyy")
    expect(createEventSplitter().push(whole.subarray(2, 11)).text).toBe("data: 1\n\n")
  })
})

test("the end of an event is after its blank line, whichever comes first", () => {
  const text = "a\r\n\r\nb\n\nc"
  expect(endOfEvent(text, 0, true)).toBe(5)
  expect(endOfEvent(text, 5, true)).toBe(8)
  expect(endOfEvent(text, 8, true)).toBe(9)
  expect(endOfEvent("a\n\nb", 0, false)).toBe(3)
})

describe("an event's parts", () => {
  test.each([
    ["event: a.b\ndata: 1", "a.b", "1"],
    ["event:a.b\ndata:1", "a.b", "1"],
    ["event: a\r\ndata: 1\r", "a", "1"],
    ["id: 7\nevent: a\ndata: 1", "a", "1"],
    [": comment\nevent: a\ndata: 1", "a", "1"],
    ["data: 1\ndata: 2", undefined, "1\n2"],
    ["data:  1", undefined, " 1"],
    ["event: a", "a", ""],
    [": only a comment", undefined, ""],
    ["data: event: no", undefined, "event: no"],
  ])("of %j", (event, name, data) => {
    expect(eventName(event)).toBe(name)
    expect(eventData(event)).toBe(data)
  })
})

test("an encoded event carries its type twice and reads back as it was", () => {
  checkProperty(import.meta.path, arbitraryText, text => {
    const { events } = splitAll([encodeEvent({ type: "x", text } as { type: string })])
    expect(events).toHaveLength(1)
    expect(eventName(events[0]!)).toBe("x")
    expect(JSON.parse(eventData(events[0]!))).toEqual({ type: "x", text })
  })
})

test("the keepalive comment is a whole block without data", () => {
  const batch = createEventSplitter().push(Buffer.from(KEEPALIVE_COMMENT))
  expect(batch.bytes).toHaveLength(KEEPALIVE_COMMENT.length)
  expect(eventData(batch.text)).toBe("")
})

test.each([
  ["LF", "a\n\n"],
  ["CRLF", "a\r\n\r\n"],
  ["one CR and then LF", `\r${"a".repeat(1_000)}\n\n`],
])("the ends of a megabyte of events with %s are found in a moment", (_, text) => {
  const whole = text + "a\n\n".repeat(300_000)
  const crlf = text.repeat((1024 * 1024) / text.length)
  for (const batch of [whole, crlf]) {
    const started_at = performance.now()
    const has_cr = batch.includes("\r")
    for (let at = 0; at < batch.length; ) at = endOfEvent(batch, at, has_cr)
    expect(performance.now() - started_at).toBeLessThan(1_000)
  }
})

test("events without data cost no search beyond themselves", () => {
  const text = ": hello\n\n".repeat(150_000)
  const started_at = performance.now()
  expect(dataOf({ bytes: Buffer.from(text), text })).toEqual([])
  expect(performance.now() - started_at).toBeLessThan(1_000)
})

describe("the parsed data of a batch", () => {
  const batchOf = (text: string) => {
    const bytes = Buffer.from(text)
    return { bytes, text: bytes.toString("latin1") }
  }

  test.each([
    ["with its name before it", 'event: x\ndata: {"a":1}\n\n', [{ a: 1 }]],
    ["alone", 'data: {"a":1}\n\ndata:{"a":2}\n\n', [{ a: 1 }, { a: 2 }]],
    ["with CRLF", 'event: x\r\ndata: {"a":1}\r\n\r\ndata: {"a":2}\r\n\r\n', [{ a: 1 }, { a: 2 }]],
    ["on two lines", 'data: {"a":\ndata: 1}\n\n', [{ a: 1 }]],
    ["before an id", 'data: {"a":1}\nid: 7\n\n', [{ a: 1 }]],
    ["beside comments and the end mark", ': hello\n\ndata: [DONE]\n\ndata: {"a":"ü🜚"}\n\n', [{ a: "ü🜚" }]],
    ["that is no JSON is nothing", 'data: {"a":\n\ndata: 1\n\n', [1]],
    ["of an event without any", "event: ping\n\n", []],
    ["of an event without any before one with", 'event: ping\n\ndata: {"a":1}\n\n', [{ a: 1 }]],
  ])("%s", (_, text, expected) => {
    expect(dataOf(batchOf(text))).toEqual(expected)
  })

  test("is what each event's own data says", () => {
    checkProperty(import.meta.path, fc.array(arbitraryText), texts => {
      const stream = texts.map(text => eventText({ type: "x", text } as { type: string })).join("")
      expect(dataOf(batchOf(stream))).toEqual(texts.map(text => ({ type: "x", text })))
    })
  })
})
