/**
 * The traps of gateway.md, "Tools", through the whole server. One test (or describe) each, named by its sentence:
 *
 * - custom (freeform, grammar) tools on Chat/Messages upstreams: a one-string function, returned raw, history replayed
 * - namespace and tool_search tools are flattened upstream and restored exactly
 * - hosted web_search is mapped where the upstream has one, else omitted visibly
 * - parallel calls keep their indexes, ids and order; interleaved arguments stay apart
 * - results of one turn go into one user message for Anthropic, tool results first
 * - a call chunk carries id, name and index
 * - `arguments: ""` is `{}`
 * - orphan calls or outputs of an interrupted turn are repaired deterministically
 * - an empty tools list with tool history (compaction) works on strict upstreams
 * - stop_reason/finish_reason say tool use exactly when there is a call
 * - images inside tool results reach the model
 * - MCP tool names over 64 characters get a short stable alias upstream
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ClientProtocol } from "../../../src/gateway/protocol/codecs.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import {
  historyOf,
  placeOf,
  schema,
  TOOL_PAIRS,
  type ToolClient,
  toolOf,
} from "../../support/client-tools.ts"
import { streamAnswer } from "../../support/fake-fetch.ts"
import { meaningOf } from "../../support/meaning.ts"
import { openPairApp, type PairApp } from "../../support/pair-app.ts"
import { findViolations, type Pair, readClient, UPSTREAM_PROTOCOLS, wireEvents } from "../../support/pairs.ts"
import { strictProblems } from "../../support/strict-rules.ts"
import { type VendorCall, type VendorTurn, vendorTurn } from "../../support/vendor-calls.ts"
import { vendorAnswer } from "../../support/vendor-wire.ts"

let scene: PairApp
beforeAll(async () => {
  scene = await openPairApp()
})
afterAll(() => scene[Symbol.asyncDispose]())

const FOREIGN = ["openai-chat", "anthropic-messages"] as const
/** The names under which an upstream was offered tools. */
function namesIn(sent: JsonObject | undefined): unknown[] {
  const tools = (sent?.tools ?? []) as JsonObject[]
  return tools.map(tool => (tool.function as JsonObject | undefined)?.name ?? tool.name ?? tool.type)
}

async function hear(pair: Pair, turn: VendorTurn, body: JsonObject) {
  const asking = await scene.ask(
    { ...pair, is_streamed: true, body },
    streamAnswer(vendorTurn(pair.upstream, turn)),
  )
  return { ...asking, meaning: meaningOf(readClient(pair.client, asking.text)) }
}

const PATCH = '*** Begin Patch\n*** Add File: "é".txt\n+\\u0041 🜚\n*** End Patch\n'
const GRAMMAR = "start: begin_patch hunk+ end_patch"
const apply_patch = {
  type: "custom",
  name: "apply_patch",
  description: "Edits files.",
  format: { type: "grammar", syntax: "lark", definition: GRAMMAR },
}

describe("custom (freeform, grammar) tools: a one-string function with the grammar in its description, returned raw, history replayed", () => {
  test.each(FOREIGN.map(upstream => [upstream]))("on %s", async upstream => {
    const said = JSON.stringify({ input: PATCH })
    const pieces = [said.slice(0, 7), said.slice(7, 30), said.slice(30)]
    const pair = { client: "openai-responses", upstream } as const
    const calls = [{ id: "call_1", name: "apply_patch", pieces }]
    const { sent, text, meaning } = await hear(pair, { calls }, { tools: [apply_patch] })
    const offered = JSON.stringify(sent?.tools)
    expect(offered).toContain(GRAMMAR)
    expect(offered).toContain('"properties":{"input":{"type":"string"}}')
    expect(meaning.calls).toEqual([
      { tool: "custom", call_id: "call_1", name: "apply_patch", arguments: PATCH },
    ])
    expect(text).toContain("response.custom_tool_call_input.delta")
    const input = [
      { role: "user", content: "edit" },
      { type: "custom_tool_call", call_id: "call_1", name: "apply_patch", input: PATCH },
      { type: "custom_tool_call_output", call_id: "call_1", output: "Done" },
    ]
    const next = await scene.ask(
      { ...pair, body: { tools: [apply_patch], input } },
      vendorAnswer(upstream, {}),
    )
    expect(strictProblems(upstream, next.sent ?? {})).toEqual([])
    expect(JSON.stringify(next.sent?.messages)).toContain(
      upstream === "openai-chat" ? JSON.stringify(said).slice(1, -1) : said,
    )
    expect(JSON.stringify(next.sent?.messages)).toContain("Done")
  })
})

