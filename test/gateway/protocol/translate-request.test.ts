/** A request of one protocol as another one's writer can say it. */
import { describe, expect, test } from "bun:test"
import type { FunctionTool, ModelRequest, Tool } from "../../../src/gateway/protocol/model-request.ts"
import type { Target } from "../../../src/gateway/protocol/target.ts"
import { translateRequest } from "../../../src/gateway/protocol/translate-request.ts"
import { callOf, messageOf, resultOf } from "../../support/items.ts"
import { targetOf } from "../../support/target.ts"

const chat = targetOf("openai-chat")
const messages = targetOf("anthropic-messages")
const responses = targetOf("openai-responses")

const asked = (changes: Partial<ModelRequest>): ModelRequest => ({
  model: "m",
  instructions: [],
  items: [messageOf("user", "go")],
  tools: [],
  stream: true,
  ...changes,
})

/** The translation, which is not refused. */
function translated(request: Partial<ModelRequest>, from: Target["protocol"], target: Target) {
  const result = translateRequest(asked(request), from, target)
  if (!result.ok) throw new Error(`refused: ${result.field}`)
  return result
}

const run: Tool = { kind: "function", name: "run", parameters: { type: "object" } }
const namesOf = (tools: readonly Tool[]) => tools.map(tool => ("name" in tool ? tool.name : tool.kind))

describe("what only the client's protocol can do", () => {
  const only_native = [
    { field: "n", message: "one choice only" },
    { field: "logprobs", message: "none" },
  ]

  test("is refused by the first field", () => {
    const result = translateRequest(asked({ only_native }), "openai-chat", messages)
    expect(result).toEqual({ ok: false, field: "n", message: "one choice only" })
  })

  test("is refused within the protocol too: only passing bytes can carry it", () => {
    expect(translateRequest(asked({ only_native }), "openai-chat", chat).ok).toBe(false)
  })
})

test("what every protocol can say passes", () => {
  const request = asked({
    instructions: [{ kind: "text", text: "Be brief." }],
    items: [messageOf("user", "go"), callOf("c1"), resultOf("c1"), messageOf("assistant", "done")],
    tools: [run],
    tool_choice: "required",
    parallel_tool_calls: false,
    reasoning: { effort: "zzz" },
    max_output_tokens: 5,
    stop: ["END"],
    cache_key: "k",
    metadata: { a: "b" },
  })
  for (const target of [chat, messages, responses]) {
    const result = translated(request, "openai-chat", target)
    expect(result.request).toEqual(request)
    expect(result.notes).toEqual([])
  }
})

test("the client's request is not touched", () => {
  const request = asked({
    items: [callOf("c1", { tool: "custom", name: "p" }), messageOf("user", "x")],
    tools: [{ kind: "custom", name: "p" }, { kind: "web_search" }],
  })
  const before = structuredClone(request)
  translated(request, "openai-responses", chat)
  expect(request).toEqual(before)
})

describe("tools of the Codex CLI", () => {
  const search: Tool = { kind: "tool_search" }
  const patch: Tool = { kind: "custom", name: "apply_patch" }
  const add: FunctionTool = { kind: "function", name: "add", is_deferred: true, description: "Adds." }
  const found = (call_id: string): ModelRequest["items"][0] => ({
    kind: "tool-search-result",
    call_id,
    tools: [{ kind: "namespace", name: "mcp__demo", tools: [add] }],
  })
  const searched = [callOf("s1", { tool: "tool_search", name: "tool_search" }), found("s1")]

  test("that a search found are offered behind the others, once, and no more deferred", () => {
    const again = [callOf("s2", { tool: "tool_search", name: "tool_search" }), found("s2")]
    const { request } = translated(
      { tools: [run, patch, search], items: [...searched, ...again] },
      "openai-responses",
      messages,
    )
    expect(namesOf(request.tools)).toEqual(["run", "apply_patch", "tool_search", "mcp__demo__add"])
    expect(request.tools.at(-1)).toEqual({ kind: "function", name: "mcp__demo__add", description: "Adds." })
  })

  test("stay native for a Responses upstream", () => {
    const request = asked({ tools: [run, patch, search], items: searched })
    const result = translated(request, "openai-responses", responses)
    expect(result.request).toEqual(request)
    expect(result.names.size).toBe(0)
  })

  test("keep their names when others are found later", () => {
    const items = [...searched, callOf("c1", { name: "mcp__demo__add" }), resultOf("c1")]
    const before = translated({ tools: [search], items }, "openai-responses", chat)
    const clash: ModelRequest["items"] = [
      callOf("s3", { tool: "tool_search", name: "tool_search" }),
      { kind: "tool-search-result", call_id: "s3", tools: [{ kind: "function", name: "mcp__demo__add" }] },
    ]
    const after = translated({ tools: [search], items: [...items, ...clash] }, "openai-responses", chat)
    expect([...after.names].slice(0, before.names.size)).toEqual([...before.names])
    expect(after.request.items.slice(0, items.length)).toEqual(before.request.items)
  })
})

