/** An open call to an upstream: its batches, the ways it can end, and that nothing is left behind. */
import { describe, expect, test } from "bun:test"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { CLIENT_LEFT, connect, SILENT } from "../../../src/gateway/upstream/connection.ts"
import { createWatch } from "../../../src/gateway/upstream/watchdog.ts"
import { createNewId } from "../../../src/platform/ids.ts"
import { createTestClock } from "../../support/clock.ts"
import {
  type Answer,
  createFakeFetch,
  deadAnswer,
  jsonAnswer,
  openStream,
  silentAnswer,
  streamAnswer,
} from "../../support/fake-fetch.ts"
import { createTestRandom } from "../../support/random.ts"
import { textTurn } from "../../support/responses-turns.ts"
import { routeOf } from "../../support/target.ts"
import { untilTrue } from "../../support/turns.ts"

const TIMEOUT_MS = 10_000

interface Opened {
  protocol?: Protocol
  timeout_ms?: number
}

function open(answer: Answer, { protocol = "openai-responses", timeout_ms = TIMEOUT_MS }: Opened = {}) {
  const { fetch, calls, play } = createFakeFetch()
  play(answer)
  const clock = createTestClock()
  const connections = new Set<{ abort(): void }>()
  const client = new AbortController()
  const newId = createNewId({ clock, random: createTestRandom() })
  const config = { upstream_timeout_ms: timeout_ms }
  const needs = { fetch, clock, newId, connections, config, watch: createWatch(clock) }
  const call = { body: "{}", headers: {}, client_left: client.signal }
  /** Whether something is still watched for silence: the watch ends its timer when nothing is. */
  const isWatching = () => {
    clock.advance(1_000)
    return clock.timer_count() > 0
  }
  return {
    clock,
    calls,
    client,
    connections,
    isWatching,
    connected: connect(needs, routeOf({ protocol }), call),
  }
}

const frames = textTurn("hello", { input: 10, output: 2 })

describe("reading", () => {
  test("gives whole events as they come, sniffed, and the end of the answer on its own", async () => {
    const connection = await open(streamAnswer([frames.join("")])).connected
    const first = await connection.read()
    expect(first).toMatchObject({ text: frames.slice(0, -1).join("") })
    expect(await connection.read()).toMatchObject({ text: frames.at(-1), is_end: true })
    expect(connection.sniffed.phase).toBe("completed")
    expect(await connection.read()).toBe("end")
    expect(await connection.read()).toBe("end")
  })

  test("a connection that breaks is cut", async () => {
    const connection = await open(streamAnswer(["data: 1\n\n"], "reset")).connected
    expect(await connection.read()).toMatchObject({ text: "data: 1\n\n" })
    expect(await connection.read()).toBe("cut")
    expect(await connection.read()).toBe("end")
  })

  test("an event without an end is oversized long before memory is", async () => {
    const piece = new Uint8Array(8 * 1024 * 1024).fill(120)
    const connection = await open(streamAnswer([piece, piece, piece, piece, piece])).connected
    expect(await connection.read()).toBe("oversized")
  })

  test("the end of an answer that has begun and does not come is made up for after ten seconds", async () => {
    const upstream = openStream()
    const { clock, connected, isWatching } = open(upstream.answer, {
      protocol: "openai-chat",
      timeout_ms: 60_000,
    })
    const connection = await connected
    upstream.push('data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n')
    const reading = connection.read()
    await untilTrue("the end has begun", () => clock.timer_count() > 0 && connection.sniffed.output_bytes > 0)
    clock.advance(9_000)
    clock.advance(2_000)
    expect(await reading).toMatchObject({ is_end: true, text: expect.stringContaining("[DONE]") })
    connection.close()
    expect(isWatching()).toBe(false)
  })

  test("an answer without a body has ended", async () => {
    const connection = await open(() => new Response(null)).connected
    expect(await connection.read()).toBe("end")
    expect(await connection.readAll(10)).toEqual({ text: "", end: "end" })
  })

  test("a whole body is text, within its limit", async () => {
    const connection = await open(jsonAnswer({ a: "ü" })).connected
    expect(await connection.readAll(100)).toEqual({ text: '{"a":"ü"}', end: "end" })
    const longer = await open(jsonAnswer({ a: "ü" })).connected
    expect(await longer.readAll(9)).toMatchObject({ end: "oversized" })
  })
})

describe("silence", () => {
  test("before the answer rejects as silent, after the time that is configured", async () => {
    const { clock, connected, calls, isWatching } = open(silentAnswer)
    await untilTrue("the upstream is asked", () => calls.length === 1)
    clock.advance(TIMEOUT_MS)
    await expect(connected).rejects.toBe(SILENT)
    expect(isWatching()).toBe(false)
  })

  test("between two events is a timeout, counted from the last byte", async () => {
    const upstream = openStream()
    const { clock, connected } = open(upstream.answer)
    const connection = await connected
    clock.advance(TIMEOUT_MS - 1)
    upstream.push("data: 1\n\n")
    await connection.read()
    clock.advance(TIMEOUT_MS - 1)
    const reading = connection.read()
    // The watch looks once a second.
    clock.advance(1_001)
    expect(await reading).toBe("timeout")
  })

  test("of a whole body is a timeout too", async () => {
    const upstream = openStream()
    const { clock, connected } = open(upstream.answer)
    const connection = await connected
    const reading = connection.readAll(100)
    clock.advance(TIMEOUT_MS)
    expect(await reading).toEqual({ text: "", end: "timeout" })
  })
})

describe("an end", () => {
  test("an address that cannot be reached rejects with fetch's own error and is not watched", async () => {
    const { isWatching, connected, connections } = open(deadAnswer)
    await expect(connected).rejects.toThrow("connection refused")
    expect(isWatching()).toBe(false)
    expect(connections.size).toBe(0)
  })

  test("a client that leaves before the answer ends the call", async () => {
    const { client, connected, calls, isWatching } = open(silentAnswer)
    await untilTrue("the upstream is asked", () => calls.length === 1)
    client.abort()
    await expect(connected).rejects.toBe(CLIENT_LEFT)
    expect(calls[0]!.signal.aborted).toBe(true)
    expect(isWatching()).toBe(false)
  })

  test("a client that leaves later does not: whoever reads decides", async () => {
    const upstream = openStream()
    const { client, connected, calls } = open(upstream.answer)
    const connection = await connected
    client.abort()
    upstream.push("data: 1\n\n")
    expect(await connection.read()).toMatchObject({ text: "data: 1\n\n" })
    expect(calls[0]!.signal.aborted).toBe(false)
  })

  test("an abort ends the call to the upstream, and reading is cut", async () => {
    const upstream = openStream()
    const connection = await open(upstream.answer).connected
    const reading = connection.read()
    connection.abort()
    expect(await reading).toBe("cut")
    await upstream.hung_up
  })

  test("an open connection can be found until it is closed, and then is not watched", async () => {
    const { connected, connections, isWatching } = open(openStream().answer)
    const connection = await connected
    expect([...connections]).toEqual([connection])
    expect(isWatching()).toBe(true)
    connection.close()
    expect(connections.size).toBe(0)
    expect(isWatching()).toBe(false)
  })
})
