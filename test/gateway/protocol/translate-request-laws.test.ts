/** The laws of translation for generated requests and for those that the Codex CLI was recorded to send. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { PROTOCOLS } from "../../../src/gateway/catalog/catalog.ts"
import { isLegalName } from "../../../src/gateway/protocol/legal-name.ts"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type {
  Item,
  ModelRequest,
  Protocol,
  ToolCallItem,
} from "../../../src/gateway/protocol/model-request.ts"
import { readRequest } from "../../../src/gateway/protocol/openai-responses/read-request.ts"
import type { Target } from "../../../src/gateway/protocol/target.ts"
import { createAnswerMap } from "../../../src/gateway/protocol/translate-answer.ts"
import { translateRequest } from "../../../src/gateway/protocol/translate-request.ts"
import { arbitraryItem, arbitraryRequest } from "../../support/arbitrary-model.ts"
import { messageOf } from "../../support/items.ts"
import { checkProperty } from "../../support/property.ts"
import { listRequests, loadRequest } from "../../support/responses-fixtures.ts"
import { targetOf } from "../../support/target.ts"

function translated(request: ModelRequest, from: Protocol, target: Target) {
  const result = translateRequest(request, from, target)
  if (!result.ok) throw new Error(`refused: ${result.field}`)
  return result
}

const callsOf = (items: readonly Item[]) =>
  items.filter((item): item is ToolCallItem => item.kind === "tool-call")

/** The calls as the client gets them when the upstream makes them again. */
function answered(calls: ToolCallItem[], names: Parameters<typeof createAnswerMap>[0]): ToolCallItem[] {
  const origin = { upstream_id: "up", from: "openai-responses", to: "openai-chat" } as const
  const map = createAnswerMap(names, origin)
  return calls.map(({ tool, call_id, name, arguments: text }) => {
    const events: ModelEvent[] = [
      { type: "tool-call-start", tool, call_id, name },
      { type: "tool-call-delta", text },
      { type: "tool-call-end" },
    ]
    const [start, ...rest] = map.map(events)
    if (start?.type !== "tool-call-start") throw new Error("no call")
    const { type: _, ...identity } = start
    const said = rest.map(event => (event.type === "tool-call-delta" ? event.text : "")).join("")
    return { kind: "tool-call", ...identity, arguments: said }
  })
}

/** Whether every call has its one result behind it before the assistant goes on. */
function expectPairs(items: readonly Item[]): void {
  let open: string[] = []
  for (const item of items) {
    if (item.kind === "tool-call") open.push(item.call_id)
    else if (item.kind === "tool-result" || item.kind === "tool-search-result") {
      expect(item.call_id).toBe(open[0]!)
      open = open.slice(1)
    } else expect(open).toEqual([])
  }
  expect(open).toEqual([])
}

/** Everything that must hold of a request for an upstream that knows functions only. */
function expectFlat(request: ModelRequest, target: Target): void {
  const result = translated(request, "openai-responses", target)
  const { tools, items } = result.request
  const functions = tools.flatMap(tool => (tool.kind === "function" ? [tool.name] : []))
  const hosted = tools.filter(tool => tool.kind !== "function")
  expect(hosted.every(tool => tool.kind === "web_search" && target.protocol !== "openai-chat")).toBe(true)
  for (const name of [...functions, ...result.names.keys()]) {
    expect(isLegalName(name, target.tool_name_length)).toBe(true)
  }
  expect(new Set(functions).size).toBe(functions.length)
  const calls = callsOf(items)
  expect(calls.every(call => call.tool === "function" && call.namespace === undefined)).toBe(true)
  if (calls.length > 0) expect(tools.length).toBeGreaterThan(0)
  expectPairs(items)
  const again = answered(calls, result.names)
  const own = callsOf(request.items)
  // Ids may have been made unique, and reordering within a step keeps the order of the calls.
  expect(again.map(call => ({ ...call, call_id: "" }))).toEqual(own.map(call => ({ ...call, call_id: "" })))
}

const flatTargets = [
  targetOf("openai-chat"),
  targetOf("anthropic-messages"),
  targetOf("openai-chat", { quirks: new Set(["reasoning-content"]) }),
]

