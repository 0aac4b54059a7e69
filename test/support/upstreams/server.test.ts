/** Tests of the scripted upstreams: the vendors' own SDKs understand them, and their strictness is the vendors'. */
import { afterAll, describe, expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { startStrictUpstream } from "./server.ts"
import { type Json, PROTOCOLS, type Protocol, type Turn } from "./turn.ts"

const upstreams = {
  "openai-responses": startStrictUpstream("openai-responses"),
  "openai-chat": startStrictUpstream("openai-chat"),
  "anthropic-messages": startStrictUpstream("anthropic-messages"),
}
const { "openai-responses": responses, "openai-chat": chat, "anthropic-messages": messages } = upstreams

afterAll(() => Promise.all(PROTOCOLS.map(protocol => upstreams[protocol].stop())))

const openai = (upstream: { baseUrl: string; key: string }) =>
  new OpenAI({ baseURL: upstream.baseUrl, apiKey: upstream.key, maxRetries: 0 })

/** The SDK of 2026-10-21 has no `x-api-key` of its own. */
const anthropic = () =>
  new Anthropic({
    baseURL: messages.baseUrl.replace("/v1", ""),
    apiKey: null,
    authToken: null,
    defaultHeaders: { "x-api-key": messages.key },
    maxRetries: 0,
  })

const parameters = { type: "object", properties: { city: { type: "string" } } }
const weather: Turn = {
  parts: [
    { kind: "reasoning", text: "The city is Köln." },
    { kind: "text", text: "Looking 🙂" },
    {
      kind: "call",
      id: "call_1",
      tool: "weather",
      arguments: '{"city": "Köln",  "n": 12345678901234567890}',
    },
  ],
  counts: { input: 100, cached: 60, written: 10, output: 20, reasoning: 5 },
}
const exact = '{"city": "Köln",  "n": 12345678901234567890}'

describe("the Responses upstream", () => {
  const tools = [{ type: "function" as const, name: "weather", parameters, strict: false }]

  test("is understood by the SDK's strict stream helper", async () => {
    const play = responses.play([weather])
    const stream = openai(responses).responses.stream({ model: "gpt-5.5", input: play.mark, tools })
    const answer = await stream.finalResponse()
    expect(answer).toMatchObject({ status: "completed", output_text: "Looking 🙂" })
    expect(answer.output.at(-1)).toMatchObject({ type: "function_call", arguments: exact })
    expect(answer.usage).toMatchObject({ input_tokens: 100, input_tokens_details: { cached_tokens: 60 } })
    expect(play.refusals).toEqual([])
  })

  test("says the same whole, and an answer without room for its end is incomplete", async () => {
    const play = responses.play([weather, { ...weather, stop: "length" }])
    const ask = () => openai(responses).responses.create({ model: "gpt-5.5", input: play.mark, tools })
    expect(await ask()).toMatchObject({ status: "completed", output_text: "Looking 🙂" })
    const cut = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }
    expect(await ask()).toMatchObject(cut)
  })

  test("searches the web when it may", async () => {
    const found = [{ title: "T", url: "https://example.com/" }]
    const play = responses.play([{ parts: [{ kind: "web-search", query: "news", results: found }] }])
    const search = [{ type: "web_search" as const }]
    const request = { model: "gpt-5.5", input: play.mark, tools: search }
    const answer = await openai(responses).responses.stream(request).finalResponse()
    expect(answer.output).toMatchObject([{ type: "web_search_call", action: { query: "news" } }])
  })
})