describe("namespace and tool_search tools are flattened upstream and restored exactly", () => {
  const tools = [
    toolOf("openai-responses", "add"),
    { type: "namespace", name: "mcp__demo__", description: "d", tools: [toolOf("openai-responses", "add")] },
    { type: "tool_search", execution: "client", description: "finds", parameters: schema },
  ]
  test.each(FOREIGN.map(upstream => [upstream]))("on %s", async upstream => {
    const calls: VendorCall[] = [
      { id: "c1", name: "mcp__demo__add", pieces: ['{"a":1}'] },
      { id: "c2", name: "add", pieces: ['{"a":2}'] },
      { id: "c3", name: "tool_search", pieces: ['{"query":"x"}'] },
    ]
    const { sent, meaning } = await hear({ client: "openai-responses", upstream }, { calls }, { tools })
    expect(namesIn(sent)).toEqual(["add", "mcp__demo__add", "tool_search"])
    expect(meaning.calls).toEqual([
      { tool: "function", call_id: "c1", name: "add", namespace: "mcp__demo__", arguments: '{"a":1}' },
      { tool: "function", call_id: "c2", name: "add", arguments: '{"a":2}' },
      { tool: "tool_search", call_id: "c3", name: "tool_search", arguments: '{"query":"x"}' },
    ])
  })
})

describe("hosted web_search is mapped where the upstream has one, else omitted visibly", () => {
  const SEARCH = {
    "openai-responses": { type: "web_search" },
    "anthropic-messages": { type: "web_search_20250305", name: "web_search" },
  } as const
  const MAPPED = { "openai-responses": "web_search", "anthropic-messages": "web_search" } as const

  test.each(["openai-responses", "anthropic-messages"] as const)("for %s", async client => {
    const other = client === "openai-responses" ? "anthropic-messages" : "openai-responses"
    const body = { tools: [SEARCH[client]] }
    const mapped = await scene.ask(
      { client, upstream: other, is_streamed: true, body },
      vendorAnswer(other, { searches: 1 }),
    )
    expect(namesIn(mapped.sent)).toEqual([MAPPED[other]])
    expect(mapped.text).toMatch(client === "openai-responses" ? /web_search_call/ : /server_tool_use/)
    const omitted = await scene.ask(
      { client, upstream: "openai-chat", body },
      vendorAnswer("openai-chat", {}),
    )
    expect(omitted.sent?.tools).toBeUndefined()
    expect(omitted.response.headers.get("x-codexapi-notes")).toContain("web_search was left out")
  })
})

describe("parallel calls keep their indexes, ids and order; interleaved arguments stay apart; each chunk has its place", () => {
  const calls = [
    { id: "call_a", name: "run", pieces: ['{"a":', "1", "}"] },
    { id: "call_b", name: "run", pieces: ['{"a":', "22", "}"] },
    { id: "call_c", name: "stop", pieces: ["{", "}"] },
  ]
  test.each(TOOL_PAIRS)("%s", async (_, pair) => {
    const tools = ["run", "stop"].map(name => toolOf(pair.client, name))
    const { meaning } = await hear(pair, { calls }, { tools })
    expect(meaning.calls.map(({ call_id, name, arguments: said }) => [call_id, name, said])).toEqual([
      ["call_a", "run", '{"a":1}'],
      ["call_b", "run", '{"a":22}'],
      ["call_c", "stop", "{}"],
    ])
  })

  test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))(
    "a call chunk carries id, name and index (Chat on %s)",
    async upstream => {
      const { text } = await hear(
        { client: "openai-chat", upstream },
        { calls },
        { tools: [toolOf("openai-chat", "run")] },
      )
      const pieces = wireEvents(text).flatMap(({ data }) => {
        const { choices = [] } =
          data === "[DONE]" ? {} : (data as { choices?: { delta: { tool_calls?: JsonObject[] } }[] })
        return choices[0]?.delta.tool_calls ?? []
      })
      const first = pieces.filter(({ id }) => id !== undefined)
      expect(first.map(({ index, id }) => [index, id])).toEqual([
        [0, "call_a"],
        [1, "call_b"],
        [2, "call_c"],
      ])
      expect(first.every(call => (call.function as JsonObject).name !== undefined)).toBe(true)
      expect(pieces.every(({ index }) => typeof index === "number")).toBe(true)
    },
  )
})

