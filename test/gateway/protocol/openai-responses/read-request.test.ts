/** Reading requests: the recorded Codex CLI ones, malformed ones, and every field dropped on purpose. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../../src/gateway/protocol/json.ts"
import { READ_LOSSES } from "../../../../src/gateway/protocol/openai-responses/losses.ts"
import { readRequest } from "../../../../src/gateway/protocol/openai-responses/read-request.ts"
import { writeRequest } from "../../../../src/gateway/protocol/openai-responses/write-request.ts"
import { listRequests, loadRequest } from "../../../support/responses-fixtures.ts"
import { targetOf } from "../../../support/target.ts"

function read(body: unknown) {
  const result = readRequest(body)
  if (!result.ok) throw new Error(`${result.field}: ${result.message}`)
  return result.request
}

/** Without members that are null: the wire says "not set" by null or by absence. */
function withoutNulls(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, member) => (member === null ? undefined : member)))
}

describe("recorded Codex CLI requests", () => {
  test("there are recordings", () => {
    expect(listRequests().length).toBeGreaterThanOrEqual(28)
  })

  test.each(listRequests())("%s keeps every item and tool through reading and writing", file => {
    const body = loadRequest(file)
    const written = JSON.parse(
      JSON.stringify(writeRequest(read(body), targetOf("openai-responses", { model: String(body.model) }))),
    )
    const input = body.input.map(({ internal_chat_message_metadata_passthrough: _, ...item }) => item)
    expect(withoutNulls(written.input)).toEqual(withoutNulls(input) as JsonObject[])
    expect(written.tools ?? []).toEqual(body.tools)
    for (const field of ["model", "instructions", "tool_choice", "parallel_tool_calls", "prompt_cache_key"]) {
      expect(written[field]).toEqual(body[field])
    }
    expect(written.text).toEqual(body.text)
    expect(written.service_tier).toEqual(body.service_tier)
    expect(written.include ?? []).toEqual(expect.arrayContaining(body.include as string[]))
    const { context: _, ...reasoning } = (body.reasoning ?? {}) as JsonObject
    expect(written.reasoning ?? {}).toEqual(reasoning)
  })

  test("sealed reasoning comes through verbatim, null content as none", () => {
    const { items } = read(loadRequest("03-tools-followup.request.json"))
    expect(items.filter(item => item.kind === "reasoning")).toEqual([
      { kind: "reasoning", summary: ["Thinking about it"], text: [], sealed: "ENC_BLOB_1" },
    ])
  })

  test("a namespaced call keeps namespace and name apart", () => {
    const { items } = read(loadRequest("12-mcp-followup.request.json"))
    const call = items.find(item => item.kind === "tool-call")
    expect(call).toMatchObject({ namespace: "mcp__demo", name: "add_numbers", tool: "function" })
  })

  test("an image in a tool result is a part, not text", () => {
    const { items } = read(loadRequest("17-view-image-followup.request.json"))
    const result = items.findLast(item => item.kind === "tool-result" && typeof item.output !== "string")
    expect(result).toMatchObject({ output: [{ kind: "image", detail: "high" }] })
  })

  test("a call of the wrong kind and broken arguments stay as the model wrote them", () => {
    const { items } = read(loadRequest("21-bad-tool-calls-followup.request.json"))
    const calls = items.filter(item => item.kind === "tool-call")
    expect(calls[0]?.arguments).toBe('{"cmd": "echo')
    expect(calls[3]).toMatchObject({ tool: "function", name: "apply_patch" })
  })

  test("a search result loads its tools, deferred ones marked", () => {
    const { items } = read(loadRequest("10-tool-search-followup.request.json"))
    expect(items.find(item => item.kind === "tool-search-result")).toMatchObject({
      call_id: "c0",
      tools: [{ kind: "namespace", name: "mcp__demo", tools: [{ name: "add_numbers", is_deferred: true }] }],
    })
  })

  test("a compaction trigger survives verbatim", () => {
    const { items } = read(loadRequest("08-compaction-remote-v2.request.json"))
    const raw = { type: "compaction_trigger" }
    expect(items.at(-1)).toEqual({ kind: "raw", protocol: "openai-responses", raw })
  })
})

describe("forms that clients use", () => {
  test("a bare string is one user message", () => {
    expect(read({ model: "m", input: "hi" }).items).toEqual([
      { kind: "message", role: "user", parts: [{ kind: "text", text: "hi" }] },
    ])
  })

  test("a message needs no type, and its content may be a string", () => {
    const { items } = read({ model: "m", input: [{ role: "developer", content: "be brief" }] })
    expect(items).toEqual([
      { kind: "message", role: "developer", parts: [{ kind: "text", text: "be brief" }] },
    ])
  })

  test("null means not set for every optional field", () => {
    const nulls = {
      tools: null,
      tool_choice: null,
      reasoning: null,
      text: null,
      metadata: null,
      stream: null,
    }
    const more = { instructions: null, max_output_tokens: null, temperature: null, include: null }
    expect(read({ model: "m", input: [], ...nulls, ...more })).toEqual(read({ model: "m", input: [] }))
  })

  test("an unknown tool, part or item is kept for its own protocol and fails nothing", () => {
    const tool = { type: "mcp", server_label: "x" }
    const part = { type: "input_audio", data: "AA" }
    const item = { type: "item_reference", id: "msg_1" }
    const body = { model: "m", tools: [tool], input: [{ role: "user", content: [part] }, item] }
    const written = writeRequest(read(body), targetOf("openai-responses", { model: String(body.model) }))
    expect(written.tools).toEqual([tool])
    expect(written.input).toMatchObject([{ content: [part] }, item])
  })

  test("a choice among several tools is softened, not refused", () => {
    const choice = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "f" }] }
    expect(read({ model: "m", input: [], tool_choice: choice }).tool_choice).toBe("required")
    expect(read({ model: "m", input: [], tool_choice: { type: "file_search" } }).tool_choice).toBe("auto")
  })

  test("any effort word passes", () => {
    expect(read({ model: "m", input: [], reasoning: { effort: "zzz" } }).reasoning).toEqual({ effort: "zzz" })
  })
})

