/** One fuzzed upstream answer and who asked for it, made from a seed and a number alone. */
import { type ClientProtocol, UPSTREAMS } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import type { SeededRandom } from "../simulation/seeded-random.ts"
import { CLIENT_PROTOCOLS } from "../support/pairs.ts"
import { damageBytes, damageJson, damageValue, oddValue } from "./mutate-json.ts"
import { randomOf } from "./request-case.ts"
import { FUZZ_MODELS, type FuzzModel, markOf } from "./stage.ts"
import { type StreamCorpus, type WireEvent, writeEvent, writeEvents } from "./stream-corpus.ts"

/** How the connection ends. */
export type End = "end" | "reset" | "silence" | "late-end"

export interface StreamCase {
  model: FuzzModel
  client: ClientProtocol
  path: string
  headers: Record<string, string>
  body: JsonObject
  customer: "rich" | "poor"
  /** The client goes away after so many pieces. */
  leaves_after: number | undefined
  upstream: { status: number; headers: Record<string, string>; chunks: Uint8Array[]; end: End }
}

const PATHS: Record<ClientProtocol, string> = {
  "openai-responses": "/v1/responses",
  "openai-chat": "/v1/chat/completions",
  "openai-completions": "/v1/completions",
  "anthropic-messages": "/v1/messages",
}

export function makeStream(seed: number, index: number, corpus: StreamCorpus): StreamCase {
  const random = randomOf(seed ^ 0x5eed, index)
  const model = random.chance(0.8) ? FUZZ_MODELS[random.int(3)]! : random.pick(FUZZ_MODELS)
  const client = random.pick(CLIENT_PROTOCOLS)
  const is_streamed = random.chance(0.65)
  const is_codex = client === "openai-responses" && random.chance(0.4)
  return {
    model,
    client,
    path: PATHS[client],
    headers: { "content-type": "application/json", ...(is_codex && { originator: "codex_exec" }) },
    body: askOf(random, client, { model: model.name, prompt: markOf(index), is_streamed }),
    customer: random.chance(0.03) ? "poor" : "rich",
    leaves_after: random.chance(0.03) ? random.int(4) : undefined,
    upstream: makeUpstream(random, model, corpus),
  }
}

const parameters = { type: "object", properties: { input: { type: "string" } } }
const RUN = { name: "run", description: "d" }

function askOf(
  random: SeededRandom,
  client: ClientProtocol,
  { model, prompt, is_streamed }: { model: string; prompt: string; is_streamed: boolean },
): JsonObject {
  const has_tools = random.chance(0.7)
  const stream = is_streamed ? { stream: true } : {}
  // Small enough for one hold, so that the upstream is asked for a whole answer, or left to the model's limit.
  const limit = random.chance(0.5) ? 500 : undefined
  switch (client) {
    case "openai-responses":
      return {
        model,
        input: prompt,
        ...stream,
        ...(random.chance(0.7) && { store: false }),
        ...(limit && { max_output_tokens: limit }),
        ...(has_tools && { tools: RESPONSES_TOOLS }),
      }
    case "openai-chat":
      return {
        model,
        messages: [{ role: "user", content: prompt }],
        ...stream,
        ...(is_streamed && random.chance(0.5) && { stream_options: { include_usage: true } }),
        ...(random.chance(0.2) && { store: true }),
        ...(limit && { max_completion_tokens: limit }),
        ...(has_tools && { tools: CHAT_TOOLS }),
      }
    case "openai-completions":
      return { model, prompt, ...stream, ...(limit && { max_tokens: limit }) }
    case "anthropic-messages":
      return {
        model,
        max_tokens: limit ?? 16_000,
        messages: [{ role: "user", content: prompt }],
        ...stream,
        ...(has_tools && { tools: [{ ...RUN, input_schema: parameters }] }),
      }
  }
}

