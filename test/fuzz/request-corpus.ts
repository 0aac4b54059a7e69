/** Right requests for every door: what real clients sent, what the model of requests can say, and every field by hand. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { UPSTREAMS } from "../../src/gateway/protocol/codecs.ts"
import { isJsonObject, type JsonObject } from "../../src/gateway/protocol/json.ts"
import { translateRequest } from "../../src/gateway/protocol/translate-request.ts"
import type { SeededRandom } from "../simulation/seeded-random.ts"
import { arbitraryRequest } from "../support/arbitrary-model.ts"
import { UPSTREAM_PROTOCOLS } from "../support/pairs.ts"
import { targetOf } from "../support/target.ts"

/** The doors that models answer at. */
export const MODEL_PATHS = [
  "/v1/responses",
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/messages",
] as const
export type ModelPath = (typeof MODEL_PATHS)[number]
export type Corpus = Record<ModelPath, JsonObject[]>

const PATH_OF = {
  "openai-responses": "/v1/responses",
  "openai-chat": "/v1/chat/completions",
  "anthropic-messages": "/v1/messages",
} as const

const FIXTURES = join(import.meta.dir, "../fixtures")
const LARGEST_FIXTURE_BYTES = 20_000
const GENERATED_COUNT = 60

/** The same for every seed's number, so that a case alone is the same as among others. */
export function makeCorpus(seed: number): Corpus {
  const corpus: Corpus = {
    "/v1/responses": [...RESPONSES],
    "/v1/chat/completions": [...CHATS],
    "/v1/completions": [...COMPLETIONS],
    "/v1/messages": [...MESSAGES],
  }
  for (const { path, body } of readCaptures()) corpus[path].push(body)
  for (const request of fc.sample(arbitraryRequest, { numRuns: GENERATED_COUNT, seed })) {
    for (const protocol of UPSTREAM_PROTOCOLS) {
      const target = targetOf(protocol)
      const translated = translateRequest(request, "openai-responses", target)
      if (!translated.ok) continue
      // As the wire has it: generators hang functions on what they make.
      const body = JSON.stringify(UPSTREAMS[protocol].writeRequest(translated.request, target))
      corpus[PATH_OF[protocol]].push(JSON.parse(body))
    }
  }
  return corpus
}

function readCaptures(): { path: ModelPath; body: JsonObject }[] {
  const found: { path: ModelPath; body: JsonObject }[] = []
  for (const folder of ["codex-cli", "claude-code", "sdk"]) {
    for (const file of readdirSync(join(FIXTURES, folder)).sort()) {
      if (!file.endsWith(".json")) continue
      const parsed: unknown = JSON.parse(readFileSync(join(FIXTURES, folder, file), "utf8"))
      for (const one of Array.isArray(parsed) ? parsed : [parsed]) {
        if (!isJsonObject(one) || !isJsonObject(one.body)) continue
        const path = String(one.path ?? one.url ?? "").replace(/\?.*/, "")
        const known = MODEL_PATHS.find(model_path => model_path === path)
        if (known && JSON.stringify(one.body).length < LARGEST_FIXTURE_BYTES)
          found.push({ path: known, body: one.body })
      }
    }
  }
  return found
}

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
const png =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const RESPONSES: JsonObject[] = [
  { model: "m", input: "hi" },
  { model: "m", input: "hi", stream: true, store: false },
  {
    model: "m",
    instructions: "Be brief.",
    input: [
      { role: "developer", content: "Be kind." },
      {
        type: "message",
        role: "user",
        content: [
          { type: "input_text", text: "look" },
          { type: "input_image", image_url: png, detail: "low" },
        ],
      },
      {
        type: "reasoning",
        id: "rs_1",
        summary: [{ type: "summary_text", text: "hm" }],
        encrypted_content: "AAAA",
      },
      {
        type: "function_call",
        call_id: "c1",
        name: "weather",
        arguments: '{"city":"Köln"}',
        status: "completed",
      },
      { type: "function_call_output", call_id: "c1", output: "12 °C" },
      { type: "custom_tool_call", call_id: "c2", name: "apply_patch", input: "*** Begin Patch" },
      { type: "custom_tool_call_output", call_id: "c2", output: [{ type: "input_text", text: "ok" }] },
      {
        type: "message",
        role: "assistant",
        content: [{ type: "output_text", text: "Cold.", annotations: [] }],
      },
      { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
      { type: "message", role: "user", content: "go on" },
    ],
    tools: [
      { type: "function", name: "weather", parameters: schema, strict: true },
      {
        type: "custom",
        name: "apply_patch",
        format: { type: "grammar", syntax: "lark", definition: "start: /.+/" },
      },
      {
        type: "namespace",
        name: "mcp__x",
        description: "d",
        tools: [{ type: "function", name: "add", parameters: schema }],
      },
      { type: "tool_search", execution: "client", description: "d", parameters: schema },
      { type: "web_search", search_context_size: "low", filters: { allowed_domains: ["example.com"] } },
    ],
    tool_choice: { type: "function", name: "weather" },
    parallel_tool_calls: true,
    reasoning: { effort: "high", summary: "auto" },
    text: { verbosity: "low", format: { type: "json_schema", name: "s", schema, strict: true } },
    include: ["reasoning.encrypted_content"],
    max_output_tokens: 900,
    max_tool_calls: 3,
    temperature: 0.5,
    top_p: 0.9,
    top_logprobs: 0,
    service_tier: "auto",
    prompt_cache_key: "k",
    safety_identifier: "u",
    user: "u",
    truncation: "disabled",
    metadata: { a: "b" },
    store: true,
    stream: true,
    stream_options: { include_obfuscation: false },
  },
  { model: "m", input: "later", background: true },
  {
    model: "m",
    input: [{ role: "user", content: "sum it up" }, { type: "compaction_trigger" }],
    stream: true,
  },
]

const CHATS: JsonObject[] = [
  { model: "m", messages: [{ role: "user", content: "hi" }] },
  {
    model: "m",
    messages: [
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "image_url", image_url: { url: png } },
        ],
        name: "a",
      },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        tool_calls: [
          { id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Köln"}' } },
          { id: "c2", type: "custom", custom: { name: "patch", input: "x" } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "12 °C" },
      { role: "tool", tool_call_id: "c2", content: [{ type: "text", text: "ok" }] },
      { role: "assistant", content: "Cold.", refusal: null },
      { role: "user", content: "go on" },
    ],
    tools: [
      {
        type: "function",
        function: { name: "weather", description: "d", parameters: schema, strict: false },
      },
      { type: "custom", custom: { name: "patch", format: { type: "text" } } },
    ],
    tool_choice: "auto",
    parallel_tool_calls: false,
    response_format: { type: "json_schema", json_schema: { name: "s", schema, strict: true } },
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: 900,
    temperature: 1,
    top_p: 1,
    n: 1,
    stop: ["x"],
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: {},
    logprobs: false,
    seed: 1,
    user: "u",
    reasoning_effort: "low",
    verbosity: "low",
    service_tier: "auto",
    store: true,
    metadata: { a: "b" },
    modalities: ["text"],
  },
  {
    model: "m",
    messages: [
      { role: "user", content: "hi" },
      { role: "function", name: "f", content: "x" },
    ],
    functions: [{ name: "f", parameters: schema }],
    function_call: "auto",
    max_tokens: 5,
  },
]

