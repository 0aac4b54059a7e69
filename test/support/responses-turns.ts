/** Builders of true OpenAI Responses answers, as SSE frames or as one JSON body; they serve nothing. */

/** Token counts as OpenAI counts: `input` includes `cached`, `output` includes `reasoning`. */
export interface TurnUsage {
  input: number
  cached?: number
  output: number
  reasoning?: number
}

export interface TurnOptions {
  id?: string
  model?: string
  /** Pieces each text or tool argument is cut into; 4 unless told. */
  deltas?: number
  /** Ends as `response.incomplete` for this reason. */
  incomplete?: string
}

export type TurnItem =
  | MessageItem
  | ReasoningItem
  | FunctionCallItem
  | CustomCallItem
  | ToolSearchItem
  | WebSearchItem

export interface MessageItem {
  type: "message"
  text: string
  phase?: "commentary" | "final_answer"
}

export interface ReasoningItem {
  type: "reasoning"
  encrypted: string
  summary: string
}

export interface FunctionCallItem {
  type: "function_call"
  callId: string
  name: string
  namespace?: string
  /** An object is written as JSON; a string goes out as it is. */
  arguments: object | string
}

export interface CustomCallItem {
  type: "custom_tool_call"
  callId: string
  name: string
  input: string
}

/** The client searches among its deferred tools. */
export interface ToolSearchItem {
  type: "tool_search_call"
  callId: string
  query: string
}

/** The vendor has searched the web. */
export interface WebSearchItem {
  type: "web_search_call"
  query: string
  urls: string[]
}

type Json = Record<string, unknown>
type Emit = (type: string, rest: Json) => void
interface Piece {
  id: string
  index: number
  deltas: number
  emit: Emit
}

/** One assistant message and the end of the turn. */
export function textTurn(text: string, usage: TurnUsage, options: TurnOptions = {}): string[] {
  return turn([{ type: "message", text }], usage, options)
}

/** Tool calls, after any reasoning or message given with them, and the end of the turn. */
export function toolTurn(items: TurnItem[], usage: TurnUsage, options: TurnOptions = {}): string[] {
  return turn(items, usage, options)
}

/** A reasoning item with its sealed content. */
export function reasoningItem(encrypted: string, summary = "Thinking it over"): ReasoningItem {
  return { type: "reasoning", encrypted, summary }
}

/** Any items in order, as the frames of one streamed answer: each string is one whole SSE frame. */
export function turn(items: TurnItem[], usage: TurnUsage, options: TurnOptions = {}): string[] {
  const { frames, emit } = startFrames()
  const id = options.id ?? freshId("resp")
  const base = answerBase(id, options.model ?? "gpt-5.5")
  const started = { ...base, status: "in_progress", output: [], usage: null }
  emit("response.created", { response: started })
  emit("response.in_progress", { response: started })
  const output = items.map((item, index) =>
    emitItem(item, { id: itemId(item), index, deltas: options.deltas ?? 4, emit }),
  )
  const { incomplete: reason } = options
  const end = reason === undefined ? { status: "completed" } : { status: "incomplete" }
  const details = reason === undefined ? {} : { incomplete_details: { reason } }
  emit(`response.${end.status}`, {
    response: { ...base, ...end, ...details, output, usage: wireUsage(usage) },
  })
  return frames
}

/** The same answer as `textTurn`, not streamed. */
export function wholeTextTurn(text: string, usage: TurnUsage, options: TurnOptions = {}): Json {
  const base = answerBase(options.id ?? freshId("resp"), options.model ?? "gpt-5.5")
  const item: MessageItem = { type: "message", text }
  const output = [doneItem(item, itemId(item))]
  return { ...base, status: "completed", output, usage: wireUsage(usage) }
}

/** A stream that ends in `response.failed`, before any output unless `text` is given. */
export function failedTurn(
  code: string,
  message: string,
  options: TurnOptions & { text?: string; usage?: TurnUsage } = {},
): string[] {
  const { frames, emit } = startFrames()
  const base = answerBase(options.id ?? freshId("resp"), options.model ?? "gpt-5.5")
  const started = { ...base, status: "in_progress", output: [], usage: null }
  emit("response.created", { response: started })
  emit("response.in_progress", { response: started })
  const output: Json[] = []
  if (options.text !== undefined) {
    const item: MessageItem = { type: "message", text: options.text }
    output.push(emitItem(item, { id: itemId(item), index: 0, deltas: options.deltas ?? 4, emit }))
  }
  const usage = options.usage ? wireUsage(options.usage) : null
  emit("response.failed", {
    response: { ...base, status: "failed", error: { code, message }, output, usage },
  })
  return frames
}

/** OpenAI's `usage` object for these counts. */
export function wireUsage(usage: TurnUsage): Json {
  return {
    input_tokens: usage.input,
    input_tokens_details: { cached_tokens: usage.cached ?? 0 },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning ?? 0 },
    total_tokens: usage.input + usage.output,
  }
}

function startFrames(): { frames: string[]; emit: Emit } {
  const frames: string[] = []
  const emit: Emit = (type, rest) => {
    const data = JSON.stringify({ type, sequence_number: frames.length, ...rest })
    frames.push(`event: ${type}\ndata: ${data}\n\n`)
  }
  return { frames, emit }
}

function answerBase(id: string, model: string): Json {
  return {
    id,
    object: "response",
    created_at: 1_760_000_000,
    status: "in_progress",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    model,
    parallel_tool_calls: true,
    previous_response_id: null,
    service_tier: "default",
    store: false,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    metadata: {},
  }
}

