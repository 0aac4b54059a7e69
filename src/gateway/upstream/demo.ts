/** The built-in demo upstream: speaks the Responses wire, with no model behind it; not a mock for tests. */

import type { AnswerStart } from "../protocol/codec.ts"
import { stringOf } from "../protocol/json.ts"
import type { ModelEvent } from "../protocol/model-event.ts"
import type { Item, ModelRequest, ToolResultItem } from "../protocol/model-request.ts"
import { collectResponse } from "../protocol/openai-responses/collect.ts"
import { readRequest } from "../protocol/openai-responses/read-request.ts"
import { startWriting, writeEvents } from "../protocol/openai-responses/write-events.ts"
import { encodeEvent } from "../protocol/sse.ts"

export interface DemoNeeds {
  /** Milliseconds since 1970. */
  clock: { now(): number }
  newId(prefix: string): string
  /** Waits between deltas, so that a person sees the answer stream; tests leave it out. */
  pause?: (ms: number) => Promise<void>
}

const PAUSE_MS = 15
const CHARS_PER_TOKEN = 4
const QUOTE_CHARS = 80
const QUOTED_LINES = 3

/**
 * Answers POST /responses, streamed when the body says so. The same body gives the same answer except for ids
 * and time. A malformed body is answered with 400 in OpenAI's error shape.
 */
export async function answerDemo(needs: DemoNeeds, request: Request): Promise<Response> {
  const body = await request.arrayBuffer()
  const read = readRequest(parse(body))
  if (!read.ok) return refusal(read.field, read.message)
  const { model, stream } = read.request
  const created_at = Math.floor(needs.clock.now() / 1000)
  const start: AnswerStart = { id: needs.newId("resp"), created_at, model }
  const answer = answerEvents(read.request, needs.newId("call"), body.byteLength)
  const headers = { "x-request-id": needs.newId("req") }
  if (!stream) return Response.json(collectResponse(start, answer), { headers })
  return new Response(streamOf(needs, start, answer), {
    headers: { ...headers, "content-type": "text/event-stream", "cache-control": "no-cache" },
  })
}

function parse(body: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    // Not JSON is not an object: readRequest refuses it by name.
    return undefined
  }
}

function refusal(field: string, message: string): Response {
  const error = { message: `${field}: ${message}`, type: "invalid_request_error", param: field, code: null }
  return Response.json({ error }, { status: 400 })
}

function streamOf(needs: DemoNeeds, start: AnswerStart, answer: ModelEvent[]): ReadableStream {
  let state = startWriting(start)
  let position = 0
  const pull = async (controller: ReadableStreamDefaultController): Promise<void> => {
    const event = answer[position]
    if (event === undefined) {
      controller.close()
      return
    }
    position += 1
    const [next, written] = writeEvents(state, event)
    state = next
    for (const wire of written) controller.enqueue(encodeEvent(wire))
    if (event.type.endsWith("-delta")) await needs.pause?.(PAUSE_MS)
    // A pull that enqueues nothing is not repeated, and some events write nothing.
    if (written.length === 0) await pull(controller)
  }
  return new ReadableStream({ pull })
}

/** The whole answer as events, within `max_output_tokens`, with its usage. */
function answerEvents(request: ModelRequest, call_id: string, body_bytes: number): ModelEvent[] {
  const thinking: ModelEvent[] = [
    { type: "reasoning-start" },
    ...words("Reading the prompt; the demo has no model to ask.").map(summaryPiece),
    { type: "reasoning-end" },
  ]
  const limit = (request.max_output_tokens ?? Number.POSITIVE_INFINITY) * CHARS_PER_TOKEN
  const { events, chars, is_cut } = cutAt([...thinking, ...replyEvents(request, call_id)], limit)
  const reasoning_chars = events.reduce((sum, event) => sum + (isThinking(event) ? charsOf(event) : 0), 0)
  const usage = {
    input_tokens: Math.ceil(body_bytes / CHARS_PER_TOKEN),
    cache_read_tokens: 0,
    cache_write_5m_tokens: 0,
    cache_write_1h_tokens: 0,
    output_tokens: Math.ceil(chars / CHARS_PER_TOKEN),
    reasoning_tokens: Math.ceil(reasoning_chars / CHARS_PER_TOKEN),
    web_search_count: 0,
  }
  const has_call = events.some(event => event.type === "tool-call-start")
  const stop = is_cut ? "max_tokens" : has_call ? "tool_call" : "end"
  return [
    { type: "answer-start" },
    ...events,
    { type: "usage", reported: { usage } },
    { type: "answer-end", stop },
  ]
}

function summaryPiece(text: string): ModelEvent {
  return { type: "reasoning-delta", of: "summary", index: 0, text }
}

