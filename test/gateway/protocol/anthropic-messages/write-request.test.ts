/** Our requests as bodies of POST /messages: legal turns, marks, thinking, and the same bytes for the same request. */
import { describe, expect, test } from "bun:test"
import { readRequest } from "../../../../src/gateway/protocol/anthropic-messages/read-request.ts"
import type { WireBlock, WireRequest } from "../../../../src/gateway/protocol/anthropic-messages/wire.ts"
import { writeRequest } from "../../../../src/gateway/protocol/anthropic-messages/write-request.ts"
import type { Item, ModelRequest, Tool } from "../../../../src/gateway/protocol/model-request.ts"
import { readRequest as readResponsesRequest } from "../../../../src/gateway/protocol/openai-responses/read-request.ts"
import type { Quirk, Target } from "../../../../src/gateway/protocol/target.ts"
import { arbitraryRequest } from "../../../support/arbitrary-model.ts"
import { callOf, messageOf, resultOf } from "../../../support/items.ts"
import { listRequests as listMessages } from "../../../support/messages-fixtures.ts"
import { checkProperty } from "../../../support/property.ts"
import { listRequests, loadRequest } from "../../../support/responses-fixtures.ts"
import { targetOf } from "../../../support/target.ts"

const TARGET = targetOf("anthropic-messages", {
  model: "claude-up",
  reasoning_efforts: ["low", "medium", "high", "max"],
})
const EMPTY: ModelRequest = { model: "m", instructions: [], items: [], tools: [], stream: true }

const write = (rest: Partial<ModelRequest>, target: Partial<Target> = {}): WireRequest =>
  writeRequest({ ...EMPTY, ...rest }, { ...TARGET, ...target })
const call = (call_id: string, args = "{}"): Item => callOf(call_id, { name: "f", arguments: args })
const f: Tool = { kind: "function", name: "f" }

/** Roles and kinds of blocks, such as `user: text, text`. */
const shape = ({ messages }: WireRequest): string[] =>
  messages.map(({ role, content }) => `${role}: ${content.map(({ type }) => type).join(", ")}`)

