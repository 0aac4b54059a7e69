/** The official OpenAI SDK against the stored-object routes: every call of sdk-wire 1 that they serve. */
import { describe, expect, test } from "bun:test"
import OpenAI from "openai"
import { eventsOfResponse } from "../../../src/gateway/stored/replay.ts"
import { messageOf, openAnswer, openScene, openServer, responseWith, type Scene, saying } from "./scene.ts"

function clientOf(scene: Scene): OpenAI {
  const server = openServer(scene.needs)
  const send = async (url: string | URL | Request, init?: RequestInit) =>
    server.handle(new Request(url as string, init as RequestInit))
  return new OpenAI({
    apiKey: scene.mine.key,
    baseURL: "http://localhost/v1",
    maxRetries: 0,
    fetch: send as typeof fetch,
  })
}

const ASKED = { model: "gpt-5.5", input: "hi" }

/** What the SDK throws, as text. */
const refusal = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "no refusal",
    (error: Error) => error.message,
  )

describe("responses", () => {
  test("are created, retrieved, continued, listed and deleted", async () => {
    const scene = await openScene()
    const client = clientOf(scene)
    scene.play(saying("one"))
    const first = await client.responses.create(ASKED)
    expect(first.output_text).toBe("one")
    const retrieved = await client.responses.retrieve(first.id, { include: ["reasoning.encrypted_content"] })
    expect(retrieved.output_text).toBe("one")
    const second = await client.responses.create({ ...ASKED, previous_response_id: first.id })
    const items = await Array.fromAsync(
      client.responses.inputItems.list(second.id, { limit: 1, order: "asc" }),
    )
    expect(items.map(item => item.type)).toEqual(["message", "message", "message"])
    await client.responses.delete(first.id)
    expect(await refusal(client.responses.retrieve(first.id))).toStartWith("404 Response with id")
  })

  test("run in the background, are polled, and streamed again from any number by the helper", async () => {
    const scene = await openScene()
    const client = clientOf(scene)
    const model = openAnswer()
    scene.play(model.answer)
    const created = await client.responses.create({ ...ASKED, background: true })
    expect(created.status).toBe("queued")
    const following = client.responses.stream({ response_id: created.id, starting_after: 2 })
    const heard: number[] = []
    following.on("event", event => void heard.push(event.sequence_number))
    model.push(...eventsOfResponse(responseWith(await model.asked, [messageOf("in the background")])))
    const final = await following.finalResponse()
    expect(final.output_text).toBe("in the background")
    expect(heard[0]).toBe(3)
    expect((await client.responses.retrieve(created.id)).status).toBe("completed")
    const replayed = await client.responses.retrieve(created.id, { stream: true, starting_after: 4 })
    const numbers = (await Array.fromAsync(replayed)).map(event => event.sequence_number)
    expect(numbers).toEqual(heard.filter(number => number > 4))
  })

  test("of the foreground are replayed by the helper too", async () => {
    const scene = await openScene()
    const client = clientOf(scene)
    scene.play(saying("stored"))
    const { id } = await client.responses.create(ASKED)
    const final = await client.responses.stream({ response_id: id }).finalResponse()
    expect(final.output_text).toBe("stored")
  })

  test("are cancelled; what the helper follows ends with the cancelled response", async () => {
    const scene = await openScene()
    const client = clientOf(scene)
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await client.responses.create({ ...ASKED, background: true })
    const following = client.responses.stream({ response_id: id })
    expect((await client.responses.cancel(id)).status).toBe("cancelled")
    expect((await following.finalResponse()).status).toBe("cancelled")
  })

  test("are compacted and counted", async () => {
    const scene = await openScene()
    const client = clientOf(scene)
    scene.play(saying("SUMMARY"))
    const compacted = await client.responses.compact({ model: "gpt-5.5", input: "a long story" })
    expect(compacted.output.map(item => item.type)).toEqual(["message", "compaction"])
    await client.responses.create({ ...ASKED, input: compacted.output as OpenAI.Responses.ResponseInput })
    expect(JSON.stringify(scene.calls[1]!.body.input)).toContain("SUMMARY")
    expect((await client.responses.inputTokens.count(ASKED)).input_tokens).toBeGreaterThan(1)
  })
})

describe("chat completions", () => {
  test("are stored, listed in pages, filtered, updated and deleted", async () => {
    const scene = await openScene()
    const client = clientOf(scene)
    const messages = [{ role: "user" as const, content: "hi" }]
    const ids: string[] = []
    for (const project of ["x", "y", "x"]) {
      scene.clock.advance(1)
      const asked = { model: "gpt-5.5", messages, store: true, metadata: { project } }
      ids.push((await client.chat.completions.create(asked)).id)
    }
    const listed = await Array.fromAsync(
      client.chat.completions.list({ limit: 1, metadata: { project: "x" } }),
    )
    expect(listed.map(({ id }) => id)).toEqual([ids[0]!, ids[2]!])
    const [id] = ids as [string]
    await client.chat.completions.update(id, { metadata: { project: "z" } })
    expect(await client.chat.completions.retrieve(id)).toMatchObject({ metadata: { project: "z" } })
    const stored = await Array.fromAsync(client.chat.completions.messages.list(id))
    expect(stored).toMatchObject([{ id: `${id}-0`, role: "user", content: "hi" }])
    expect((await client.chat.completions.delete(id)).deleted).toBe(true)
    expect(await refusal(client.chat.completions.retrieve(id))).toStartWith("404 Chat completion with id")
  })
})
