/** Collecting a whole answer. */
import { expect, test } from "bun:test"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { collectResponse } from "../../../../src/gateway/protocol/openai-responses/collect.ts"

const start = { id: "resp_1", created_at: 7, model: "m" }

test("events that never end are a failure, not an answer", () => {
  const events: ModelEvent[] = [{ type: "text-start" }, { type: "text-delta", text: "half" }]
  expect(collectResponse(start, events)).toMatchObject({
    status: "failed",
    output: [],
    error: { code: "server_error" },
  })
})

test("a response has the members that the SDK and the AI SDK need", () => {
  expect(collectResponse(start, [{ type: "answer-end", stop: "end" }])).toEqual({
    id: "resp_1",
    object: "response",
    created_at: 7,
    status: "completed",
    model: "m",
    error: null,
    incomplete_details: null,
    output: [],
  })
})
