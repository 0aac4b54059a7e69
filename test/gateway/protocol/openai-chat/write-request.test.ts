/** Writing requests for Chat upstreams: the shape of a conversation, every quirk, every loss. */
import { describe, expect, test } from "bun:test"
import type { Item, ModelRequest, Part, Tool } from "../../../../src/gateway/protocol/model-request.ts"
import { WRITE_LOSSES } from "../../../../src/gateway/protocol/openai-chat/losses.ts"
import type { WireMessage } from "../../../../src/gateway/protocol/openai-chat/wire.ts"
import { writeRequest } from "../../../../src/gateway/protocol/openai-chat/write-request.ts"
import type { Quirk, Target } from "../../../../src/gateway/protocol/target.ts"

const targetWith = (...quirks: Quirk[]): Target => ({
  protocol: "openai-chat",
  upstream_id: "up",
  model: "deepseek-chat",
  quirks: new Set(quirks),
  tool_name_length: 64,
  max_output_tokens: 8_192,
  reasoning_efforts: ["low", "medium", "high"],
})

const text = (words: string): Part => ({ kind: "text", text: words })
const said = (role: "user" | "assistant" | "system" | "developer", ...parts: (string | Part)[]): Item => ({
  kind: "message",
  role,
  parts: parts.map(part => (typeof part === "string" ? text(part) : part)),
})
const call = (call_id: string, args = "{}"): Item => ({
  kind: "tool-call",
  tool: "function",
  call_id,
  name: "f",
  arguments: args,
})
const result = (call_id: string, output: string | Part[] = call_id): Item => ({
  kind: "tool-result",
  tool: "function",
  call_id,
  output,
})
const thought = (words: string): Item => ({
  kind: "reasoning",
  summary: ["s"],
  text: [words],
  sealed: "blob",
})
const image: Part = { kind: "image", url: "data:image/png;base64,AA", detail: "original" }
const f: Tool = { kind: "function", name: "f", parameters: { type: "object", properties: {} } }

const base: ModelRequest = {
  model: "m",
  instructions: [],
  items: [said("user", "hi")],
  tools: [],
  stream: false,
}
const write = (request: Partial<ModelRequest>, ...quirks: Quirk[]) =>
  writeRequest({ ...base, ...request }, targetWith(...quirks))
const messagesOf = (items: Item[], ...quirks: Quirk[]): WireMessage[] => write({ items }, ...quirks).messages

const wireCall = (id: string, args = "{}") => ({
  id,
  type: "function",
  function: { name: "f", arguments: args },
})

