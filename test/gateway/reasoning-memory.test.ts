/** What a model thought before its calls is put back for its next turn: of the same customer, for an hour, within bounds. */
import { describe, expect, test } from "bun:test"
import type { Outlet } from "../../src/gateway/outlet.ts"
import type { ModelEvent } from "../../src/gateway/protocol/model-event.ts"
import { createReasoningMemory, rememberStream } from "../../src/gateway/reasoning-memory.ts"
import { createTestClock } from "../support/clock.ts"

const MINUTE_MS = 60_000

const thought = (text: string, ...call_ids: string[]): ModelEvent[] => [
  { type: "reasoning-delta", of: "text", index: 0, text },
  ...call_ids.map(call_id => ({ type: "tool-call-start", call_id, name: "f" }) as ModelEvent),
]

const assistant = (id: string, more: object = {}) => ({ role: "assistant", tool_calls: [{ id }], ...more })
const bodyOf = (...messages: object[]) => ({ model: "m", messages })

function open() {
  const clock = createTestClock()
  const memory = createReasoningMemory(clock)
  /** What is put back for a call. */
  const recall = (call_id: string, customer_id = "mine") => {
    const { messages } = memory.recall(customer_id, bodyOf(assistant(call_id))) as {
      messages: { reasoning_content?: string }[]
    }
    return messages[0]!.reasoning_content
  }
  return { clock, memory, recall }
}

describe("a thought", () => {
  test("is put back by any of its calls", () => {
    const { memory, recall } = open()
    memory.remember("mine", thought("hmm", "a", "b"))
    expect([recall("a"), recall("b"), recall("c")]).toEqual(["hmm", "hmm", undefined])
  })

  test("is nobody else's", () => {
    const { memory, recall } = open()
    memory.remember("mine", thought("hmm", "a"))
    expect(recall("a", "other")).toBeUndefined()
  })

  test("is gone after an hour, even when nothing was remembered since", () => {
    const { clock, memory, recall } = open()
    memory.remember("mine", thought("hmm", "a"))
    clock.advance(59 * MINUTE_MS)
    expect(recall("a")).toBe("hmm")
    clock.advance(MINUTE_MS)
    expect(recall("a")).toBeUndefined()
  })

  test("does not take the place of what the client sends", () => {
    const { memory } = open()
    memory.remember("mine", thought("hmm", "a"))
    const body = bodyOf(assistant("a", { reasoning_content: "mine" }), { role: "user", content: "x" })
    expect(memory.recall("mine", body)).toBe(body)
  })

  test("without calls, or without end, is not kept", () => {
    const { memory, recall } = open()
    memory.remember("mine", thought("hmm"))
    memory.remember("mine", thought("x".repeat(256 * 1024 + 1), "a"))
    memory.remember("mine", thought("", "b"))
    expect([recall("a"), recall("b")]).toEqual([undefined, undefined])
  })

  test("makes room for later ones: the oldest goes", () => {
    const { memory, recall } = open()
    for (let index = 0; index <= 256; index++)
      memory.remember("mine", thought("x".repeat(256 * 1024), `c${index}`))
    expect([recall("c0"), recall("c1")?.length]).toEqual([undefined, 256 * 1024])
  })
})

test("nonsense in the place of messages is left as it is", () => {
  const { memory } = open()
  for (const messages of [
    undefined,
    "x",
    [null, 5, { tool_calls: "x" }, { tool_calls: [null, { id: 5 }] }],
  ]) {
    const body = { messages }
    expect(memory.recall("mine", body)).toBe(body)
  }
})

test("a stream is remembered when it has ended, not before", () => {
  const { memory, recall } = open()
  const silent: Outlet = {
    write: () => new Uint8Array(),
    fail: () => new Uint8Array(),
    keepalive: () => new Uint8Array(),
  }
  const outlet = rememberStream(memory, "mine", silent)
  const batchOf = (delta: object, finish_reason: string | null = null) => {
    const text = `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    return { text, bytes: Buffer.from(text) }
  }
  outlet.write(batchOf({ reasoning_content: "hm" }))
  outlet.write(batchOf({ reasoning_content: "m" }))
  const call = { index: 0, id: "a", function: { name: "f", arguments: "{}" } }
  outlet.write(batchOf({ tool_calls: [call] }))
  expect(recall("a")).toBeUndefined()
  outlet.write({ ...batchOf({}, "tool_calls"), is_end: true })
  expect(recall("a")).toBe("hmm")
})
