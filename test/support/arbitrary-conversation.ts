/** Generators of a client's tools and of what an upstream answers to them, for the laws over pairs; checks nothing. */
import fc from "fast-check"
import { isJsonObject } from "../../src/gateway/protocol/json.ts"
import type { ModelEvent, StopReason } from "../../src/gateway/protocol/model-event.ts"
import type { ModelRequest, Protocol, Tool } from "../../src/gateway/protocol/model-request.ts"
import type { ToolIdentity, ToolNames } from "../../src/gateway/protocol/tool-names.ts"
import { translateRequest } from "../../src/gateway/protocol/translate-request.ts"
import { NO_USAGE, type TokenUsage } from "../../src/wallet/pricing/usage.ts"
import { arbitraryArguments, arbitraryCut, arbitraryText } from "./arbitrary-model.ts"
import type { Meaning } from "./meaning.ts"
import { type Pair, spokenBy, UPSTREAM_ID } from "./pairs.ts"
import { targetOf } from "./target.ts"

/** An answer in the upstream's words, and what the client must hear of it. */
export interface Conversation {
  pair: Pair
  names: ToolNames
  events: ModelEvent[]
  meaning: Meaning
  /** Where the bytes are cut, and whether lines end in CRLF. */
  cuts: number[]
  has_crlf: boolean
}

const parameters = { type: "object", properties: {} }
const LONG_NAME = `mcp__a_server_with_a_long_name__${"and_a_tool_with_a_longer_one".repeat(2)}`

const FUNCTIONS: Tool[] = [
  { kind: "function", name: "run", parameters },
  { kind: "function", name: LONG_NAME, parameters },
]
const CUSTOM: Tool = {
  kind: "custom",
  name: "apply_patch",
  grammar: { syntax: "lark", definition: "start: /.+/" },
}
const TOOLS: Record<Pair["client"], Tool[]> = {
  "openai-responses": [
    ...FUNCTIONS,
    CUSTOM,
    { kind: "namespace", name: "mcp__demo__", tools: [{ kind: "function", name: "run", parameters }] },
    { kind: "tool_search", description: "finds tools" },
  ],
  "openai-chat": [...FUNCTIONS, CUSTOM],
  "anthropic-messages": FUNCTIONS,
  "openai-completions": [],
}

/** The request that offers the client's tools. */
export function requestOf(client: Pair["client"], items: ModelRequest["items"] = []): ModelRequest {
  return { model: "model-x", instructions: [], items, tools: TOOLS[client], stream: true }
}

export function namesOf({ client, upstream }: Pair): ToolNames {
  const target = { ...targetOf(upstream), upstream_id: UPSTREAM_ID }
  const translated = translateRequest(requestOf(client), spokenBy(client), target)
  if (!translated.ok) throw new Error(translated.message)
  return translated.names
}

function identitiesOf(client: Pair["client"]): ToolIdentity[] {
  return TOOLS[client].flatMap((tool): ToolIdentity[] => {
    if (tool.kind === "function" || tool.kind === "custom") return [{ tool: tool.kind, name: tool.name }]
    if (tool.kind === "namespace") return [{ tool: "function", name: "run", namespace: tool.name }]
    return [{ tool: "tool_search", name: "tool_search" }]
  })
}

const isSame = (one: ToolIdentity, other: ToolIdentity): boolean =>
  one.tool === other.tool && one.name === other.name && one.namespace === other.namespace

/** The name and form in which the upstream makes a call. */
function upstreamCall(identity: ToolIdentity, text: string, { upstream, names }: Side) {
  const named = [...names].find(([, known]) => isSame(known, identity))?.[0]
  if (upstream === "openai-responses") return { start: { ...identity, ...(named && { name: named }) }, text }
  const said = identity.tool === "custom" ? JSON.stringify({ input: text }) : text
  return { start: { tool: "function" as const, name: named ?? identity.name }, text: said }
}

interface Side {
  upstream: Protocol
  names: ToolNames
}

/** A piece of an answer: its events, and what it adds to the meaning. */
interface Piece {
  events: ModelEvent[]
  said?: string
  thought?: string
  call?: Omit<Meaning["calls"][0], "call_id">
}

const texts = fc.array(arbitraryText, { minLength: 1, maxLength: 5 })

const textPiece = (is_refusal: boolean): fc.Arbitrary<Piece> =>
  texts.map(list => ({
    events: [
      { type: "text-start", ...(is_refusal ? { is_refusal: true as const } : {}) },
      ...list.map((text): ModelEvent => ({ type: "text-delta", text })),
      { type: "text-end" },
    ],
    said: list.join(""),
  }))

const thoughtPiece: fc.Arbitrary<Piece> = fc
  .tuple(texts, fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }))
  .map(([list, sealed]) => ({
    events: [
      { type: "reasoning-start" },
      ...list.map((text): ModelEvent => ({ type: "reasoning-delta", of: "summary", index: 0, text })),
      { type: "reasoning-end", ...(sealed ? { sealed } : {}) },
    ],
    thought: list.join(""),
  }))

