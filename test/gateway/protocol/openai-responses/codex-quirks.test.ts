/** What the Codex CLI needs different from other Responses clients. */
import { expect, test } from "bun:test"
import {
  CODEX_KEEPALIVE,
  completeInsteadOfIncomplete,
} from "../../../../src/gateway/protocol/openai-responses/codex-quirks.ts"
import { encodeEvent, eventData, eventName } from "../../../../src/gateway/protocol/sse.ts"

const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

test("an incomplete answer is ended as completed, with its output, usage and sequence number", () => {
  const response = {
    id: "resp_1",
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
    output: [{ type: "message", content: [{ type: "output_text", text: "ü🜚" }] }],
    usage: { input_tokens: 10, output_tokens: 5 },
  }
  const event = encodeEvent({ type: "response.incomplete", sequence_number: 7, response } as { type: string })
  const completed = decode(completeInsteadOfIncomplete(decode(event)))
  expect(eventName(completed)).toBe("response.completed")
  expect(JSON.parse(eventData(completed))).toEqual({
    type: "response.completed",
    sequence_number: 7,
    response: { ...response, status: "completed", incomplete_details: null },
  })
})

test("the keepalive is a data event, because the CLI's idle timer ignores comments", () => {
  expect(CODEX_KEEPALIVE).toBe('event: keepalive\ndata: {"type":"keepalive"}\n\n')
})