describe("the body", () => {
  test("keys stand in one order, whatever the order of the request's", () => {
    const request: ModelRequest = {
      ...base,
      stop: ["END"],
      top_p: 1,
      temperature: 0,
      max_output_tokens: 9,
      reasoning: { effort: "high" },
      text_format: { kind: "json_object" },
      parallel_tool_calls: false,
      tool_choice: { tool: "function", name: "f" },
      tools: [f],
      stream: true,
    }
    expect(JSON.stringify(writeRequest(request, targetWith()))).toBe(
      JSON.stringify({
        model: "deepseek-chat",
        messages: [{ role: "user", content: "hi" }],
        tools: [
          { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
        ],
        tool_choice: { type: "function", function: { name: "f" } },
        parallel_tool_calls: false,
        response_format: { type: "json_object" },
        reasoning_effort: "high",
        max_tokens: 9,
        temperature: 0,
        top_p: 1,
        stop: ["END"],
        stream: true,
        stream_options: { include_usage: true },
      }),
    )
  })

  test("a schema for the answer is nested", () => {
    const schema = { type: "object" }
    expect(
      write({ text_format: { kind: "json_schema", name: "n", schema, strict: true } }).response_format,
    ).toEqual({
      type: "json_schema",
      json_schema: { name: "n", schema, strict: true },
    })
  })

  test("only functions are offered; a choice without its tool, or without tools, is no choice", () => {
    const others: Tool[] = [
      { kind: "custom", name: "c" },
      { kind: "web_search" },
      { kind: "tool_search" },
      { kind: "raw", protocol: "openai-chat", raw: { type: "x" } },
    ]
    const body = write({ tools: others, tool_choice: "required", parallel_tool_calls: true })
    expect([body.tools, body.tool_choice, body.parallel_tool_calls]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(write({ tools: [f, ...others] }).tools).toHaveLength(1)
    expect(write({ tools: [f], tool_choice: { tool: "web_search" } }).tool_choice).toBeUndefined()
    expect(write({ tools: [f], tool_choice: { tool: "function", name: "g" } }).tool_choice).toBeUndefined()
  })

  test.each([
    [{ effort: "high" }, "high"],
    [{ effort: "xhigh" }, "high"],
    [{ effort: "minimal" }, "low"],
    [{ effort: "none" }, undefined],
    [{ budget_tokens: 1_024 }, "low"],
    [{ budget_tokens: 10_000 }, "medium"],
    [{ budget_tokens: 31_999 }, "high"],
    [{ summary: "auto" }, undefined],
  ])("reasoning %j is the effort %j", (reasoning, effort) => {
    expect(write({ reasoning }).reasoning_effort).toBe(effort as string)
  })

  test("a model that does not reason is not asked to, and one that can be told not to is told", () => {
    const efforts = (reasoning_efforts: string[], effort: string) =>
      writeRequest({ ...base, reasoning: { effort } }, { ...targetWith(), reasoning_efforts })
        .reasoning_effort
    expect(efforts([], "high")).toBeUndefined()
    expect(efforts(["none", "high"], "none")).toBe("none")
    expect(efforts(["none", "high"], "minimal")).toBe("high")
    expect(efforts(["none"], "high")).toBeUndefined()
  })
})

describe("the conversation", () => {
  test("instructions and what leads the history are one system message; later ones stay in place", () => {
    const instructions = [text("one"), text("two")] as ModelRequest["instructions"]
    const items = [
      said("developer", "three"),
      said("system", ""),
      said("user", "hi"),
      said("developer", "four"),
    ]
    expect(write({ instructions, items }).messages).toEqual([
      { role: "system", content: "one\n\ntwo\n\nthree" },
      { role: "user", content: "hi" },
      { role: "system", content: "four" },
    ])
  })

  test("thinking, text and calls of one step are one message, and results follow in the order of the calls", () => {
    const items = [said("user", "hi"), thought("hm"), said("assistant", "let me"), call("a"), call("b", " ")]
    expect(messagesOf([...items, result("b"), result("a"), said("user", "and?")])).toEqual([
      { role: "user", content: "hi" },
      { role: "assistant", content: "let me", tool_calls: [wireCall("a"), wireCall("b")] },
      { role: "tool", tool_call_id: "a", content: "a" },
      { role: "tool", tool_call_id: "b", content: "b" },
      { role: "user", content: "and?" },
    ] as WireMessage[])
  })

  test("content is null beside calls, and results come before what was said in between", () => {
    const items = [call("a"), said("developer", "note"), said("user", "wait"), result("a")]
    expect(messagesOf([said("user", "hi"), ...items]).slice(1)).toEqual([
      { role: "assistant", content: null, tool_calls: [wireCall("a")] },
      { role: "tool", tool_call_id: "a", content: "a" },
      { role: "system", content: "note" },
      { role: "user", content: "wait" },
    ] as WireMessage[])
  })

  test("each step has its own results, also when an id is used again", () => {
    const items = [call("a"), result("a", "1"), call("a"), result("a", "2")]
    expect(messagesOf(items).map(message => message.content)).toEqual([null, "1", null, "2"])
  })

  test("work of another server and items of another protocol are nothing, and part no step", () => {
    const hosted: Item = { kind: "hosted-call", raw: { type: "web_search_call" } }
    const raw: Item = { kind: "raw", protocol: "openai-responses", raw: { type: "compaction" } }
    expect(messagesOf([said("assistant", "a"), hosted, raw, said("assistant", "b"), thought("x")])).toEqual([
      { role: "assistant", content: "a\n\nb" },
    ])
  })

  test("calls and results of other kinds than functions are left out whole", () => {
    const other: Item = { kind: "tool-call", tool: "custom", call_id: "c", name: "p", arguments: "x" }
    const answer: Item = { kind: "tool-result", tool: "custom", call_id: "c", output: "x" }
    expect(messagesOf([said("user", "hi"), other, answer])).toEqual([{ role: "user", content: "hi" }])
  })

  test("pictures of tools are shown by the user after all results", () => {
    const items = [call("a"), call("b"), result("a", [image]), result("b", [text("see"), image])]
    const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } }
    expect(messagesOf(items).slice(1)).toEqual([
      { role: "tool", tool_call_id: "a", content: "[Shown in the next message.]" },
      { role: "tool", tool_call_id: "b", content: "see" },
      {
        role: "user",
        content: [
          { type: "text", text: "[Shown by the tool call a:]" },
          picture,
          { type: "text", text: "[Shown by the tool call b:]" },
          picture,
        ],
      },
    ])
  })

  test("empty texts are left out, and a message of nothing else with them", () => {
    expect(messagesOf([said("user", ""), said("assistant", ""), said("user", "", "a", "", "b")])).toEqual([
      { role: "user", content: "a\n\nb" },
    ])
  })

  test("what has no form here is a note: uploads of another upstream, files by address", () => {
    const items = [said("user", { kind: "image", file_id: "x" }, { kind: "file", url: "https://x.test" })]
    expect(messagesOf(items)).toEqual([
      {
        role: "user",
        content:
          "[A picture was left out: it is stored elsewhere.]\n\n[A file was left out: it is stored elsewhere.]",
      },
    ])
  })

  test("parts that came from Chat go back as they came", () => {
    const raw = { type: "video_url", video_url: { url: "x" } }
    const items = [said("user", "see", { kind: "raw", protocol: "openai-chat", raw })]
    expect(messagesOf(items)[0]!.content).toEqual([{ type: "text", text: "see" }, raw])
  })
})