const RESPONSES_TOOLS = [
  { type: "function", ...RUN, parameters },
  { type: "custom", name: "apply_patch", description: "d" },
  {
    type: "namespace",
    name: "mcp__x__",
    description: "d",
    tools: [{ type: "function", ...RUN, parameters }],
  },
  { type: "tool_search", execution: "client", description: "d", parameters },
]
const CHAT_TOOLS = [
  { type: "function", function: { ...RUN, parameters } },
  { type: "custom", custom: { name: "apply_patch", description: "d" } },
]

function makeUpstream(random: SeededRandom, model: FuzzModel, corpus: StreamCorpus): StreamCase["upstream"] {
  const events = random.pick(corpus[model.protocol])
  if (random.chance(0.06)) return refusal(random)
  const is_whole = random.chance(0.22)
  const whole = is_whole ? wholeText(random, model, events) : undefined
  const bytes = Buffer.from(whole ?? streamText(random, events, corpus[model.protocol]), "utf8")
  const broken = random.chance(0.08) ? damageBytes(random, bytes) : bytes
  return {
    status: 200,
    headers: contentType(random, is_whole),
    chunks: cut(random, broken),
    end: random.pick<End>([...Array<End>(16).fill("end"), "reset", "reset", "silence", "late-end"]),
  }
}

function contentType(random: SeededRandom, is_whole: boolean): Record<string, string> {
  if (random.chance(0.85))
    return { "content-type": is_whole ? "application/json" : "text/event-stream; charset=utf-8" }
  const type = random.pick([
    "application/json",
    "text/event-stream",
    "text/html",
    "application/octet-stream",
    "",
  ])
  return type === "" ? {} : { "content-type": type }
}

const STATUSES = [
  204, 301, 400, 400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 429, 429, 500, 502, 503, 504, 529, 599,
]
const REFUSALS: readonly (() => unknown)[] = [
  () => ({ error: { message: "UPSTREAM-WORDS", type: "invalid_request_error", code: "x", param: "model" } }),
  () => ({ type: "error", error: { type: "overloaded_error", message: "UPSTREAM-WORDS" } }),
  () => ({ error: { message: "", type: "", code: "", param: "" } }),
  () => ({ error: { message: 5, type: [], code: {}, param: 7 } }),
  () => ({ error: "UPSTREAM-WORDS" }),
  () => ({ error: { message: "prompt is too long: 9 tokens > 8 maximum", type: "invalid_request_error" } }),
  () => ({ message: "UPSTREAM-WORDS" }),
  () => [],
  () => null,
  () => "UPSTREAM-WORDS",
]

function refusal(random: SeededRandom): StreamCase["upstream"] {
  const status = random.pick(STATUSES)
  const bodies = [...REFUSALS.map(make => JSON.stringify(make())), "", "<html>Bad gateway</html>", "{"]
  const text = status === 204 ? "" : random.pick(bodies)
  const waits = ["1", "0", "-5", "abc", "1e9", "Wed, 21 Oct 2026 07:28:00 GMT", ""]
  const headers: Record<string, string> = random.chance(0.4) ? { "retry-after": random.pick(waits) } : {}
  return { status, headers, chunks: [Buffer.from(text, "utf8")], end: random.chance(0.9) ? "end" : "reset" }
}

/** The stream collected by our own reader of its protocol, and then damaged. */
function wholeText(random: SeededRandom, model: FuzzModel, events: readonly WireEvent[]): string | undefined {
  const stream = Buffer.from(writeEvents(events, "\n"), "utf8").toString("latin1")
  const text = UPSTREAMS[model.protocol].wholeAnswer(stream)
  if (text === undefined) return undefined
  const decoded = text
  if (random.chance(0.2)) return decoded
  const damaged = JSON.stringify(damageValue(random, JSON.parse(decoded), random.between(1, 4))) ?? ""
  return random.chance(0.15) ? damageJson(random, damaged) : damaged
}

type Damage = (random: SeededRandom, events: WireEvent[], others: readonly WireEvent[][]) => void

