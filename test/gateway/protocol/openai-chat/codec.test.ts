/** Our Chat streams in the hands of the official SDK, through a fetch that answers with them. */
import { describe, expect, test } from "bun:test"
import OpenAI from "openai"
import type { ModelEvent } from "../../../../src/gateway/protocol/model-event.ts"
import { chatClient, chatUpstream } from "../../../../src/gateway/protocol/openai-chat/codec.ts"
import { AppError } from "../../../../src/platform/errors.ts"
import { arbitraryAnswer } from "../../../support/arbitrary-model.ts"
import { CHAT_START, writeChat } from "../../../support/chat-streams.ts"
import { checkPropertyAsync } from "../../../support/property.ts"

const request = { model: "m", messages: [{ role: "user" as const, content: "hi" }] }

/** An SDK whose server answers so. */
function sdk(
  body: string,
  init: ResponseInit = { headers: { "content-type": "text/event-stream" } },
): OpenAI {
  const fetch = async () => new Response(body, init)
  return new OpenAI({ apiKey: "k", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch })
}

const said: ModelEvent[] = [
  { type: "answer-start" },
  { type: "text-start" },
  { type: "text-delta", text: "let me" },
  { type: "text-end" },
]
const calls: ModelEvent[] = ["a", "b"].flatMap((call_id): ModelEvent[] => [
  { type: "tool-call-start", tool: "function", call_id, name: "f" },
  { type: "tool-call-delta", text: '{"id":' },
  { type: "tool-call-delta", text: ` "${call_id}"}` },
  { type: "tool-call-end" },
])

const isWhole = (events: readonly ModelEvent[]): boolean => {
  const last = events.at(-1)
  return last?.type === "answer-end" && (last.stop === "end" || last.stop === "tool_call")
}

describe("the stream helper", () => {
  test("gets text, calls with their indexes, and the end", async () => {
    const stream = sdk(writeChat([...said, ...calls, { type: "answer-end", stop: "tool_call" }]))
    const whole = await stream.chat.completions.stream(request).finalChatCompletion()
    expect(whole.choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: {
        role: "assistant",
        content: "let me",
        tool_calls: [
          { id: "a", type: "function", function: { name: "f", arguments: '{"id": "a"}' } },
          { id: "b", type: "function", function: { name: "f", arguments: '{"id": "b"}' } },
        ],
      },
    })
  })

  test("accepts every stream that we write, and comes to our whole answer", async () => {
    await checkPropertyAsync(import.meta.path, arbitraryAnswer, async events => {
      // The helper throws by itself on a cut answer, and knows no custom calls.
      const has_custom = events.some(event => event.type === "tool-call-start" && event.tool === "custom")
      if (has_custom || !isWhole(events)) return
      const whole = await sdk(writeChat(events)).chat.completions.stream(request).finalChatCompletion()
      const ours = chatClient.collect(CHAT_START, events) as unknown as OpenAI.ChatCompletion
      const [theirs, own] = [whole.choices[0]!, ours.choices[0]!]
      expect(theirs.finish_reason).toBe(own.finish_reason)
      expect(theirs.message.content || null).toBe(own.message.content)
      expect(theirs.message.tool_calls ?? []).toMatchObject(own.message.tool_calls ?? [])
      expect(whole.usage).toEqual(ours.usage)
    })
  })

  test("throws what ended the stream", async () => {
    const failed: ModelEvent = { type: "answer-failed", code: "server_error", message: "It broke off." }
    const ended = sdk(writeChat([...said, failed]))
      .chat.completions.stream(request)
      .finalChatCompletion()
    await expect(ended).rejects.toMatchObject({ code: "server_error", type: "server_error" })
  })
})

describe("the plain stream", () => {
  test("passes every chunk and throws our own error after what was said", async () => {
    const writer = chatClient.startWriting(CHAT_START)
    const error = new AppError("payment_required", "No credit is left.", { code: "insufficient_quota" })
    const text = said.map(event => writer.write(event)).join("") + writer.keepalive() + writer.fail(error)
    const stream = await sdk(text).chat.completions.create({ ...request, stream: true })
    const heard: unknown[] = []
    const read = async () => {
      for await (const chunk of stream) heard.push(chunk.choices[0]?.delta.content)
    }
    const thrown = await read().catch(reason => reason)
    expect(thrown).toBeInstanceOf(OpenAI.APIError)
    expect(thrown).toMatchObject({ code: "insufficient_quota", type: "insufficient_quota" })
    expect(heard).toEqual(["let me"])
  })

  test("shows the usage in its last chunk", async () => {
    const usage: ModelEvent = { type: "usage", reported: chatUpstream.sniffAnswer(ANSWER)!.reported! }
    const stream = await sdk(
      writeChat([...said, usage, { type: "answer-end", stop: "end" }]),
    ).chat.completions.create({ ...request, stream: true, stream_options: { include_usage: true } })
    let last: unknown
    for await (const chunk of stream) last = chunk
    expect(last).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })
})

const ANSWER = { choices: [{ message: { content: "x" } }], usage: { prompt_tokens: 3, completion_tokens: 2 } }

describe("whole answers", () => {
  test("are the SDK's completion", async () => {
    const body = chatClient.collect(CHAT_START, [
      ...said,
      ...calls,
      { type: "answer-end", stop: "tool_call" },
    ])
    const whole = await sdk(JSON.stringify(body), {
      headers: { "content-type": "application/json" },
    }).chat.completions.create(request)
    expect(whole.choices[0]!.message.tool_calls).toHaveLength(2)
    expect(chatUpstream.readAnswer(whole).at(-1)).toEqual({ type: "answer-end", stop: "tool_call" })
  })

  test("an error is the SDK's exception, with field and code", async () => {
    const error = new AppError("invalid", "expected a number", { code: "bad", field: "max_tokens" })
    const { status, headers, body } = chatClient.writeError(error, "req_1")
    const client = sdk(body as string, { status, headers })
    const thrown = await client.chat.completions.create(request).catch((reason: unknown) => reason)
    expect(thrown).toBeInstanceOf(OpenAI.BadRequestError)
    expect(thrown).toMatchObject({ status: 400, param: "max_tokens", code: "bad" })
  })
})