describe("a compaction request", () => {
  const items = [
    callOf("a", { name: "exec_command" }),
    callOf("b", { tool: "custom", name: "apply_patch", arguments: "patch" }),
    resultOf("a"),
    { ...resultOf("b"), tool: "custom" } as ModelRequest["items"][0],
    callOf("c", { name: "exec_command" }),
    resultOf("c"),
    messageOf("user", "Summarize."),
  ]

  test("defines the tools of its history, which must not be called", () => {
    const { request } = translated(
      { items, tool_choice: "auto", parallel_tool_calls: false },
      "openai-responses",
      messages,
    )
    expect(namesOf(request.tools)).toEqual(["exec_command", "apply_patch"])
    expect(request.tool_choice).toBe("none")
    expect(request.parallel_tool_calls).toBeUndefined()
  })

  test("without calls has no tools, and nothing that upstreams refuse without tools", () => {
    const { request } = translated(
      { items: [messageOf("user", "Summarize.")], tool_choice: "auto", parallel_tool_calls: false },
      "openai-responses",
      chat,
    )
    expect(request.tools).toEqual([])
    expect("tool_choice" in request || "parallel_tool_calls" in request).toBe(false)
  })

  test("needs no definitions at a Responses upstream", () => {
    const { request } = translated({ items }, "openai-responses", responses)
    expect(request.tools).toEqual([])
  })
})

describe("for a Responses upstream", () => {
  const long = `mcp__server__${"tool".repeat(20)}`

  test("an Anthropic client's long names get aliases that lead back, in the history too", () => {
    const tools: Tool[] = [{ kind: "function", name: long }, run, run]
    const items = [callOf("c1", { name: long }), resultOf("c1")]
    const choice = { tool: "function" as const, name: long }
    const result = translated({ tools, items, tool_choice: choice }, "anthropic-messages", responses)
    const [alias = ""] = namesOf(result.request.tools)
    expect(alias.length).toBe(64)
    expect(namesOf(result.request.tools)).toEqual([alias, "run"])
    expect(result.request.items[0]).toMatchObject({ name: alias })
    expect(result.request.tool_choice).toEqual({ tool: "function", name: alias })
    expect(result.names.get(alias)).toEqual({ tool: "function", name: long })
  })

  test("a Chat client's freeform tools stay freeform", () => {
    const items = [callOf("c1", { tool: "custom", name: "p", arguments: "text" })]
    const { request } = translated(
      { tools: [{ kind: "custom", name: "p" }], items },
      "openai-chat",
      responses,
    )
    expect(request.tools).toEqual([{ kind: "custom", name: "p" }])
    expect(request.items[0]).toEqual(items[0]!)
  })
})

describe("a hosted search", () => {
  test("is left out with its choice where there is none, visibly", () => {
    const { request, notes } = translated(
      { tools: [run, { kind: "web_search" }], tool_choice: { tool: "web_search" } },
      "anthropic-messages",
      chat,
    )
    expect(namesOf(request.tools)).toEqual(["run"])
    expect(request.tool_choice).toBeUndefined()
    expect(notes).toEqual(["web_search was left out: the upstream has no hosted search"])
  })

  test("can be forced where there is one", () => {
    const wish = { tools: [{ kind: "web_search" } as Tool], tool_choice: { tool: "web_search" } as const }
    expect(translated(wish, "anthropic-messages", responses).request).toMatchObject(wish)
  })
})

test("a choice of a tool that is not there is left out, visibly", () => {
  const { request, notes } = translated(
    { tools: [run], tool_choice: { tool: "function", name: "gone" } },
    "openai-chat",
    messages,
  )
  expect("tool_choice" in request).toBe(false)
  expect(notes).toEqual(["tool_choice was left out: it names a tool that is not offered"])
})

test("call ids keep to the limit of each protocol", () => {
  const id = "c".repeat(50)
  const idFor = (target: Target) => {
    const [call] = translated({ items: [callOf(id)] }, "anthropic-messages", target).request.items
    return call?.kind === "tool-call" ? call.call_id : ""
  }
  expect(idFor(responses)).toBe(id)
  expect(idFor(chat)).toMatch(/^c{31}_[0-9a-f]{8}$/)
})