describe("quirks", () => {
  test("reasoning-content: the thinking of a step goes back with it", () => {
    const items = [thought("one"), thought("two"), said("assistant", "hi"), call("a"), result("a")]
    expect(messagesOf(items, "reasoning-content")[0]).toEqual({
      role: "assistant",
      content: "hi",
      reasoning_content: "one\n\ntwo",
      tool_calls: [wireCall("a")],
    } as WireMessage)
    expect(JSON.stringify(messagesOf(items))).not.toContain("one")
  })

  test("no-reasoning-effort", () => {
    expect(write({ reasoning: { effort: "high" } }, "no-reasoning-effort").reasoning_effort).toBeUndefined()
  })

  test("strict-tool-schemas", () => {
    const parametersOf = (parameters: Tool & { kind: "function" }, ...quirks: Quirk[]) =>
      write({ tools: [parameters] }, ...quirks).tools![0]!.function.parameters
    const odd: Tool & { kind: "function" } = {
      kind: "function",
      name: "f",
      parameters: {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        type: "string",
        properties: null,
      },
    }
    expect(parametersOf(odd, "strict-tool-schemas")).toEqual({ type: "object", properties: {} })
    expect(parametersOf({ kind: "function", name: "f" }, "strict-tool-schemas")).toEqual({
      type: "object",
      properties: {},
    })
    expect(parametersOf(odd)).toEqual(odd.parameters!)
    expect(parametersOf({ kind: "function", name: "f" })).toBeUndefined()
  })

  test("no-parallel-tools: parallel calls become turns of their own", () => {
    const items = [said("assistant", "two"), call("a"), call("b"), result("a"), result("b")]
    expect(messagesOf(items, "no-parallel-tools")).toEqual([
      { role: "assistant", content: "two", tool_calls: [wireCall("a")] },
      { role: "tool", tool_call_id: "a", content: "a" },
      { role: "assistant", content: null, tool_calls: [wireCall("b")] },
      { role: "tool", tool_call_id: "b", content: "b" },
    ] as WireMessage[])
    const body = write({ tools: [f], parallel_tool_calls: true }, "no-parallel-tools")
    expect(body.parallel_tool_calls).toBeUndefined()
  })

  test("needs-max-tokens and max-completion-tokens", () => {
    expect(write({}, "needs-max-tokens").max_tokens).toBe(8_192)
    expect(write({ max_output_tokens: 5 }, "needs-max-tokens").max_tokens).toBe(5)
    expect(write({}).max_tokens).toBeUndefined()
    const renamed = write({}, "needs-max-tokens", "max-completion-tokens")
    expect([renamed.max_completion_tokens, renamed.max_tokens]).toEqual([8_192, undefined])
  })

  test("no-stream-options, and none without a stream", () => {
    expect(write({ stream: true }, "no-stream-options")).not.toHaveProperty("stream_options")
    expect(write({ stream: false })).not.toHaveProperty("stream_options")
    expect(write({ stream: true }).stream_options).toEqual({ include_usage: true })
  })

  test("system-first: later system messages become marked words of the user", () => {
    const items = [said("system", "one"), said("user", "hi"), said("developer", "two")]
    expect(messagesOf(items, "system-first")).toEqual([
      { role: "system", content: "one" },
      { role: "user", content: "hi" },
      { role: "user", content: "<system>\ntwo\n</system>" },
    ])
  })

  test("no-images: a note stands where the picture was, also in results", () => {
    const note = "[A picture was left out: this model reads text only.]"
    const items = [said("user", "see", image), call("a"), result("a", [image])]
    expect(messagesOf(items, "no-images").map(message => message.content)).toEqual([
      `see\n\n${note}`,
      null,
      note,
    ])
  })
})