function replyEvents(request: ModelRequest, call_id: string): ModelEvent[] {
  const { prompt, results } = lastTurn(request.items)
  const call = commandCall(request, prompt)
  if (call !== undefined && results.length === 0) {
    return [
      { type: "tool-call-start", tool: "function", call_id, name: call.name },
      { type: "tool-call-delta", text: call.arguments },
      { type: "tool-call-end" },
    ]
  }
  const pieces = words(replyText(prompt, results))
  const deltas = pieces.map((text): ModelEvent => ({ type: "text-delta", text }))
  return [{ type: "text-start" }, ...deltas, { type: "text-end" }]
}

/** What the user asked last, and what came back from tools since. */
function lastTurn(items: Item[]): { prompt: string; results: ToolResultItem[] } {
  const index = items.findLastIndex(item => item.kind === "message" && item.role === "user")
  const results = items.slice(index + 1).filter(item => item.kind === "tool-result")
  const asked = items[index]
  if (asked?.kind !== "message") return { prompt: "", results }
  const texts = asked.parts.flatMap(part => (part.kind === "text" ? [part.text] : []))
  return { prompt: texts.join(" ").replace(/\s+/g, " ").trim(), results }
}

/** The shell tools of the Codex CLI; both take one string (tools-catalogue.json). */
const COMMANDS: { [tool: string]: string } = {
  exec_command: '{"cmd":"ls"}',
  shell_command: '{"command":"ls"}',
}

/** The call to make first, when the user asks for a command and the client offers a shell. */
function commandCall(request: ModelRequest, prompt: string): { name: string; arguments: string } | undefined {
  if (request.tool_choice === "none" || !/\b(run a command|list (the |my )?files)\b/i.test(prompt))
    return undefined
  const tool = request.tools.find(
    offered => offered.kind === "function" && Object.hasOwn(COMMANDS, offered.name),
  )
  return tool?.kind === "function" ? { name: tool.name, arguments: COMMANDS[tool.name]! } : undefined
}

const CONNECT = "To connect a real upstream, set OPENAI_API_KEY and restart CodexAPI."

function replyText(prompt: string, results: ToolResultItem[]): string {
  const intro = "This is the demo of CodexAPI; there is no model behind this answer."
  const result = results.at(-1)
  if (result !== undefined) return `${intro} ${summary(result)}\n\n${CONNECT}`
  const echo = prompt === "" ? "Your request had no text." : `You wrote: "${shorten(prompt)}"`
  return `${intro} ${echo}\n\n${CONNECT}`
}

/**
 * Up to three lines of a tool's output, without the header that the Codex CLI writes (codex-cli-wire 6.1).
 */
function summary(result: ToolResultItem): string {
  const text = stringOf(result.output) ?? ""
  const lines = text.slice(text.indexOf("Output:\n") === -1 ? 0 : text.indexOf("Output:\n") + 8).split("\n")
  const quoted = lines.filter(line => line.trim() !== "").slice(0, QUOTED_LINES)
  if (quoted.length === 0) return "The command ran and printed nothing."
  return `The command ran and printed:\n${quoted.map(line => `> ${shorten(line)}`).join("\n")}`
}

function shorten(text: string): string {
  const chars = Array.from(text)
  return chars.length <= QUOTE_CHARS ? text : `${chars.slice(0, QUOTE_CHARS).join("")}…`
}

function words(text: string): string[] {
  return text.match(/\S+\s*/g) ?? []
}

function isThinking(event: ModelEvent): boolean {
  return event.type === "reasoning-delta"
}

function textOf(event: ModelEvent): string | undefined {
  return "text" in event ? event.text : undefined
}

function charsOf(event: ModelEvent): number {
  return Array.from(textOf(event) ?? "").length
}

/** The events up to `limit` characters; the block in which the limit falls is closed there. */
function cutAt(
  events: ModelEvent[],
  limit: number,
): { events: ModelEvent[]; chars: number; is_cut: boolean } {
  let chars = 0
  for (const [index, event] of events.entries()) {
    const size = charsOf(event)
    if (chars + size > limit) {
      const kept = Array.from(textOf(event) ?? "").slice(0, limit - chars)
      const last = kept.length === 0 ? [] : [{ ...event, text: kept.join("") } as ModelEvent]
      return { events: [...events.slice(0, index), ...last, endOf(event)], chars: limit, is_cut: true }
    }
    chars += size
  }
  return { events, chars, is_cut: false }
}

function endOf(delta: ModelEvent): ModelEvent {
  if (delta.type === "reasoning-delta") return { type: "reasoning-end" }
  return delta.type === "tool-call-delta" ? { type: "tool-call-end", is_cut: true } : { type: "text-end" }
}