describe("turns", () => {
  test("a step is thinking, texts, calls; its results are one turn, first and in the order of the calls", () => {
    const items: Item[] = [
      messageOf("user", "a"),
      messageOf("assistant", "b"),
      { kind: "reasoning", summary: ["s"], text: [], sealed: "SIG" },
      call("1"),
      call("2"),
      messageOf("user", "between"),
      resultOf("2"),
      resultOf("1"),
      messageOf("user", "c"),
    ]
    const body = write({ items, tools: [f] })
    expect(shape(body)).toEqual([
      "user: text",
      "assistant: thinking, text, tool_use, tool_use",
      "user: tool_result, tool_result, text, text",
    ])
    expect(body.messages[2]!.content.slice(0, 2)).toMatchObject([{ tool_use_id: "1" }, { tool_use_id: "2" }])
    expect(body.messages[1]!.content[0]).toEqual({ type: "thinking", thinking: "s", signature: "SIG" })
  })

  test("thinking between texts stays in the upstream's own order", () => {
    const thought = (sealed: string): Item => ({ kind: "reasoning", summary: [], text: ["t"], sealed })
    const items = [
      messageOf("user", "a"),
      thought("1"),
      messageOf("assistant", "b"),
      thought("2"),
      call("c"),
      resultOf("c"),
    ]
    expect(shape(write({ items, tools: [f] }))[1]).toBe("assistant: thinking, text, thinking, tool_use")
  })

  test("thinking that is not sealed is left out, redacted thinking goes back", () => {
    const items: Item[] = [
      messageOf("user", "a"),
      { kind: "reasoning", summary: [], text: ["hm"] },
      { kind: "reasoning", summary: [], text: [], sealed: "D", is_redacted: true },
      messageOf("assistant", "b"),
      messageOf("user", "c"),
    ]
    expect(shape(write({ items }))[1]).toBe("assistant: redacted_thinking, text")
  })

  test("leading instructions are the system prompt, later ones marked text at their place", () => {
    const items = [messageOf("developer", "rules"), messageOf("user", "a"), messageOf("system", "later")]
    const body = write({ instructions: [{ kind: "text", text: "base" }], items })
    expect(body.system?.map(({ text }) => text)).toEqual(["base", "rules"])
    expect(body.messages[0]!.content[1]).toMatchObject({
      text: "<system-reminder>\nlater\n</system-reminder>",
    })
  })

  test("a history that begins or ends with the assistant gets a turn of the user", () => {
    const body = write({ items: [messageOf("assistant", "half an answer")] })
    expect(body.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"])
    expect(shape(write({}))).toEqual(["user: text"])
  })

  test("blank texts are left out, and a message of nothing else is no message", () => {
    const items = [
      messageOf("user", "a"),
      messageOf("assistant", " \n"),
      messageOf("user", "b"),
      messageOf("user", ""),
    ]
    expect(shape(write({ items }))).toEqual(["user: text, text"])
  })

  test("orphans make no illegal request", () => {
    const body = write({
      items: [messageOf("user", "a"), resultOf("lost", "found"), call("unanswered")],
      tools: [f],
    })
    expect(shape(body)).toEqual(["user: text, text", "assistant: tool_use", "user: tool_result"])
    expect(body.messages[2]!.content[0]).toMatchObject({ tool_use_id: "unanswered", is_error: true })
  })

  test("illegal call ids are mapped, the same way in call and result, different ones apart", () => {
    const items = [messageOf("user", "a"), call("a.b|1"), call("a.b:1"), resultOf("a.b|1"), resultOf("a.b:1")]
    const { messages } = write({ items, tools: [f] })
    const ids = messages[1]!.content.map(block => (block as { id: string }).id)
    const answered = messages[2]!.content.map(block => (block as { tool_use_id: string }).tool_use_id)
    expect(answered).toEqual(ids)
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
  })

  test("arguments keep every digit in the body, broken ones are carried as Claude Code does", () => {
    const args = '{"id": 9007199254740993, "n":1.0,"e":1E400}'
    const items = [messageOf("user", "a"), call("1", args), call("2", "{oops"), resultOf("1"), resultOf("2")]
    const text = JSON.stringify(write({ items, tools: [f] }))
    expect(text).toContain('"input":{"id":9007199254740993,"n":1.0,"e":1E400}')
    expect(text).toContain('"input":{"__unparsedToolInput":{"raw":"{oops","len":5}}')
  })

  test("a search goes back with its sealed pages, and without them not at all", () => {
    const raw = { type: "web_search_call", action: { type: "search", query: "q" } }
    const hosted = (sealed?: string): Item => ({
      kind: "hosted-call",
      raw,
      results: [{ url: "u", ...(sealed === undefined ? {} : { sealed }) }],
    })
    const items = [
      messageOf("user", "a"),
      hosted("E"),
      hosted(),
      messageOf("assistant", "b"),
      messageOf("user", "c"),
    ]
    expect(shape(write({ items }))[1]).toBe("assistant: server_tool_use, web_search_tool_result, text")
  })

  test("images and files have their sources, also inside results", () => {
    const output = [{ kind: "image" as const, url: "data:image/png;base64,AAAA" }]
    const parts = [
      { kind: "image" as const, url: "https://a/b.png" },
      { kind: "file" as const, data: "data:application/pdf;base64,AAAA", filename: "x.pdf" },
      { kind: "file" as const, data: "data:text/plain;base64,w6k=" },
    ]
    const items: Item[] = [
      { kind: "message", role: "user", parts },
      call("1"),
      { kind: "tool-result", tool: "function", call_id: "1", output },
    ]
    const { messages } = write({ items, tools: [f] })
    expect(messages[0]!.content).toMatchObject([
      { type: "image", source: { type: "url", url: "https://a/b.png" } },
      {
        type: "document",
        title: "x.pdf",
        source: { type: "base64", media_type: "application/pdf", data: "AAAA" },
      },
      { type: "document", source: { type: "text", data: "é" } },
    ])
    expect(messages[2]!.content).toMatchObject([
      { content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }] },
    ])
  })
})

describe("tools", () => {
  test("the search is the dated hosted one, unless the upstream has none", () => {
    const search: Tool = { kind: "web_search", allowed_domains: ["a"], blocked_domains: ["b"], max_uses: 2 }
    const wish = {
      tools: [search],
      tool_choice: { tool: "web_search" as const },
      items: [messageOf("user", "x")],
    }
    expect(write(wish)).toMatchObject({
      tools: [{ type: "web_search_20250305", name: "web_search", allowed_domains: ["a"], max_uses: 2 }],
      tool_choice: { type: "tool", name: "web_search" },
    })
    expect(write(wish, { quirks: new Set<Quirk>(["no-web-search"]) })).not.toHaveProperty("tools")
  })

  test("a schema is always of type object", () => {
    const typed: Tool = { kind: "function", name: "g", parameters: { properties: {} }, is_strict: true }
    expect(write({ tools: [f, typed] }).tools).toMatchObject([
      { name: "f", input_schema: { type: "object", properties: {} } },
      { name: "g", input_schema: { type: "object", properties: {} }, strict: true },
    ])
  })

  test("a history with calls and no tools declares them and forbids new calls (compaction)", () => {
    const body = write({ items: [messageOf("user", "a"), call("1"), resultOf("1")] })
    expect(body.tools).toMatchObject([{ name: "f" }])
    expect(body.tool_choice).toEqual({ type: "none" })
  })

  const choices: [Partial<ModelRequest>, unknown][] = [
    [{ tool_choice: "required" }, { type: "any" }],
    [{ tool_choice: "auto" }, { type: "auto" }],
    [{ tool_choice: { tool: "function", name: "f" } }, { type: "tool", name: "f" }],
    [{ tool_choice: { tool: "function", name: "gone" } }, { type: "auto" }],
    [{ parallel_tool_calls: false }, { type: "auto", disable_parallel_tool_use: true }],
    [{ parallel_tool_calls: false, tool_choice: "none" }, { type: "none" }],
    [{ parallel_tool_calls: true }, undefined],
  ]
  for (const [wish, expected] of choices) {
    test(`${JSON.stringify(wish)} is ${JSON.stringify(expected)}`, () => {
      expect(write({ tools: [f], ...wish }).tool_choice as unknown).toEqual(expected)
    })
  }
})

