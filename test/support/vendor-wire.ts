/** Answers as the three vendors send them, written by hand and not by our writers: for whole-server tests. */
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../src/gateway/protocol/model-request.ts"
import { type Answer, jsonAnswer, streamAnswer } from "./fake-fetch.ts"

/** A text, and what the vendor reports of it. */
export interface VendorAnswer {
  text?: string
  /** In the vendor's own shape; left out when it reports nothing. */
  usage?: JsonObject
  /** Of the answer itself (OpenAI). */
  service_tier?: string
  /** How many hosted searches ran before the text. */
  searches?: number
}

export const named = (type: string, data: JsonObject = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

export const chunkOf = (data: JsonObject): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-up", object: "chat.completion.chunk", created: 1, model: "up-1", ...data })}\n\n`

export const choiceOf = (delta: JsonObject, finish_reason: string | null = null): string =>
  chunkOf({ choices: [{ index: 0, delta, finish_reason }] })

function responseOf({ text = "hello", usage, service_tier, searches = 0 }: VendorAnswer): JsonObject {
  const content = [{ type: "output_text", text, annotations: [] }]
  const message = { type: "message", id: "msg_1", role: "assistant", status: "completed", content }
  const action = { type: "search", query: "news" }
  const calls = Array.from({ length: searches }, (_, index) => ({
    type: "web_search_call",
    id: `ws_${index}`,
    status: "completed",
    action,
  }))
  return {
    id: "resp_up",
    object: "response",
    created_at: 1,
    model: "up-1",
    status: "completed",
    output: [...calls, message],
    ...(usage && { usage }),
    ...(service_tier && { service_tier }),
  }
}

function responsesStream(answer: VendorAnswer): string[] {
  const { text = "hello" } = answer
  const response = responseOf(answer)
  const output = response.output as JsonObject[]
  const empty = { id: "resp_up", object: "response", status: "in_progress", output: [] }
  const items = output.flatMap((item, output_index) => {
    const { content: _, ...rest } = item
    const added = named("response.output_item.added", {
      output_index,
      item: { ...rest, ...(item.type === "message" && { content: [] }), status: "in_progress" },
    })
    const place = { output_index, item_id: "msg_1", content_index: 0 }
    const said =
      item.type === "message"
        ? [
            named("response.content_part.added", {
              ...place,
              part: { type: "output_text", text: "", annotations: [] },
            }),
            named("response.output_text.delta", { ...place, delta: text }),
            named("response.output_text.done", { ...place, text }),
          ]
        : []
    return [added, ...said, named("response.output_item.done", { output_index, item })]
  })
  return [
    named("response.created", { response: empty }),
    named("response.in_progress", { response: empty }),
    ...items,
    named("response.completed", { response }),
  ]
}

function chatStream({ text = "hello", usage, service_tier }: VendorAnswer): string[] {
  const tier = service_tier ? { service_tier } : {}
  return [
    choiceOf({ role: "assistant", content: "" }),
    choiceOf({ content: text }),
    choiceOf({}, "stop"),
    ...(usage ? [chunkOf({ choices: [], usage, ...tier })] : []),
    "data: [DONE]\n\n",
  ]
}

function messageOf({ text = "hello", usage, searches = 0 }: VendorAnswer): JsonObject {
  const blocks = Array.from({ length: searches }, (_, index) => [
    { type: "server_tool_use", id: `srvtoolu_${index}`, name: "web_search", input: { query: "news" } },
    { type: "web_search_tool_result", tool_use_id: `srvtoolu_${index}`, content: [] },
  ]).flat()
  return {
    id: "msg_up",
    type: "message",
    role: "assistant",
    model: "up-1",
    content: [...blocks, { type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    ...(usage && { usage }),
  }
}

function messagesStream(answer: VendorAnswer): string[] {
  const { usage } = answer
  const message = messageOf(answer)
  const { output_tokens: _, ...input } = usage ?? {}
  const started = {
    ...message,
    content: [],
    stop_reason: null,
    ...(usage && { usage: { ...input, output_tokens: 1 } }),
  }
  const blocks = (message.content as JsonObject[]).flatMap((block, index) => {
    const is_text = block.type === "text"
    const is_search = block.type === "server_tool_use"
    const content_block = is_text ? { ...block, text: "" } : is_search ? { ...block, input: {} } : block
    const delta = is_text
      ? { type: "text_delta", text: block.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(block.input) }
    return [
      named("content_block_start", { index, content_block }),
      ...(is_text || is_search ? [named("content_block_delta", { index, delta })] : []),
      named("content_block_stop", { index }),
    ]
  })
  return [
    named("message_start", { message: started }),
    ...blocks,
    named("message_delta", {
      delta: { stop_reason: "end_turn", stop_sequence: null },
      ...(usage && { usage }),
    }),
    named("message_stop"),
  ]
}

/** The chunks of a vendor's stream. */
export function vendorStream(upstream: Protocol, answer: VendorAnswer): string[] {
  if (upstream === "openai-responses") return responsesStream(answer)
  return upstream === "openai-chat" ? chatStream(answer) : messagesStream(answer)
}

/** A vendor's whole answer. */
export function vendorWhole(upstream: Protocol, answer: VendorAnswer): JsonObject {
  if (upstream === "openai-responses") return responseOf(answer)
  if (upstream === "anthropic-messages") return messageOf(answer)
  const { text: content = "hello", usage, service_tier } = answer
  const choices = [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }]
  const body = { id: "chatcmpl-up", object: "chat.completion", created: 1, model: "up-1", choices }
  return { ...body, ...(usage && { usage }), ...(service_tier && { service_tier }) }
}

/** The vendor's answer in the form that it is asked for. */
export const vendorAnswer =
  (upstream: Protocol, answer: VendorAnswer): Answer =>
  call => {
    const { stream } = JSON.parse(call.body) as { stream?: boolean }
    return stream
      ? streamAnswer(vendorStream(upstream, answer))(call)
      : jsonAnswer(vendorWhole(upstream, answer))(call)
  }
