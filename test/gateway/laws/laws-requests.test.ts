/**
 * Laws 5 and 6 for requests, over every pair: a conversation written in the client's wire, read, translated, written for
 * the upstream, and read again by that protocol's own client reader: the same roles, texts, calls, results and order.
 */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { CLIENTS, type ClientProtocol, UPSTREAMS } from "../../../src/gateway/protocol/codecs.ts"
import { parseExactly } from "../../../src/gateway/protocol/exact-json.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { Item, ModelRequest } from "../../../src/gateway/protocol/model-request.ts"
import { translateRequest } from "../../../src/gateway/protocol/translate-request.ts"
import { requestOf } from "../../support/arbitrary-conversation.ts"
import { arbitraryArguments, arbitraryText } from "../../support/arbitrary-model.ts"
import { dialogueOf, type Line, withoutSpacing } from "../../support/dialogue.ts"
import {
  CLIENT_PROTOCOLS,
  type Pair,
  spokenBy,
  UPSTREAM_ID,
  UPSTREAM_PROTOCOLS,
} from "../../support/pairs.ts"
import { checkProperty } from "../../support/property.ts"
import { strictProblems } from "../../support/strict-rules.ts"
import { targetOf } from "../../support/target.ts"

const spoken = arbitraryText.filter(text => text.trim() !== "")

/** Arguments that every protocol can say: an object. */
const objectText = fc.oneof(
  fc.constantFrom(
    '{"id": 9007199254740993,  "n":1.0,"e":1E400}',
    '{"n":123456789012345678901234567890}',
    "{ }",
  ),
  arbitraryArguments.filter(text => text.startsWith("{") && isJson(text)),
)

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    // The generator makes other texts, too.
    return false
  }
}

type Call = { tool: "function" | "custom"; name: string; namespace?: string; said: string; answer: string }

function callOf(client: ClientProtocol): fc.Arbitrary<Call> {
  const plain = fc.record({ name: fc.constantFrom("run", "gone"), said: objectText, answer: spoken })
  const custom = fc.record({ said: spoken, answer: spoken })
  const kinds: fc.Arbitrary<Call>[] = [plain.map(call => ({ tool: "function", ...call }))]
  if (client === "openai-responses" || client === "openai-chat")
    kinds.push(custom.map(call => ({ tool: "custom", name: FREEFORM, ...call })))
  if (client === "openai-responses")
    kinds.push(plain.map(call => ({ tool: "function", namespace: "mcp__demo__", ...call, name: "run" })))
  return fc.oneof(...kinds)
}

interface Step {
  said: string | undefined
  calls: Call[]
  asked: string | undefined
}

/** Conversations that begin and end with the user, each turn with what its protocol can say. */
function conversation(client: ClientProtocol): fc.Arbitrary<ModelRequest> {
  const has_tools = client !== "openai-completions"
  const step = fc.record({
    said: fc.option(spoken, { nil: undefined }),
    calls: has_tools ? fc.array(callOf(client), { maxLength: 3 }) : fc.constant<Call[]>([]),
    asked: fc.option(spoken, { nil: undefined }),
  })
  return fc
    .tuple(spoken, fc.array(step, { maxLength: has_tools ? 4 : 0 }), fc.option(spoken, { nil: undefined }))
    .map(([first, steps, instructions]) => ({
      ...requestOf(client, [messageOf("user", first), ...itemsOf(steps)]),
      instructions: instructions === undefined || !has_tools ? [] : [{ kind: "text", text: instructions }],
    }))
}

const messageOf = (role: "user" | "assistant", text: string): Item => ({
  kind: "message",
  role,
  parts: [{ kind: "text", text }],
})

function itemsOf(steps: readonly Step[]): Item[] {
  let count = 0
  return steps.flatMap(({ said, calls, asked }): Item[] => {
    if (said === undefined && calls.length === 0) return []
    const made = calls.map(call => ({ ...call, call_id: `call_${count++}` }))
    const next = asked ?? (calls.length === 0 ? "go on" : undefined)
    return [
      ...(said === undefined ? [] : [messageOf("assistant", said)]),
      ...made.map(
        ({ said: text, answer: _, ...call }): Item => ({ kind: "tool-call", ...call, arguments: text }),
      ),
      ...made.map(
        ({ tool, call_id, answer }): Item => ({ kind: "tool-result", tool, call_id, output: answer }),
      ),
      ...(next === undefined ? [] : [messageOf("user", next)]),
    ]
  })
}

