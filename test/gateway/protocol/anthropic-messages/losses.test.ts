/** Each line of the tables of losses is true: the field is there before, and gone after. */
import { expect, test } from "bun:test"
import { messagesClient } from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import {
  EVENT_LOSSES,
  READ_LOSSES,
  WRITE_LOSSES,
} from "../../../../src/gateway/protocol/anthropic-messages/losses.ts"
import { readAnswer } from "../../../../src/gateway/protocol/anthropic-messages/read-events.ts"
import { readRequest } from "../../../../src/gateway/protocol/anthropic-messages/read-request.ts"
import { writeRequest } from "../../../../src/gateway/protocol/anthropic-messages/write-request.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import type { ModelRequest } from "../../../../src/gateway/protocol/model-request.ts"
import type { Target } from "../../../../src/gateway/protocol/target.ts"

const TARGET: Target = {
  protocol: "anthropic-messages",
  upstream_id: "up",
  model: "m",
  quirks: new Set(),
  tool_name_length: 64,
  max_output_tokens: 100,
  reasoning_efforts: ["low"],
}
const PLAIN = {
  model: "m",
  max_tokens: 9,
  messages: [{ role: "user", content: [{ type: "text", text: "x" }] }],
}
const block = (rest: object) => ({
  ...PLAIN,
  messages: [{ role: "user", content: [{ type: "text", text: "x", ...rest }] }],
})
const tool = (rest: object) => ({ ...PLAIN, tools: [{ name: "f", ...rest }] })

/** A request with the lost field, and the same one without it. */
const READ: { [field: string]: [object, object] } = {
  top_k: [{ ...PLAIN, top_k: 5 }, PLAIN],
  metadata: [{ ...PLAIN, metadata: { user_id: "me" } }, PLAIN],
  context_management: [{ ...PLAIN, context_management: { edits: [] } }, PLAIN],
  cache_control: [{ ...PLAIN, cache_control: { type: "ephemeral" } }, PLAIN],
  "thinking.display": [
    { ...PLAIN, thinking: { type: "adaptive", display: "summarized" } },
    { ...PLAIN, thinking: { type: "adaptive" } },
  ],
  "tools[].eager_input_streaming": [tool({ eager_input_streaming: true }), tool({})],
  "tools[].defer_loading": [tool({ defer_loading: true }), tool({})],
  "tools[].input_examples": [tool({ input_examples: [{}] }), tool({})],
  "messages[].content[].citations": [block({ citations: [{}] }), block({})],
  "messages[].content[].context": [block({ context: "c" }), block({})],
  "messages[].content[].caller": [block({ caller: {} }), block({})],
}

const BASE: ModelRequest = {
  model: "m",
  instructions: [],
  items: [{ kind: "message", role: "user", parts: [{ kind: "text", text: "x" }] }],
  tools: [],
  temperature: 1,
  stream: true,
}
const image = (rest: object): ModelRequest => ({
  ...BASE,
  items: [{ kind: "message", role: "user", parts: [{ kind: "image", url: "https://a", ...rest }] }],
})
const WRITE: { [field: string]: [ModelRequest, ModelRequest] } = {
  metadata: [{ ...BASE, metadata: { a: "b" } }, BASE],
  cache_key: [{ ...BASE, cache_key: "k" }, BASE],
  verbosity: [{ ...BASE, verbosity: "low" }, BASE],
  summary: [
    { ...BASE, reasoning: { summary: "auto" } },
    { ...BASE, reasoning: {} },
  ],
  phase: [
    { ...BASE, items: BASE.items.map(item => ({ ...item, phase: "commentary" }) as typeof item) },
    BASE,
  ],
  detail: [image({ detail: "high" }), image({})],
  json_object: [{ ...BASE, text_format: { kind: "json_object" } }, BASE],
  top_p: [{ ...BASE, top_p: 0.5 }, BASE],
}

const say = (rest: object = {}): ModelEvent[] => [
  { type: "text-start", ...rest },
  { type: "text-delta", text: "x" },
  { type: "text-end" },
]
const call = (rest: object): ModelEvent[] => [
  { type: "tool-call-start", tool: "function", call_id: "c", name: "f", ...rest },
  { type: "tool-call-end" },
]
const cite = (rest: object): ModelEvent[] => [{ type: "text-citation", citation: { url: "u", ...rest } }]
const think = (of: "summary" | "text"): ModelEvent[] => [
  { type: "reasoning-start" },
  { type: "reasoning-delta", of, index: 0, text: "x" },
  { type: "reasoning-end" },
]
const end = (stop: "refusal" | "content_filter"): ModelEvent[] => [{ type: "answer-end", stop }]
const EVENTS: { [field: string]: [ModelEvent[], ModelEvent[]] } = {
  phase: [say({ phase: "commentary" }), say()],
  namespace: [call({ namespace: "n" }), call({})],
  content_filter: [end("content_filter"), end("refusal")],
  "hosted-call": [[{ type: "hosted-call-end", raw: { type: "image_generation_call" } }], []],
  "citation.start_index": [cite({ start_index: 1, end_index: 2 }), cite({})],
  "reasoning parts": [think("summary"), think("text")],
}

for (const { field } of READ_LOSSES) {
  test(`${field} of a client's request is not carried`, () => {
    const [with_field, without] = READ[field]!
    expect(readRequest(with_field)).toEqual(readRequest(without))
    expect(readRequest(without).ok).toBe(true)
  })
}

for (const { field } of WRITE_LOSSES) {
  test(`${field} does not reach an upstream`, () => {
    const [with_field, without] = WRITE[field]!
    expect(writeRequest(with_field, TARGET)).toEqual(writeRequest(without, TARGET))
  })
}

for (const { field } of EVENT_LOSSES.filter(loss => loss.field !== "pause_turn")) {
  test(`${field} of an answer is not said`, () => {
    const [written, plain] = EVENTS[field]!.map(events => {
      const writer = messagesClient.startWriting({ id: "msg_1", created_at: 1, model: "m" })
      return (
        events.map(event => writer.write(event)).join("") + writer.write({ type: "answer-end", stop: "end" })
      )
    })
    expect(written).toBe(plain!)
  })
}

test("pause_turn is an ordinary end", () => {
  expect(readAnswer({ content: [], stop_reason: "pause_turn" })).toEqual(
    readAnswer({ content: [], stop_reason: "end_turn" }),
  )
})