describe("the body", () => {
  test("has its keys in the order of the client's own, and nothing private", () => {
    const body = write({
      instructions: [{ kind: "text", text: "s" }],
      items: [messageOf("user", "x")],
      tools: [f],
      tool_choice: "auto",
      reasoning: { effort: "low" },
      service_tier: "priority",
      stop: ["X", " "],
      metadata: { who: "me" },
      cache_key: "key",
      text_format: { kind: "json_schema", name: "n", schema: { type: "object" } },
    })
    expect(Object.keys(body)).toEqual([
      "model",
      "messages",
      "system",
      "tools",
      "tool_choice",
      "max_tokens",
      "thinking",
      "stop_sequences",
      "output_config",
      "service_tier",
      "stream",
    ])
    expect(body).toMatchObject({
      model: "claude-up",
      max_tokens: 32_000,
      stop_sequences: ["X"],
      service_tier: "auto",
      output_config: { effort: "low", format: { type: "json_schema", schema: { type: "object" } } },
    })
  })

  test("every recorded Codex request becomes a legal one, with the same bytes each time", () => {
    for (const file of listRequests()) {
      const read = readResponsesRequest(loadRequest(file))
      if (!read.ok) throw new Error(file)
      const body = writeRequest(read.request, TARGET)
      expectLegal(body)
      expect(JSON.stringify(writeRequest(read.request, TARGET))).toBe(JSON.stringify(body))
    }
  })

  test("every recorded Messages request becomes a legal one that says the same", () => {
    for (const { name, body } of listMessages()) {
      const first = readRequest(body)
      if (!first.ok) throw new Error(name)
      const written = writeRequest(first.request, TARGET)
      expectLegal(written)
      expect(readRequest(JSON.parse(JSON.stringify(written)))).toMatchObject({ ok: true })
    }
  })

  test("whatever is asked, the turns are legal and the bytes are stable", () => {
    checkProperty(import.meta.path, arbitraryRequest, request => {
      const body = writeRequest(request, TARGET)
      expectLegal(body)
      expect(JSON.stringify(writeRequest(request, TARGET))).toBe(JSON.stringify(body))
    })
  })
})

/** What the upstream checks: alternating turns, answered calls, no blank texts, at most four marks. */
function expectLegal({ messages, system = [], tools = [] }: WireRequest): void {
  expect(messages.map(({ role }) => role)).toEqual(
    messages.map((_, at) => (at % 2 === 0 ? "user" : "assistant")),
  )
  expect(messages.length % 2).toBe(1)
  const blocks = messages.flatMap(({ content }) => content)
  expect(messages.every(({ content }) => content.length > 0)).toBe(true)
  const texts = [...blocks, ...system].filter(({ type }) => type === "text")
  expect(texts.every(block => String((block as { text: unknown }).text).trim() !== "")).toBe(true)
  const marks = [...tools, ...system, ...blocks].filter(block => "cache_control" in block)
  expect(marks.length).toBeLessThanOrEqual(4)
  for (const [at, { role, content }] of messages.entries()) {
    if (role === "assistant") continue
    const asked = idsOf(messages[at - 1]?.content ?? [], "tool_use", "id")
    expect(new Set(asked).size).toBe(asked.length)
    expect(idsOf(content, "tool_result", "tool_use_id")).toEqual(asked)
    const rest = content.slice(asked.length)
    expect(rest.some(({ type }) => type === "tool_result")).toBe(false)
  }
}

const idsOf = (content: readonly WireBlock[], type: string, key: string): unknown[] =>
  content.filter(block => block.type === type).map(block => (block as { [key: string]: unknown })[key])