describe("the Chat upstream", () => {
  const tools = [{ type: "function" as const, function: { name: "weather", parameters } }]
  const question = (mark: string) => [{ role: "user" as const, content: mark }]

  test("is understood by the SDK's strict stream helper, without [DONE] and in single bytes too", async () => {
    const forms: Turn["form"][] = [{}, { is_crlf: true, bytes_per_chunk: 1 }, { is_without_done: true }]
    const play = chat.play(forms.map(form => ({ ...weather, form: form ?? {} })))
    for (const _ of forms) {
      const request = { model: "vendor/chat-model", messages: question(play.mark), tools }
      const stream = openai(chat).chat.completions.stream({
        ...request,
        stream_options: { include_usage: true },
      })
      const answer = await stream.finalChatCompletion()
      expect(answer.choices[0]).toMatchObject({
        finish_reason: "tool_calls",
        message: { content: "Looking 🙂", tool_calls: [{ id: "call_1", function: { arguments: exact } }] },
      })
      expect(answer.usage).toMatchObject({ prompt_tokens: 100, prompt_tokens_details: { cached_tokens: 60 } })
    }
  })

  test("says the same whole, and tells usage of a stream only when asked", async () => {
    const play = chat.play([weather, weather])
    const request = { model: "vendor/chat-model", messages: question(play.mark), tools }
    const whole = await openai(chat).chat.completions.create(request)
    expect(whole.choices[0]?.message.tool_calls).toMatchObject([{ function: { arguments: exact } }])
    const stream = await openai(chat).chat.completions.create({ ...request, stream: true })
    for await (const chunk of stream) expect(chunk.usage).toBeUndefined()
  })
})

describe("the Messages upstream", () => {
  const tools = [{ name: "weather", input_schema: { type: "object" as const } }]
  const ask = (mark: string) => ({
    model: "claude-opus-4-8",
    max_tokens: 4000,
    messages: [{ role: "user" as const, content: mark }],
    tools,
  })

  test("is understood by the SDK's stream helper, and its counters are disjoint", async () => {
    const play = messages.play([weather])
    const answer = await anthropic().messages.stream(ask(play.mark)).finalMessage()
    expect(answer.content.map(block => block.type)).toEqual(["thinking", "text", "tool_use"])
    expect(answer).toMatchObject({
      stop_reason: "tool_use",
      usage: { input_tokens: 30, cache_read_input_tokens: 60, cache_creation_input_tokens: 10 },
    })
  })

  test("takes back its own signature and no other", async () => {
    const play = messages.play([weather, { parts: [{ kind: "text", text: "12 °C" }] }])
    const first = await anthropic().messages.create(ask(play.mark))
    const replay = (signature: string) => {
      const content = first.content.map(block =>
        block.type === "thinking" ? { ...block, signature } : block,
      )
      const result = { type: "tool_result" as const, tool_use_id: "call_1", content: "12" }
      const turns = [
        { role: "assistant" as const, content: content as Anthropic.ContentBlockParam[] },
        { role: "user" as const, content: [result] },
      ]
      const { messages: before, ...rest } = ask(play.mark)
      return anthropic().messages.create({ ...rest, messages: [...before, ...turns] })
    }
    const [thinking] = first.content
    const own = thinking?.type === "thinking" ? thinking.signature : ""
    const refused = await replay("sealed-elsewhere").catch(error => error)
    expect(refused).toMatchObject({ status: 400 })
    expect(String(refused)).toContain("Invalid `signature` in `thinking` block")
    play.requests.length = 1
    expect(await replay(own)).toMatchObject({ content: [{ text: "12 °C" }] })
  })
})

