/**
 * The traps of gateway.md, "Usage" and "Context and errors", through the whole server, named by their sentences:
 *
 * - OpenAI input includes cached tokens, Anthropic's does not: convert both ways (also billing-goldens.test.ts)
 * - always ask Chat upstreams for usage; show it only if the client asked
 * - cached tokens appear in all client shapes
 * - streamed and whole answers cost the same (also billing-goldens.test.ts)
 * - context overflow in the words each client understands
 * - statuses chosen by what the client does with them
 * - prompt_cache_key and tool JSON stay stable across turns
 * - empty text blocks and more than four cache marks are fixed before Anthropic sees them
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ClientProtocol } from "../../../src/gateway/protocol/codecs.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { jsonAnswer, streamAnswer } from "../../support/fake-fetch.ts"
import { lastReceipt, openPairApp, type PairApp } from "../../support/pair-app.ts"
import { CLIENT_PROTOCOLS, NAMED_PAIRS, UPSTREAM_PROTOCOLS, wireEvents } from "../../support/pairs.ts"
import { strictProblems } from "../../support/strict-rules.ts"
import { named, vendorAnswer, vendorStream } from "../../support/vendor-wire.ts"

let scene: PairApp
/** A quirk forces a translation between equal protocols, too. */
let rewriting: PairApp
beforeAll(async () => {
  scene = await openPairApp()
  rewriting = await openPairApp({ quirks: "no-images" })
})
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await rewriting[Symbol.asyncDispose]()
})

/** 100 fresh, 900 from the cache, 7 of output, as each vendor says it. */
const REPORTS: Record<Protocol, JsonObject> = {
  "openai-responses": { input_tokens: 1000, input_tokens_details: { cached_tokens: 900 }, output_tokens: 7 },
  "openai-chat": { prompt_tokens: 1000, prompt_tokens_details: { cached_tokens: 900 }, completion_tokens: 7 },
  "anthropic-messages": {
    input_tokens: 100,
    cache_read_input_tokens: 900,
    cache_creation_input_tokens: 0,
    output_tokens: 7,
  },
}

describe("OpenAI input includes cached tokens, Anthropic's does not; cached tokens appear in all client shapes; streamed and whole cost the same", () => {
  test.each(NAMED_PAIRS)("%s", async (_, { client, upstream }) => {
    const charged = new Set<number>()
    for (const is_streamed of [true, false]) {
      const { text } = await scene.ask(
        { client, upstream, is_streamed },
        vendorAnswer(upstream, { usage: REPORTS[upstream] }),
      )
      for (const [key, value] of Object.entries(
        REPORTS[client === "openai-completions" ? "openai-chat" : client],
      )) {
        const said = typeof value === "object" ? `"cached_tokens":900` : `"${key}":${value}`
        expect(text).toContain(said)
      }
      const receipt = await lastReceipt(scene)
      expect(receipt).toMatchObject({ input_tokens: 100, cache_read_tokens: 900, output_tokens: 7 })
      charged.add(receipt.charged_nanos)
    }
    expect(charged.size).toBe(1)
  })
})

describe("always ask Chat upstreams for usage; show it only if the client asked", () => {
  test.each(CLIENT_PROTOCOLS.map(client => [client]))("%s", async client => {
    const usage = REPORTS["openai-chat"]
    for (const include_usage of [true, false]) {
      const is_openai = client === "openai-chat" || client === "openai-completions"
      const body = is_openai ? { stream_options: { include_usage } } : {}
      const asked = { client, upstream: "openai-chat", is_streamed: true, body } as const
      const { sent, text } = await scene.ask(asked, vendorAnswer("openai-chat", { usage }))
      expect(sent?.stream_options).toEqual({ include_usage: true })
      const is_shown = wireEvents(text).some(({ data }) => {
        const { usage: told, choices } = data as { usage?: JsonObject; choices?: unknown[] }
        return told != null && choices?.length === 0
      })
      expect(is_shown).toBe(is_openai && include_usage)
      expect(await lastReceipt(scene)).toMatchObject({ usage_source: "reported", output_tokens: 7 })
    }
  })
})

