/**
 * The traps of gateway.md, "Reasoning", through the whole server. One test (or describe) each, named by its sentence:
 *
 * - signatures and encrypted_content go back only to the upstream that made them (namespaced)
 * - same-protocol thinking blocks stay byte-identical
 * - foreign or empty blobs are stripped and the turn continues
 * - one retry without them when the upstream refuses
 * - DeepSeek's reasoning_content is re-attached by call id on later turns
 * - redacted blocks survive
 * - Anthropic-only request fields (cache_control, billing system block, context_management) never reach other upstreams
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { Protocol } from "../../../src/gateway/protocol/model-request.ts"
import { jsonAnswer, streamAnswer } from "../../support/fake-fetch.ts"
import { modelOn, openPairApp, type PairApp } from "../../support/pair-app.ts"
import { UPSTREAM_PROTOCOLS } from "../../support/pairs.ts"
import { type VendorTurn, vendorTurn } from "../../support/vendor-calls.ts"
import { vendorAnswer } from "../../support/vendor-wire.ts"

let scene: PairApp
let deepseek: PairApp
beforeAll(async () => {
  scene = await openPairApp()
  deepseek = await openPairApp({ quirks: "reasoning-content" })
})
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await deepseek[Symbol.asyncDispose]()
})

const SEAL = "c2VhbGVkLWJ5LXRoZS11cHN0cmVhbQ=="
const CALL = { id: "call_1", name: "run", pieces: ["{}"] }
const schema = { type: "object", properties: {} }
const TOOLS = {
  "openai-responses": [{ type: "function", name: "run", parameters: schema }],
  "openai-chat": [{ type: "function", function: { name: "run", parameters: schema } }],
  "anthropic-messages": [{ name: "run", input_schema: schema }],
}
type Client = keyof typeof TOOLS

/** The next request of the client: the whole answer replayed as it came, and the result of its call. */
function nextBody(client: Client, answer: JsonObject): JsonObject {
  const question = { role: "user", content: "hi" }
  const tools = TOOLS[client]
  if (client === "openai-responses") {
    const output = (answer.output as JsonObject[]).map(({ id: _, status: __, ...item }) => item)
    return {
      tools,
      input: [question, ...output, { type: "function_call_output", call_id: "call_1", output: "ok" }],
    }
  }
  if (client === "openai-chat") {
    const [choice] = answer.choices as { message: JsonObject }[]
    return {
      tools,
      messages: [question, choice?.message, { role: "tool", tool_call_id: "call_1", content: "ok" }],
    }
  }
  const result = { role: "user", content: [{ type: "tool_result", tool_use_id: "call_1", content: "ok" }] }
  return { tools, messages: [question, { role: "assistant", content: answer.content }, result] }
}

const WITHOUT_LIMIT = {
  "openai-responses": {},
  "openai-chat": {},
  "anthropic-messages": { max_tokens: 60_000 },
}

/** What the client keeps of a turn of the upstream, as its next request. */
async function takeTurn(
  app: PairApp,
  { client, upstream }: { client: Client; upstream: Protocol },
  turn: VendorTurn,
) {
  const body = { tools: TOOLS[client], ...WITHOUT_LIMIT[client] }
  const { text, response } = await app.ask(
    { client, upstream, body },
    streamAnswer(vendorTurn(upstream, turn)),
  )
  expect(response.status).toBe(200)
  return nextBody(client, JSON.parse(text) as JsonObject)
}

const sealedTurn = (text = "I think"): VendorTurn => ({ thought: { text, seal: SEAL }, calls: [CALL] })

/** Pairs of a client that keeps seals and an upstream that makes them. */
const SEALING: [Client, Protocol][] = [
  ["openai-responses", "openai-responses"],
  ["openai-responses", "anthropic-messages"],
  ["anthropic-messages", "openai-responses"],
  ["anthropic-messages", "anthropic-messages"],
]

