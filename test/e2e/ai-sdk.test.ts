/** The AI SDK, by each of its kinds of provider, over each of the three upstream protocols. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { createAnthropic } from "@ai-sdk/anthropic"
import { createOpenAI } from "@ai-sdk/openai"
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import {
  APICallError,
  defaultSettingsMiddleware,
  generateText,
  jsonSchema,
  type LanguageModel,
  stepCountIs,
  streamText,
  tool,
  wrapLanguageModel,
} from "ai"
import { openProtocolStage, type ProtocolStage, type Scene } from "../support/protocol-stage.ts"
import type { TurnScript } from "../support/upstreams/server.ts"
import { type Part, PROTOCOLS, type Protocol, says, type Turn } from "../support/upstreams/turn.ts"

setDefaultTimeout(60_000)

let stage: ProtocolStage

beforeAll(async () => {
  stage = await openProtocolStage({ families: ["model"] })
})

afterAll(() => stage.close())

const PROVIDERS = {
  "openai responses": ({ baseUrl: baseURL, customer: { key: apiKey }, model }: Scene): LanguageModel =>
    createOpenAI({ baseURL, apiKey })(model),
  // Its default names items of earlier steps by `item_reference`; this is for servers that keep nothing.
  "openai responses, not stored": ({
    baseUrl: baseURL,
    customer: { key: apiKey },
    model,
  }: Scene): LanguageModel =>
    wrapLanguageModel({
      model: createOpenAI({ baseURL, apiKey })(model),
      middleware: defaultSettingsMiddleware({ settings: { providerOptions: { openai: { store: false } } } }),
    }),
  "openai chat": ({ baseUrl: baseURL, customer: { key: apiKey }, model }: Scene): LanguageModel =>
    createOpenAI({ baseURL, apiKey }).chat(model),
  anthropic: ({ baseUrl: baseURL, customer: { key: apiKey }, model }: Scene): LanguageModel =>
    createAnthropic({ baseURL, apiKey })(model),
  "openai-compatible": ({ baseUrl: baseURL, customer: { key: apiKey }, model }: Scene): LanguageModel =>
    createOpenAICompatible({ name: "codexapi", baseURL, apiKey, includeUsage: true })(model),
}
type Provider = keyof typeof PROVIDERS

const CASES = PROTOCOLS.flatMap(protocol =>
  (Object.keys(PROVIDERS) as Provider[]).map((provider): [Provider, Protocol] => [provider, protocol]),
)

const counts = { input: 14_000, cached: 12_000, output: 300 }

const thinking: Part = { kind: "reasoning", text: "Which city?" }
const call: Part = { kind: "call", id: "call_1", tool: "weather", arguments: { city: "Köln" } }

describe.concurrent.each(CASES)("the AI SDK's %s over %s", (provider, protocol) => {
  const open = async (script: TurnScript) => {
    const scene = await stage.open(protocol, script)
    return { ...scene, language: PROVIDERS[provider](scene) }
  }

  test("generateText gives the text and the usage that is paid", async () => {
    const turns = [says("Grüße 🙂", counts)]
    const { language, says: ask, paid } = await open(turns)
    const answer = await generateText({ model: language, prompt: ask("hello"), maxRetries: 0 })
    expect(answer).toMatchObject({ text: "Grüße 🙂", finishReason: "stop" })
    expect(answer.usage).toMatchObject({ inputTokens: 14_000, outputTokens: 300 })
    await paid(turns)
  })

  test("streamText calls a tool and goes on with its result", async () => {
    const turns: Turn[] = [{ parts: [thinking, call], counts }, says("12 degrees.", counts)]
    const { language, says: ask, play, paid } = await open(turns)
    const asked: unknown[] = []
    const weather = tool({
      description: "Tells it.",
      inputSchema: jsonSchema<{ city: string }>({ type: "object", properties: { city: { type: "string" } } }),
      execute: async input => {
        asked.push(input)
        return "12 °C"
      },
    })
    const failures: unknown[] = []
    const run = streamText({
      model: language,
      prompt: ask("weather?"),
      tools: { weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
      onError: ({ error }) => void failures.push(error),
    })
    expect([await run.text, failures]).toEqual(["12 degrees.", []])
    expect(asked).toEqual([{ city: "Köln" }])
    expect(new TextDecoder().decode(play.requests[1]?.bytes)).toContain("12 °C")
    await paid(turns)
  })

  test("errors say what went wrong and whether to try again", async () => {
    const turns: Turn[] = [
      { parts: [], refusal: { kind: "invalid", message: "That is odd." } },
      { parts: [], refusal: { kind: "rate-limit", retry_after_seconds: 7 } },
    ]
    const { language, says: ask, settled } = await open(turns)
    const refusal = () =>
      generateText({ model: language, prompt: ask("hi"), maxRetries: 0 }).catch(error => error)
    const invalid = await refusal()
    expect(APICallError.isInstance(invalid)).toBe(true)
    expect(invalid).toMatchObject({ statusCode: 400, isRetryable: false })
    expect(invalid.message).toContain("That is odd.")
    expect(await refusal()).toMatchObject({ statusCode: 429, isRetryable: true })
    expect((await settled()).map(({ state }) => state)).toEqual(["released", "released"])
  })
})
