/** What a Messages request says in our words: recorded requests, every block, every refusal by its field. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { readRequest } from "../../../../src/gateway/protocol/anthropic-messages/read-request.ts"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { Item, ModelRequest } from "../../../../src/gateway/protocol/model-request.ts"
import { listRequests } from "../../../support/messages-fixtures.ts"
import { checkProperty } from "../../../support/property.ts"

const hi = { role: "user", content: "hi" }

function read(rest: JsonObject = {}): ModelRequest {
  const result = readRequest({ model: "m", max_tokens: 100, messages: [hi], ...rest })
  if (!result.ok) throw new Error(`${result.field}: ${result.message}`)
  return result.request
}

const readBlocks = (role: string, ...content: unknown[]): Item[] =>
  read({ messages: [{ role, content }] }).items
const recorded = (name: string): ModelRequest => {
  const found = listRequests().find(request => request.name.startsWith(name))
  return read(found!.body)
}

describe("recorded requests", () => {
  test("there are many", () => expect(listRequests().length).toBeGreaterThan(12))

  for (const { name, body } of listRequests()) {
    test(`${name} is read without a problem`, () => {
      expect(readRequest(body)).toMatchObject({ ok: true })
    })
  }

  test("a first turn keeps its system message in place, its marks and its session (01)", () => {
    const request = recorded("01-")
    expect(request.items.map(item => item.kind === "message" && item.role)).toEqual(["user", "system"])
    expect(request.instructions.map(({ cache }) => cache)).toEqual([undefined, "5m", "5m"])
    const is_billing = request.instructions.map(({ text }) => text.startsWith("x-anthropic-billing-header:"))
    expect(is_billing).toEqual([true, false, false])
    expect(request).toMatchObject({
      cache_key: "<uuid>",
      reasoning: { effort: "high", summary: "auto" },
      wants_sealed_reasoning: true,
      max_output_tokens: 64_000,
      stream: true,
    })
    expect(request.tools.length).toBe(25)
    expect(request).not.toHaveProperty("metadata")
  })

  test("a history of tools keeps thinking, calls, results and errors in order (05)", () => {
    const { items } = recorded("05-")
    expect(items.map(({ kind }) => kind).slice(2, 11)).toEqual([
      "reasoning",
      "message",
      "tool-call",
      "tool-result",
      "reasoning",
      "tool-call",
      "tool-call",
      "tool-result",
      "tool-result",
    ])
    expect(items).toContainEqual({ kind: "reasoning", summary: [], text: [], sealed: "SIG2redactedlike==" })
    expect(items).toContainEqual({
      kind: "tool-result",
      tool: "function",
      call_id: "toolu_bash2",
      output: "Exit code 3",
      is_error: true,
    })
    expect(items.at(-1)).toMatchObject({ cache: "5m" })
  })

  test("a search call chooses the hosted tool, and disabled thinking counts more than its effort (09)", () => {
    const request = recorded("09-")
    expect(request.tools).toEqual([
      { kind: "web_search", allowed_domains: ["blog.rust-lang.org"], max_uses: 8 },
    ])
    expect(request).toMatchObject({ tool_choice: { tool: "web_search" }, reasoning: { effort: "none" } })
    expect(request).not.toHaveProperty("wants_sealed_reasoning")
  })

  test("a title call asks for JSON by a schema (07)", () => {
    expect(recorded("07-").text_format).toMatchObject({ kind: "json_schema", schema: { type: "object" } })
  })

  test("a tool reference becomes text, and a deferred tool an ordinary one (11)", () => {
    const request = recorded("11-tool-search-requests.json#1")
    const result = request.items.find(item => item.kind === "tool-result")
    expect(result).toMatchObject({ output: [{ kind: "text", text: "Tool loaded: mcp__demo__tool1" }] })
    expect(request.tools.at(-1)).toEqual({ kind: "function", name: "mcp__demo__tool1" })
  })

  test("images in results and documents beside them are kept (14)", () => {
    const { items } = recorded("14-")
    expect(items.slice(2).map(({ kind }) => kind)).toEqual(["tool-result", "tool-result", "message"])
    expect(items[2]).toMatchObject({
      output: [{ kind: "image", url: expect.stringContaining("data:image/png;base64,") }],
    })
    expect(items[4]).toMatchObject({ parts: [{ kind: "file", cache: "5m" }] })
  })

  test("a budget above max_tokens is clamped (agent-qwen-anthropic)", () => {
    expect(recorded("agent-qwen").reasoning).toEqual({ summary: "auto", budget_tokens: 7999 })
  })
})

describe("blocks", () => {
  const cases: [string, unknown, unknown][] = [
    [
      "an image by address",
      { type: "image", source: { type: "url", url: "https://a" } },
      { kind: "image", url: "https://a" },
    ],
    [
      "an image by file",
      { type: "image", source: { type: "file", file_id: "f" } },
      { kind: "image", file_id: "f" },
    ],
    [
      "a text document",
      { type: "document", title: "t", source: { type: "text", media_type: "text/plain", data: "é" } },
      { kind: "file", data: "data:text/plain;base64,w6k=", filename: "t" },
    ],
    [
      "a document by address",
      { type: "document", source: { type: "url", url: "u" } },
      { kind: "file", url: "u" },
    ],
    [
      "a document of blocks",
      { type: "document", source: { type: "content", content: [] } },
      {
        kind: "raw",
        protocol: "anthropic-messages",
        raw: { type: "document", source: { type: "content", content: [] } },
      },
    ],
    [
      "an unknown block",
      { type: "search_result", x: 1 },
      { kind: "raw", protocol: "anthropic-messages", raw: { type: "search_result", x: 1 } },
    ],
    [
      "an hour's mark",
      { type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } },
      { kind: "text", text: "x", cache: "1h" },
    ],
  ]
  for (const [name, block, part] of cases) {
    test(`${name} is read`, () =>
      expect(readBlocks("user", block)).toEqual([{ kind: "message", role: "user", parts: [part] }] as Item[]))
  }

  test("thinking with an empty or absent signature seals nothing", () => {
    const plain = { kind: "reasoning", summary: [], text: ["hm"] } as const
    const blocks = [
      { type: "thinking", thinking: "hm", signature: "" },
      { type: "thinking", thinking: "hm" },
    ]
    expect(readBlocks("assistant", ...blocks)).toEqual([plain, plain] as never)
  })

  test("a hosted search and its results are one item between the texts", () => {
    const content = [{ type: "web_search_result", url: "u", title: "t", encrypted_content: "E" }]
    const items = readBlocks(
      "assistant",
      { type: "text", text: "a" },
      { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } },
      { type: "web_search_tool_result", tool_use_id: "s", content },
      { type: "text", text: "b" },
    )
    expect(items.map(({ kind }) => kind)).toEqual(["message", "hosted-call", "message"])
    expect(items[1]).toEqual({
      kind: "hosted-call",
      raw: { type: "web_search_call", status: "completed", action: { type: "search", query: "q" } },
      results: [{ url: "u", title: "t", sealed: "E" }],
    })
  })

  test("an input that Claude Code could not parse is the model's own text again", () => {
    const input = { __unparsedToolInput: { raw: '{"a', len: 3 } }
    expect(readBlocks("assistant", { type: "tool_use", id: "i", name: "f", input })[0]).toMatchObject({
      arguments: '{"a',
    })
  })
})

describe("wishes", () => {
  const cases: [JsonObject, object][] = [
    [{ thinking: { type: "adaptive", display: "omitted" } }, { reasoning: {}, wants_sealed_reasoning: true }],
    [{ output_config: { effort: "max" } }, { reasoning: { effort: "max" } }],
    [
      { tool_choice: { type: "any", disable_parallel_tool_use: true } },
      { tool_choice: "required", parallel_tool_calls: false },
    ],
    [{ tool_choice: { type: "tool", name: "f" } }, { tool_choice: { tool: "function", name: "f" } }],
    [{ tool_choice: { type: "odd" } }, { tool_choice: "auto" }],
    [{ service_tier: "standard_only" }, { service_tier: "default" }],
    [
      { stop_sequences: ["X"], temperature: 0.5, top_p: 0.9 },
      { stop: ["X"], temperature: 0.5, top_p: 0.9 },
    ],
    [{ metadata: { user_id: "user_abc_account__session_1234-5678-90" } }, { cache_key: "1234-5678-90" }],
    [
      { output_format: { type: "json_schema", schema: { a: 1 } } },
      { text_format: { kind: "json_schema", name: "output", schema: { a: 1 } } },
    ],
    [{ system: "be kind" }, { instructions: [{ kind: "text", text: "be kind" }] }],
    [
      {
        tools: [
          {
            type: "web_search_20260318",
            name: "web_search",
            blocked_domains: ["a"],
            user_location: { type: "approximate", city: "B" },
          },
        ],
      },
      { tools: [{ kind: "web_search", blocked_domains: ["a"], user_location: { city: "B" } }] },
    ],
    [
      { tools: [{ type: "bash_20250124", name: "bash" }] },
      {
        tools: [
          { kind: "raw", protocol: "anthropic-messages", raw: { type: "bash_20250124", name: "bash" } },
        ],
      },
    ],
  ]
  for (const [body, expected] of cases) {
    test(`${JSON.stringify(body)} is carried`, () => expect(read(body)).toMatchObject(expected))
  }

  test("unknown fields are ignored", () => {
    expect(read({ context_management: {}, speed: null, odd: 1, top_k: 5 })).toEqual(read())
  })

  test("a user id that is nobody's session is private", () => {
    expect(read({ metadata: { user_id: "mail@example.com" } })).not.toHaveProperty("cache_key")
  })
})

describe("malformed requests", () => {
  const cases: [unknown, string][] = [
    ["x", "body"],
    [{ max_tokens: 1, messages: [hi] }, "model"],
    [{ model: "", max_tokens: 1, messages: [hi] }, "model"],
    [{ model: "m", messages: [hi] }, "max_tokens"],
    [{ model: "m", max_tokens: 0, messages: [hi] }, "max_tokens"],
    [{ model: "m", max_tokens: 1.5, messages: [hi] }, "max_tokens"],
    [{ model: "m", max_tokens: 1 }, "messages"],
    [{ model: "m", max_tokens: 1, messages: [] }, "messages"],
    [{ model: "m", max_tokens: 1, messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
    [
      { model: "m", max_tokens: 1, messages: [hi, hi, { role: "user", content: [{}] }] },
      "messages[2].content[0].type",
    ],
    [
      { model: "m", max_tokens: 1, messages: [{ role: "user", content: [{ type: "text" }] }] },
      "messages[0].content[0].text",
    ],
    [
      {
        model: "m",
        max_tokens: 1,
        messages: [{ role: "user", content: [{ type: "image", source: { type: "x" } }] }],
      },
      "messages[0].content[0].source.type",
    ],
    [
      { model: "m", max_tokens: 1, messages: [{ role: "user", content: [{ type: "tool_result" }] }] },
      "messages[0].content[0].tool_use_id",
    ],
    [{ model: "m", max_tokens: 1, messages: [hi], system: [{ type: "text" }] }, "system[0].text"],
    [{ model: "m", max_tokens: 1, messages: [hi], tools: [{}] }, "tools[0].name"],
    [{ model: "m", max_tokens: 1, messages: [hi], thinking: { type: "enabled" } }, "thinking.budget_tokens"],
    [{ model: "m", max_tokens: 1, messages: [hi], stream: "yes" }, "stream"],
  ]
  for (const [body, field] of cases) {
    test(`${JSON.stringify(body)} names ${field}`, () =>
      expect(readRequest(body)).toMatchObject({ ok: false, field }))
  }

  test("nothing that a client sends throws", () => {
    const keys = {
      model: fc.anything(),
      messages: fc.anything(),
      max_tokens: fc.anything(),
      system: fc.anything(),
      tools: fc.anything(),
      thinking: fc.anything(),
      output_config: fc.anything(),
      metadata: fc.anything(),
      tool_choice: fc.anything(),
    }
    const body = fc.oneof(fc.anything(), fc.record(keys, { requiredKeys: [] }))
    checkProperty(import.meta.path, body, value => {
      expect(typeof readRequest(value).ok).toBe("boolean")
    })
  })
})
