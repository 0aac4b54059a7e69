/** Streams as events: framing, names, the end. */
import { describe, expect, test } from "bun:test"
import { readChunkStream, readNamedStream, readResponsesStream } from "../../src/conformance/streams.ts"
import { answerOf, streamOf } from "./made-answers.ts"
import { responseEvents } from "./stub-answers.ts"

const chunks = (...data: string[]) => streamOf(data.map(one => `data: ${one}\n\n`).join(""))

describe("chunks", () => {
  test("are read to [DONE], past comments, in any script", () => {
    const answer = streamOf(
      ': hello\n\ndata: {"a":"é漢"}\n\n: keepalive\n\ndata: {"a":2}\r\n\r\ndata: [DONE]\n\n',
    )
    expect(readChunkStream(answer)).toEqual([{ a: "é漢" }, { a: 2 }])
  })

  test.each([
    ["no [DONE]", chunks('{"a":1}'), "one [DONE]"],
    ["two of them", chunks("[DONE]", "[DONE]"), "one [DONE]"],
    ["something after it", chunks("[DONE]", "{}"), "one [DONE]"],
    ["broken JSON", chunks("{", "[DONE]"), "a JSON object"],
    ["a list", chunks("[]", "[DONE]"), "a JSON object"],
    ["no event at all", streamOf(": hello\n\n"), "a stream with events"],
    ["JSON instead of a stream", answerOf({}), "content-type text/event-stream"],
    ["a refusal", answerOf({ error: 1 }, { status: 402 }), "to stream with 200; came 402"],
  ])("are refused: %s", (_, answer, complaint) => {
    expect(() => readChunkStream(answer)).toThrow(complaint)
  })
})

describe("named events", () => {
  test("are read", () => {
    expect(readNamedStream(streamOf('event: a\ndata: {"type":"a"}\n\n'))).toEqual([{ type: "a" }])
  })

  test.each([
    ["no name", 'data: {"type":"a"}\n\n'],
    ["another name", 'event: b\ndata: {"type":"a"}\n\n'],
  ])("are refused: %s", (_, text) => {
    expect(() => readNamedStream(streamOf(text))).toThrow("each event's name to equal its type")
  })

  test("have no [DONE]", () => {
    expect(() => readNamedStream(streamOf("data: [DONE]\n\n"))).toThrow("a JSON object")
  })
})

test("a Responses stream is held to the laws of its protocol", () => {
  const said = { model: "m", is_call: false, serial: 1, input_tokens: 1, output_tokens: 1 }
  const encode = (events: Record<string, unknown>[]) =>
    streamOf(events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""))
  const events = responseEvents(said)
  expect(readResponsesStream(encode(events))).toEqual(events)
  for (const index of events.keys()) {
    const cut = events.filter((_, at) => at !== index)
    expect(() => readResponsesStream(encode(cut))).toThrow("broken laws")
  }
})
