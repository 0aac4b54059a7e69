/** Generators of model requests and of legal answers, for the property tests of all protocols. */
import fc from "fast-check"
import type { JsonObject } from "../../src/gateway/protocol/json.ts"
import type { ModelEvent, StopReason } from "../../src/gateway/protocol/model-event.ts"
import type { Item, ModelRequest, Part, Tool } from "../../src/gateway/protocol/model-request.ts"
import type { ReportedUsage } from "../../src/wallet/pricing/usage.ts"
import { NO_USAGE } from "../../src/wallet/pricing/usage.ts"

/**
 * Any text: emoji, controls, separators that some parsers take for line ends, text that looks like our wire.
 */
export const arbitraryText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\n\ndata: {}\n\n", "\u2028", "\r\n", " ", '"', "\\u0000", "[DONE]", "🜚"),
  },
)

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,15}$/)
const count = fc.oneof(
  fc.nat(1000),
  fc.maxSafeNat().map(big => Math.floor(big / 8)),
)

/** JSON objects without keys that JavaScript reorders. */
const jsonObject: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(name, fc.oneof(arbitraryText, fc.integer(), fc.boolean(), fc.constant(null))), {
    maxLength: 4,
  })
  .map(entries => Object.fromEntries(entries))

/**
 * Arguments as a model writes them: odd spacing, digits beyond 2^53, exponents, escapes, sometimes no JSON at
 * all.
 */
export const arbitraryArguments: fc.Arbitrary<string> = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.constantFrom(
    '{"id": 9007199254740993,  "n":1.0,"e":1E400}',
    '{"n":123456789012345678901234567890}',
    '{"a":"\\u00e9\\/","a":2}',
    "{ }",
    '{"cmd": "echo',
  ),
  arbitraryText.filter(text => text.trim() !== ""),
)

