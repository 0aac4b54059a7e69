/** Reading Chat requests: what agents really send, every form of a message, and every malformed field by its name. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import type { Item, ModelRequest } from "../../../../src/gateway/protocol/model-request.ts"
import { READ_LOSSES } from "../../../../src/gateway/protocol/openai-chat/losses.ts"
import { readRequest } from "../../../../src/gateway/protocol/openai-chat/read-request.ts"

interface Recorded {
  url: string
  body?: JsonObject & { tools?: unknown[]; messages: JsonObject[] }
}

function load(file: string): Recorded[] {
  const whole = JSON.parse(readFileSync(join(import.meta.dir, "../../../fixtures/sdk", file), "utf8"))
  const all: Recorded[] = Array.isArray(whole) ? whole : whole.requests
  const chats = all.filter(({ url, body }) => url === "/v1/chat/completions" && body !== undefined)
  return chats.map(each => ({ ...each, body: withWholeTools(each.body!) }))
}

/** The recordings shorten all tools but the first to their names. */
function withWholeTools(body: NonNullable<Recorded["body"]>): NonNullable<Recorded["body"]> {
  const tools = body.tools?.map(tool =>
    typeof tool === "string" ? { type: "function", function: { name: tool, parameters: {} } } : tool,
  )
  return tools === undefined ? body : { ...body, tools }
}

const hi = [{ role: "user", content: "hi" }]
const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } }

function read(body: JsonObject): ModelRequest {
  const result = readRequest({ model: "m", messages: hi, ...body })
  if (!result.ok) throw new Error(`${result.field}: ${result.message}`)
  return result.request
}

const itemsOf = (...messages: JsonObject[]): Item[] => read({ messages: [...hi, ...messages] }).items.slice(1)

function problemOf(body: unknown): string {
  const result = readRequest(body)
  return result.ok ? "none" : result.field
}

describe("recorded requests", () => {
  const files = ["agent-cline", "agent-continue", "agent-opencode", "agent-qwen", "07-ai-sdk-requests"]
  test.each([...files, "01-openai-node-requests"])("%s is read without a problem", name => {
    const all = load(`${name}.json`)
    expect(all.length).toBeGreaterThan(0)
    for (const { body } of all) {
      // Some were recorded with an empty conversation, which is refused.
      const recorded = (body?.messages ?? []) as unknown[]
      const messages = recorded.length > 0 ? recorded : [{ role: "user", content: "hi" }]
      const read = readRequest({ ...body, messages })
      expect(read).toMatchObject({ ok: true, request: { model: "gpt-x" } })
    }
  })

  test("Cline's second turn is thinking, a call and its result, behind its instructions", () => {
    const { instructions, items, tools, tool_choice } = read(load("agent-cline.json")[1]!.body!)
    expect(instructions).toEqual([{ kind: "text", text: "<text, 4,273 chars>" }])
    expect(items.map(item => item.kind)).toEqual(["message", "reasoning", "tool-call", "tool-result"])
    expect(items[1]).toEqual({ kind: "reasoning", summary: [], text: ["thinking…"] })
    expect(items[2]).toMatchObject({ call_id: "call_1", arguments: '{"commands":["echo hi"]}' })
    expect([tools.length, tool_choice]).toEqual([25, "auto"])
  })

  test("Qwen's tool result is a list of parts, and empty content beside calls says nothing", () => {
    const { items, max_output_tokens, stream } = read(load("agent-qwen.json")[1]!.body!)
    const kinds = items.map(item => item.kind)
    expect(kinds).toEqual(["message", "message", "message", "reasoning", "tool-call", "tool-result"])
    expect(items.at(-1)).toMatchObject({ call_id: "call_1", output: [{ kind: "text" }] })
    expect([max_output_tokens, stream]).toEqual([8000, true])
  })
})