describe("signatures and encrypted_content go back only to the upstream that made them", () => {
  test.each(SEALING)("%s with thinking of %s", async (client, upstream) => {
    const body = await takeTurn(scene, { client, upstream }, sealedTurn())
    for (const next of UPSTREAM_PROTOCOLS) {
      const { sent, response } = await scene.ask({ client, upstream: next, body }, vendorAnswer(next, {}))
      const text = JSON.stringify(sent)
      expect(response.status).toBe(200)
      expect(text).not.toContain("cx1.")
      if (next === upstream) {
        const key = upstream === "anthropic-messages" ? "signature" : "encrypted_content"
        expect(text).toContain(`"${key}":"${SEAL}"`)
        expect(text).toContain("I think")
      } else if (client !== upstream || next !== client) expect(text).not.toContain(SEAL)
    }
  })
})

describe("same-protocol thinking blocks stay byte-identical", () => {
  test("Messages on Messages, Responses on Responses: the bytes of the request pass", async () => {
    const thinking = String.raw`{"type":"thinking", "thinking":"a\u0041\/","signature":"${SEAL}"}`
    const messages = `[{"role":"user","content":"q"},{"role":"assistant","content":[${thinking},{"type":"text","text":"t"}]},{"role":"user","content":"go"}]`
    const reasoning = String.raw`{"type":"reasoning", "summary":[{"type":"summary_text","text":"a\u0041"}],"encrypted_content":"${SEAL}"}`
    const cases = [
      ["anthropic-messages", "/v1/messages", `"max_tokens":10,"messages":${messages}`, thinking],
      [
        "openai-responses",
        "/v1/responses",
        `"store":false,"max_output_tokens":99,"input":[${reasoning},{"role":"user","content":"go"}]`,
        reasoning,
      ],
    ] as const
    for (const [upstream, path, rest, block] of cases) {
      scene.app.upstream.play(vendorAnswer(upstream, {}))
      const body = `{"model":"${modelOn(upstream)}",${rest}}`
      const answer = await scene.app.send(path, { key: scene.customer.key, body })
      expect(answer.status).toBe(200)
      expect(scene.app.upstream.calls.at(-1)?.body).toContain(block)
    }
  })
})

describe("foreign or empty blobs are stripped and the turn continues", () => {
  const wrapped = `cx1.${Buffer.from("somebody-else").toString("base64url")}.${SEAL}`
  test.each(UPSTREAM_PROTOCOLS.map(upstream => [upstream]))("for %s", async upstream => {
    for (const blob of [wrapped, ""]) {
      const responses = [
        { role: "user", content: "q" },
        { type: "reasoning", summary: [{ type: "summary_text", text: "secret" }], encrypted_content: blob },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "said" }] },
        { role: "user", content: "go" },
      ]
      const block = { type: "thinking", thinking: "secret", signature: blob }
      const content = [block, { type: "text", text: "said" }]
      const messages = [
        { role: "user", content: "q" },
        { role: "assistant", content },
        { role: "user", content: "go" },
      ]
      const asked = [
        ["openai-responses", { input: responses }],
        ["anthropic-messages", { messages }],
      ] as const
      for (const [client, body] of asked) {
        const { sent, response } = await scene.ask({ client, upstream, body }, vendorAnswer(upstream, {}))
        expect(response.status).toBe(200)
        expect(JSON.stringify(sent)).not.toContain("cx1.")
        expect(JSON.stringify(sent)).not.toContain(SEAL)
        expect(JSON.stringify(sent)).toContain("said")
        if (client !== upstream) expect(JSON.stringify(sent)).not.toContain("secret")
      }
    }
  })
})

describe("one retry without them when the upstream refuses", () => {
  const REFUSALS = {
    "openai-responses": {
      error: { message: "The encrypted content could not be verified.", code: "invalid_encrypted_content" },
    },
    "anthropic-messages": {
      type: "error",
      error: {
        type: "invalid_request_error",
        message: "messages.1.content.0: Invalid `signature` in `thinking` block",
      },
    },
  } as const

  test.each(SEALING)("%s with thinking of %s", async (client, upstream) => {
    const body = await takeTurn(scene, { client, upstream }, sealedTurn())
    const before = scene.app.upstream.calls.length
    scene.app.upstream.play(jsonAnswer(REFUSALS[upstream as keyof typeof REFUSALS], { status: 400 }))
    const { response } = await scene.ask({ client, upstream, body }, vendorAnswer(upstream, {}))
    expect(response.status).toBe(200)
    const [first, second, ...more] = scene.app.upstream.calls.slice(before).map(call => call.body)
    expect(first).toContain(SEAL)
    expect(second).not.toContain(SEAL)
    expect(second).toContain("call_1")
    expect(more).toEqual([])
  })
})

