/** What a client asks of a model, in our own words for all protocols; no wire format, no routing. */
import type { JsonObject } from "./json.ts"

/** A wish that the upstream caches the prompt up to here; a hint, dropped where the upstream has no marks. */
export type CacheMark = "5m" | "1h"

/** Plain text. */
export interface TextPart {
  kind: "text"
  text: string
  cache?: CacheMark
}

/** Text by which the model refused. */
export interface RefusalPart {
  kind: "refusal"
  text: string
}

/** An image by URL (`https:` or `data:`) or by the id of an uploaded file: exactly one of the two. */
export interface ImagePart {
  kind: "image"
  url?: string
  file_id?: string
  detail?: string
  cache?: CacheMark
}

/** A file by content (data URL or base64), URL or id of an upload: exactly one of the three. */
export interface FilePart {
  kind: "file"
  data?: string
  url?: string
  file_id?: string
  filename?: string
  cache?: CacheMark
}

/** Something only its own protocol can say, kept verbatim; writers of other protocols leave it out. */
export interface RawPart {
  kind: "raw"
  protocol: Protocol
  raw: JsonObject
}

export type Protocol = "openai-responses" | "openai-chat" | "anthropic-messages"
export type Part = TextPart | RefusalPart | ImagePart | FilePart | RawPart

/** Something said. `phase` is Codex's commentary or final_answer (codex-cli-wire 4.2). */
export interface MessageItem {
  kind: "message"
  role: "user" | "assistant" | "system" | "developer"
  parts: Part[]
  phase?: string
}

/**
 * Thinking of an earlier turn. `sealed` is an opaque blob of the upstream that made it: OpenAI's
 * encrypted_content, Anthropic's signature over `text`, or a redacted block; it goes back verbatim and to
 * that upstream only.
 */
export interface ReasoningItem {
  kind: "reasoning"
  summary: string[]
  /** The thinking itself: Anthropic's thinking, DeepSeek's reasoning_content, OpenAI's reasoning_text. */
  text: string[]
  sealed?: string
  is_redacted?: true
}

/**
 * How a tool takes its arguments: a JSON object, free text, or a search that the client runs over its own
 * tools.
 */
export type ToolKind = "function" | "custom" | "tool_search"

/** A call the model made. `arguments` is the model's text, byte for byte; never parsed and written again. */
export interface ToolCallItem {
  kind: "tool-call"
  tool: ToolKind
  call_id: string
  /** For a tool_search always "tool_search". */
  name: string
  namespace?: string
  arguments: string
}

/** What a function or custom tool answered. */
export interface ToolResultItem {
  kind: "tool-result"
  tool: "function" | "custom"
  call_id: string
  output: string | Part[]
  is_error?: true
  cache?: CacheMark
}

/** The tools a tool search found; from here on the model may call them. */
export interface ToolSearchResultItem {
  kind: "tool-search-result"
  call_id: string
  tools: Tool[]
}

/**
 * Work that the upstream's own server did, such as a web_search_call; `raw` is in the Responses item shape,
 * no id.
 */
export interface HostedCallItem {
  kind: "hosted-call"
  raw: JsonObject & { type: string }
  results?: SearchResult[]
}

/** A page that a hosted web search found. */
export interface SearchResult {
  url: string
  title?: string
  page_age?: string
  /** The upstream's own copy of the page, opaque, for that upstream only. */
  sealed?: string
}

/** An item only its own protocol can say (compaction, item_reference, …), kept verbatim. */
export interface RawItem {
  kind: "raw"
  protocol: Protocol
  raw: JsonObject
}

export type Item =
  | MessageItem
  | ReasoningItem
  | ToolCallItem
  | ToolResultItem
  | ToolSearchResultItem
  | HostedCallItem
  | RawItem

/** A tool with a JSON Schema for its arguments. */
export interface FunctionTool {
  kind: "function"
  name: string
  description?: string
  parameters?: JsonObject
  /** The arguments must match the schema. Not said means no: the protocols' own defaults differ. */
  is_strict?: true
  /** Known to the model only by name until a tool search loads it. */
  is_deferred?: true
  cache?: CacheMark
}

/** A tool that takes free text, maybe bound by a grammar. */
export interface CustomTool {
  kind: "custom"
  name: string
  description?: string
  grammar?: { syntax: string; definition: string }
}

/** Tools under one name; a call names both (codex-cli-wire 0.10). */
export interface NamespaceTool {
  kind: "namespace"
  name: string
  description?: string
  tools: Tool[]
}

/** The client's own search over tools it has not listed. */
export interface ToolSearchTool {
  kind: "tool_search"
  description?: string
  parameters?: JsonObject
}

/** A web search that the upstream runs itself. */
export interface WebSearchTool {
  kind: "web_search"
  /** False: answer from an index, without live access. */
  has_live_access?: boolean
  allowed_domains?: string[]
  blocked_domains?: string[]
  /** The most searches of one answer. */
  max_uses?: number
  user_location?: { city?: string; region?: string; country?: string; timezone?: string }
  context_size?: string
  content_types?: string[]
}

/** A tool only its own protocol can say, kept verbatim. */
export interface RawTool {
  kind: "raw"
  protocol: Protocol
  raw: JsonObject
}

export type Tool = FunctionTool | CustomTool | NamespaceTool | ToolSearchTool | WebSearchTool | RawTool

export type ToolChoice =
  | "auto"
  | "none"
  | "required"
  | { tool: "function" | "custom"; name: string }
  | { tool: "web_search" }

/**
 * How much to think; `effort` is any word (codex-cli-wire 3.2: never reject), "none" switches thinking off.
 */
export interface ReasoningWish {
  effort?: string
  summary?: string
  /** Anthropic's bound in tokens. */
  budget_tokens?: number
}

export type TextFormat =
  | { kind: "json_object" }
  | { kind: "json_schema"; name: string; description?: string; schema: JsonObject; strict?: boolean }

/** One request. Absent means "not said": a writer never fills in a default the client did not choose. */
export interface ModelRequest {
  model: string
  /** The system prompt; more than one part only when a client marked parts for the cache. */
  instructions: TextPart[]
  items: Item[]
  tools: Tool[]
  tool_choice?: ToolChoice
  parallel_tool_calls?: boolean
  reasoning?: ReasoningWish
  /** Ask the upstream for sealed reasoning, so that the next turn can send it back. */
  wants_sealed_reasoning?: true
  max_output_tokens?: number
  temperature?: number
  top_p?: number
  stop?: string[]
  text_format?: TextFormat
  verbosity?: string
  stream: boolean
  cache_key?: string
  service_tier?: string
  metadata?: { [key: string]: string }
  /** What only its own protocol can do and must not be dropped silently: writers of others refuse by the first. */
  only_native?: { field: string; message: string }[]
}