describe("messages", () => {
  test("system and developer messages at the front are the instructions, later ones stay in place", () => {
    const { instructions, items } = read({
      messages: [
        { role: "system", content: "one" },
        { role: "developer", content: [{ type: "text", text: "two" }] },
        ...hi,
        { role: "system", content: "three" },
      ],
    })
    expect(instructions).toEqual([{ kind: "text", text: "one\n\ntwo" }])
    expect(items[1]).toEqual({ kind: "message", role: "system", parts: [{ kind: "text", text: "three" }] })
  })

  test("parts of a user: text, picture by address, picture as a string, file", () => {
    const [item] = itemsOf({
      role: "user",
      content: [
        { type: "text", text: "see" },
        { type: "image_url", image_url: { url: "https://x.test/a.png", detail: "low" } },
        { type: "image_url", image_url: "data:image/png;base64,AA" },
        { type: "file", file: { file_data: "data:application/pdf;base64,AA", filename: "a.pdf" } },
        { type: "file", file: { file_id: "file-1" } },
      ],
    })
    expect(item).toMatchObject({
      parts: [
        { kind: "text", text: "see" },
        { kind: "image", url: "https://x.test/a.png", detail: "low" },
        { kind: "image", url: "data:image/png;base64,AA" },
        { kind: "file", data: "data:application/pdf;base64,AA", filename: "a.pdf" },
        { kind: "file", file_id: "file-1" },
      ],
    })
  })

  test("an assistant's step is thinking, text and calls, and a result knows the kind of its call", () => {
    const items = itemsOf(
      {
        role: "assistant",
        reasoning: "hm",
        content: "let me",
        tool_calls: [
          { id: "a", type: "function", function: { name: "f", arguments: '{"n": 9007199254740993}' } },
          { id: "b", type: "custom", custom: { name: "patch", input: "*** Begin" } },
        ],
      },
      { role: "tool", tool_call_id: "b", content: null },
      { role: "tool", tool_call_id: "a", content: "42" },
    )
    expect(items).toEqual([
      { kind: "reasoning", summary: [], text: ["hm"] },
      { kind: "message", role: "assistant", parts: [{ kind: "text", text: "let me" }] },
      { kind: "tool-call", tool: "function", call_id: "a", name: "f", arguments: '{"n": 9007199254740993}' },
      { kind: "tool-call", tool: "custom", call_id: "b", name: "patch", arguments: "*** Begin" },
      { kind: "tool-result", tool: "custom", call_id: "b", output: "" },
      { kind: "tool-result", tool: "function", call_id: "a", output: "42" },
    ])
  })

  test("a refusal is a part of its own, and an assistant that said nothing is no item", () => {
    const refused = { role: "assistant", content: null, refusal: "No." }
    expect(itemsOf(refused, { role: "assistant", content: "" })).toEqual([
      { kind: "message", role: "assistant", parts: [{ kind: "refusal", text: "No." }] },
    ])
  })

  test("legacy calls get ids by their place, and their results find them by name", () => {
    const call = { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } }
    const items = itemsOf(call, { role: "function", name: "f", content: "1" })
    expect(items).toMatchObject([
      { kind: "tool-call", call_id: "call_legacy_1", name: "f" },
      { kind: "tool-result", call_id: "call_legacy_1", output: "1" },
    ])
  })
})

describe("tools and their choice", () => {
  test("function, custom with its grammar, legacy functions and web search", () => {
    const { tools } = read({
      tools: [
        { type: "function", function: { name: "f", description: "d", parameters: { a: 1 }, strict: true } },
        { type: "custom", custom: { name: "c", format: { type: "grammar", grammar: GRAMMAR } } },
        { type: "custom", custom: { name: "free", format: { type: "text" } } },
        { type: "vendor_thing" },
      ],
      functions: [{ name: "old" }],
      web_search_options: {
        search_context_size: "low",
        user_location: { type: "approximate", approximate: { country: "DE" } },
      },
    })
    expect(tools).toEqual([
      { kind: "function", name: "f", description: "d", parameters: { a: 1 }, is_strict: true },
      { kind: "custom", name: "c", grammar: GRAMMAR },
      { kind: "custom", name: "free" },
      { kind: "raw", protocol: "openai-chat", raw: { type: "vendor_thing" } },
      { kind: "function", name: "old" },
      { kind: "web_search", context_size: "low", user_location: { country: "DE" } },
    ])
  })

  const allowed = (mode: string) => ({ type: "allowed_tools", allowed_tools: { mode, tools: [tool] } })
  test.each([
    ["auto", "auto"],
    ["none", "none"],
    ["required", "required"],
    [
      { type: "function", function: { name: "f" } },
      { tool: "function" as const, name: "f" },
    ],
    [allowed("required"), "required"],
    [allowed("auto"), "auto"],
  ])("tool_choice %j is read as %j", (tool_choice, expected) => {
    expect(read({ tools: [tool], tool_choice }).tool_choice).toEqual(expected as never)
  })

  test("the legacy function_call is a choice too", () => {
    const functions = [{ name: "old" }]
    expect(read({ functions, function_call: { name: "old" } }).tool_choice).toEqual({
      tool: "function",
      name: "old",
    })
    expect(read({ functions, function_call: "none" }).tool_choice).toBe("none")
  })
})