/** Two calls that are open at once, as an upstream of the protocol would send them. */
function overlappingTurn(upstream: "openai-responses" | "anthropic-messages"): string[] {
  const [start, ...events] = vendorTurn(upstream, { calls: OVERLAPPING })
  const of = (index: number) =>
    events.filter(event => event.includes(`"index":${index}`) || event.includes(`"output_index":${index}`))
  const [first, second] = [of(0), of(1)]
  const mixed = first.flatMap((event, place) => [event, second[place]!])
  return [start!, ...mixed, ...events.slice(first.length + second.length)]
}

const OVERLAPPING = [
  { id: "call_a", name: "run", pieces: ['{"a":', "1}"] },
  { id: "call_b", name: "stop", pieces: ['{"a":', "22}"] },
]

describe("calls that overlap on the wire come one after the other", () => {
  const pairs = TOOL_PAIRS.filter(
    ([, { client, upstream }]) => client !== upstream && upstream !== "openai-chat",
  )
  test.each(pairs)("%s", async (_, { client, upstream }) => {
    if (upstream === "openai-chat") throw new Error("its calls are interleaved above")
    const tools = ["run", "stop"].map(name => toolOf(client, name))
    const answer = streamAnswer(overlappingTurn(upstream))
    const { text } = await scene.ask({ client, upstream, is_streamed: true, body: { tools } }, answer)
    expect(findViolations(client, text)).toEqual([])
    const { calls } = meaningOf(readClient(client, text))
    expect(calls.map(call => [call.call_id, call.name, call.arguments])).toEqual([
      ["call_a", "run", '{"a":1}'],
      ["call_b", "stop", '{"a":22}'],
    ])
  })
})

describe("results of one turn go into one user message for Anthropic, tool results first", () => {
  test.each(["openai-responses", "openai-chat"] as const)("from %s", async client => {
    const calls = ["1", "2"].map(id => ({
      id: `call_${id}`,
      name: "run",
      said: '{"a":1}',
      answer: `result ${id}`,
    }))
    const asked = JSON.parse(historyOf(client, calls)) as JsonObject[]
    const body = {
      tools: [toolOf(client, "run")],
      [placeOf(client)]: [...asked, { role: "user", content: "and now?" }],
    }
    const { sent } = await scene.ask(
      { client, upstream: "anthropic-messages", body },
      vendorAnswer("anthropic-messages", {}),
    )
    const messages = sent?.messages as { role: string; content: JsonObject[] }[]
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"])
    expect(messages[2]?.content.map(({ type }) => type)).toEqual(["tool_result", "tool_result", "text"])
    expect(strictProblems("anthropic-messages", sent ?? {})).toEqual([])
  })
})

describe('`arguments: ""` is `{}`', () => {
  test.each(TOOL_PAIRS)("%s", async (_, pair) => {
    const calls = [{ id: "call_1", name: "run", pieces: [""] }]
    const { meaning } = await hear(pair, { calls }, { tools: [toolOf(pair.client, "run")] })
    // Where the protocols are equal the bytes pass; no arguments mean the same.
    expect(meaning.calls).toMatchObject([{ call_id: "call_1", arguments: "{}" }])
  })

  test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))("in a history, for %s", async upstream => {
    for (const client of ["openai-responses", "openai-chat"] as const) {
      const messages = JSON.parse(historyOf(client, [{ id: "call_1", name: "run", said: "", answer: "ok" }]))
      const body = { tools: [toolOf(client, "run")], [placeOf(client)]: messages }
      const { sent } = await scene.ask({ client, upstream, body }, vendorAnswer(upstream, {}))
      if (client !== upstream) expect(JSON.stringify(sent)).toMatch(/"arguments":"\{\}"|"input":\{\}/)
    }
  })
})

describe("orphan calls or outputs of an interrupted turn are repaired deterministically", () => {
  const input = [
    { role: "user", content: "go" },
    { type: "function_call", call_id: "call_1", name: "run", arguments: "{}" },
    { type: "function_call", call_id: "call_2", name: "run", arguments: "{}" },
    { type: "function_call_output", call_id: "call_2", output: "two" },
    { type: "function_call_output", call_id: "call_9", output: "nine" },
    { role: "user", content: "what happened?" },
  ]
  test.each(FOREIGN.map(upstream => [upstream]))("for %s", async upstream => {
    const asked = {
      client: "openai-responses",
      upstream,
      body: { input, tools: [toolOf("openai-responses", "run")] },
    } as const
    const { sent } = await scene.ask(asked, vendorAnswer(upstream, {}))
    expect(strictProblems(upstream, sent ?? {})).toEqual([])
    expect(JSON.stringify(sent)).toContain("two")
    const again = await scene.ask(asked, vendorAnswer(upstream, {}))
    expect(JSON.stringify(again.sent)).toBe(JSON.stringify(sent))
  })
})