function optionally<T extends object>(
  model: { [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<Partial<T>> {
  return fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>
}

const image: fc.Arbitrary<Part> = fc.oneof(
  fc.record({
    kind: fc.constant("image" as const),
    url: fc.webUrl(),
    detail: fc.constantFrom("high", "low"),
  }),
  fc.record({ kind: fc.constant("image" as const), file_id: name }),
)
const text: fc.Arbitrary<Part> = fc.record({ kind: fc.constant("text" as const), text: arbitraryText })
const file: fc.Arbitrary<Part> = fc.record({
  kind: fc.constant("file" as const),
  data: fc.base64String().map(bytes => `data:application/pdf;base64,${bytes}`),
  filename: name,
})
const refusal: fc.Arbitrary<Part> = fc.record({ kind: fc.constant("refusal" as const), text: arbitraryText })

const message: fc.Arbitrary<Item> = fc.oneof(
  fc.record({
    kind: fc.constant("message" as const),
    role: fc.constantFrom("user" as const, "system" as const, "developer" as const),
    parts: fc.array(fc.oneof(text, image, file), { minLength: 1, maxLength: 3 }),
  }),
  fc.record(
    {
      kind: fc.constant("message" as const),
      role: fc.constant("assistant" as const),
      parts: fc.array(fc.oneof(text, refusal), { minLength: 1, maxLength: 3 }),
      phase: fc.constantFrom("commentary", "final_answer"),
    },
    { requiredKeys: ["kind", "role", "parts"] },
  ),
)

const functionTool: fc.Arbitrary<Tool> = fc
  .record({ kind: fc.constant("function" as const), name })
  .chain(tool =>
    optionally({
      description: arbitraryText,
      parameters: jsonObject,
      is_strict: fc.constant(true as const),
      is_deferred: fc.constant(true as const),
    }).map(rest => ({ ...tool, ...rest }) as Tool),
  )

/** Tools of every kind that the Responses protocol can say. */
export const arbitraryTool: fc.Arbitrary<Tool> = fc.oneof(
  functionTool,
  fc.record(
    {
      kind: fc.constant("custom" as const),
      name,
      description: arbitraryText,
      grammar: fc.record({ syntax: fc.constantFrom("lark", "regex"), definition: arbitraryText }),
    },
    { requiredKeys: ["kind", "name"] },
  ),
  fc.record({
    kind: fc.constant("namespace" as const),
    name,
    description: arbitraryText,
    tools: fc.array(functionTool, { maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant("tool_search" as const),
    description: arbitraryText,
    parameters: jsonObject,
  }),
  fc.record(
    {
      kind: fc.constant("web_search" as const),
      has_live_access: fc.boolean(),
      allowed_domains: fc.array(fc.domain(), { maxLength: 2 }),
      user_location: optionally({ city: name, country: name, region: name, timezone: name }),
      context_size: fc.constantFrom("low", "medium", "high"),
      content_types: fc.constant<string[]>(["text", "image"]),
    },
    { requiredKeys: ["kind"] },
  ) as fc.Arbitrary<Tool>,
  fc.record({
    kind: fc.constant("raw" as const),
    protocol: fc.constant("openai-responses" as const),
    raw: fc.record({ type: fc.constantFrom("mcp", "image_generation"), server_label: name }),
  }),
)

const call: fc.Arbitrary<Item> = fc.record(
  {
    kind: fc.constant("tool-call" as const),
    tool: fc.constantFrom("function" as const, "custom" as const),
    call_id: name,
    name,
    namespace: name,
    arguments: arbitraryArguments,
  },
  { requiredKeys: ["kind", "tool", "call_id", "name", "arguments"] },
)

/** Items of every kind that the Responses protocol can say. */
export const arbitraryItem: fc.Arbitrary<Item> = fc.oneof(
  message,
  call,
  fc.record({
    kind: fc.constant("tool-call" as const),
    tool: fc.constant("tool_search" as const),
    call_id: name,
    name: fc.constant("tool_search"),
    arguments: jsonObject.map(value => JSON.stringify(value)),
  }),
  fc.record({
    kind: fc.constant("tool-result" as const),
    tool: fc.constantFrom("function" as const, "custom" as const),
    call_id: name,
    output: fc.oneof(fc.string(), fc.array(fc.oneof(text, image), { maxLength: 3 })),
  }),
  fc.record({
    kind: fc.constant("tool-search-result" as const),
    call_id: name,
    tools: fc.array(arbitraryTool, { maxLength: 2 }),
  }),
  fc.record(
    {
      kind: fc.constant("reasoning" as const),
      summary: fc.array(arbitraryText, { maxLength: 2 }),
      text: fc.array(arbitraryText, { maxLength: 2 }),
      sealed: arbitraryText,
    },
    { requiredKeys: ["kind", "summary", "text"] },
  ),
  fc.record({ kind: fc.constant("hosted-call" as const), raw: fc.constant(webSearchCall("rust news")) }),
  fc.record({
    kind: fc.constant("raw" as const),
    protocol: fc.constant("openai-responses" as const),
    raw: fc.record({
      type: fc.constantFrom("compaction", "item_reference"),
      encrypted_content: arbitraryText,
    }),
  }),
)

function webSearchCall(query: string): JsonObject & { type: string } {
  return { type: "web_search_call", status: "completed", action: { type: "search", query } }
}

/** Requests that the Responses protocol can say in full; its losses are tested line by line instead. */
export const arbitraryRequest: fc.Arbitrary<ModelRequest> = fc.record(
  {
    model: name,
    instructions: fc.array(fc.record({ kind: fc.constant("text" as const), text: arbitraryText }), {
      maxLength: 1,
    }),
    items: fc.array(arbitraryItem, { maxLength: 6 }),
    tools: fc.array(arbitraryTool, { maxLength: 4 }),
    tool_choice: fc.oneof(
      fc.constantFrom("auto" as const, "none" as const, "required" as const),
      fc.record({ tool: fc.constantFrom("function" as const, "custom" as const), name }),
    ),
    parallel_tool_calls: fc.boolean(),
    reasoning: fc.oneof(
      fc.record({ effort: fc.constantFrom("none", "low", "xhigh", "zzz") }),
      fc.record({ effort: fc.constantFrom("medium", "max"), summary: fc.constantFrom("auto", "detailed") }),
    ),
    wants_sealed_reasoning: fc.constant(true as const),
    max_output_tokens: fc.integer({ min: 1, max: 1_000_000 }),
    temperature: fc.double({ min: 0, max: 2, noNaN: true }).map(value => value + 0),
    top_p: fc.constantFrom(0.1, 0.5, 1),
    text_format: fc.oneof(
      fc.record({ kind: fc.constant("json_object" as const) }),
      fc.record(
        { kind: fc.constant("json_schema" as const), name, schema: jsonObject, strict: fc.boolean() },
        { requiredKeys: ["kind", "name", "schema"] },
      ),
    ),
    verbosity: fc.constantFrom("low", "high"),
    stream: fc.boolean(),
    cache_key: name,
    service_tier: fc.constantFrom("auto", "priority"),
    metadata: fc.dictionary(name, arbitraryText, { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ["model", "instructions", "items", "tools", "stream"] },
) as fc.Arbitrary<ModelRequest>

const pieces = fc.array(arbitraryText, { minLength: 1, maxLength: 5 })

const citation: fc.Arbitrary<ModelEvent> = fc.record({
  type: fc.constant("text-citation" as const),
  citation: fc.record({ url: fc.webUrl(), title: name, start_index: fc.nat(50), end_index: fc.nat(50) }),
})

const textBlock: fc.Arbitrary<ModelEvent[]> = fc
  .tuple(
    optionally({ phase: fc.constantFrom("commentary", "final_answer") }),
    fc.boolean(),
    pieces,
    fc.array(citation, { maxLength: 2 }),
  )
  .map(([phase, is_refusal, texts, citations]) => [
    { type: "text-start", ...phase, ...(is_refusal ? { is_refusal: true as const } : {}) },
    ...texts.map((piece): ModelEvent => ({ type: "text-delta", text: piece })),
    ...(is_refusal ? [] : citations),
    { type: "text-end" },
  ])

const reasoningBlock: fc.Arbitrary<ModelEvent[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom("summary" as const, "text" as const), pieces), { maxLength: 3 }),
    optionally({ sealed: arbitraryText }),
  )
  .map(([parts, sealed]) => {
    const counts = { summary: 0, text: 0 }
    const deltas = parts.flatMap(([of, texts]) => {
      const index = counts[of]++
      return texts.map((piece): ModelEvent => ({ type: "reasoning-delta", of, index, text: piece }))
    })
    return [{ type: "reasoning-start" }, ...deltas, { type: "reasoning-end", ...sealed }]
  })

/** Cuts a text at arbitrary places; never an empty piece. */
export function arbitraryCut(whole: string): fc.Arbitrary<string[]> {
  const chars = Array.from(whole)
  return fc.array(fc.nat(chars.length), { maxLength: 4 }).map(cuts => {
    const edges = [...new Set([0, ...cuts, chars.length])].sort((a, b) => a - b)
    return edges.slice(1).map((edge, index) => chars.slice(edges[index], edge).join(""))
  })
}

const callBlock: fc.Arbitrary<ModelEvent[]> = fc
  .tuple(
    fc.constantFrom("function" as const, "custom" as const),
    name,
    optionally({ namespace: name }),
    arbitraryArguments.chain(arbitraryCut),
  )
  .map(([tool, tool_name, namespace, cut]) => [
    { type: "tool-call-start", tool, call_id: "", name: tool_name, ...namespace },
    ...cut.map((piece): ModelEvent => ({ type: "tool-call-delta", text: piece })),
    { type: "tool-call-end" },
  ])

const searchBlock: fc.Arbitrary<ModelEvent[]> = jsonObject.map(query => [
  { type: "tool-call-start", tool: "tool_search", call_id: "", name: "tool_search" },
  { type: "tool-call-delta", text: JSON.stringify(query) },
  { type: "tool-call-end" },
])

const hostedBlock: fc.Arbitrary<ModelEvent[]> = fc
  .constantFrom<JsonObject & { type: string }>(
    webSearchCall("weather"),
    { type: "image_generation_call", status: "completed", result: "AAAA" },
    { type: "compaction", encrypted_content: "SEALED" },
  )
  .map(raw => [
    { type: "hosted-call-start", call_type: raw.type },
    { type: "hosted-call-end", raw },
  ])

/** A report as the Responses wire can carry it: no cache writes, no search counter. */
export const arbitraryUsage: fc.Arbitrary<ReportedUsage> = fc
  .record({ input: count, cached: count, output: count, reasoning: fc.nat(100) })
  .map(({ input, cached, output, reasoning }) => ({
    usage: {
      ...NO_USAGE,
      input_tokens: input,
      cache_read_tokens: cached,
      output_tokens: output,
      reasoning_tokens: Math.min(reasoning, output),
    },
  }))

function inOrder(...kinds: fc.Arbitrary<ModelEvent[]>[]): fc.Arbitrary<ModelEvent[]> {
  return fc
    .array(fc.oneof(...kinds), { maxLength: 6 })
    .map(list => list.flatMap((block, index) => block.map(event => withCallId(event, `call_${index}`))))
}

const blocks = inOrder(textBlock, reasoningBlock, callBlock, searchBlock, hostedBlock)

function withCallId(event: ModelEvent, call_id: string): ModelEvent {
  return event.type === "tool-call-start" ? { ...event, call_id } : event
}

const start: ModelEvent = { type: "answer-start", id: "resp_test", model: "model-x" }

/** Legal answers that end well or are cut between blocks, with usage or without. */
export const arbitraryAnswer: fc.Arbitrary<ModelEvent[]> = fc
  .tuple(
    blocks,
    fc.option(arbitraryUsage, { nil: undefined }),
    fc.constantFrom("", "max_tokens", "content_filter"),
  )
  .map(([events, reported, cut]) => [
    start,
    ...(cut === "" ? events : cutLastCall(events)),
    ...(reported === undefined ? [] : [{ type: "usage" as const, reported }]),
    { type: "answer-end", stop: cut === "" ? stopOf(events) : (cut as StopReason) },
  ])

/** An answer that was cut inside a call says so; a tool search cannot, because its arguments come whole. */
function cutLastCall(events: ModelEvent[]): ModelEvent[] {
  const last = events.findLast(event => event.type === "tool-call-start")
  if (events.at(-1)?.type !== "tool-call-end" || last?.tool === "tool_search") return events
  return [...events.slice(0, -1), { type: "tool-call-end", is_cut: true }]
}

function stopOf(events: ModelEvent[]): StopReason {
  return events.some(event => event.type === "tool-call-start") ? "tool_call" : "end"
}

/**
 * Legal answers that fail anywhere, inside a block too; without tool searches, whose arguments come only
 * whole.
 */
export const arbitraryFailure: fc.Arbitrary<ModelEvent[]> = fc
  .tuple(
    inOrder(textBlock, reasoningBlock, callBlock, hostedBlock),
    fc.nat(30),
    fc.constantFrom("server_error", "rate_limit_exceeded"),
    arbitraryText,
  )
  .map(([events, length, code, words]) => [
    start,
    ...withoutEmptyText(events.slice(0, length)),
    { type: "answer-failed", code, message: words },
  ])

/** A text that was opened and said nothing is not visible to a reader, so no generated answer ends in one. */
function withoutEmptyText(events: ModelEvent[]): ModelEvent[] {
  return events.at(-1)?.type === "text-start" ? events.slice(0, -1) : events
}
