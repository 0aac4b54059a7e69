/** Every call of the official OpenAI SDK (sdk-wire 1, but conversations) over each of the three upstream protocols. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import OpenAI from "openai"
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod"
import { z } from "zod"
import { openProtocolStage, type ProtocolStage, type Scene } from "../support/protocol-stage.ts"
import { until } from "../support/until.ts"
import type { TurnScript } from "../support/upstreams/server.ts"
import { calls, PROTOCOLS, type Protocol, says, type Turn } from "../support/upstreams/turn.ts"

setDefaultTimeout(60_000)

let stage: ProtocolStage

beforeAll(async () => {
  stage = await openProtocolStage({ families: ["gpt-5.5"] })
})

afterAll(() => stage.close())

interface Rig extends Scene {
  client: OpenAI
}

async function open(protocol: Protocol, script: TurnScript): Promise<Rig> {
  const scene = await stage.open(protocol, script)
  const client = new OpenAI({ baseURL: scene.baseUrl, apiKey: scene.customer.key, maxRetries: 0 })
  return { ...scene, client }
}

const City = z.object({ city: z.string(), degrees: z.number() })
const weather = { city: "Köln", degrees: 12.5 }
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
const calling: Turn = calls("call_1", "weather", '{"city": "Köln"}', { kind: "text", text: "Looking." })

async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const event of events) all.push(event)
  return all
}

/** Without what the helper adds, and OpenAI refuses as unknown. */
function unparsed(item: object): unknown {
  const is_added = (key: string) => key === "parsed" || key === "parsed_arguments"
  return JSON.parse(JSON.stringify(item, (key, value) => (is_added(key) ? undefined : value)))
}

