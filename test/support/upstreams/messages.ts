/** An Anthropic Messages upstream as the original speaks it: named events, blocks, disjoint usage counters. */
import { messagesProblems } from "./strict-messages.ts"
import {
  argumentsOf,
  type Counts,
  cutText,
  DEFAULT_COUNTS,
  freshId,
  type Json,
  offeredName,
  type Part,
  type Refusal,
  recordsOf,
  type Turn,
  type Wire,
  wrapFreeform,
} from "./turn.ts"

/** A block as it begins, its deltas in order, and as it ends. */
interface Block {
  start: Json
  deltas: Json[]
  done: Json
}

function blocksOf(turn: Turn, request: Json): Block[] {
  return turn.parts.flatMap(part => {
    if (part.kind === "text") return [textBlock(part.text, turn)]
    if (part.kind === "reasoning") return [thinkingBlock(part, turn)]
    if (part.kind === "web-search") return searchBlocks(part, request)
    return [toolBlock(part, { turn, request })]
  })
}

function textBlock(text: string, turn: Turn): Block {
  const deltas = cutText(text, turn.pieces).map(piece => ({ type: "text_delta", text: piece }))
  return { start: { type: "text", text: "" }, deltas, done: { type: "text", text } }
}

function thinkingBlock(part: { text: string; seal?: string }, turn: Turn): Block {
  const pieces = cutText(part.text, turn.pieces).map(thinking => ({ type: "thinking_delta", thinking }))
  const signature = part.seal ?? ""
  return {
    start: { type: "thinking", thinking: "", signature: "" },
    deltas: [...pieces, { type: "signature_delta", signature }],
    done: { type: "thinking", thinking: part.text, signature },
  }
}

function toolBlock(
  part: Exclude<Part, { kind: "text" | "reasoning" | "web-search" }>,
  { turn, request }: { turn: Turn; request: Json },
): Block {
  const offered = recordsOf(request.tools)
  const names = offered.map(tool => String(tool.name))
  const name = offeredName(names, part.kind === "tool-search" ? { tool: "tool_search" } : part)
  const text = inputText(part, offered.find(tool => tool.name === name)?.input_schema)
  const head = { type: "tool_use", id: part.id, name }
  const deltas = cutText(text, turn.pieces).map(partial_json => ({ type: "input_json_delta", partial_json }))
  return { start: { ...head, input: {} }, deltas, done: { ...head, input: JSON.parse(text) } }
}

function inputText(
  part: Exclude<Part, { kind: "text" | "reasoning" | "web-search" }>,
  schema: unknown,
): string {
  if (part.kind === "call") return argumentsOf(part)
  if (part.kind === "freeform") return wrapFreeform(schema, part.input)
  return JSON.stringify({ query: part.query })
}

function searchBlocks(part: Extract<Part, { kind: "web-search" }>, request: Json): Block[] {
  if (!recordsOf(request.tools).some(tool => String(tool.type).startsWith("web_search_")))
    throw new Error("the script searches the web, but no web_search tool was offered")
  const id = freshId("srvtoolu_")
  const head = { type: "server_tool_use", id, name: "web_search" }
  const query = JSON.stringify({ query: part.query })
  const content = part.results.map(one => ({
    type: "web_search_result",
    ...one,
    encrypted_content: freshId("enc"),
    page_age: null,
  }))
  const found = { type: "web_search_tool_result", tool_use_id: id, content }
  const deltas = cutText(query, 2).map(partial_json => ({ type: "input_json_delta", partial_json }))
  return [
    { start: { ...head, input: {} }, deltas, done: { ...head, input: { query: part.query } } },
    { start: found, deltas: [], done: found },
  ]
}

function stopOf(turn: Turn): string {
  if (turn.stop === "length") return "max_tokens"
  const has_call = turn.parts.some(part => ["call", "freeform", "tool-search"].includes(part.kind))
  return has_call ? "tool_use" : "end_turn"
}

function usageOf(counts: Counts, turn: Turn): Json {
  const { cached = 0, written = 0 } = counts
  const searches = turn.parts.filter(part => part.kind === "web-search").length
  return {
    input_tokens: counts.input - cached - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 },
    output_tokens: counts.output,
    service_tier: "standard",
    ...(searches > 0 ? { server_tool_use: { web_search_requests: searches } } : {}),
  }
}

const message = (request: Json): Json => ({
  id: freshId("msg_"),
  type: "message",
  role: "assistant",
  model: request.model,
  content: [],
  stop_reason: null,
  stop_sequence: null,
})

function frame(data: Json): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`
}

function frames(turn: Turn, request: Json): string[] {
  const usage = usageOf(turn.counts ?? DEFAULT_COUNTS, turn)
  const started = { ...message(request), usage: { ...usage, output_tokens: 1 } }
  const out = [frame({ type: "message_start", message: started }), frame({ type: "ping" })]
  for (const [index, block] of blocksOf(turn, request).entries()) {
    out.push(frame({ type: "content_block_start", index, content_block: block.start }))
    for (const delta of block.deltas) out.push(frame({ type: "content_block_delta", index, delta }))
    out.push(frame({ type: "content_block_stop", index }))
  }
  const delta = { stop_reason: stopOf(turn), stop_sequence: null }
  out.push(frame({ type: "message_delta", delta, usage }), frame({ type: "message_stop" }))
  return out
}

function whole(turn: Turn, request: Json): Json {
  const content = blocksOf(turn, request).map(block => block.done)
  const usage = usageOf(turn.counts ?? DEFAULT_COUNTS, turn)
  return { ...message(request), content, stop_reason: stopOf(turn), usage }
}

function refusal({ kind, message: told }: Refusal): { status: number; json: Json } {
  const [status, type, text] = {
    "context-overflow": [400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"],
    "rate-limit": [429, "rate_limit_error", "This request would exceed your organization's rate limit"],
    overloaded: [529, "overloaded_error", "Overloaded"],
    "server-error": [500, "api_error", "Internal server error"],
    unauthorized: [401, "authentication_error", "invalid x-api-key"],
    invalid: [400, "invalid_request_error", "This request is invalid"],
  }[kind] as [number, string, string]
  const error = { type, message: told ?? text }
  return { status, json: { type: "error", error, request_id: freshId("req_") } }
}

export const messagesWire: Wire = {
  path: "/v1/messages",
  frames,
  whole,
  failureFrame: text => frame({ type: "error", error: { type: "api_error", message: text } }),
  refusal,
  problems: messagesProblems,
}