const GRAMMAR = { syntax: "lark", definition: "start: /x/" }

describe("options", () => {
  test("all that a ModelRequest carries", () => {
    const schema = { name: "s", schema: { type: "object" }, strict: true }
    const request = read({
      tools: [tool],
      parallel_tool_calls: false,
      reasoning_effort: "zzz",
      max_completion_tokens: 5,
      temperature: 0.5,
      top_p: 1,
      stop: "END",
      response_format: { type: "json_schema", json_schema: schema },
      verbosity: "low",
      stream: true,
      prompt_cache_key: "k",
      service_tier: "priority",
      metadata: { a: "b" },
    })
    const { instructions, items, tools, ...rest } = request
    expect(rest).toEqual({
      model: "m",
      parallel_tool_calls: false,
      reasoning: { effort: "zzz" },
      max_output_tokens: 5,
      temperature: 0.5,
      top_p: 1,
      stop: ["END"],
      text_format: { kind: "json_schema", ...schema },
      verbosity: "low",
      stream: true,
      cache_key: "k",
      service_tier: "priority",
      metadata: { a: "b" },
    })
  })

  test("null means not said, and both names of the limit may say the same", () => {
    const nulls = { tools: null, tool_choice: null, max_tokens: null, stop: null, stream: null, n: null }
    expect(read(nulls)).toEqual(read({}))
    expect(read({ max_tokens: 7, max_completion_tokens: 7 }).max_output_tokens).toBe(7)
    expect(read({ response_format: { type: "text" } })).toEqual(read({}))
    expect(read({ stop: [] })).toEqual(read({}))
  })

  test.each([
    ["logprobs", { logprobs: true }],
    ["prediction", { prediction: { type: "content", content: "x" } }],
    ["messages[0].content[0]", { messages: [{ role: "user", content: [{ type: "video_url" }] }] }],
    ["messages[0].audio", { messages: [{ role: "assistant", audio: { id: "audio_1" } }] }],
  ])("%s is for Chat upstreams only and is never dropped silently", (field, body) => {
    expect(read(body as unknown as JsonObject).only_native?.map(each => each.field)).toEqual([field])
  })

  test("what asks for the usual is not only native", () => {
    expect(read({ n: 1, logprobs: false, modalities: ["text"], audio: null }).only_native).toBeUndefined()
  })

  test.each(READ_LOSSES.map(loss => loss.field))("%s is dropped", field => {
    const key = field.replace("messages[].", "")
    const body = field.startsWith("messages") ? { messages: [{ ...hi[0], [key]: "x" }] } : { [key]: {} }
    expect(read(body)).toEqual(read({}))
  })
})

