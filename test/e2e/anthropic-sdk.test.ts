/** Both generations of the official Anthropic SDK over each of the three upstream protocols. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import AnthropicBefore from "anthropic-sdk-0"
import { openProtocolStage, type ProtocolStage, type Scene } from "../support/protocol-stage.ts"
import type { TurnScript } from "../support/upstreams/server.ts"
import { type Part, PROTOCOLS, type Protocol, says, type Turn } from "../support/upstreams/turn.ts"

setDefaultTimeout(60_000)

let stage: ProtocolStage

beforeAll(async () => {
  stage = await openProtocolStage({ families: ["claude-opus-4-8"] })
})

afterAll(() => stage.close())

/** The older one sends `x-api-key`, the newer one `Authorization`, and another version each. */
const GENERATIONS = { "1.12.0": Anthropic, "0.94.0": AnthropicBefore as unknown as typeof Anthropic }
type Generation = keyof typeof GENERATIONS

const CASES = PROTOCOLS.flatMap(protocol =>
  (Object.keys(GENERATIONS) as Generation[]).map((generation): [Generation, Protocol] => [
    generation,
    protocol,
  ]),
)

interface Rig extends Scene {
  client: Anthropic
  errors: typeof Anthropic
}

async function open([generation, protocol]: [Generation, Protocol], script: TurnScript): Promise<Rig> {
  const scene = await stage.open(protocol, script)
  const errors = GENERATIONS[generation]
  const client = new errors({ baseURL: scene.origin, apiKey: scene.customer.key, maxRetries: 0 })
  return { ...scene, client, errors }
}

const user = (content: string) => [{ role: "user" as const, content }]
const input_schema = { type: "object" as const, properties: { city: { type: "string" } } }
const tools = [{ name: "weather", description: "Tells it.", input_schema }]
const counts = { input: 14_000, cached: 12_000, output: 300 }

