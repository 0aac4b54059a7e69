/** The Responses wire as we write it (codex-cli-wire 3 and 4, sdk-wire 2); readers do not trust it. */
import type { JsonObject } from "../json.ts"

/** A content part in either direction. */
export type WirePart =
  | { type: "input_text"; text: string }
  | { type: "output_text"; text: string; annotations?: WireAnnotation[] }
  | { type: "refusal"; refusal: string }
  | { type: "input_image"; image_url?: string; file_id?: string; detail?: string }
  | { type: "input_file"; file_data?: string; file_url?: string; file_id?: string; filename?: string }

/** A web source under the text (sdk-wire 4: output_text must have the list, empty or not). */
export interface WireAnnotation {
  type: "url_citation"
  url: string
  title: string
  start_index: number
  end_index: number
}

export type WireStatus = "in_progress" | "completed" | "incomplete"

/** An item of `input`, without ids (codex-cli-wire 6.2: the CLI sends none either). */
export type WireInputItem =
  | { type: "message"; role: string; content: (WirePart | JsonObject)[]; phase?: string }
  | {
      type: "reasoning"
      summary: { type: "summary_text"; text: string }[]
      content?: { type: "reasoning_text"; text: string }[]
      encrypted_content?: string
    }
  | { type: "function_call"; name: string; namespace?: string; arguments: string; call_id: string }
  | {
      type: "custom_tool_call"
      status: "completed"
      call_id: string
      name: string
      namespace?: string
      input: string
    }
  | {
      type: "tool_search_call"
      call_id: string
      status: "completed"
      execution: "client"
      arguments: JsonObject
    }
  | { type: "function_call_output"; call_id: string; output: string | (WirePart | JsonObject)[] }
  | { type: "custom_tool_call_output"; call_id: string; output: string | (WirePart | JsonObject)[] }
  | {
      type: "tool_search_output"
      call_id: string
      status: "completed"
      execution: "client"
      tools: WireTool[]
    }
  | JsonObject

export type WireTool = JsonObject & { type: string }

/** The body of POST /responses as we send it upstream. */
export interface WireRequest {
  model: string
  instructions?: string
  input: WireInputItem[]
  tools?: WireTool[]
  tool_choice?: string | { type: string; name?: string }
  parallel_tool_calls?: boolean
  reasoning?: { effort?: string; summary?: string }
  max_output_tokens?: number
  temperature?: number
  top_p?: number
  store: false
  stream: boolean
  include?: string[]
  service_tier?: string
  prompt_cache_key?: string
  text?: { format?: JsonObject; verbosity?: string }
  metadata?: { [key: string]: string }
}

export interface WireMessage {
  type: "message"
  id: string
  role: "assistant"
  status: WireStatus
  content: WirePart[]
  phase?: string
}

export interface WireReasoning {
  type: "reasoning"
  id: string
  summary: { type: "summary_text"; text: string }[]
  content?: { type: "reasoning_text"; text: string }[]
  encrypted_content?: string
}

export interface WireFunctionCall {
  type: "function_call"
  id: string
  call_id: string
  name: string
  namespace?: string
  arguments: string
  status: WireStatus
}

export interface WireCustomCall {
  type: "custom_tool_call"
  id: string
  call_id: string
  name: string
  namespace?: string
  input: string
  status: WireStatus
}

export interface WireSearchCall {
  type: "tool_search_call"
  id: string
  call_id: string
  execution: "client"
  arguments: JsonObject
  status: WireStatus
}

export interface WireHostedCall {
  type: string
  id: string
  status?: unknown
  [key: string]: unknown
}

/** An item of `output`; every one has an id and its own place. */
export type WireOutputItem =
  | WireMessage
  | WireReasoning
  | WireFunctionCall
  | WireCustomCall
  | WireSearchCall
  | WireHostedCall

/** Usage with both detail objects whole (codex-cli-wire 4.1: a part of one fails the turn). */
export interface WireUsage {
  input_tokens: number
  input_tokens_details: { cached_tokens: number; cache_write_tokens?: number }
  output_tokens: number
  output_tokens_details: { reasoning_tokens: number }
  total_tokens: number
}

/** A whole response; `output` is a list at all times (sdk-wire 2). */
export interface WireResponse {
  id: string
  object: "response"
  created_at: number
  status: "in_progress" | "completed" | "incomplete" | "failed"
  error: { code: string; message: string } | null
  incomplete_details: { reason: "max_output_tokens" | "content_filter" } | null
  model: string
  output: WireOutputItem[]
  usage?: WireUsage | null
  [echoed: string]: unknown
}

/** The events that wrap a response. */
export type WireLifecycleEvent = {
  type:
    | "response.created"
    | "response.in_progress"
    | "response.completed"
    | "response.incomplete"
    | "response.failed"
  response: WireResponse
}

/** One event before it has its number: `type` and whatever that type carries. */
export type WireEventBody = WireLifecycleEvent | WireItemEvent | WirePartEvent

/** Events that open or close an item. */
export type WireItemEvent = {
  type: "response.output_item.added" | "response.output_item.done"
  output_index: number
  item: WireOutputItem
}

/** Events inside an open item. */
export type WirePartEvent = {
  type: `response.${string}.${"added" | "delta" | "done" | "in_progress" | "searching" | "completed"}`
  item_id: string
  output_index: number
  [key: string]: unknown
}

/** An event as it goes out: the SSE event name equals `type`. */
export type WireEvent = WireEventBody & { sequence_number: number }