describe("malformed requests name the field", () => {
  const call = { id: "a", type: "function", function: { name: "f", arguments: "{}" } }
  const messages: [string, unknown][] = [
    ["messages", undefined],
    ["messages", "hi"],
    ["messages[0]", ["hi"]],
    ["messages[0].role", [{ content: "x" }]],
    ["messages[0].role", [{ role: "bot", content: "x" }]],
    ["messages[0].content", [{ role: "user" }]],
    ["messages[0].content", [{ role: "user", content: null }]],
    ["messages[0].content", [{ role: "user", content: 7 }]],
    ["messages[0].content", [{ role: "system", content: {} }]],
    ["messages[0].content[0]", [{ role: "user", content: ["x"] }]],
    ["messages[0].content[0].type", [{ role: "user", content: [{ text: "x" }] }]],
    ["messages[0].content[0].text", [{ role: "user", content: [{ type: "text" }] }]],
    ["messages[0].content[0].image_url", [{ role: "user", content: [{ type: "image_url" }] }]],
    [
      "messages[0].content[0].image_url.url",
      [{ role: "user", content: [{ type: "image_url", image_url: { url: "" } }] }],
    ],
    ["messages[0].content[0].file.file_data", [{ role: "user", content: [{ type: "file", file: {} }] }]],
    ["messages[0].tool_call_id", [{ role: "tool", content: "x" }]],
    ["messages[0].tool_call_id", [{ role: "tool", content: "x", tool_call_id: "" }]],
    ["messages[0].content", [{ role: "tool", content: 1, tool_call_id: "a" }]],
    ["messages[0].name", [{ role: "function", content: "x" }]],
    ["messages[0].name", [{ role: "function", name: "f", content: "x" }]],
    ["messages[0].tool_calls", [{ role: "assistant", tool_calls: {} }]],
    ["messages[0].tool_calls[0].id", [{ role: "assistant", tool_calls: [{ ...call, id: undefined }] }]],
    ["messages[0].tool_calls[0].type", [{ role: "assistant", tool_calls: [{ ...call, type: "x" }] }]],
    ["messages[0].tool_calls[0].function", [{ role: "assistant", tool_calls: [{ id: "a" }] }]],
    [
      "messages[0].tool_calls[0].function.arguments",
      [{ role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: {} } }] }],
    ],
    ["messages[0].reasoning_content", [{ role: "assistant", content: "x", reasoning_content: 1 }]],
    ["messages[0].refusal", [{ role: "assistant", refusal: 1 }]],
  ]
  test.each(messages)("%s: %j", (field, value) => {
    expect(problemOf({ model: "m", messages: value })).toBe(field)
  })

  const bodies: [string, JsonObject][] = [
    ["model", { model: "" }],
    ["model", { model: 1 }],
    ["max_tokens", { max_tokens: 0 }],
    ["max_tokens", { max_tokens: "5" }],
    ["max_completion_tokens", { max_completion_tokens: 1.5 }],
    ["max_tokens", { max_tokens: 5, max_completion_tokens: 6 }],
    ["stop[0]", { stop: [1] }],
    ["stop", { stop: 1 }],
    ["stop", { stop: "" }],
    ["stream", { stream: "yes" }],
    ["stream_options", { stream_options: true }],
    ["stream_options.include_usage", { stream_options: { include_usage: "x" } }],
    ["n", { n: 0 }],
    ["n", { n: "2" }],
    ["logprobs", { logprobs: 1 }],
    ["temperature", { temperature: "hot" }],
    ["top_p", { top_p: {} }],
    ["tools", { tools: {} }],
    ["tools[0].type", { tools: [{}] }],
    ["tools[0].function", { tools: [{ type: "function" }] }],
    ["tools[0].function.name", { tools: [{ type: "function", function: {} }] }],
    ["tools[0].function.name", { tools: [{ type: "function", function: { name: "" } }] }],
    [
      "tools[0].function.parameters",
      { tools: [{ type: "function", function: { name: "f", parameters: [] } }] },
    ],
    ["tools[0].custom.name", { tools: [{ type: "custom", custom: {} }] }],
    ["functions[0].name", { functions: [{}] }],
    ["tool_choice", { tool_choice: "required" }],
    ["tool_choice", { tool_choice: "any", tools: [tool] }],
    ["tool_choice.type", { tool_choice: { type: "hammer" }, tools: [tool] }],
    ["tool_choice.function.name", { tool_choice: { type: "function" }, tools: [tool] }],
    [
      "tool_choice.function.name",
      { tool_choice: { type: "function", function: { name: "g" } }, tools: [tool] },
    ],
    ["function_call.name", { function_call: { name: "g" }, functions: [{ name: "f" }] }],
    ["function_call", { function_call: 1 }],
    ["parallel_tool_calls", { parallel_tool_calls: "no" }],
    ["response_format", { response_format: "json" }],
    ["response_format.type", { response_format: { type: "xml" } }],
    ["response_format.json_schema", { response_format: { type: "json_schema" } }],
    ["response_format.json_schema.name", { response_format: { type: "json_schema", json_schema: {} } }],
    ["reasoning_effort", { reasoning_effort: 3 }],
    ["metadata.a", { metadata: { a: 1 } }],
    ["service_tier", { service_tier: 1 }],
  ]
  test.each(bodies)("%s: %j", (field, body) => {
    expect(problemOf({ model: "m", messages: hi, ...body })).toBe(field)
  })

  test.each([[null], [1], ["x"], [[]]])("a body that is %j", body => {
    expect(problemOf(body)).toBe("body")
  })
})
