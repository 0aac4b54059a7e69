/** What legacy completions cannot say, one case per line of the tables. */
import { describe, expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectCompletion } from "../../../../src/gateway/protocol/openai-completions/collect.ts"
import { EVENT_LOSSES, READ_LOSSES } from "../../../../src/gateway/protocol/openai-completions/losses.ts"
import { readRequest } from "../../../../src/gateway/protocol/openai-completions/read-request.ts"

const plain = { model: "m", prompt: "Once" }
const values: { [field: string]: unknown } = {
  user: "u",
  seed: 7,
  frequency_penalty: 1,
  presence_penalty: -1,
  logit_bias: { "50256": -100 },
}

describe("fields of a request", () => {
  test.each(READ_LOSSES.map(loss => loss.field))("%s", field => {
    expect(values[field]).toBeDefined()
    expect(readRequest({ ...plain, [field]: values[field] })).toEqual(readRequest(plain))
  })
})

const said: ModelEvent = { type: "text-delta", text: "a" }
const end: ModelEvent = { type: "answer-end", stop: "end" }
const collected = (...events: ModelEvent[]) =>
  collectCompletion({ id: "i", created_at: 1, model: "m" }, events)

const lost: { [field: string]: ModelEvent[] } = {
  reasoning: [
    { type: "reasoning-start" },
    { type: "reasoning-delta", of: "text", index: 0, text: "hm" },
    { type: "reasoning-end", sealed: "s" },
    said,
    end,
  ],
  "tool-call": [
    said,
    { type: "tool-call-start", tool: "function", call_id: "c", name: "f" },
    { type: "tool-call-delta", text: "{}" },
    { type: "tool-call-end" },
    { type: "answer-end", stop: "tool_call" },
  ],
  "hosted-call": [
    { type: "hosted-call-start", call_type: "web_search_call" },
    { type: "hosted-call-end", raw: { type: "web_search_call" } },
    said,
    end,
  ],
  "text-citation": [said, { type: "text-citation", citation: { url: "https://x.test" } }, end],
  is_refusal: [{ type: "text-start", is_refusal: true }, said, { type: "text-end" }, end],
  stop_sequence: [said, { type: "answer-end", stop: "stop_sequence", stop_sequence: "END" }],
}

describe("steps of an answer", () => {
  test.each(EVENT_LOSSES.map(loss => loss.field))("%s", field => {
    expect(collected(...lost[field]!)).toEqual(collected(said, end))
  })
})