describe.concurrent.each([...PROTOCOLS])("responses over %s", protocol => {
  test("create gives the text and the usage that is paid", async () => {
    const turns = [says("Grüße 🙂")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const answer = await client.responses.create({ model, input: ask("hello") })
    expect(answer).toMatchObject({
      object: "response",
      status: "completed",
      output_text: "Grüße 🙂",
      error: null,
    })
    expect(answer.usage).toMatchObject({
      input_tokens: 14_000,
      input_tokens_details: { cached_tokens: 12_000 },
      output_tokens: 300,
      total_tokens: 14_300,
    })
    expect(answer._request_id).toBeTruthy()
    await paid(turns)
  })

  test("create with stream numbers its events and ends once", async () => {
    const turns = [says("one two three four")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const events = await collect(await client.responses.create({ model, input: ask("count"), stream: true }))
    expect(events.map(event => event.sequence_number)).toEqual(events.map((_, index) => index))
    expect(events[0]?.type).toBe("response.created")
    const ends = events.filter(event => /\.(completed|failed|incomplete)$/.test(event.type))
    expect(ends.at(-1)).toBe(events.at(-1))
    const deltas = events.filter(event => event.type === "response.output_text.delta")
    expect(deltas.map(event => event.delta).join("")).toBe("one two three four")
    await paid(turns)
  })

  test("stream, the strict helper, takes reasoning, text and a call, and the turn goes on", async () => {
    const turns = [
      { ...calling, parts: [{ kind: "reasoning" as const, text: "Where?" }, ...calling.parts] },
      says("12 degrees."),
    ]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const tools = [{ type: "function" as const, name: "weather", parameters, strict: false }]
    const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: ask("weather?") }]
    const include: OpenAI.Responses.ResponseIncludable[] = ["reasoning.encrypted_content"]
    const request = { model, tools, include, store: false }
    const first = await client.responses.stream({ ...request, input }).finalResponse()
    const call = first.output.find(item => item.type === "function_call")
    expect(call).toMatchObject({ call_id: "call_1", name: "weather", arguments: '{"city": "Köln"}' })
    const output = { type: "function_call_output" as const, call_id: "call_1", output: "12" }
    const history = [...input, ...first.output.map(unparsed), output] as OpenAI.Responses.ResponseInput
    const second = await client.responses.stream({ ...request, input: history }).finalResponse()
    expect(second.output_text).toBe("12 degrees.")
    await paid(turns)
  })

  test("parse reads structured output", async () => {
    const turns = [says(JSON.stringify(weather))]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const text = { format: zodTextFormat(City, "weather") }
    const answer = await client.responses.parse({ model, input: ask("weather"), text })
    expect(answer.output_parsed).toEqual(weather)
    await paid(turns)
  })

  test("retrieve, inputItems and delete work on what was stored; a stranger finds nothing", async () => {
    const turns = [says("Stored.")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const made = await client.responses.create({ model, input: ask("store this"), store: true })
    const found = await client.responses.retrieve(made.id)
    expect(found).toMatchObject({ id: made.id, output_text: "Stored.", status: "completed" })
    const items = await collect(client.responses.inputItems.list(made.id))
    expect(JSON.stringify(items)).toContain("store this")
    const stranger = await open(protocol, [])
    const refused = await stranger.client.responses.retrieve(made.id).catch(error => error)
    expect(refused).toBeInstanceOf(OpenAI.NotFoundError)
    await client.responses.delete(made.id)
    const gone = await client.responses.retrieve(made.id).catch(error => error)
    expect(gone).toBeInstanceOf(OpenAI.NotFoundError)
    await paid(turns)
  })

  test("a conversation goes on by previous_response_id", async () => {
    const turns = [says("Blue."), says("You asked for a colour.")]
    const { client, model, says: ask, play, paid } = await open(protocol, turns)
    const first = await client.responses.create({ model, input: ask("name a colour"), store: true })
    const next = { model, input: "what did I ask?", previous_response_id: first.id }
    const second = await client.responses.create(next)
    expect(second).toMatchObject({ output_text: "You asked for a colour.", previous_response_id: first.id })
    const sent = new TextDecoder().decode(play.requests[1]?.bytes)
    for (const part of ["name a colour", "Blue.", "what did I ask?"]) expect(sent).toContain(part)
    await paid(turns)
  })

  test("a background response is polled, and its stream replayed from anywhere", async () => {
    const turns = [says("Thought about it.")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const input = ask("think")
    const made = await client.responses.create({ model, input, background: true, stream: true, store: true })
    const live = await collect(made)
    const id = live.flatMap(event => (event.type === "response.created" ? [event.response.id] : []))[0] ?? ""
    await until("it is completed", async () => (await client.responses.retrieve(id)).status === "completed")
    const again = await collect(await client.responses.retrieve(id, { stream: true }))
    expect(again.map(event => event.sequence_number)).toEqual(live.map(event => event.sequence_number))
    const tail = await collect(await client.responses.retrieve(id, { stream: true, starting_after: 3 }))
    expect(tail).toEqual(again.slice(4))
    const helper = client.responses.stream({ response_id: id, starting_after: 3 })
    expect((await helper.finalResponse()).output_text).toBe("Thought about it.")
    await paid(turns)
  })

  test("cancel stops the upstream and settles", async () => {
    const slow = { ...says("word ".repeat(200)), pieces: 200, gap_ms: 50 }
    const { client, model, says: ask, play, settled } = await open(protocol, [slow])
    const made = await client.responses.create({ model, input: ask("talk"), background: true, store: true })
    expect(["queued", "in_progress"]).toContain(made.status ?? "")
    await until("the upstream is asked", () => play.requests.length === 1)
    const cancelled = await client.responses.cancel(made.id)
    expect(cancelled).toMatchObject({ id: made.id, status: "cancelled" })
    await until("the upstream was left", () => play.requests[0]?.wasAborted === true)
    expect((await settled()).length).toBe(1)
  })

  test("compact gives items that the next turn understands", async () => {
    const {
      client,
      model,
      says: ask,
      play,
      settled,
    } = await open(protocol, (_, index) =>
      says(index === 0 ? "Summary: a colour was named." : "It was blue."),
    )
    const input = [
      { role: "user" as const, content: ask("name a colour") },
      { role: "assistant" as const, content: "Blue." },
      { role: "user" as const, content: ask("and another") },
    ]
    const compacted = await client.responses.compact({ model, input })
    expect(compacted.object).toBe("response.compaction")
    expect(compacted.output.map(item => item.type)).toContain("compaction")
    const history = [...compacted.output, { role: "user" as const, content: ask("which?") }]
    const next = { model, input: history as OpenAI.Responses.ResponseInput }
    expect((await client.responses.create(next)).output_text).toBe("It was blue.")
    expect(play.refusals).toEqual([])
    expect((await settled()).length).toBe(2)
  })

  test("inputTokens.count is free", async () => {
    const { client, model, settled } = await open(protocol, [])
    const counted = await client.responses.inputTokens.count({ model, input: "How long is this?" })
    expect(counted.object).toBe("response.input_tokens")
    expect(counted.input_tokens).toBeWithin(3, 300)
    expect(await settled()).toEqual([])
  })
})

describe.concurrent.each([...PROTOCOLS])("chat.completions over %s", protocol => {
  const user = (content: string) => [{ role: "user" as const, content }]
  const tool = { type: "function" as const, function: { name: "weather", parameters } }

  test("create gives the text and the usage that is paid", async () => {
    const turns = [says("Grüße 🙂")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const answer = await client.chat.completions.create({ model, messages: user(ask("hello")) })
    expect(answer.object).toBe("chat.completion")
    expect(answer.choices).toMatchObject([{ finish_reason: "stop", message: { content: "Grüße 🙂" } }])
    expect(answer.usage).toMatchObject({
      prompt_tokens: 14_000,
      completion_tokens: 300,
      prompt_tokens_details: { cached_tokens: 12_000 },
    })
    await paid(turns)
  })

  test("create with stream shows usage only when asked", async () => {
    const turns = [says("one two three"), says("one two three")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const request = { model, messages: user(ask("count")), stream: true as const }
    const silent = await collect(await client.chat.completions.create(request))
    expect(silent.filter(chunk => chunk.usage)).toEqual([])
    const stream_options = { include_usage: true }
    const loud = await collect(await client.chat.completions.create({ ...request, stream_options }))
    expect(loud.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 14_000 } })
    const text = loud.map(chunk => chunk.choices[0]?.delta.content ?? "").join("")
    expect(text).toBe("one two three")
    await paid(turns)
  })

  test("stream, the strict helper, takes a call with its exact arguments", async () => {
    const { client, model, says: ask, paid } = await open(protocol, [calling])
    const request = { model, messages: user(ask("weather?")), tools: [tool] }
    const answer = await client.chat.completions.stream(request).finalChatCompletion()
    const call = { id: "call_1", function: { name: "weather", arguments: '{"city": "Köln"}' } }
    expect(answer.choices).toMatchObject([
      { finish_reason: "tool_calls", message: { content: "Looking.", tool_calls: [call] } },
    ])
    await paid([calling])
  })

  test("parse reads structured output", async () => {
    const turns = [says(JSON.stringify(weather))]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const response_format = zodResponseFormat(City, "weather")
    const answer = await client.chat.completions.parse({
      model,
      messages: user(ask("weather")),
      response_format,
    })
    expect(answer.choices[0]?.message.parsed).toEqual(weather)
    await paid(turns)
  })

  test("runTools calls a function and tells the model its result", async () => {
    const turns = [calling, says("12 degrees.")]
    const { client, model, says: ask, play, paid } = await open(protocol, turns)
    const asked: unknown[] = []
    const callback = (args: object) => {
      asked.push(args)
      return "12 °C"
    }
    const definition = {
      name: "weather",
      description: "Tells it.",
      parameters,
      parse: JSON.parse,
      function: callback,
    }
    const runner = client.chat.completions.runTools({
      model,
      messages: user(ask("weather?")),
      tools: [{ type: "function", function: definition }],
    })
    expect(await runner.finalContent()).toBe("12 degrees.")
    expect(asked).toEqual([{ city: "Köln" }])
    expect(new TextDecoder().decode(play.requests[1]?.bytes)).toContain("12 °C")
    await paid(turns)
  })

  test("stored ones are listed by filter, retrieved, changed, their messages listed, deleted", async () => {
    const turns = [says("first"), says("second")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const make = (topic: string) =>
      client.chat.completions.create({ model, messages: user(ask(topic)), store: true, metadata: { topic } })
    const [one, two] = [await make("one"), await make("two")]
    const all = await collect(client.chat.completions.list({ limit: 1, order: "asc" }))
    expect(all.map(({ id }) => id)).toEqual([one.id, two.id])
    const filtered = await collect(client.chat.completions.list({ metadata: { topic: "two" }, model }))
    expect(filtered.map(({ id }) => id)).toEqual([two.id])
    await client.chat.completions.update(one.id, { metadata: { topic: "changed" } })
    const found = await client.chat.completions.retrieve(one.id)
    expect(found).toMatchObject({ id: one.id, metadata: { topic: "changed" } })
    const messages = await collect(client.chat.completions.messages.list(one.id))
    expect(messages[0]).toMatchObject({ role: "user", content: ask("one") })
    expect(await client.chat.completions.delete(one.id)).toMatchObject({ id: one.id, deleted: true })
    const gone = await client.chat.completions.retrieve(one.id).catch(error => error)
    expect(gone).toBeInstanceOf(OpenAI.NotFoundError)
    await paid(turns)
  })
})

describe.concurrent.each([...PROTOCOLS])("the rest over %s", protocol => {
  test("completions.create answers whole and as a stream", async () => {
    const turns = [says("Once upon a time"), says("Once upon a time")]
    const { client, model, says: ask, paid } = await open(protocol, turns)
    const request = { model, prompt: ask("tell"), max_tokens: 100 }
    const whole = await client.completions.create(request)
    expect(whole).toMatchObject({ object: "text_completion", choices: [{ text: "Once upon a time" }] })
    const chunks = await collect(await client.completions.create({ ...request, stream: true }))
    expect(chunks.map(chunk => chunk.choices[0]?.text ?? "").join("")).toBe("Once upon a time")
    await paid(turns)
  })

  test("models.list and retrieve know the model", async () => {
    const { client, model } = await open(protocol, [])
    const models = await collect(client.models.list())
    expect(models.map(({ id }) => id)).toContain(model)
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: "model" })
    const unknown = await client.models.retrieve("vendor/no-such:free").catch(error => error)
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError)
  })

  test("errors have their classes, and what the upstream says arrives", async () => {
    const turns: Turn[] = [
      { parts: [], refusal: { kind: "invalid", message: "That is odd." } },
      { parts: [], refusal: { kind: "rate-limit", retry_after_seconds: 7 } },
      { parts: [], refusal: { kind: "context-overflow" } },
      { parts: [], refusal: { kind: "server-error" } },
    ]
    const { client, model, says: ask, settled } = await open(protocol, turns)
    const refusal = () =>
      client.chat.completions
        .create({ model, messages: [{ role: "user", content: ask("hi") }] })
        .catch(error => error)
    const invalid = await refusal()
    expect(invalid).toBeInstanceOf(OpenAI.BadRequestError)
    expect(invalid.message).toContain("That is odd.")
    const limit = await refusal()
    expect(limit).toBeInstanceOf(OpenAI.RateLimitError)
    expect(limit.headers.get("retry-after")).toBe("7")
    expect(await refusal()).toMatchObject({ status: 400, code: "context_length_exceeded" })
    expect(await refusal()).toBeInstanceOf(OpenAI.InternalServerError)
    expect((await settled()).map(({ state }) => state)).toEqual(turns.map(() => "released"))
  })
})