const jsonText = fc
  .dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.string(), { maxKeys: 2 })
  .map(value => JSON.stringify(value))

/** Messages and the search of Codex take objects (codex-cli-wire 3.3); all others take any text. */
function argumentsOf(
  { tool }: ToolIdentity,
  client: Pair["client"],
  { upstream }: Side,
): fc.Arbitrary<string> {
  if (tool === "tool_search") return jsonText
  const is_object =
    tool === "function" && (client === "anthropic-messages" || upstream === "anthropic-messages")
  return is_object ? arbitraryArguments.filter(isObjectText) : arbitraryArguments
}

function isObjectText(text: string): boolean {
  try {
    return isJsonObject(JSON.parse(text))
  } catch {
    // The generator makes other texts, too.
    return false
  }
}

function callPiece(client: Pair["client"], side: Side): fc.Arbitrary<Piece> {
  return fc.constantFrom(...identitiesOf(client)).chain(identity => {
    const said = argumentsOf(identity, client, side)
    return said.chain(text => {
      const { start, text: wire } = upstreamCall(identity, text, side)
      return arbitraryCut(wire).map(pieces => ({
        events: [
          { type: "tool-call-start" as const, call_id: "", ...start },
          ...pieces.map(piece => ({ type: "tool-call-delta" as const, text: piece })),
          { type: "tool-call-end" as const },
        ],
        call: { ...identity, arguments: text },
      }))
    })
  })
}

const count = fc.oneof(
  fc.nat(5000),
  fc.maxSafeNat().map(big => Math.floor(big / 8)),
)

/** Counters as the upstream's wire can carry them. */
function usageOf(upstream: Protocol): fc.Arbitrary<TokenUsage> {
  const has_writes = upstream === "anthropic-messages"
  const some = has_writes ? count : fc.constant(0)
  return fc
    .record({ input: count, read: count, write_5m: some, write_1h: some, output: count, reasoning: count })
    .map(({ input, read, write_5m, write_1h, output, reasoning }) => ({
      ...NO_USAGE,
      input_tokens: input,
      cache_read_tokens: read,
      cache_write_5m_tokens: write_5m,
      cache_write_1h_tokens: write_1h,
      output_tokens: output,
      reasoning_tokens: Math.min(output, reasoning),
    }))
}

/** Conversations of a pair: answers that end by themselves, with usage. */
export function arbitraryConversation(pair: Pair): fc.Arbitrary<Conversation> {
  const names = namesOf(pair)
  const has_tools = TOOLS[pair.client].length > 0
  const calls = has_tools ? [callPiece(pair.client, { upstream: pair.upstream, names })] : []
  const kinds = (is_refusal: boolean) => fc.oneof(textPiece(is_refusal), thoughtPiece, ...calls)
  return fc
    .record({
      // A model refuses or answers, it does not do both in one breath: a whole Chat answer keeps no order of the two.
      pieces: fc.boolean().chain(is_refusal => fc.array(kinds(is_refusal), { maxLength: 5 })),
      usage: usageOf(pair.upstream),
      is_cut: fc.nat(5).map(draw => draw === 0),
      cuts: fc.array(fc.nat(100_000), { maxLength: 12 }),
      has_crlf: fc.boolean(),
    })
    .map(({ pieces, usage, is_cut, cuts, has_crlf }) => {
      const calls = pieces
        .flatMap(({ call }) => call ?? [])
        .map((call, at) => ({ ...call, call_id: `call_${at}` }))
      // An empty object where the model ran out of room is no call yet in a whole answer.
      const has_bare = calls.some(call => /^\{\s*\}$/.test(call.arguments))
      const stop: StopReason = is_cut && !has_bare ? "max_tokens" : calls.length > 0 ? "tool_call" : "end"
      return {
        pair,
        names,
        events: inOrder(pieces, usage, stop),
        meaning: {
          said: pieces.map(({ said = "" }) => said).join(""),
          thought: pieces
            .map(({ thought = "" }) => thought)
            .join("")
            .replaceAll("\n\n", ""),
          calls,
          usage,
          end: stop,
          end_count: 1,
        },
        cuts,
        has_crlf,
      }
    })
}

function inOrder(pieces: readonly Piece[], usage: TokenUsage, stop: StopReason): ModelEvent[] {
  let call_count = 0
  const said = pieces.flatMap(({ events }) =>
    events.map(event =>
      event.type === "tool-call-start" ? { ...event, call_id: `call_${call_count++}` } : event,
    ),
  )
  return [
    { type: "answer-start", id: "up_1", model: "m" },
    ...said,
    { type: "usage", reported: { usage } },
    { type: "answer-end", stop },
  ]
}
