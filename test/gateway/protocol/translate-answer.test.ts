/** An upstream's answer in the client's names. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { ModelEvent } from "../../../src/gateway/protocol/model-event.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { unwrapSealed, wrapSealed } from "../../../src/gateway/protocol/sealed.ts"
import { startNaming, type ToolIdentity } from "../../../src/gateway/protocol/tool-names.ts"
import { createAnswerMap } from "../../../src/gateway/protocol/translate-answer.ts"
import { arbitraryAnswer, arbitraryCut, arbitraryText } from "../../support/arbitrary-model.ts"
import { checkProperty } from "../../support/property.ts"

const naming = startNaming(64)
const tools: ToolIdentity[] = [
  { tool: "custom", name: "apply_patch" },
  { tool: "function", name: "add_numbers", namespace: "mcp__demo" },
  { tool: "function", name: "exec_command" },
  { tool: "tool_search", name: "tool_search" },
  { tool: "function", name: `mcp__${"long".repeat(20)}` },
]
for (const tool of tools) naming.nameOf(tool)

const mapFor = (from: Protocol, to: Protocol) =>
  createAnswerMap(naming.names, { upstream_id: "up", from, to })
const codexMap = () => mapFor("openai-responses", "anthropic-messages")

function call(name: string, pieces: string[], is_cut = false): ModelEvent[] {
  return [
    { type: "tool-call-start", tool: "function", call_id: "c1", name },
    ...pieces.map((text): ModelEvent => ({ type: "tool-call-delta", text })),
    is_cut ? { type: "tool-call-end", is_cut: true } : { type: "tool-call-end" },
  ]
}

describe("a call", () => {
  test("in a namespace comes back with namespace and name", () => {
    const [start, ...rest] = codexMap().map(call("mcp__demo__add_numbers", ['{"a":1}']))
    expect(start).toEqual({
      type: "tool-call-start",
      tool: "function",
      call_id: "c1",
      name: "add_numbers",
      namespace: "mcp__demo",
    })
    expect(rest).toEqual(call("", ['{"a":1}']).slice(1))
  })

  test("of a name that was too long comes back with the long name", () => {
    const alias = naming.nameOf(tools[4]!)
    expect(codexMap().map(call(alias, ["{}"]))[0]).toMatchObject({ name: tools[4]!.name })
  })

  test("of a tool search is one, with its arguments as JSON", () => {
    const [start, delta] = codexMap().map(call("tool_search", ['{"query": "x"}']))
    expect(start).toMatchObject({ tool: "tool_search", name: "tool_search" })
    expect(delta).toEqual({ type: "tool-call-delta", text: '{"query": "x"}' })
  })

  test("of a name that nobody knows passes as a function", () => {
    const events = call("no_such_tool", ["{}"])
    expect(codexMap().map(events)).toBe(events)
  })

  test("that already has its client's name passes without a copy", () => {
    const events = call("exec_command", ['{"cmd":', '"ls"}'])
    expect(codexMap().map(events)).toBe(events)
  })

  test("that a Responses upstream makes natively keeps its kind and its text", () => {
    const [, ...rest] = call("apply_patch", ["*** Begin"])
    const start: ModelEvent = { type: "tool-call-start", tool: "custom", call_id: "c1", name: "apply_patch" }
    expect(mapFor("openai-chat", "openai-responses").map([start, ...rest])).toEqual([start, ...rest])
    const spaced: ModelEvent = { ...start, tool: "function", namespace: "ns" }
    expect(codexMap().map([spaced])).toEqual([spaced])
  })
})

describe("a freeform call", () => {
  test("comes as raw text while it arrives", () => {
    const map = codexMap()
    const [start, ...deltas] = call("apply_patch", ['{"input": "a', "\\n", 'b"}'])
    expect(map.map([start!])).toEqual([
      { type: "tool-call-start", tool: "custom", call_id: "c1", name: "apply_patch" },
    ])
    expect(deltas.flatMap(event => map.map([event]))).toEqual([
      { type: "tool-call-delta", text: "a" },
      { type: "tool-call-delta", text: "\n" },
      { type: "tool-call-delta", text: "b" },
      { type: "tool-call-end" },
    ])
  })

  test("whose arguments are something else gives them whole, at the end", () => {
    const events = codexMap().map(call("apply_patch", ["*** Begin", " Patch"]))
    expect(events.slice(1)).toEqual([
      { type: "tool-call-delta", text: "*** Begin Patch" },
      { type: "tool-call-end" },
    ])
  })

  test("that was cut is still a cut call", () => {
    const events = codexMap().map(call("apply_patch", ['{"input":"ab\\'], true))
    expect(events.slice(1)).toEqual([
      { type: "tool-call-delta", text: "ab" },
      { type: "tool-call-end", is_cut: true },
    ])
  })

  test("leaves the next call alone", () => {
    const map = codexMap()
    map.map(call("apply_patch", ['{"input":"x"}']))
    const events = call("exec_command", ['{"cmd":"ls"}'])
    expect(map.map(events)).toBe(events)
  })

  test("has its text to the letter, wherever it is split", () => {
    const cut = arbitraryText.chain(text =>
      arbitraryCut(JSON.stringify({ input: text })).map(pieces => [text, pieces] as const),
    )
    checkProperty(import.meta.path, cut, ([text, pieces]) => {
      const map = codexMap()
      const mapped = call("apply_patch", pieces).flatMap(event => map.map([event]))
      expect(mapped.map(event => (event.type === "tool-call-delta" ? event.text : "")).join("")).toBe(text)
    })
  })
})

function thought(pieces: string[], end: { sealed?: string; is_redacted?: true } = {}): ModelEvent[] {
  return [
    { type: "reasoning-start" },
    ...pieces.map((text, index): ModelEvent => ({ type: "reasoning-delta", of: "text", index, text })),
    { type: "reasoning-end", ...end },
  ]
}

describe("thinking", () => {
  test("is sealed with its upstream's name in another protocol", () => {
    const end = mapFor("anthropic-messages", "openai-responses")
      .map(thought(["hm"], { sealed: "ENC" }))
      .at(-1)
    expect(end).toEqual({ type: "reasoning-end", sealed: wrapSealed({ origin: "up", blob: "ENC" }) })
  })

  test("without a seal says at least whose it is", () => {
    const end = mapFor("openai-responses", "openai-chat")
      .map(thought(["hm"]))
      .at(-1)
    expect(end).toEqual({ type: "reasoning-end", sealed: wrapSealed({ origin: "up", blob: "" }) })
  })

  test("that is nothing at all is not sealed", () => {
    const map = mapFor("openai-responses", "openai-chat")
    map.map(thought(["hm"]))
    expect(map.map(thought([]))).toEqual(thought([]))
  })

  test("that is redacted stays so, inside the seal, too", () => {
    const end = codexMap()
      .map(thought([], { sealed: "DATA", is_redacted: true }))
      .at(-1)
    const sealed = end?.type === "reasoning-end" ? end.sealed : ""
    expect(end).toMatchObject({ is_redacted: true })
    expect(unwrapSealed(sealed ?? "")?.blob).toBe("redacted:DATA")
  })

  test("is one summary part for Responses clients, so that Codex shows and replays it", () => {
    const deltas = codexMap()
      .map(thought(["a", "b"]))
      .slice(1, -1)
    expect(deltas).toEqual([
      { type: "reasoning-delta", of: "summary", index: 0, text: "a" },
      { type: "reasoning-delta", of: "summary", index: 0, text: "b" },
    ])
  })

  test("stays thinking for others", () => {
    const events = thought(["a", "b"]).slice(0, -1)
    expect(mapFor("anthropic-messages", "openai-chat").map(events)).toBe(events)
  })

  test("passes within a protocol", () => {
    const events = thought(["a"], { sealed: "SIG" })
    expect(mapFor("anthropic-messages", "anthropic-messages").map(events)).toBe(events)
  })
})

test("text passes as the same list", () => {
  const events: ModelEvent[] = [{ type: "text-start" }, { type: "text-delta", text: "hi" }]
  expect(codexMap().map(events)).toBe(events)
})

describe("for any answer", () => {
  const pairs = fc.constantFrom<[Protocol, Protocol]>(
    ["openai-responses", "anthropic-messages"],
    ["openai-responses", "openai-chat"],
    ["anthropic-messages", "openai-responses"],
    ["openai-chat", "openai-chat"],
  )

  test("nothing but tools and thinking changes, however the events come", () => {
    checkProperty(import.meta.path, fc.tuple(arbitraryAnswer, pairs), ([events, [from, to]]) => {
      const map = mapFor(from, to)
      const mapped = map.map(events)
      const one_by_one = mapFor(from, to)
      expect(events.flatMap(event => one_by_one.map([event]))).toEqual([...mapped])
      const others = (list: readonly ModelEvent[]) =>
        list.filter(event => !/^(?:tool-call|reasoning)/.test(event.type))
      expect(others(mapped)).toEqual(others(events))
      const count = (type: string) => mapped.filter(event => event.type === type).length
      for (const block of ["tool-call", "reasoning"])
        expect(count(`${block}-start`)).toBe(count(`${block}-end`))
    })
  })
})