/** Emits the whole life of one item and gives back its finished form. */
function emitItem(item: TurnItem, piece: Piece): Json {
  const { id, index, emit } = piece
  const done = doneItem(item, id)
  emit("response.output_item.added", { output_index: index, item: openItem(item, id) })
  switch (item.type) {
    case "message":
      emitMessage(item, piece)
      break
    case "reasoning":
      emitReasoning(item, piece)
      break
    case "function_call":
      emitPieces("response.function_call_arguments", argumentsText(item), piece)
      break
    case "custom_tool_call":
      emitPieces("response.custom_tool_call_input", item.input, piece)
      break
    case "web_search_call":
      for (const state of ["in_progress", "searching", "completed"])
        emit(`response.web_search_call.${state}`, { item_id: id, output_index: index })
      break
    case "tool_search_call":
      break
  }
  emit("response.output_item.done", { output_index: index, item: done })
  return done
}

function emitMessage(item: MessageItem, { id, index, deltas, emit }: Piece): void {
  const at = { item_id: id, output_index: index, content_index: 0 }
  const part = { type: "output_text", annotations: [], logprobs: [], text: "" }
  emit("response.content_part.added", { ...at, part })
  for (const delta of cut(item.text, deltas)) {
    emit("response.output_text.delta", { ...at, delta, logprobs: [] })
  }
  emit("response.output_text.done", { ...at, text: item.text, logprobs: [] })
  emit("response.content_part.done", { ...at, part: { ...part, text: item.text } })
}

function emitReasoning(item: ReasoningItem, { id, index, deltas, emit }: Piece): void {
  const at = { item_id: id, output_index: index, summary_index: 0 }
  emit("response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } })
  for (const delta of cut(item.summary, deltas)) {
    emit("response.reasoning_summary_text.delta", { ...at, delta })
  }
  emit("response.reasoning_summary_text.done", { ...at, text: item.summary })
  const part = { type: "summary_text", text: item.summary }
  emit("response.reasoning_summary_part.done", { ...at, part })
}

function emitPieces(event: string, text: string, { id, index, deltas, emit }: Piece): void {
  const at = { item_id: id, output_index: index }
  for (const delta of cut(text, deltas)) emit(`${event}.delta`, { ...at, delta })
  const field = event.endsWith("arguments") ? "arguments" : "input"
  emit(`${event}.done`, { ...at, [field]: text })
}

function openItem(item: TurnItem, id: string): Json {
  switch (item.type) {
    case "message":
      return { id, type: "message", status: "in_progress", content: [], role: "assistant", ...phaseOf(item) }
    case "reasoning":
      return { id, type: "reasoning", encrypted_content: item.encrypted.slice(0, 8), summary: [] }
    case "function_call":
      return { ...doneItem(item, id), status: "in_progress", arguments: "" }
    case "custom_tool_call":
      return { ...doneItem(item, id), status: "in_progress", input: "" }
    case "web_search_call":
      return { id, type: item.type, status: "in_progress", action: { type: "search", query: item.query } }
    case "tool_search_call":
      return doneItem(item, id)
  }
}

function doneItem(item: TurnItem, id: string): Json {
  switch (item.type) {
    case "message": {
      const content = [{ type: "output_text", annotations: [], logprobs: [], text: item.text }]
      return { id, type: "message", status: "completed", content, role: "assistant", ...phaseOf(item) }
    }
    case "reasoning": {
      const summary = [{ type: "summary_text", text: item.summary }]
      return { id, type: "reasoning", encrypted_content: item.encrypted, summary }
    }
    case "function_call": {
      const call = { arguments: argumentsText(item), call_id: item.callId, name: item.name }
      const namespace = item.namespace === undefined ? {} : { namespace: item.namespace }
      return { id, type: "function_call", status: "completed", ...call, ...namespace }
    }
    case "custom_tool_call": {
      const call = { call_id: item.callId, input: item.input, name: item.name }
      return { id, type: "custom_tool_call", status: "completed", ...call }
    }
    case "web_search_call": {
      const sources = item.urls.map(url => ({ type: "url", url }))
      const action = { type: "search", query: item.query, queries: [item.query], sources }
      return { id, type: "web_search_call", status: "completed", action }
    }
    case "tool_search_call": {
      const call = { call_id: item.callId, execution: "client", arguments: { query: item.query, limit: 5 } }
      return { id, type: "tool_search_call", status: "completed", ...call }
    }
  }
}

function phaseOf(item: MessageItem): Json {
  return item.phase ? { phase: item.phase } : {}
}

function argumentsText(item: FunctionCallItem): string {
  return typeof item.arguments === "string" ? item.arguments : JSON.stringify(item.arguments)
}

function itemId(item: TurnItem): string {
  const prefixes = {
    message: "msg",
    reasoning: "rs",
    function_call: "fc",
    custom_tool_call: "ctc",
    tool_search_call: "ts",
    web_search_call: "ws",
  }
  return freshId(prefixes[item.type])
}

function freshId(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`
}

/** Cuts a text into at most `count` pieces, never inside a character. */
function cut(text: string, count: number): string[] {
  const characters = [...text]
  const size = Math.max(1, Math.ceil(characters.length / count))
  const pieces: string[] = []
  for (let at = 0; at < characters.length; at += size) {
    pieces.push(characters.slice(at, at + size).join(""))
  }
  return pieces
}
