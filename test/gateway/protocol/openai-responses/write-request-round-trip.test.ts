/** The laws of gateway.md for the Responses protocol, over generated requests and answers. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectResponse } from "../../../../src/gateway/protocol/openai-responses/collect.ts"
import {
  endReading,
  readAnswer,
  readEvents,
  startReading,
} from "../../../../src/gateway/protocol/openai-responses/read-events.ts"
import { readRequest } from "../../../../src/gateway/protocol/openai-responses/read-request.ts"
import { validateEvents } from "../../../../src/gateway/protocol/openai-responses/validate-events.ts"
import type { WireEvent } from "../../../../src/gateway/protocol/openai-responses/wire.ts"
import { startWriting, writeEvents } from "../../../../src/gateway/protocol/openai-responses/write-events.ts"
import { writeRequest } from "../../../../src/gateway/protocol/openai-responses/write-request.ts"
import { endsAnswer } from "../../../support/answer-end.ts"
import {
  arbitraryAnswer,
  arbitraryFailure,
  arbitraryRequest,
  arbitraryText,
} from "../../../support/arbitrary-model.ts"
import { checkProperty } from "../../../support/property.ts"
import { targetOf } from "../../../support/target.ts"

const here = import.meta.path
const start = { id: "resp_test", created_at: 1_700_000_000, model: "model-x" }
const anyAnswer = fc.oneof(
  { weight: 3, arbitrary: arbitraryAnswer },
  { weight: 1, arbitrary: arbitraryFailure },
)

function writeAll(events: ModelEvent[], is_codex = false): WireEvent[] {
  let state = startWriting({ ...start, is_codex })
  return events.flatMap(event => {
    const [next, written] = writeEvents(state, event)
    state = next
    return written
  })
}

/** Through JSON, as the wire does it. */
function readAll(wire: unknown[]): ModelEvent[] {
  let state = startReading()
  const events = wire.flatMap(event => {
    const [next, read] = readEvents(state, JSON.parse(JSON.stringify(event)))
    state = next
    return read
  })
  return [...events, ...endReading(state)]
}

/** What an answer says, without how it was cut into pieces: deltas of a block joined, its parts sorted. */
function gist(events: ModelEvent[]): unknown[] {
  const said: Record<string, unknown>[] = []
  for (const event of events) {
    if (event.type.endsWith("-start")) said.push({ ...event, texts: {}, citations: [] })
    const block = said.at(-1) as { texts: Record<string, string>; citations: unknown[] }
    if (event.type === "text-citation") block.citations.push(event.citation)
    else if ("text" in event) {
      const part = event.type === "reasoning-delta" ? `${event.of}:${event.index}` : "all"
      block.texts[part] = (block.texts[part] ?? "") + event.text
    } else if (!event.type.endsWith("-start")) said.push({ ...event })
  }
  return said
}

function withoutPhases(events: ModelEvent[]): ModelEvent[] {
  return events
    .filter(event => event.type !== "text-citation")
    .map(event => (event.type === "text-start" ? { ...event, phase: "" } : event))
}

describe("requests", () => {
  test("law 5: reading what was written gives the same request", () => {
    checkProperty(here, arbitraryRequest, arbitrary => {
      // The wire's least limit is 16.
      const { max_output_tokens = 16, ...rest } = arbitrary
      const request = { ...rest, max_output_tokens: Math.max(16, max_output_tokens) }
      const read = readRequest(
        JSON.parse(
          JSON.stringify(writeRequest(request, targetOf("openai-responses", { model: request.model }))),
        ),
      )
      expect(read).toEqual({ ok: true, request })
    })
  })

  test("the same request is written as the same bytes, so that prompt caches hit", () => {
    checkProperty(here, arbitraryRequest, request => {
      const once = JSON.stringify(
        writeRequest(request, targetOf("openai-responses", { model: request.model })),
      )
      const read = readRequest(JSON.parse(once))
      if (read.ok)
        expect(
          JSON.stringify(
            writeRequest(read.request, targetOf("openai-responses", { model: read.request.model })),
          ),
        ).toBe(once)
    })
  })

  test("law 6: arguments in the history are byte-exact", () => {
    checkProperty(here, arbitraryRequest, request => {
      const input = JSON.parse(
        JSON.stringify(writeRequest(request, targetOf("openai-responses", { model: request.model }))),
      ).input as Record<string, unknown>[]
      const written = input.flatMap(item => {
        if (item.type === "function_call") return [item.arguments]
        return item.type === "custom_tool_call" ? [item.input] : []
      })
      const calls = request.items.filter(item => item.kind === "tool-call" && item.tool !== "tool_search")
      expect(written).toEqual(calls.map(call => "arguments" in call && call.arguments))
    })
  })
})