describe("any request", () => {
  const protocols = fc.constantFrom(...PROTOCOLS)
  const limits = fc.constantFrom(12, 20, 64)
  const cases = fc.tuple(arbitraryRequest, protocols, protocols, limits)

  test("can be translated, and twice to the same bytes", () => {
    checkProperty(import.meta.path, cases, ([request, from, to, limit]) => {
      const target = targetOf(to, { tool_name_length: limit })
      const once = translated(request, from, target)
      expect(JSON.stringify(translated(structuredClone(request), from, target))).toBe(JSON.stringify(once))
      if (to !== "openai-responses") expectPairs(once.request.items)
    })
  })

  test("is flat for upstreams that know functions only, and every call leads back", () => {
    const some = fc.tuple(arbitraryRequest, fc.constantFrom(...flatTargets), limits)
    checkProperty(import.meta.path, some, ([request, target, limit]) => {
      expectFlat(request, { ...target, tool_name_length: limit })
    })
  })

  test("keeps its beginning when a turn is added: names, items and offered tools", () => {
    const grown = fc.tuple(arbitraryRequest, fc.array(arbitraryItem, { maxLength: 4 }), limits)
    checkProperty(import.meta.path, grown, ([request, more, limit]) => {
      const target = targetOf("openai-chat", { tool_name_length: limit })
      const ids = new Set(request.items.map(item => ("call_id" in item ? item.call_id : "")))
      const fresh = more.filter(item => !("call_id" in item) || !ids.has(item.call_id))
      const items = [...request.items, messageOf("user", "next")]
      const before = translated({ ...request, items }, "openai-responses", target)
      const after = translated({ ...request, items: [...items, ...fresh] }, "openai-responses", target)
      expect([...after.names].slice(0, before.names.size)).toEqual([...before.names])
      expect(after.request.items.slice(0, before.request.items.length)).toEqual(before.request.items)
      // A history of a client that offers no tools is a compaction: it has no next turn.
      const offered = translated({ ...request, items: [] }, "openai-responses", target).request.tools
      const tools = after.request.tools.slice(0, before.request.tools.length)
      if (offered.length > 0) expect(tools).toEqual(before.request.tools)
    })
  })
})

describe("what the Codex CLI sends", () => {
  test.each(listRequests())("%s", file => {
    const read = readRequest(loadRequest(file))
    if (!read.ok) throw new Error(read.message)
    for (const target of flatTargets) expectFlat(read.request, target)
    const native = translated(read.request, "openai-responses", targetOf("openai-responses"))
    expect(native.request.tools).toEqual(read.request.tools)
  })

  test("after a search is offered with what was found (capture 10)", () => {
    const read = readRequest(loadRequest("10-tool-search-followup.request.json"))
    if (!read.ok) throw new Error(read.message)
    const { request, notes } = translated(read.request, "openai-responses", targetOf("openai-chat"))
    expect(notes).toEqual(["web_search was left out: the upstream has no hosted search"])
    const names = request.tools.map(tool => ("name" in tool ? tool.name : tool.kind))
    expect(names.slice(0, 2)).toEqual(["exec_command", "write_stdin"])
    expect(names).toContain("mcp__demo__add_numbers")
    expect(callsOf(request.items).map(call => call.name)).toEqual(["tool_search", "mcp__demo__add_numbers"])
  })

  test("with wrong calls keeps one step of six calls and their results (capture 21)", () => {
    const read = readRequest(loadRequest("21-bad-tool-calls-followup.request.json"))
    if (!read.ok) throw new Error(read.message)
    const { request, names } = translated(read.request, "openai-responses", targetOf("anthropic-messages"))
    const kinds = request.items.slice(3).map(item => item.kind)
    expect(kinds).toEqual([...Array(6).fill("tool-call"), ...Array(6).fill("tool-result")])
    const custom = callsOf(request.items).filter(call => names.get(call.name)?.tool === "custom")
    expect(custom.map(call => call.call_id)).toEqual(["c3", "c6"])
  })
})
