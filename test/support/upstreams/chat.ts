/** A Chat Completions upstream as OpenAI and its followers speak it, with DeepSeek's `reasoning_content`. */
import { chatProblems } from "./strict-chat.ts"
import {
  argumentsOf,
  type Counts,
  cutText,
  DEFAULT_COUNTS,
  freshId,
  isRecord,
  type Json,
  offeredName,
  type Part,
  type Refusal,
  recordsOf,
  type Turn,
  type Wire,
  wrapFreeform,
} from "./turn.ts"

interface ChatCall {
  id: string
  name: string
  arguments: string
}

interface Said {
  text: string
  reasoning: string
  calls: ChatCall[]
}

const base = (request: Json) => ({ id: freshId("chatcmpl-"), created: 1_760_000_000, model: request.model })

/** Chat knows one text, one reasoning and the calls, in this order. */
function saidBy(parts: Part[], request: Json): Said {
  const said: Said = { text: "", reasoning: "", calls: [] }
  for (const part of parts) {
    if (part.kind === "text") said.text += part.text
    else if (part.kind === "reasoning") said.reasoning += part.text
    else if (part.kind !== "web-search") said.calls.push(callOf(part, request))
  }
  return said
}

function callOf(part: Exclude<Part, { kind: "text" | "reasoning" | "web-search" }>, request: Json): ChatCall {
  const offered = recordsOf(request.tools).map(tool => (isRecord(tool.function) ? tool.function : {}))
  const names = offered.map(one => String(one.name))
  if (part.kind === "tool-search")
    return {
      id: part.id,
      name: offeredName(names, { tool: "tool_search" }),
      arguments: JSON.stringify({ query: part.query }),
    }
  const name = offeredName(names, part)
  if (part.kind === "call") return { id: part.id, name, arguments: argumentsOf(part) }
  const schema = offered.find(one => one.name === name)?.parameters
  return { id: part.id, name, arguments: wrapFreeform(schema, part.input) }
}

function finishOf(turn: Turn, said: Said): string {
  if (turn.stop === "length") return "length"
  return said.calls.length > 0 ? "tool_calls" : "stop"
}

function usageOf(counts: Counts): Json {
  return {
    prompt_tokens: counts.input,
    completion_tokens: counts.output,
    total_tokens: counts.input + counts.output,
    prompt_tokens_details: { cached_tokens: counts.cached ?? 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: counts.reasoning ?? 0, audio_tokens: 0 },
  }
}

function frames(turn: Turn, request: Json): string[] {
  const said = saidBy(turn.parts, request)
  const head = { ...base(request), object: "chat.completion.chunk" }
  const has_usage = isRecord(request.stream_options) && request.stream_options.include_usage === true
  const out: string[] = []
  const chunk = (delta: Json, finish_reason: string | null = null) =>
    out.push(
      frame({
        ...head,
        choices: [{ index: 0, delta, logprobs: null, finish_reason }],
        ...(has_usage ? { usage: null } : {}),
      }),
    )
  chunk({ role: "assistant", content: "" })
  for (const piece of cutText(said.reasoning, turn.pieces)) chunk({ reasoning_content: piece })
  for (const piece of cutText(said.text, turn.pieces)) chunk({ content: piece })
  for (const [index, call] of said.calls.entries()) {
    const start = { name: call.name, arguments: "" }
    chunk({ tool_calls: [{ index, id: call.id, type: "function", function: start }] })
    for (const piece of cutText(call.arguments, turn.pieces))
      chunk({ tool_calls: [{ index, function: { arguments: piece } }] })
  }
  chunk({}, finishOf(turn, said))
  if (has_usage) out.push(frame({ ...head, choices: [], usage: usageOf(turn.counts ?? DEFAULT_COUNTS) }))
  if (!turn.form?.is_without_done) out.push("data: [DONE]\n\n")
  return out
}

function frame(data: Json): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

function whole(turn: Turn, request: Json): Json {
  const said = saidBy(turn.parts, request)
  const tool_calls = said.calls.map(({ id, name, arguments: text }) => ({
    id,
    type: "function",
    function: { name, arguments: text },
  }))
  const message = {
    role: "assistant",
    content: said.text === "" ? null : said.text,
    refusal: null,
    ...(said.reasoning ? { reasoning_content: said.reasoning } : {}),
    ...(tool_calls.length > 0 ? { tool_calls } : {}),
  }
  return {
    ...base(request),
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(turn, said) }],
    usage: usageOf(turn.counts ?? DEFAULT_COUNTS),
    service_tier: "default",
  }
}

const OVERFLOW =
  "This model's maximum context length is 200000 tokens. However, your messages resulted in 250000 tokens. " +
  "Please reduce the length of the messages."

/** OpenAI's errors; Responses has the same but for the words of an overflow. */
export function openaiRefusal(
  { kind, message }: Refusal,
  overflow = OVERFLOW,
): { status: number; json: Json } {
  const [status, type, code, text] = {
    "context-overflow": [400, "invalid_request_error", "context_length_exceeded", overflow],
    "rate-limit": [429, "requests", "rate_limit_exceeded", "Rate limit reached for requests"],
    overloaded: [503, "service_unavailable_error", "server_is_overloaded", "The engine is overloaded"],
    "server-error": [500, "server_error", null, "The server had an error while processing your request"],
    unauthorized: [
      401,
      "invalid_request_error",
      "invalid_api_key",
      "Incorrect API key provided: sk-upst*test",
    ],
    invalid: [400, "invalid_request_error", null, "This request is invalid"],
  }[kind] as [number, string, string | null, string]
  return { status, json: { error: { message: message ?? text, type, param: null, code } } }
}

export const chatWire: Wire = {
  path: "/v1/chat/completions",
  frames,
  whole,
  failureFrame: message => frame({ error: { message, type: "server_error", param: null, code: null } }),
  refusal: openaiRefusal,
  problems: chatProblems,
}