const FAILURES: readonly WireEvent[] = [
  { name: "error", data: { type: "error", error: { type: "overloaded_error", message: "UPSTREAM-WORDS" } } },
  {
    name: "error",
    data: { type: "error", code: "server_error", message: "UPSTREAM-WORDS", param: null, sequence_number: 3 },
  },
  { name: undefined, data: { error: { message: "UPSTREAM-WORDS", type: "server_error", code: 500 } } },
  {
    name: "response.failed",
    data: {
      type: "response.failed",
      response: { status: "failed", error: { code: "x", message: "UPSTREAM-WORDS" } },
    },
  },
  { name: "error", data: { type: "error" } },
  { name: undefined, data: "[DONE]" },
]

const ODD_EVENTS: readonly WireEvent[] = [
  { name: "ping", data: { type: "ping" } },
  { name: "unknown", data: { type: "unknown", x: 1 } },
  { name: undefined, data: "" },
  { name: undefined, data: "null" },
  { name: undefined, data: "[]" },
  { name: undefined, data: "{" },
  { name: undefined, data: '"text"' },
  { name: undefined, data: { choices: [] } },
  { name: undefined, data: { choices: null, usage: null } },
  { name: undefined, data: { choices: [{ index: 0, delta: { role: "assistant" }, finish_reason: "stop" }] } },
  { name: "message_stop", data: { type: "message_stop" } },
  { name: "message_start", data: { type: "message_start", message: {} } },
  { name: "content_block_stop", data: { type: "content_block_stop", index: 0 } },
  {
    name: "response.completed",
    data: { type: "response.completed", response: { status: "completed", output: [] } },
  },
]

const USAGES: readonly JsonObject[] = [
  { input_tokens: -5, output_tokens: -7, prompt_tokens: -5, completion_tokens: -7 },
  { input_tokens: 1.5, output_tokens: 2.5, prompt_tokens: 1.5, completion_tokens: 2.5 },
  { input_tokens: "12", output_tokens: "x", prompt_tokens: "12", completion_tokens: "x" },
  { input_tokens: 1e308, output_tokens: 1e308, prompt_tokens: 1e308, completion_tokens: 1e308 },
  {
    input_tokens: 3,
    output_tokens: 4,
    input_tokens_details: { cached_tokens: 99 },
    prompt_tokens: 3,
    completion_tokens: 4,
    prompt_tokens_details: { cached_tokens: 99 },
  },
  {
    input_tokens: 3,
    output_tokens: 4,
    output_tokens_details: { reasoning_tokens: 99 },
    cache_read_input_tokens: -1,
    cache_creation_input_tokens: "3",
  },
  { input_tokens: null, output_tokens: [], prompt_tokens: {}, completion_tokens: true },
  {},
]

const at = (random: SeededRandom, events: readonly unknown[]): number =>
  random.int(Math.max(1, events.length))

const DAMAGES: readonly Damage[] = [
  (random, events) => void events.splice(at(random, events), random.between(1, 3)),
  (random, events) => {
    const place = at(random, events)
    events.splice(place, 0, ...structuredClone(events.slice(place, place + random.between(1, 3))))
  },
  (random, events) => {
    const [taken] = events.splice(at(random, events), 1)
    if (taken) events.splice(at(random, events), 0, taken)
  },
  (random, events) => void events.splice(at(random, events)),
  (random, events) => void events.splice(at(random, events), 0, structuredClone(random.pick(FAILURES))),
  (random, events) => void events.splice(at(random, events), 0, structuredClone(random.pick(ODD_EVENTS))),
  (random, events) => changeData(random, events, data => damageValue(random, data, random.between(1, 3))),
  (random, events) => changeData(random, events, data => damageValue(random, data, 1)),
  (random, events) => changeData(random, events, data => damageValue(random, data, 1)),
  (random, events) =>
    changeData(random, events, data =>
      damageJson(random, JSON.stringify(data ?? null)).replaceAll("\n", " "),
    ),
  (random, events) => {
    for (const [index] of events.entries())
      changeData(random, events, data => damageValue(random, data, 1), index)
  },
  (random, events, others) => void events.push(...structuredClone(random.pick(others))),
  (random, events, others) => {
    const other = random.pick(others)
    events.splice(at(random, events), 0, ...structuredClone(other.slice(0, at(random, other))))
  },
  (random, events) => {
    const last = events.at(-1)
    if (last) events.push(structuredClone(last), ...structuredClone(events.slice(0, random.int(4))))
  },
  (random, events) => void events.reverse().splice(random.int(40)),
  (random, events) => {
    for (const event of events) event.name = random.pick([undefined, event.name, "message", ""])
  },
  setUsages,
  setUsages,
  (random, events) => {
    const value = oddValue(random)
    const key = random.pick([
      "index",
      "output_index",
      "id",
      "item_id",
      "call_id",
      "content_index",
      "sequence_number",
      "type",
    ])
    for (const event of events) replaceKeys(event.data, key, value, 0)
  },
]