describe("an empty tools list with tool history (compaction) works on strict upstreams", () => {
  const pairs = TOOL_PAIRS.filter(([, { client, upstream }]) => client !== upstream)
  test.each(pairs)("%s", async (_, { client, upstream }) => {
    const calls = [{ id: "call_1", name: "run", said: '{"a":1}', answer: "ok" }]
    const messages = [...JSON.parse(historyOf(client, calls)), { role: "user", content: "summarise" }]
    const { sent, response } = await scene.ask(
      { client, upstream, body: { [placeOf(client)]: messages, tools: [] } },
      vendorAnswer(upstream, {}),
    )
    expect(response.status).toBe(200)
    expect(strictProblems(upstream, sent ?? {})).toEqual([])
  })
})

describe("stop_reason/finish_reason say tool use exactly when there is a call", () => {
  /** The word for an ordinary end, said beside a call, and for a call, said without one. */
  const LIES: Record<Protocol, [string, string]> = {
    "openai-chat": ["stop", "tool_calls"],
    "anthropic-messages": ["end_turn", "tool_use"],
    "openai-responses": ["completed", "completed"],
  }
  const WORDS: Record<ClientProtocol, RegExp> = {
    "openai-chat": /"finish_reason":"tool_calls"/,
    "anthropic-messages": /"stop_reason":"tool_use"/,
    "openai-responses": /"type":"function_call"/,
    "openai-completions": /never/,
  }
  const pairs = TOOL_PAIRS.filter(([, { client, upstream }]) => client !== upstream)
  test.each(pairs)("%s", async (_, pair) => {
    const [with_call, without] = LIES[pair.upstream]
    const tools = [toolOf(pair.client, "run")]
    const calls = [{ id: "call_1", name: "run", pieces: ["{}"] }]
    const called = await hear(pair, { calls, stop: with_call }, { tools })
    expect(called.text).toMatch(WORDS[pair.client])
    const plain = await hear(pair, { thought: { text: "hm", seal: "c2VhbA==" }, stop: without }, { tools })
    expect(plain.text).not.toMatch(WORDS[pair.client])
  })
})

const PICTURE = "iVBORw0KGgo="
const PICTURES: Record<ToolClient, JsonObject> = {
  "openai-responses": { type: "input_image", image_url: `data:image/png;base64,${PICTURE}` },
  "openai-chat": { type: "image_url", image_url: { url: `data:image/png;base64,${PICTURE}` } },
  "anthropic-messages": { type: "image", source: { type: "base64", media_type: "image/png", data: PICTURE } },
}

describe("images inside tool results reach the model", () => {
  const pairs = TOOL_PAIRS.filter(([, { client }]) => client !== "openai-chat")
  test.each(pairs)("%s", async (_, { client, upstream }) => {
    const messages = JSON.parse(
      historyOf(client, [{ id: "call_1", name: "look", said: "{}", answer: PICTURES[client] }]),
    )
    const { sent } = await scene.ask(
      { client, upstream, body: { tools: [toolOf(client, "look")], [placeOf(client)]: messages } },
      vendorAnswer(upstream, {}),
    )
    expect(JSON.stringify(sent)).toContain(PICTURE)
    if (client !== upstream) expect(strictProblems(upstream, sent ?? {})).toEqual([])
  })
})

describe("MCP tool names over 64 characters get a short stable alias upstream", () => {
  const long = `mcp__${"a_very_long_server_name_".repeat(4)}__tool`
  test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))("on %s", async upstream => {
    const client = upstream === "anthropic-messages" ? "openai-responses" : "anthropic-messages"
    const tools = [toolOf(client, long), toolOf(client, `${long}_other`)]
    const probe = await scene.ask({ client, upstream, body: { tools } }, vendorAnswer(upstream, {}))
    const names = namesIn(probe.sent) as string[]
    expect(names.every(name => name.length <= 64)).toBe(true)
    expect(new Set(names).size).toBe(2)
    const calls = [{ id: "call_1", name: names[0]!, pieces: ["{}"] }]
    const { sent, meaning } = await hear({ client, upstream }, { calls }, { tools: tools.toReversed() })
    expect(namesIn(sent)).toEqual(names.toReversed())
    expect(meaning.calls).toMatchObject([{ name: long, call_id: "call_1" }])
  })
})
