/** The Chat Completions wire as we write it (sdk-wire 2); readers do not trust it. */
import type { JsonObject } from "../json.ts"

/** A content part of a message. */
export type WirePart =
  | { type: "text"; text: string }
  | { type: "image_url"; image_url: { url: string; detail?: string } }
  | { type: "file"; file: { file_data?: string; file_id?: string; filename?: string } }
  | JsonObject

/** A call in the history, as upstreams get it. */
export interface WireCall {
  id: string
  type: "function"
  function: { name: string; arguments: string }
}

export type WireMessage =
  | { role: "system"; content: string }
  | { role: "user"; content: string | WirePart[] }
  | { role: "assistant"; content: string | null; reasoning_content?: string; tool_calls?: WireCall[] }
  | { role: "tool"; tool_call_id: string; content: string }

export interface WireTool {
  type: "function"
  function: { name: string; description?: string; parameters?: JsonObject; strict?: boolean }
}

/** The body of POST /chat/completions as we send it upstream. */
export interface WireRequest {
  model: string
  messages: WireMessage[]
  tools?: WireTool[]
  tool_choice?: string | { type: "function"; function: { name: string } }
  parallel_tool_calls?: boolean
  response_format?: JsonObject
  reasoning_effort?: string
  max_tokens?: number
  max_completion_tokens?: number
  temperature?: number
  top_p?: number
  stop?: string[]
  stream: boolean
  stream_options?: { include_usage: true }
}

/** A piece of a call in a stream: the first has id, type and name (sdk-wire 2). */
export interface WireCallDelta {
  index: number
  id?: string
  type?: "function" | "custom"
  function?: { name?: string; arguments: string }
  custom?: { name?: string; input: string }
}

/** A web source under the text. */
export interface WireAnnotation {
  type: "url_citation"
  url_citation: { url: string; title: string; start_index: number; end_index: number }
}

export interface WireDelta {
  role?: "assistant"
  content?: string | null
  refusal?: string
  reasoning_content?: string
  tool_calls?: WireCallDelta[]
  annotations?: WireAnnotation[]
}

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter"

export interface WireUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details: { cached_tokens: number }
  completion_tokens_details: { reasoning_tokens: number }
}

export interface WireChunk {
  id: string
  object: "chat.completion.chunk"
  created: number
  model: string
  choices: { index: 0; delta: WireDelta; finish_reason: FinishReason | null }[]
  usage?: WireUsage
}

/** What ends a stream that failed; no `[DONE]` follows it. */
export interface WireFailure {
  error: { message: string; type: string; param: null; code: string }
}

/** What ends a stream that is complete; the one `data:` that is no JSON. */
export const DONE = "[DONE]"

export type WireEvent = WireChunk | WireFailure | typeof DONE
