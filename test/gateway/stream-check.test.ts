/** Streams that are drawn are checked, counted and logged; none is changed, and no check costs an answer. */
import { describe, expect, test } from "bun:test"
import type { Outlet } from "../../src/gateway/outlet.ts"
import type { Batch } from "../../src/gateway/protocol/sse.ts"
import { checkSome } from "../../src/gateway/stream-check.ts"
import { AppError } from "../../src/platform/errors.ts"
import { createLog } from "../../src/platform/log.ts"
import { createMetrics } from "../../src/platform/metrics.ts"
import { textTurn } from "../support/responses-turns.ts"

const frames = textTurn("hello", { input: 1, output: 2 })
const passing: Outlet = {
  write: ({ bytes }) => bytes,
  fail: () => Buffer.from("event: error\ndata: 7\n\n"),
  keepalive: () => new Uint8Array(),
}

const batchOf = (text: string, is_end = false): Batch => {
  const bytes = Buffer.from(text)
  return { bytes, text: bytes.toString("latin1"), ...(is_end && { is_end: true as const }) }
}

function open(drawn: number) {
  const logs: string[] = []
  const metrics = createMetrics()
  const needs = {
    metrics,
    log: createLog("info", line => logs.push(line)),
    random: () => new Uint8Array([drawn]),
  }
  const outlet = checkSome(needs, passing, { protocol: "openai-responses", request_id: "req_1" })
  return { outlet, logs, counted: async () => (await metrics.stream_violations.get()).values }
}

describe("a stream that is drawn", () => {
  test("and is right leaves no trace, however it is cut", async () => {
    const { outlet, logs, counted } = open(64)
    const text = frames.join("")
    for (let at = 0; at < text.length; at += 7)
      outlet.write(batchOf(text.slice(at, at + 7), at + 7 >= text.length))
    expect([logs, await counted()]).toEqual([[], []])
  })

  test("and breaks a law is counted and logged, and passes as it is", async () => {
    const { outlet, logs, counted } = open(0)
    const text = frames.slice(1).join("")
    expect(outlet.write(batchOf(text, true))).toEqual(Buffer.from(text))
    expect(logs).toHaveLength(1)
    expect(JSON.parse(logs[0]!)).toMatchObject({ request_id: "req_1", violations: expect.any(Array) })
    expect((await counted())[0]).toMatchObject({ labels: { protocol: "openai-responses" } })
  })

  test("and ends by an error of ours is judged then", () => {
    const { outlet, logs } = open(128)
    outlet.write(batchOf(frames[0]!))
    outlet.fail(new AppError("upstream", "no"))
    expect(logs).toHaveLength(1)
  })

  test("and is nonsense costs nobody an answer", () => {
    const { outlet, logs } = open(0)
    const text = 'event: x\ndata: {"a\n\ndata: null\n\ndata: [[[1]]]\n\n'
    expect(outlet.write(batchOf(text, true))).toEqual(Buffer.from(text))
    expect(logs).toHaveLength(1)
  })
})

test("a stream that is not drawn is the same outlet", () => {
  expect(open(1).outlet).toBe(passing)
})