const COMPLETIONS: JsonObject[] = [
  { model: "m", prompt: "Once" },
  {
    model: "m",
    prompt: ["Once"],
    suffix: null,
    max_tokens: 30,
    temperature: 0,
    top_p: 1,
    n: 1,
    best_of: 1,
    echo: false,
    logprobs: null,
    stop: ["\n"],
    stream: true,
    stream_options: { include_usage: true },
    user: "u",
    seed: 3,
  },
]

const MESSAGES: JsonObject[] = [
  { model: "m", max_tokens: 100, messages: [{ role: "user", content: "hi" }] },
  {
    model: "m",
    max_tokens: 4_000,
    system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral", ttl: "1h" } }],
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "look" },
          { type: "image", source: { type: "base64", media_type: "image/png", data: png.slice(22) } },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm", signature: "AAAA" },
          { type: "redacted_thinking", data: "BBBB" },
          { type: "text", text: "Let me see." },
          { type: "tool_use", id: "t1", name: "weather", input: { city: "Köln" } },
          { type: "server_tool_use", id: "s1", name: "web_search", input: { query: "q" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "s1",
            content: [
              { type: "web_search_result", url: "http://x.test", title: "X", encrypted_content: "CC" },
            ],
          },
        ],
      },
      {
        role: "user",
        content: [
          {
            type: "tool_result",
            tool_use_id: "t1",
            content: [{ type: "text", text: "12 °C" }],
            is_error: false,
          },
        ],
      },
    ],
    tools: [
      { name: "weather", description: "d", input_schema: schema, cache_control: { type: "ephemeral" } },
      { type: "web_search_20250305", name: "web_search", max_uses: 3, allowed_domains: ["example.com"] },
    ],
    tool_choice: { type: "auto", disable_parallel_tool_use: true },
    thinking: { type: "enabled", budget_tokens: 2_000 },
    output_config: { effort: "high" },
    context_management: { edits: [] },
    metadata: { user_id: "u" },
    stop_sequences: ["x"],
    stream: true,
    temperature: 1,
    top_k: 5,
    top_p: 0.9,
    service_tier: "auto",
  },
]

/** One of them, led to a model that is served, or as it stands. */
export function pickBody(random: SeededRandom, corpus: Corpus, path: ModelPath, model: string): JsonObject {
  const body = structuredClone(random.pick(corpus[path]))
  return random.chance(0.95) ? { ...body, model } : body
}