/** How each vendor says that a prompt does not fit, with and without numbers. */
const OVERFLOWS: Record<Protocol, JsonObject[]> = {
  "openai-responses": [
    {
      error: {
        message: "Your input exceeds the context window of this model.",
        code: "context_length_exceeded",
      },
    },
    {
      error: {
        message:
          "This model's maximum context length is 200000 tokens. However, your messages resulted in 250000 tokens.",
        type: "invalid_request_error",
        code: "context_length_exceeded",
      },
    },
  ],
  "openai-chat": [
    {
      error: {
        message:
          "This model's maximum context length is 200000 tokens. However, your messages resulted in 250000 tokens.",
        type: "BadRequestError",
        code: 400,
      },
    },
    {
      error: {
        code: 400,
        message: "the request exceeds the available context size (8192 tokens), try increasing it",
        type: "exceed_context_size_error",
      },
    },
  ],
  "anthropic-messages": [
    {
      type: "error",
      error: { type: "invalid_request_error", message: "prompt is too long: 250000 tokens > 200000 maximum" },
    },
  ],
}

describe("context overflow in the words each client understands", () => {
  test.each(NAMED_PAIRS)("%s", async (_, { client, upstream }) => {
    for (const refusal of OVERFLOWS[upstream]) {
      const { response, text } = await scene.ask(
        { client, upstream, is_streamed: true },
        jsonAnswer(refusal, { status: 400 }),
      )
      expect(response.status).toBe(400)
      if (client !== "anthropic-messages")
        expect(JSON.parse(text)).toMatchObject({ error: { code: "context_length_exceeded" } })
      else {
        const { error } = JSON.parse(text) as { error: { type: string; message: string } }
        expect(error.type).toBe("invalid_request_error")
        const has_numbers = JSON.stringify(refusal).includes("250000")
        expect(error.message).toMatch(
          has_numbers ? /^prompt is too long: 250000 tokens > 200000 maximum/ : /prompt is too long/,
        )
      }
      expect(await lastReceipt(scene)).toMatchObject({ charged_nanos: 0, state: "released" })
    }
  })

  test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))(
    "the Codex CLI gets response.failed with context_length_exceeded (%s)",
    async upstream => {
      const headers = { originator: "codex_exec" }
      const [refusal] = OVERFLOWS[upstream]
      const asked = { client: "openai-responses", upstream, is_streamed: true, headers } as const
      const { response, text } = await scene.ask(asked, jsonAnswer(refusal, { status: 400 }))
      expect(response.status).toBe(200)
      const last = wireEvents(text).at(-1)?.data
      expect(last).toMatchObject({
        type: "response.failed",
        response: { error: { code: "context_length_exceeded" } },
      })
    },
  )

  test("a Responses upstream that says it in its stream", async () => {
    const error = {
      code: "context_length_exceeded",
      message: "Your input exceeds the context window of this model.",
    }
    const failed = named("response.failed", { response: { id: "r", status: "failed", error } })
    for (const client of CLIENT_PROTOCOLS) {
      const asked = { client, upstream: "openai-responses", is_streamed: true } as const
      const { text } = await scene.ask(
        asked,
        streamAnswer([named("response.created", { response: { id: "r" } }), failed]),
      )
      expect([client, text]).toEqual([
        client,
        expect.stringMatching(
          client === "anthropic-messages" ? /prompt is too long/ : /context_length_exceeded/,
        ),
      ])
    }
  })
})

describe("statuses chosen by what the client does with them", () => {
  /** The upstream's status, and what OpenAI's and Anthropic's clients get for it. */
  const STATUSES: [number, number, number][] = [
    [429, 429, 429],
    [500, 502, 502],
    [529, 502, 529],
    [401, 503, 529],
    [404, 503, 529],
  ]
  test.each(NAMED_PAIRS)("%s", async (_, { client, upstream }) => {
    for (const [status, openai, anthropic] of STATUSES) {
      const refusal = jsonAnswer({ error: { message: "no" } }, { status, headers: { "retry-after": "3" } })
      const { response, text } = await scene.ask({ client, upstream, is_streamed: true }, refusal)
      // The breaker of the route forgets.
      scene.app.clock.advance(10 * 60_000)
      expect([status, response.status]).toEqual([
        status,
        client === "anthropic-messages" ? anthropic : openai,
      ])
      if (status === 429) expect(response.headers.get("retry-after")).toBe("3")
      expect(JSON.parse(text)).toMatchObject({
        error: { message: expect.any(String), type: expect.any(String) },
      })
      expect(text).not.toContain("sk-canary")
    }
  })
})

