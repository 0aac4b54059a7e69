/** Nonsense of an upstream in our events: nothing throws, and every sequence is a legal one. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  endReading,
  readEvents,
  startReading,
} from "../../../../src/gateway/protocol/anthropic-messages/read-events.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { endsAnswer } from "../../../support/answer-end.ts"
import { checkProperty } from "../../../support/property.ts"

function readAll(wires: readonly unknown[]): ModelEvent[] {
  let state = startReading()
  const events: ModelEvent[] = []
  for (const wire of wires) {
    const [next, said] = readEvents(state, wire)
    state = next
    events.push(...said)
  }
  return [...events, ...endReading(state)]
}

test("no sequence of nonsense throws, and each ends exactly once", () => {
  const member = fc.oneof(fc.constantFrom(0, 1, null, "x", {}, []), fc.string())
  const piece = fc.record(
    {
      type: fc.constantFrom("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "x"),
      text: member,
      partial_json: member,
      signature: member,
    },
    { requiredKeys: [] },
  )
  const block = fc.record(
    {
      type: fc.constantFrom(
        "text",
        "tool_use",
        "thinking",
        "server_tool_use",
        "web_search_tool_result",
        "redacted_thinking",
      ),
      id: member,
      name: fc.constantFrom("web_search", "f", 4),
      input: member,
      content: member,
      text: member,
      tool_use_id: member,
    },
    { requiredKeys: [] },
  )
  const wire = fc.oneof(
    member,
    fc.record(
      {
        type: fc.constantFrom(
          "message_start",
          "content_block_start",
          "content_block_delta",
          "content_block_stop",
          "message_delta",
          "message_stop",
          "error",
        ),
        index: member,
        delta: fc.oneof(piece, member),
        content_block: fc.oneof(block, member),
        message: member,
        usage: member,
        error: member,
      },
      { requiredKeys: [] },
    ),
  )
  checkProperty(import.meta.path, fc.array(wire, { maxLength: 12 }), wires => {
    const events = readAll(wires)
    expect(events.filter(endsAnswer)).toHaveLength(1)
    expect(endsAnswer(events.at(-1)!)).toBe(true)
    expectBlocksInLine(events)
  })
})

function expectBlocksInLine(events: readonly ModelEvent[]): void {
  let open_block: string | undefined
  for (const { type } of events) {
    const kind = type.replace(/-(?:start|delta|end|citation)$/, "")
    if (kind === "answer" || type === "usage" || endsAnswer({ type } as ModelEvent)) continue
    if (type.endsWith("-start")) {
      expect(open_block).toBeUndefined()
      open_block = kind
    } else expect(kind).toBe(open_block!)
    if (type.endsWith("-end")) open_block = undefined
  }
}
