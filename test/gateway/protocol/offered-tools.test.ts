/** Which tools an upstream is offered, and what the customer is told of the others. */
import { describe, expect, test } from "bun:test"
import type { Protocol, Tool } from "../../../src/gateway/protocol/model-request.ts"
import { offerTools } from "../../../src/gateway/protocol/offered-tools.ts"
import type { Quirk } from "../../../src/gateway/protocol/target.ts"
import { targetOf } from "../../support/target.ts"

const offer = (tool: Tool, from: Protocol, to: Protocol, ...quirks: Quirk[]) =>
  offerTools([tool, tool], from, targetOf(to, { quirks: new Set(quirks) }))

describe("web search", () => {
  const search: Tool = { kind: "web_search", has_live_access: true }
  const note = "web_search was left out: the upstream has no hosted search"

  test("stays where the upstream has one", () => {
    expect(offer(search, "openai-chat", "openai-responses")).toEqual({ tools: [search, search], notes: [] })
    expect(offer(search, "openai-responses", "anthropic-messages").tools).toHaveLength(2)
  })

  test("is left out visibly where there is none, and said once", () => {
    expect(offer(search, "openai-responses", "openai-chat")).toEqual({ tools: [], notes: [note] })
    expect(offer(search, "openai-responses", "openai-responses", "no-web-search").notes).toEqual([note])
  })
})

describe("raw tools", () => {
  const raw = (type: unknown): Tool => ({ kind: "raw", protocol: "openai-responses", raw: { type } })

  test("stay in their own protocol", () => {
    expect(offer(raw("mcp"), "openai-responses", "openai-responses").tools).toHaveLength(2)
  })

  test("are left out visibly in another", () => {
    const note = "mcp was left out: the upstream has no such tool"
    expect(offer(raw("mcp"), "openai-responses", "openai-chat")).toEqual({ tools: [], notes: [note] })
  })

  test("of a type that no header can carry are left out without naming it", () => {
    for (const type of ["a\r\nset-cookie: x", "🜚", "x".repeat(65), 7, undefined]) {
      const { notes } = offer(raw(type), "openai-responses", "openai-chat")
      expect(notes).toEqual(["a hosted tool was left out: the upstream has no such tool"])
    }
  })

  test("inside a namespace are left out like any other", () => {
    const namespace: Tool = {
      kind: "namespace",
      name: "ns",
      tools: [raw("mcp"), { kind: "function", name: "f" }],
    }
    const { tools } = offer(namespace, "openai-responses", "openai-chat")
    expect(tools[0]).toEqual({ ...namespace, tools: [{ kind: "function", name: "f" }] })
  })
})

describe("a function", () => {
  const deferred: Tool = { kind: "function", name: "f", is_deferred: true, is_strict: true, cache: "5m" }

  test("that the client defers is an ordinary one in another protocol", () => {
    const plain: Tool = { kind: "function", name: "f", is_strict: true }
    expect(offer(deferred, "anthropic-messages", "openai-chat").tools).toEqual([plain, plain])
    expect(offer(deferred, "anthropic-messages", "openai-responses").tools[0]).toEqual(plain)
  })

  test("stays deferred and marked in its own", () => {
    expect(offer(deferred, "anthropic-messages", "anthropic-messages").tools[0]).toEqual(deferred)
  })
})