describe("losses", () => {
  const withPart = (part: object) => ({
    items: [said("user", { kind: "text", text: "hi", ...part } as Part)],
  })
  const cases: { [field: string]: Partial<ModelRequest> } = {
    verbosity: { verbosity: "low" },
    cache_key: { cache_key: "k" },
    service_tier: { service_tier: "priority" },
    metadata: { metadata: { a: "b" } },
    wants_sealed_reasoning: { wants_sealed_reasoning: true },
    "reasoning.summary": { reasoning: { summary: "auto" } },
    web_search: { tools: [{ kind: "web_search" }] },
    "hosted-call": { items: [...base.items, { kind: "hosted-call", raw: { type: "web_search_call" } }] },
    sealed: { items: [...base.items, { kind: "reasoning", summary: [], text: [], sealed: "blob" }] },
    cache: withPart({ cache: "5m" }),
  }
  test.each(Object.keys(cases))("%s", field => {
    expect(write(cases[field]!)).toEqual(write({}))
  })

  test("phase, is_error and refusal", () => {
    const phased = { ...said("assistant", "a"), phase: "commentary" } as Item
    expect(messagesOf([phased])).toEqual(messagesOf([said("assistant", "a")]))
    const failed = { ...result("a"), is_error: true } as Item
    expect(messagesOf([call("a"), failed])).toEqual(messagesOf([call("a"), result("a")]))
    const refused = said("assistant", { kind: "refusal", text: "No." })
    expect(messagesOf([refused])).toEqual([{ role: "assistant", content: "No." }])
  })

  test("every line of the table is tested here", () => {
    const fields = [...Object.keys(cases), "phase", "is_error", "refusal"]
    expect(WRITE_LOSSES.map(loss => loss.field).sort()).toEqual(fields.sort())
  })
})