describe("malformed requests", () => {
  const cases: [string, unknown][] = [
    ["body", null],
    ["body", []],
    ["body", "text"],
    ["model", { input: [] }],
    ["model", { model: "", input: [] }],
    ["model", { model: 5, input: [] }],
    ["input", { model: "m", input: 5 }],
    ["input[0]", { model: "m", input: ["hi"] }],
    ["input[0].type", { model: "m", input: [{}] }],
    [
      "input[1].role",
      {
        model: "m",
        input: [
          { role: "user", content: "" },
          { role: "robot", content: "" },
        ],
      },
    ],
    ["input[0].content", { model: "m", input: [{ role: "user" }] }],
    [
      "input[0].content[0].text",
      { model: "m", input: [{ role: "user", content: [{ type: "input_text" }] }] },
    ],
    ["input[0].content[0].type", { model: "m", input: [{ role: "user", content: [{}] }] }],
    [
      "input[0].content[0].image_url",
      { model: "m", input: [{ role: "user", content: [{ type: "input_image" }] }] },
    ],
    ["input[0].call_id", { model: "m", input: [{ type: "function_call", name: "f", arguments: "" }] }],
    [
      "input[0].arguments",
      { model: "m", input: [{ type: "function_call", name: "f", call_id: "c", arguments: {} }] },
    ],
    [
      "input[0].arguments",
      { model: "m", input: [{ type: "tool_search_call", call_id: "c", arguments: "{}" }] },
    ],
    ["input[0].output", { model: "m", input: [{ type: "function_call_output", call_id: "c" }] }],
    [
      "input[0].output",
      { model: "m", input: [{ type: "custom_tool_call_output", call_id: "c", output: [1] }] },
    ],
    ["tools", { model: "m", input: [], tools: {} }],
    ["tools[0].name", { model: "m", input: [], tools: [{ type: "function" }] }],
    ["tools[0].type", { model: "m", input: [], tools: [{ name: "f" }] }],
    [
      "tools[0].tools[0].name",
      { model: "m", input: [], tools: [{ type: "namespace", name: "n", tools: [{ type: "custom" }] }] },
    ],
    ["tool_choice", { model: "m", input: [], tool_choice: "sometimes" }],
    ["tool_choice.name", { model: "m", input: [], tool_choice: { type: "function" } }],
    ["parallel_tool_calls", { model: "m", input: [], parallel_tool_calls: "yes" }],
    ["reasoning", { model: "m", input: [], reasoning: "high" }],
    ["reasoning.effort", { model: "m", input: [], reasoning: { effort: 3 } }],
    ["max_output_tokens", { model: "m", input: [], max_output_tokens: 0 }],
    ["max_output_tokens", { model: "m", input: [], max_output_tokens: 1.5 }],
    ["temperature", { model: "m", input: [], temperature: "1" }],
    ["stream", { model: "m", input: [], stream: "true" }],
    ["include[0]", { model: "m", input: [], include: [1] }],
    ["text", { model: "m", input: [], text: "x" }],
    ["text.format.schema", { model: "m", input: [], text: { format: { type: "json_schema", name: "n" } } }],
    ["metadata.k", { model: "m", input: [], metadata: { k: 1 } }],
  ]
  test.each(cases)("%s is named", (field, body) => {
    expect(readRequest(body)).toMatchObject({ ok: false, field })
  })

  test("an item type that is a name of Object.prototype is an unknown type", () => {
    const item = { type: "constructor" }
    expect(read({ model: "m", input: [item] }).items).toEqual([
      { kind: "raw", protocol: "openai-responses", raw: item },
    ])
  })
})

describe("losses", () => {
  const plain = {
    model: "m",
    input: [{ type: "message", role: "user", content: "hi" }],
    reasoning: { effort: "low" },
  }
  test.each(READ_LOSSES.map(loss => loss.field))("%s changes nothing", field => {
    const [parent, member] = field.includes(".") ? field.split(".") : [undefined, field]
    const body = structuredClone(plain) as JsonObject
    const target = parent === "input[]" ? plain.input[0] : parent === undefined ? plain : plain.reasoning
    const changed = { ...target, [member!]: "some-value" }
    if (parent === "input[]") body.input = [changed]
    else if (parent === undefined) Object.assign(body, changed)
    else body[parent] = changed
    expect(body).not.toEqual(plain)
    expect(read(body)).toEqual(read(plain))
  })
})