describe("answers", () => {
  test("laws 2 and 3: every written stream is legal", () => {
    checkProperty(here, fc.tuple(anyAnswer, fc.boolean()), ([events, is_codex]) => {
      expect(validateEvents(JSON.parse(JSON.stringify(writeAll(events, is_codex))))).toEqual([])
    })
  })

  test("law 2: exactly one terminal event, also when more events follow it", () => {
    checkProperty(here, fc.tuple(anyAnswer, anyAnswer), ([first, second]) => {
      const written = writeAll([...first, ...second])
      const terminal = ["response.completed", "response.incomplete", "response.failed"]
      expect(written.filter(event => terminal.includes(event.type))).toHaveLength(1)
      expect(readAll([...written, ...writeAll(second)]).filter(endsAnswer)).toHaveLength(1)
    })
  })

  test("law 5: reading what was written gives the same events, piece by piece", () => {
    checkProperty(here, anyAnswer, events => {
      expect(readAll(writeAll(events))).toEqual(events)
    })
  })

  test("law 4: the whole answer says what the stream says", () => {
    checkProperty(here, arbitraryAnswer, events => {
      const whole = JSON.parse(JSON.stringify(collectResponse(start, events)))
      expect(gist(readAnswer(whole))).toEqual(gist(events))
    })
  })

  test("law 4: the whole answer is the response of the last streamed event", () => {
    checkProperty(here, anyAnswer, events => {
      expect(writeAll(events).at(-1)).toMatchObject({ response: collectResponse(start, events) })
    })
  })

  test("law 7: usage counters are conserved, and a missing report stays missing", () => {
    checkProperty(here, arbitraryAnswer, events => {
      const reported = events.find(event => event.type === "usage")
      const usage = collectResponse(start, events).usage
      if (reported === undefined) expect(usage).toBeUndefined()
      else {
        const { usage: counted } = reported.reported
        expect(usage?.input_tokens).toBe(counted.input_tokens + counted.cache_read_tokens)
        expect(usage?.total_tokens).toBe((usage?.input_tokens ?? 0) + counted.output_tokens)
      }
    })
  })

  test("law 8: an error never becomes text of the assistant", () => {
    checkProperty(here, arbitraryText, words => {
      const failed: ModelEvent[] = [
        { type: "answer-start" },
        { type: "text-start" },
        { type: "text-delta", text: "said" },
        { type: "answer-failed", code: "server_error", message: words },
      ]
      const written = writeAll(failed)
      expect(collectResponse(start, failed).output).toEqual([])
      expect(written.filter(event => "delta" in event).map(event => "delta" in event && event.delta)).toEqual(
        ["said"],
      )
    })
  })
})

describe("upstreams that leave things out", () => {
  /**
   * What an upstream may leave out for good: all but finished items, deltas and the end (codex-cli-wire 4.1).
   */
  const optional = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.refusal.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.done",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.done",
  ]
  const missing = fc.subarray(optional)

  test("any optional kind of event may be missing", () => {
    checkProperty(here, fc.tuple(arbitraryAnswer, missing), ([events, left]) => {
      const wire = writeAll(events).filter(event => !left.includes(event.type))
      expect(gist(withoutPhases(readAll(wire))).slice(1)).toEqual(gist(withoutPhases(events)).slice(1))
    })
  })

  test("all deltas may be missing when items come whole", () => {
    checkProperty(here, fc.tuple(arbitraryAnswer, fc.boolean()), ([events, has_parts]) => {
      const deltaless = writeAll(events).filter(event => !event.type.endsWith(".delta"))
      const wire = deltaless.filter(event => has_parts || !optional.includes(event.type))
      expect(gist(withoutPhases(readAll(wire))).slice(1)).toEqual(gist(withoutPhases(events)).slice(1))
    })
  })

  test("a finished item that is sent twice is read once", () => {
    checkProperty(here, arbitraryAnswer, events => {
      const wire = writeAll(events).flatMap(event =>
        event.type === "response.output_item.done" ? [event, event] : [event],
      )
      expect(readAll(wire)).toEqual(events)
    })
  })

  test("a stream that breaks off anywhere ends as a failure, not as an answer", () => {
    checkProperty(here, fc.tuple(arbitraryAnswer, fc.nat(60)), ([events, length]) => {
      const wire = writeAll(events)
      const cut = readAll(wire.slice(0, Math.min(length, wire.length - 1)))
      expect(cut.at(-1)).toMatchObject({ type: "answer-failed", code: "server_error" })
      expect(cut.filter(endsAnswer)).toHaveLength(1)
    })
  })

  test("nonsense never throws and never says anything", () => {
    checkProperty(here, fc.array(fc.jsonValue(), { maxLength: 5 }), values => {
      expect(readAll(values).map(event => event.type)).toEqual(["answer-start", "answer-failed"])
    })
  })

  test("known events with arbitrary members never throw and give a legal stream", () => {
    const type = fc.constantFrom(...new Set(["response.output_item.added", "response.output_item.done"]))
    const item_type = fc.constantFrom("message", "reasoning", "function_call", "custom_tool_call", "x_call")
    const event = fc.record({
      type,
      output_index: fc.nat(3),
      item: fc.record({ type: item_type, id: fc.jsonValue() }),
    })
    const delta = fc.record({
      type: fc.constantFrom("response.output_text.delta", "response.function_call_arguments.delta"),
      output_index: fc.oneof(fc.nat(3), fc.jsonValue()),
      delta: fc.oneof(fc.string(), fc.jsonValue()),
    })
    const end = { type: "response.completed", response: {} }
    checkProperty(here, fc.array(fc.oneof(event, delta), { maxLength: 12 }), values => {
      const events = readAll([...values, end])
      expect(validateEvents(JSON.parse(JSON.stringify(writeAll(events))))).toEqual([])
      expect(openBlocks(events)).toBe(0)
    })
  })
})

/** Blocks left open at the end; throws when two overlap. */
function openBlocks(events: ModelEvent[]): number {
  let open = 0
  for (const { type } of events) {
    if (type === "answer-start" || type === "answer-end") continue
    if (type.endsWith("-start")) open += 1
    if (type.endsWith("-end")) open -= 1
    if (open < 0 || open > 1) throw new Error(`blocks overlap at ${type}`)
  }
  return open
}