describe("prompt_cache_key and tool JSON stay stable across turns", () => {
  const schema = { type: "object", properties: { b: { type: "string" }, a: { type: "number" } } }
  const TOOLS: Record<Exclude<ClientProtocol, "openai-completions">, JsonObject[]> = {
    "openai-responses": [
      { type: "function", name: "run", parameters: schema },
      { type: "custom", name: "patch" },
    ],
    "openai-chat": [{ type: "function", function: { name: "run", parameters: schema } }],
    "anthropic-messages": [{ name: "run", input_schema: schema }],
  }
  const KEYS: Record<string, JsonObject> = {
    "openai-responses": { prompt_cache_key: "conversation-1" },
    "openai-chat": { prompt_cache_key: "conversation-1" },
    "anthropic-messages": { metadata: { user_id: JSON.stringify({ session_id: "conversation-1" }) } },
  }
  const pairs = NAMED_PAIRS.filter(([, { client }]) => client !== "openai-completions")
  test.each(pairs)("%s", async (_, { client, upstream }) => {
    const place = client === "openai-responses" ? "input" : "messages"
    const turns = [
      { role: "user", content: "one" },
      { role: "assistant", content: "two" },
      { role: "user", content: "three" },
    ]
    const body = { tools: TOOLS[client as keyof typeof TOOLS], ...KEYS[client] }
    const sent: JsonObject[] = []
    for (const length of [1, 3]) {
      const asked = { client, upstream, body: { ...body, [place]: turns.slice(0, length) } }
      sent.push((await scene.ask(asked, vendorAnswer(upstream, {}))).sent ?? {})
    }
    const [first, second] = sent
    expect(JSON.stringify(second?.tools)).toBe(JSON.stringify(first?.tools))
    expect(second?.prompt_cache_key).toEqual(first?.prompt_cache_key)
    if (upstream === "openai-responses") expect(first?.prompt_cache_key).toContain("conversation-1")
    const list = upstream === "openai-responses" ? "input" : "messages"
    const [before, after] = [first, second].map(each =>
      JSON.stringify((each as Record<string, unknown[]>)[list]?.[0]),
    )
    expect(withoutMarks(after)).toBe(withoutMarks(before))
  })
})

/** The moving mark of a conversation's end is no part of its text. */
const withoutMarks = (text: string | undefined): string | undefined =>
  text?.replaceAll(/,?"cache_control":\{[^}]*\}/g, "")

describe("empty text blocks and more than four cache marks are fixed before Anthropic sees them", () => {
  const mark = { cache_control: { type: "ephemeral" } }
  const upstream = "anthropic-messages"

  test("from other clients", async () => {
    const empty = { type: "text", text: "" }
    const chat = {
      messages: [
        { role: "system", content: "" },
        { role: "user", content: [empty, { type: "text", text: "hi" }] },
      ],
    }
    const input = [
      {
        role: "user",
        content: [
          { type: "input_text", text: "" },
          { type: "input_text", text: "hi" },
        ],
      },
      { role: "assistant", content: "" },
      { role: "user", content: "go" },
    ]
    for (const [client, body] of [
      ["openai-chat", chat],
      ["openai-responses", { input, instructions: "" }],
    ] as const) {
      const { sent } = await scene.ask({ client, upstream, body }, vendorAnswer(upstream, {}))
      expect(strictProblems(upstream, sent ?? {})).toEqual([])
    }
  })

  test("from a Messages client whose request is written anew", async () => {
    const texts = ["", "one", "two", "three"].map(text => ({ type: "text", text, ...mark }))
    const body = {
      system: [{ type: "text", text: "be brief", ...mark }],
      tools: [{ name: "run", input_schema: { type: "object" }, ...mark }],
      messages: [{ role: "user", content: texts }],
    }
    const { sent } = await rewriting.ask({ client: upstream, upstream, body }, vendorAnswer(upstream, {}))
    expect(strictProblems(upstream, sent ?? {})).toEqual([])
    expect(JSON.stringify(sent)).toContain("cache_control")
  })
})

test("an error after the first text is never text of the assistant", async () => {
  for (const upstream of UPSTREAM_PROTOCOLS) {
    const whole = vendorStream(upstream, { text: "hello" })
    const said = whole.slice(0, whole.findIndex(event => event.includes("hello")) + 1)
    const error = { type: "overloaded_error", code: "server_error", message: "CANARY of the error" }
    const frame =
      upstream === "anthropic-messages"
        ? named("error", { error })
        : upstream === "openai-chat"
          ? `data: ${JSON.stringify({ error })}\n\n`
          : named("response.failed", { response: { id: "r", status: "failed", error } })
    for (const client of CLIENT_PROTOCOLS) {
      const { text } = await scene.ask(
        { client, upstream, is_streamed: true },
        streamAnswer([...said, frame]),
      )
      const texts = wireEvents(text).flatMap(({ data }) => {
        const { delta, choices } = data as {
          delta?: unknown
          choices?: { text?: string; delta?: JsonObject }[]
        }
        return JSON.stringify([delta, choices])
      })
      expect(texts.join("")).not.toContain("CANARY")
      expect(texts.join("")).toContain("hello")
    }
  }
})
