/** The Messages wire as we write it (claude-code-wire 5 and 6, sdk-wire 3); readers do not trust it. */
import type { JsonObject } from "../json.ts"

/** A mark up to which the upstream caches the prompt; without `ttl` for five minutes. */
export interface WireCacheControl {
  type: "ephemeral"
  ttl?: "1h"
}

export type WireSource =
  | { type: "base64"; media_type: string; data: string }
  | { type: "text"; media_type: "text/plain"; data: string }
  | { type: "url"; url: string }
  | { type: "file"; file_id: string }

export interface WireTextBlock {
  type: "text"
  text: string
  cache_control?: WireCacheControl
}

export interface WireToolUse {
  type: "tool_use"
  id: string
  name: string
  input: JsonObject
}

export interface WireToolResult {
  type: "tool_result"
  tool_use_id: string
  content: string | WireBlock[]
  is_error?: true
  cache_control?: WireCacheControl
}

/** A block of a message in a request. */
export type WireBlock =
  | WireTextBlock
  | { type: "image"; source: WireSource; cache_control?: WireCacheControl }
  | { type: "document"; source: WireSource; title?: string; cache_control?: WireCacheControl }
  | WireToolUse
  | WireToolResult
  | { type: "thinking"; thinking: string; signature: string }
  | { type: "redacted_thinking"; data: string }
  | { type: "server_tool_use"; id: string; name: string; input: JsonObject }
  | { type: "web_search_tool_result"; tool_use_id: string; content: WireSearchContent }
  | (JsonObject & { type: string })

export interface WireTurn {
  role: "user" | "assistant"
  content: WireBlock[]
}

export type WireTool = JsonObject & { cache_control?: WireCacheControl }

export type WireToolChoice = { type: string; name?: string; disable_parallel_tool_use?: true }

export type WireThinking =
  | { type: "adaptive" }
  | { type: "enabled"; budget_tokens: number }
  | { type: "disabled" }

/** The body of POST /messages as we send it upstream; the keys stand in the client's own order. */
export interface WireRequest {
  model: string
  messages: WireTurn[]
  system?: WireTextBlock[]
  tools?: WireTool[]
  tool_choice?: WireToolChoice
  max_tokens: number
  thinking?: WireThinking
  temperature?: number
  top_p?: number
  stop_sequences?: string[]
  output_config?: { effort?: string; format?: JsonObject }
  service_tier?: string
  stream: boolean
}

export type WireSearchContent =
  | {
      type: "web_search_result"
      title: string
      url: string
      encrypted_content: string
      page_age: string | null
    }[]
  | { type: "web_search_tool_result_error"; error_code: string }

/** A block as `content_block_start` announces it. */
export type WireStartBlock =
  | { type: "text"; text: "" }
  | { type: "thinking"; thinking: ""; signature: "" }
  | { type: "redacted_thinking"; data: string }
  | { type: "tool_use"; id: string; name: string; input: JsonObject }
  | { type: "server_tool_use"; id: string; name: "web_search"; input: JsonObject }
  | { type: "web_search_tool_result"; tool_use_id: string; content: WireSearchContent }

export type WireDelta =
  | { type: "text_delta"; text: string }
  | { type: "thinking_delta"; thinking: string }
  | { type: "signature_delta"; signature: string }
  | { type: "input_json_delta"; partial_json: string }
  | { type: "citations_delta"; citation: WireCitation }

export interface WireCitation {
  type: "web_search_result_location"
  url: string
  title: string
  encrypted_index: string
  cited_text: string
}

/** Usage with every counter apart: input excludes what came from or went to a cache (claude-code-wire 6). */
export interface WireUsage {
  input_tokens: number
  cache_creation_input_tokens: number
  cache_read_input_tokens: number
  cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number }
  output_tokens: number
  output_tokens_details?: { thinking_tokens: number }
  server_tool_use?: { web_search_requests: number }
}

export interface WireMessage {
  id: string
  type: "message"
  role: "assistant"
  model: string
  content: WireBlock[]
  stop_reason: string | null
  stop_sequence: string | null
  usage: WireUsage
}

/** An event as it goes out: the SSE event name equals `type`. */
export type WireEvent =
  | { type: "message_start"; message: WireMessage }
  | { type: "content_block_start"; index: number; content_block: WireStartBlock }
  | { type: "content_block_delta"; index: number; delta: WireDelta }
  | { type: "content_block_stop"; index: number }
  | {
      type: "message_delta"
      delta: { stop_reason: string; stop_sequence: string | null }
      usage: WireUsage
    }
  | { type: "message_stop" }
  | { type: "error"; error: { type: string; message: string } }