describe("the client's own kinds of tools", () => {
  const add = { type: "function", name: "add", parameters: { type: "object" } }
  const parts: Turn["parts"] = [
    { kind: "freeform", id: "c1", tool: "patch", input: 'a "b"' },
    { kind: "call", id: "c2", namespace: "mcp__x", tool: "add", arguments: '{"a": 1}' },
    { kind: "tool-search", id: "c3", query: "q" },
  ]

  test("are called on Responses as they were offered", async () => {
    const play = responses.play([{ parts }])
    const tools = [
      { type: "custom", name: "patch" },
      { type: "namespace", name: "mcp__x", tools: [add] },
      { type: "tool_search", execution: "client", parameters: {} },
    ]
    const answer = await post("openai-responses", { ...RIGHT["openai-responses"](play.mark), tools })
    expect(((await answer.json()) as Json).output).toMatchObject([
      { type: "custom_tool_call", call_id: "c1", name: "patch", input: 'a "b"' },
      { type: "function_call", call_id: "c2", namespace: "mcp__x", name: "add", arguments: '{"a": 1}' },
      { type: "tool_search_call", call_id: "c3", execution: "client", arguments: { query: "q" } },
    ])
  })

  const schemas = {
    patch: { type: "object", properties: { input: { type: "string" } } },
    mcp__x__add: { type: "object" },
    tool_search: { type: "object" },
  }

  test("are called on Chat and Messages by flat names, bare text as their only argument", async () => {
    const flat = [
      ["patch", '{"input":"a \\"b\\""}'],
      ["mcp__x__add", '{"a": 1}'],
      ["tool_search", '{"query":"q"}'],
    ]
    const named = Object.entries(schemas)
    const functions = named.map(([name, schema]) => ({
      type: "function",
      function: { name, parameters: schema },
    }))
    const first = chat.play([{ parts }])
    const said = await post("openai-chat", { ...RIGHT["openai-chat"](first.mark), tools: functions })
    expect(((await said.json()) as Json).choices).toMatchObject([
      { message: { tool_calls: flat.map(([name, text]) => ({ function: { name, arguments: text } })) } },
    ])
    const second = messages.play([{ parts }])
    const tools = named.map(([name, input_schema]) => ({ name, input_schema }))
    const answer = await post("anthropic-messages", { ...RIGHT["anthropic-messages"](second.mark), tools })
    expect(((await answer.json()) as Json).content).toMatchObject(
      flat.map(([name = "", text = ""]) => ({ type: "tool_use", name, input: JSON.parse(text) })),
    )
  })

  test.each([...PROTOCOLS])("that %s was not offered are a refusal the test can read", async protocol => {
    const play = upstreams[protocol].play([{ parts: parts.slice(1, 2) }])
    expect((await post(protocol, RIGHT[protocol](play.mark))).status).toBe(400)
    expect(play.refusals).toEqual([expect.stringContaining("which was not offered")])
  })
})

/** A request that is right but for the one thing under test. */
const RIGHT: Record<Protocol, (mark: string) => Json> = {
  "openai-responses": mark => ({ model: "gpt-5.5", input: [{ role: "user", content: mark }] }),
  "openai-chat": mark => ({ model: "vendor/chat-model", messages: [{ role: "user", content: mark }] }),
  "anthropic-messages": mark => ({
    model: "claude-opus-4-8",
    max_tokens: 100,
    messages: [{ role: "user", content: mark }],
  }),
}

const PATHS = {
  "openai-responses": "/responses",
  "openai-chat": "/chat/completions",
  "anthropic-messages": "/messages",
}

function post(protocol: Protocol, body: Json): Promise<Response> {
  const { baseUrl, key } = upstreams[protocol]
  const headers: Record<string, string> =
    protocol === "anthropic-messages"
      ? { "x-api-key": key, "anthropic-version": "2023-06-01" }
      : { authorization: `Bearer ${key}` }
  return fetch(baseUrl + PATHS[protocol], { method: "POST", headers, body: JSON.stringify(body) })
}

const user = (...content: Json[]): Json => ({ role: "user", content })
const assistant = (...content: Json[]): Json => ({ role: "assistant", content })
const use = { type: "tool_use", id: "t1", name: "f", input: {} }
const result = { type: "tool_result", tool_use_id: "t1", content: "ok" }
const word = { type: "text", text: "hm" }
const tool = { name: "f", input_schema: { type: "object" } }
const marked = { ...word, cache_control: { type: "ephemeral" } }
const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } }

const WRONG: [Protocol, string, Json][] = [
  ["openai-responses", "Unknown parameter: cache_control", { cache_control: {} }],
  ["openai-responses", "Invalid value: 'thinking'", { input: [{ type: "thinking" }] }],
  [
    "openai-responses",
    "No tool output found for function call c1",
    { input: [{ type: "function_call", call_id: "c1", name: "f", arguments: "{}" }] },
  ],
  [
    "openai-responses",
    "No tool call found for function call output",
    { input: [{ type: "function_call_output", call_id: "c1", output: "" }] },
  ],
  [
    "openai-responses",
    "could not be verified",
    { input: [{ type: "reasoning", summary: [], encrypted_content: "foreign" }] },
  ],
  [
    "openai-responses",
    "Invalid 'tools[0].name'",
    { tools: [{ type: "function", name: "a.b", parameters: {} }] },
  ],
  ["openai-chat", "client_metadata: Extra inputs", { client_metadata: {} }],
  ["openai-chat", "Invalid 'tools': empty array", { tools: [] }],
  [
    "openai-chat",
    "must be followed by tool messages",
    { messages: [{ role: "assistant", tool_calls: [call] }] },
  ],
  [
    "openai-chat",
    "must be a response to a preceding message",
    { messages: [{ role: "tool", tool_call_id: "c1", content: "" }] },
  ],
  ["openai-chat", "messages[0].content[0].cache_control", { messages: [user({ ...marked })] }],
  [
    "openai-chat",
    "Invalid value: 'image_url'",
    { messages: [{ role: "tool", tool_call_id: "c1", content: [{ type: "image_url" }] }] },
  ],
  ["anthropic-messages", "max_tokens: Field required", { max_tokens: undefined }],
  ["anthropic-messages", "stream_options: Extra inputs", { stream_options: {} }],
  ["anthropic-messages", "roles must alternate", { messages: [user(word), user(word)] }],
  ["anthropic-messages", "non-empty", { messages: [user({ type: "text", text: "" })] }],
  [
    "anthropic-messages",
    "without `tool_result`",
    { tools: [tool], messages: [user(word), assistant(use), user(word)] },
  ],
  [
    "anthropic-messages",
    "tool_result blocks must come first",
    { tools: [tool], messages: [user(word), assistant(use), user(word, result)] },
  ],
  ["anthropic-messages", "must define tools", { messages: [user(word), assistant(use), user(result)] }],
  ["anthropic-messages", "A maximum of 4 blocks", { system: Array.from({ length: 5 }, () => marked) }],
  ["anthropic-messages", "prefill", { messages: [user(word), assistant(word)] }],
  [
    "anthropic-messages",
    'Unexpected role "system"',
    { messages: [user(word), { role: "system", content: "x" }] },
  ],
  ["anthropic-messages", "should match pattern", { tools: [{ ...tool, name: "a.b" }] }],
]

describe("strictness", () => {
  test.each(WRONG)("%s refuses: %s", async (protocol, words, change) => {
    const play = upstreams[protocol].play([{ parts: [{ kind: "text", text: "ok" }] }])
    const answer = await post(protocol, {
      ...RIGHT[protocol](play.mark),
      metadata: { m: play.mark },
      ...change,
    })
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining(JSON.stringify(words).slice(1, -1)),
    ])
    expect(play.refusals.join("\n")).toContain(words)
  })

  test.each([...PROTOCOLS])("%s takes what is right, and only with its key", async protocol => {
    const play = upstreams[protocol].play([{ parts: [{ kind: "text", text: "ok" }] }])
    const answer = await post(protocol, RIGHT[protocol](play.mark))
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("ok")])
    const without = await fetch(upstreams[protocol].baseUrl + PATHS[protocol], {
      method: "POST",
      headers: { authorization: "Bearer cxk_leaked", "anthropic-version": "2023-06-01" },
      body: JSON.stringify(RIGHT[protocol](play.mark)),
    })
    expect(await without.text()).toContain("the customer's own key has been passed on")
  })
})

describe("failures", () => {
  test.each([...PROTOCOLS])("%s tells an overflow and a limit in its own words", async protocol => {
    const play = upstreams[protocol].play([
      { parts: [], refusal: { kind: "context-overflow" } },
      { parts: [], refusal: { kind: "rate-limit", retry_after_seconds: 2 } },
    ])
    const overflow = await post(protocol, RIGHT[protocol](play.mark))
    expect([overflow.status, await overflow.text()]).toEqual([
      400,
      expect.stringMatching(/context_length_exceeded|prompt is too long: 250000 tokens > 200000 maximum/),
    ])
    const limit = await post(protocol, RIGHT[protocol](play.mark))
    expect([limit.status, limit.headers.get("retry-after")]).toEqual([429, "2"])
  })

  test.each([...PROTOCOLS])("%s breaks off in its own way in mid-stream", async protocol => {
    const text: Turn["parts"] = [{ kind: "text", text: "never said to its end" }]
    const play = upstreams[protocol].play([
      { parts: text, break: { after: "some", how: "error" } },
      { parts: text, break: { after: "nothing", how: "end" } },
    ])
    const ask = async () => (await post(protocol, { ...RIGHT[protocol](play.mark), stream: true })).text()
    const broken = await ask()
    expect(broken).toMatch(/response\.failed|"error":\{/)
    expect(broken).toContain("never")
    const cut = await ask()
    expect(cut).not.toMatch(/response\.(failed|completed)|"error":\{|finish_reason":"|message_stop|never/)
  })
})
