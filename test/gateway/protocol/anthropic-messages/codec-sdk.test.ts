/** The official SDK reads our streams, whole answers and errors, and its requests are read; no network. */
import { expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import { messagesClient } from "../../../../src/gateway/protocol/anthropic-messages/codec.ts"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { NO_USAGE } from "../../../../src/wallet/pricing/usage.ts"

const START = { id: "msg_sdk", created_at: 1, model: "claude-x" }
const EVENTS: ModelEvent[] = [
  { type: "answer-start" },
  { type: "reasoning-start" },
  { type: "reasoning-delta", of: "text", index: 0, text: "hm" },
  { type: "reasoning-end", sealed: "SIG" },
  { type: "text-start" },
  { type: "text-delta", text: "Hello " },
  { type: "text-delta", text: "world" },
  { type: "text-end" },
  { type: "tool-call-start", tool: "function", call_id: "toolu_1", name: "f" },
  { type: "tool-call-delta", text: '{"a":' },
  { type: "tool-call-delta", text: "[1,2]}" },
  { type: "tool-call-end" },
  { type: "usage", reported: { usage: { ...NO_USAGE, input_tokens: 5, output_tokens: 9 } } },
  { type: "answer-end", stop: "tool_call" },
]
const REQUEST = {
  model: "claude-x",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "hi" }],
}

/** An SDK whose network is one answer. */
function sdkAnswering(answer: (body: unknown) => Response): Anthropic {
  const fetch = async (_url: unknown, init?: { body?: unknown }) => answer(JSON.parse(String(init?.body)))
  return new Anthropic({ apiKey: "test", maxRetries: 0, fetch: fetch as never })
}

test("messages.stream() gives the final message of our stream, keepalives included", async () => {
  const writer = messagesClient.startWriting(START)
  const body = EVENTS.map(event => writer.keepalive() + writer.write(event)).join("")
  const headers = { "content-type": "text/event-stream" }
  const message = await sdkAnswering(() => new Response(body, { headers }))
    .messages.stream(REQUEST)
    .finalMessage()
  // A keepalive between blocks leaves an empty thinking block.
  const said = message.content.filter(block => block.type !== "thinking" || block.thinking !== "")
  expect(said).toMatchObject([
    { thinking: "hm", signature: "SIG" },
    { text: "Hello world" },
    { id: "toolu_1", input: { a: [1, 2] } },
  ])
  expect(message).toMatchObject({ stop_reason: "tool_use", usage: { input_tokens: 5, output_tokens: 9 } })
})

test("messages.create() gives the collected message, and its request is read", async () => {
  let read: unknown
  const sdk = sdkAnswering(body => {
    read = messagesClient.readRequest(body)
    return Response.json(messagesClient.collect(START, EVENTS))
  })
  const message = await sdk.messages.create(REQUEST)
  expect(message).toMatchObject({ id: "msg_sdk", stop_reason: "tool_use" })
  expect(read).toMatchObject({
    ok: true,
    request: { model: "claude-x", max_output_tokens: 100, stream: false },
  })
})

test("our errors become the SDK's exceptions with their type", async () => {
  const refusals: [AppError, object][] = [
    [new AppError("payment_required", "Top up."), { status: 402, type: "billing_error" }],
    [new AppError("rate_limited", "Slow."), { status: 429, type: "rate_limit_error" }],
    [new AppError("unavailable", "Busy."), { status: 529, type: "overloaded_error" }],
  ]
  for (const [refusal, expected] of refusals) {
    const { status, headers, body } = messagesClient.writeError(refusal)
    const failing = sdkAnswering(() => new Response(body as string, { status, headers })).messages.create(
      REQUEST,
    )
    expect(await failing.catch((error: unknown) => error)).toMatchObject(expected)
  }
})

test("a stream that fails throws with our message", async () => {
  const writer = messagesClient.startWriting(START)
  const text = EVENTS.slice(0, 6)
    .map(event => writer.write(event))
    .join("")
  const body = text + writer.fail(new AppError("payment_required", "Out of credit."))
  const stream = sdkAnswering(() => new Response(body)).messages.stream(REQUEST)
  expect(String(await stream.finalMessage().catch((error: unknown) => error))).toContain("Out of credit.")
})