describe("DeepSeek's reasoning_content is re-attached by call id on later turns", () => {
  const upstream = "openai-chat"
  const thought = { text: "deep thought" }
  const turn: VendorTurn = { thought, calls: [CALL] }

  async function expectThought(client: Client, body: JsonObject): Promise<void> {
    const { sent } = await deepseek.ask({ client, upstream, body }, vendorAnswer(upstream, {}))
    const messages = sent?.messages as JsonObject[]
    const step = messages.find(({ tool_calls }) => tool_calls !== undefined)
    expect(step).toMatchObject({ role: "assistant", reasoning_content: "deep thought" })
  }

  test.each([["openai-responses"], ["anthropic-messages"]] as const)("for %s", async client => {
    await expectThought(client, await takeTurn(deepseek, { client, upstream }, turn))
  })

  /** Chat clients do not send it back: it is remembered, however the answer was given. */
  const WAYS = [
    ["streamed", true, {}],
    ["collected", false, {}],
    ["whole", false, { max_tokens: 1000 }],
  ] as const
  test.each(WAYS)("for a Chat client, %s", async (way, is_streamed, limit) => {
    const id = `call_${way}`
    const calls = [{ ...CALL, id }]
    const body = { tools: TOOLS["openai-chat"], ...limit }
    const tool_calls = [{ id, type: "function", function: { name: "run", arguments: "{}" } }]
    const message = { role: "assistant", content: null, reasoning_content: "deep thought", tool_calls }
    const whole = {
      id: "c",
      object: "chat.completion",
      choices: [{ index: 0, message, finish_reason: "tool_calls" }],
    }
    const answer =
      way === "whole" ? jsonAnswer(whole) : streamAnswer(vendorTurn(upstream, { thought, calls }))
    await deepseek.ask({ client: "openai-chat", upstream, is_streamed, body }, answer)
    const { reasoning_content: _, ...forgetful } = message
    const messages = [
      { role: "user", content: "hi" },
      forgetful,
      { role: "tool", tool_call_id: id, content: "ok" },
    ]
    await expectThought("openai-chat", { tools: TOOLS["openai-chat"], messages })
  })
})

describe("redacted blocks survive", () => {
  test.each([["openai-responses"], ["anthropic-messages"]] as const)("for %s", async client => {
    const upstream = "anthropic-messages"
    const body = await takeTurn(scene, { client, upstream }, { redacted: SEAL, calls: [CALL] })
    const { sent } = await scene.ask({ client, upstream, body }, vendorAnswer(upstream, {}))
    expect(JSON.stringify(sent)).toContain(`{"type":"redacted_thinking","data":"${SEAL}"}`)
  })
})

describe("Anthropic-only request fields never reach other upstreams; the billing line is dropped", () => {
  const file = join(import.meta.dir, "../../fixtures/claude-code/01-first-turn-request.json")
  const { body } = JSON.parse(readFileSync(file, "utf8")) as { body: JsonObject }
  const { model: _, ...rest } = body

  test.each([["openai-responses"], ["openai-chat"]] as const)("on %s (capture 01)", async upstream => {
    const named = {
      ...rest,
      tools: [{ name: "run", input_schema: schema, cache_control: { type: "ephemeral" } }],
    }
    const { sent, response } = await scene.ask(
      { client: "anthropic-messages", upstream, body: named },
      vendorAnswer(upstream, {}),
    )
    expect(response.status).toBe(200)
    expect(JSON.stringify(sent)).not.toMatch(
      /cache_control|context_management|x-anthropic-billing-header|anthropic-beta/,
    )
    const { headers } = scene.app.upstream.calls.at(-1)!
    expect([headers.get("anthropic-version"), headers.get("anthropic-beta")]).toEqual([null, null])
  })
})