describe.concurrent.each(CASES)("@anthropic-ai/sdk %s over %s", (generation, protocol) => {
  const which: [Generation, Protocol] = [generation, protocol]

  test("create gives the text and the usage that is paid", async () => {
    const turns = [says("Grüße 🙂", counts)]
    const { client, model, says: ask, paid } = await open(which, turns)
    const answer = await client.messages.create({ model, max_tokens: 1000, messages: user(ask("hello")) })
    expect(answer).toMatchObject({
      type: "message",
      role: "assistant",
      stop_reason: "end_turn",
      content: [{ type: "text", text: "Grüße 🙂" }],
      usage: { input_tokens: 2_000, cache_read_input_tokens: 12_000, output_tokens: 300 },
    })
    expect(answer._request_id).toBeTruthy()
    await paid(turns)
  })

  test("a stream with thinking and a tool arrives, its replay is taken, and the turn goes on", async () => {
    const seal = `seal-${crypto.randomUUID()}`
    const parts: Part[] = [
      { kind: "reasoning", text: "Which city?", seal },
      { kind: "text", text: "Looking." },
      { kind: "call", id: "toolu_1", tool: "weather", arguments: { city: "Köln" } },
    ]
    const turns: Turn[] = [{ parts, counts }, says("12 degrees.", counts)]
    const { client, model, says: ask, play, paid } = await open(which, turns)
    const thinking = { type: "enabled" as const, budget_tokens: 2_000 }
    const request = { model, max_tokens: 4_000, tools, thinking }
    const first = await client.messages.stream({ ...request, messages: user(ask("weather?")) }).finalMessage()
    expect(first).toMatchObject({ stop_reason: "tool_use", usage: { output_tokens: 300 } })
    expect(first.content.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use"])
    expect(first.content[2]).toMatchObject({ id: "toolu_1", name: "weather", input: { city: "Köln" } })
    const result = { type: "tool_result" as const, tool_use_id: "toolu_1", content: "12 °C" }
    const messages = [
      ...user(ask("weather?")),
      { role: "assistant" as const, content: first.content as Anthropic.ContentBlockParam[] },
      { role: "user" as const, content: [result] },
    ]
    const second = await client.messages.stream({ ...request, messages }).finalMessage()
    expect(second.content.at(-1)).toMatchObject({ type: "text", text: "12 degrees." })
    const sent = new TextDecoder().decode(play.requests[1]?.bytes)
    expect(sent).toContain("12 °C")
    if (protocol !== "openai-chat") expect(sent).toContain(seal)
    await paid(turns)
  })

  test("an answer without room for its end says so", async () => {
    const turns: Turn[] = [{ ...says("Once upon", counts), stop: "length" }]
    const { client, model, says: ask, paid } = await open(which, turns)
    const answer = await client.messages.create({ model, max_tokens: 16, messages: user(ask("tell")) })
    expect(answer.stop_reason).toBe("max_tokens")
    await paid(turns)
  })

  test("pictures and documents of a client reach the model or are refused by name", async () => {
    const turns = [says("A red square.", counts)]
    const { client, model, says: ask, play, paid } = await open(which, turns)
    const data =
      "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII="
    const source = { type: "base64" as const, media_type: "image/png" as const, data }
    const content = [
      { type: "text" as const, text: ask("look") },
      { type: "image" as const, source },
    ]
    await client.messages.create({ model, max_tokens: 1000, messages: [{ role: "user", content }] })
    expect(new TextDecoder().decode(play.requests[0]?.bytes)).toContain(data)
    await paid(turns)
  })

  test("countTokens is free", async () => {
    const { client, model, settled } = await open(which, [])
    const counted = await client.messages.countTokens({ model, messages: user("How long is this?"), tools })
    expect(counted.input_tokens).toBeWithin(5, 500)
    expect(await settled()).toEqual([])
  })

  test("models.list and retrieve know the model", async () => {
    const { client, model } = await open(which, [])
    const ids: string[] = []
    for await (const one of client.models.list({ limit: 1000 })) ids.push(one.id)
    expect(ids).toContain(model)
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, type: "model" })
  })

  test("errors have their classes", async () => {
    const turns: Turn[] = [
      { parts: [], refusal: { kind: "invalid", message: "That is odd." } },
      { parts: [], refusal: { kind: "rate-limit", retry_after_seconds: 7 } },
      { parts: [], refusal: { kind: "context-overflow" } },
    ]
    const { client, errors, model, origin, says: ask, settled } = await open(which, turns)
    const request = { model, max_tokens: 100, messages: user(ask("hi")) }
    const refusal = (change: object = {}, by = client) =>
      by.messages.create({ ...request, ...change }).catch((error: unknown) => error) as Promise<
        InstanceType<typeof Anthropic.APIError>
      >
    const invalid = await refusal()
    expect(invalid).toBeInstanceOf(errors.BadRequestError)
    expect(invalid.message).toContain("That is odd.")
    const limit = await refusal()
    expect(limit).toBeInstanceOf(errors.RateLimitError)
    expect(limit.headers?.get("retry-after")).toBe("7")
    const overflow = await refusal()
    expect(overflow).toBeInstanceOf(errors.BadRequestError)
    // A Responses upstream tells no numbers.
    const words =
      protocol === "openai-responses"
        ? /prompt is too long: /
        : /prompt is too long: 250000 tokens > 200000 maximum/
    expect(overflow.message).toMatch(words)
    expect(await refusal({ model: "no-such-model" })).toBeInstanceOf(errors.NotFoundError)
    expect(await refusal({ max_tokens: "many" })).toBeInstanceOf(errors.BadRequestError)
    const stranger = new errors({ baseURL: origin, apiKey: "cxk_wrong", maxRetries: 0 })
    expect(await refusal({}, stranger)).toBeInstanceOf(errors.AuthenticationError)
    expect((await settled()).map(({ state }) => state)).toEqual(turns.map(() => "released"))
  })

  test("a stream that breaks ends in an error, not as if it were whole", async () => {
    const broken: Turn = {
      ...says("A text that breaks in its middle."),
      break: { after: "some", how: "error" },
    }
    const { client, errors, model, says: ask, settled } = await open(which, [broken])
    const request = { model, max_tokens: 1000, messages: user(ask("talk")) }
    const failed = await client.messages
      .stream(request)
      .finalMessage()
      .catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(errors.APIError)
    expect((await settled()).map(({ state }) => state)).toEqual(["settled"])
  })
})