/** The body that a client sends; legacy completions have no upstream side of their own. */
function writtenBy(client: ClientProtocol, request: ModelRequest): string {
  if (client === "openai-completions") {
    const [line] = dialogueOf(request) as { says: string }[]
    return JSON.stringify({ model: "model-x", prompt: line?.says, stream: true })
  }
  if (client === "openai-chat") return writtenByChat(request)
  return JSON.stringify(UPSTREAMS[client].writeRequest(request, targetOf(client)))
}

/** Our Chat upstreams know no freeform tools, Chat clients do (sdk-wire 2): those are put in here. */
function writtenByChat(request: ModelRequest): string {
  const items = request.items.map(item => ("tool" in item ? { ...item, tool: "function" as const } : item))
  const functions = request.tools.filter(tool => tool.kind === "function")
  const body = UPSTREAMS["openai-chat"].writeRequest(
    { ...request, items, tools: functions } as ModelRequest,
    targetOf("openai-chat"),
  )
  for (const { tool_calls = [] } of body.messages as { tool_calls?: JsonObject[] }[]) {
    for (const call of tool_calls) {
      const { name, arguments: input } = call.function as JsonObject
      if (name !== FREEFORM) continue
      Object.assign(call, { type: "custom", custom: { name, input } })
      delete call.function
    }
  }
  const freeform = { type: "custom", custom: { name: FREEFORM, description: "patches" } }
  return JSON.stringify({ ...body, tools: [...(body.tools as JsonObject[]), freeform] })
}

const FREEFORM = "apply_patch"

function readBy(client: ClientProtocol, text: string): ModelRequest {
  const read = CLIENTS[client].readRequest(
    client === "anthropic-messages" ? parseExactly(text) : JSON.parse(text),
  )
  if (!read.ok) throw new Error(`${read.field}: ${read.message} in ${text}`)
  return read.request
}

function translated({ client, upstream }: Pair, request: ModelRequest) {
  const target = { ...targetOf(upstream), upstream_id: UPSTREAM_ID }
  const result = translateRequest(request, spokenBy(client), target)
  if (!result.ok) throw new Error(result.message)
  const body: JsonObject = UPSTREAMS[upstream].writeRequest(result.request, target)
  return { names: result.names, body }
}

const instructionsOf = ({ instructions, items }: ModelRequest): string[] => [
  ...instructions.map(part => part.text),
  ...items.flatMap(item =>
    item.kind === "message" && (item.role === "system" || item.role === "developer")
      ? item.parts.map(part => (part.kind === "text" ? part.text : ""))
      : [],
  ),
]

const conversationOf = (lines: Line[]): Line[] =>
  lines.filter(line => !("who" in line) || line.who === "user" || line.who === "assistant")

/** A client of the same protocol chose this name itself. */
const isOurs = (problem: string): boolean => !problem.startsWith("Invalid 'tools[1].name': 'mcp__a_server")

describe.each(CLIENT_PROTOCOLS.map(client => [client]))("%s", client => {
  const cases = fc.tuple(fc.constantFrom(...UPSTREAM_PROTOCOLS), conversation(client))

  test("5, 6: a conversation arrives as it was said, and the vendor's strict rules hold", () => {
    checkProperty(import.meta.path, cases, ([upstream, original]) => {
      const pair = { client, upstream }
      const sent = writtenBy(client, original)
      const { names, body } = translated(pair, readBy(client, sent))
      const again = readBy(upstream, JSON.stringify(body))
      const has_objects = client === "anthropic-messages" || upstream === "anthropic-messages"
      const compared = has_objects ? withoutSpacing : (lines: Line[]) => lines
      const arrived = compared(conversationOf(dialogueOf(again, names)))
      expect(arrived).toEqual(compared(conversationOf(dialogueOf(original))))
      expect(instructionsOf(again)).toEqual(instructionsOf(original))
      expect(strictProblems(upstream, body).filter(isOurs)).toEqual([])
      expect(JSON.stringify(translated(pair, readBy(client, sent)).body)).toBe(JSON.stringify(body))
    })
  })
})