function changeData(
  random: SeededRandom,
  events: WireEvent[],
  change: (data: unknown) => unknown,
  place = at(random, events),
): void {
  const event = events[place]
  if (event && typeof event.data !== "string") event.data = change(event.data)
}

function setUsages(random: SeededRandom, events: WireEvent[]): void {
  const usage = random.chance(0.8) ? random.pick(USAGES) : oddValue(random)
  for (const event of events) replaceKeys(event.data, "usage", usage, 0)
}

function replaceKeys(value: unknown, key: string, replacement: unknown, depth: number): void {
  if (depth > 4) return
  if (Array.isArray(value)) for (const one of value) replaceKeys(one, key, replacement, depth + 1)
  if (!isJsonObject(value)) return
  for (const name of Object.keys(value)) {
    if (name === key) value[name] = replacement
    else replaceKeys(value[name], key, replacement, depth + 1)
  }
}

/** A line of 40 MB, seldom: it is more than an event may have. */
const GIGANTIC_CHANCE = 1 / 2_500
const GIGANTIC_BYTES = 40_000_000

function streamText(
  random: SeededRandom,
  legal: readonly WireEvent[],
  others: readonly WireEvent[][],
): string {
  const events = structuredClone([...legal])
  const count = random.pick([0, 1, 1, 1, 2, 2, 4])
  for (let step = 0; step < count; step++) random.pick(DAMAGES)(random, events, others)
  const line = random.pick(["\n", "\n", "\n", "\n", "\r\n"])
  const noise = [": comment", "retry: 3", "id: 7", "data", "event:", "data:", "\u0000", "event: x"]
  const pieces = events.map(event => {
    const text = writeEvent(event, line)
    if (random.chance(0.985)) return text
    // A missing blank line, a line of something else, data over two lines.
    const ways = [
      text.slice(0, -line.length),
      random.pick(noise) + line + text,
      text.replace(",", `,${line}data: `),
    ]
    return random.pick(ways)
  })
  if (random.chance(GIGANTIC_CHANCE))
    pieces.splice(at(random, pieces), 0, `data: "${"x".repeat(GIGANTIC_BYTES)}"${line}${line}`)
  const text = pieces.join("")
  return random.chance(0.05) ? text.slice(0, random.int(text.length + 1)) : text
}

/** The bytes as they arrive: at once, in a few pieces, or one by one. */
function cut(random: SeededRandom, bytes: Uint8Array): Uint8Array[] {
  const way = random.int(10)
  if (way < 3 || bytes.length > 1_000_000) return inPieces(bytes, Math.max(1, Math.ceil(bytes.length / 4)))
  if (way < 4) return inPieces(bytes.subarray(0, 3_000), 1).concat(inPieces(bytes.subarray(3_000), 5_000))
  return inPieces(bytes, random.between(2, 600))
}

function inPieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size))
  return pieces
}
