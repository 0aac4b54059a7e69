/** Batches of whole events: the end on its own, however it comes, and never more of it than may be kept. */
import { describe, expect, test } from "bun:test"
import { UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { createBatchReader } from "../../../src/gateway/upstream/batch-reader.ts"

const MEGABYTE = 1024 * 1024
const encoder = new TextEncoder()

/** A reader of these chunks; the connection breaks after them, or ends well. */
function read(chunks: readonly string[], { protocol = "openai-chat" as Protocol, breaks = false } = {}) {
  const waiting = [...chunks]
  const passage = UPSTREAMS[protocol].startPassage()
  let ending_count = 0
  let read_count = 0
  const reader = createBatchReader(async () => {
    const chunk = waiting.shift()
    if (chunk === undefined && breaks) throw new Error("connection reset")
    if (chunk !== undefined) read_count += 1
    return chunk === undefined ? undefined : encoder.encode(chunk)
  }, passage)
  return {
    reader,
    passage,
    next: () =>
      reader.next(() => {
        ending_count += 1
      }),
    ending_count: () => ending_count,
    read_count: () => read_count,
  }
}

const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
const TEXT = chunk({ content: "hello" })
const STOP = chunk({}, "stop")
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } })}\n\n`
const DONE = "data: [DONE]\n\n"

describe("the end of an answer", () => {
  test("is a batch of its own, from its first event to its last", async () => {
    const { next, ending_count } = read([TEXT + STOP, USAGE, DONE])
    expect(await next()).toMatchObject({ text: TEXT })
    expect(ending_count()).toBe(0)
    const end = await next()
    expect(end).toMatchObject({ text: STOP + USAGE + DONE, is_end: true })
    expect(ending_count()).toBe(2)
    expect(await next()).toBe("end")
  })

  test("that lacks only its last event is made up for, when the stream ends there", async () => {
    const { next } = read([TEXT, STOP + USAGE])
    await next()
    expect(await next()).toMatchObject({ text: STOP + USAGE + DONE, is_end: true })
    expect(await next()).toBe("end")
  })

  test.each([
    ["openai-chat", TEXT, STOP + USAGE + DONE, TEXT + DONE],
    ["openai-chat", TEXT, 'event: error\ndata: {"error":{"message":"m"}}\n\n', DONE],
    [
      "anthropic-messages",
      'event: message_start\ndata: {"type":"message_start","message":{}}\n\n',
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"m"}}\n\n',
      'event: error\ndata: {"type":"error","error":{}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    ],
    [
      "openai-responses",
      'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n',
      'event: \ndata: {"type":"response.completed","response":{"id":"r","output":[]}}\n\n',
      'event: response.failed\ndata: {"type":"response.failed"}\n\n',
    ],
  ] as [Protocol, string, string, string][])(
    "of %s is all: a second end in the same chunk is for nobody",
    async (protocol, before, end, more) => {
      const { next } = read([before + end + more], { protocol })
      expect(await next()).toMatchObject({ text: before })
      expect(await next()).toMatchObject({ text: end, is_end: true })
      expect(await next()).toBe("end")
    },
  )

  test("of a Messages stream gets its message_stop", async () => {
    const stop = 'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    const { next } = read([stop], { protocol: "anthropic-messages" })
    expect(await next()).toMatchObject({
      text: `${stop}event: message_stop\ndata: {"type":"message_stop"}\n\n`,
      is_end: true,
    })
  })

  test("is complete even where the connection breaks instead of ending", async () => {
    const { next, reader } = read([TEXT, STOP + USAGE], { breaks: true })
    await next()
    await expect(next()).rejects.toThrow("connection reset")
    expect(reader.finish()).toMatchObject({ text: STOP + USAGE + DONE, is_end: true })
    expect(reader.finish()).toBeUndefined()
  })

  test("is none where nothing of it has come", async () => {
    const { next, reader } = read([TEXT], { breaks: true })
    await next()
    await expect(next()).rejects.toThrow("connection reset")
    expect(reader.finish()).toBeUndefined()
  })

  test("that never ends is given up long before memory is, and counts as far as it is there", async () => {
    const filler = chunk({ content: "x".repeat(MEGABYTE) })
    const { next, read_count, passage } = read([STOP, ...Array.from({ length: 500 }, () => filler)])
    expect(await next()).toMatchObject({ is_end: true })
    expect(read_count()).toBeLessThan(70)
    expect(passage.sniffed.phase).toBe("completed")
  })
})

describe("an event", () => {
  test("without a blank line at the end of the stream gets one, when it can be read", async () => {
    const { next } = read(["data: 1\n\ndata: 2"])
    expect(await next()).toMatchObject({ text: "data: 1\n\n" })
    const last = await next()
    expect(last).toMatchObject({ text: "data: 2\n\n", bytes: Buffer.from("data: 2\n\n") })
    expect(await next()).toBe("end")
  })

  test("that was cut says nothing", async () => {
    const { next } = read(['data: 1\n\ndata: {"a'])
    expect(await next()).toMatchObject({ text: "data: 1\n\n" })
    expect(await next()).toBe("end")
  })

  test("without an end is oversized", async () => {
    const { next, read_count } = read(Array.from({ length: 100 }, () => "x".repeat(MEGABYTE)))
    expect(await next()).toBe("oversized")
    expect(read_count()).toBeLessThan(40)
  })
})
