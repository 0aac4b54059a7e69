/** Stored objects over the real pipeline: what is held, charged and settled when nobody waits, or somebody cancels. */
import { expect, test } from "bun:test"
import { callModel } from "../../../src/gateway/call.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import type { StoredNeeds } from "../../../src/gateway/stored/needs.ts"
import { createRuns } from "../../../src/gateway/stored/runs.ts"
import { openTestApp, readBooks, requestOf, type TestApp, type TestCustomer } from "../../support/app.ts"
import { jsonAnswer, openStream, streamAnswer } from "../../support/fake-fetch.ts"
import { textTurn, wholeTextTurn } from "../../support/responses-turns.ts"
import { openServer, readEvents } from "./scene.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }
const PRICE = 10_750_000
const RUN = { model: "gpt-5.5", input: "hi", background: true }

async function openPipeline() {
  const app = await openTestApp()
  const needs: StoredNeeds = { ...app.app, runs: createRuns(), callModel: call => callModel(app.app, call) }
  const server = openServer(needs)
  const customer = await app.createCustomer()
  const send = async (method: string, path: string, body?: object): Promise<Response> =>
    server.handle(requestOf(path, { method, key: customer.key, ...(body && { body }) }))
  const ask = async (method: string, path: string, body?: object) =>
    (await (await send(method, path, body)).json()) as JsonObject & { id: string; output: JsonObject[] }
  return { app, customer, send, ask, [Symbol.asyncDispose]: app.close }
}

const receiptsOf = async (app: TestApp, customer: TestCustomer) => {
  const { receipts, held_nanos } = await readBooks(app, customer)
  expect(held_nanos).toBe(0)
  return receipts
}

test("a background response is charged like any other, and its ids are its own from the first event on", async () => {
  await using scene = await openPipeline()
  scene.app.upstream.play(streamAnswer(textTurn("hello there", USAGE, { id: "resp_up" })))
  const { id } = await scene.ask("POST", "/v1/responses", RUN)
  await scene.app.app.tasks.idle()
  const stored = await scene.ask("GET", `/v1/responses/${id}`)
  expect(stored).toMatchObject({ id, status: "completed", background: true, usage: { input_tokens: 1_250 } })
  expect(JSON.stringify(stored.output)).toContain("hello there")
  const events = readEvents(await (await scene.send("GET", `/v1/responses/${id}?stream=true`)).text())
  const ids = events.flatMap(({ response }) => (response ? [(response as JsonObject).id] : []))
  expect(new Set(ids)).toEqual(new Set([id]))
  expect(events.map(event => event.sequence_number)).toEqual(events.map((_, index) => index))
  expect(await receiptsOf(scene.app, scene.customer)).toMatchObject([
    { endpoint: "/v1/responses", end_reason: "completed", charged_nanos: PRICE },
  ])
})

test("a cancelled one leaves the upstream, charges what was delivered, and holds nothing", async () => {
  await using scene = await openPipeline()
  const upstream = openStream()
  scene.app.upstream.play(upstream.answer)
  const frames = textTurn("a long answer ".repeat(50), USAGE, { id: "resp_up" })
  for (const frame of frames.slice(0, -4)) upstream.push(frame)
  const { id } = await scene.ask("POST", "/v1/responses", RUN)
  const live = (await scene.send("GET", `/v1/responses/${id}?stream=true`)).body!.getReader()
  let seen = ""
  while (!seen.includes("output_text.delta")) seen += new TextDecoder().decode((await live.read()).value)
  const cancelled = await scene.ask("POST", `/v1/responses/${id}/cancel`)
  await upstream.hung_up
  expect(cancelled).toMatchObject({ id, status: "cancelled" })
  expect(await scene.ask("POST", `/v1/responses/${id}/cancel`)).toEqual(cancelled)
  const [receipt, ...more] = await receiptsOf(scene.app, scene.customer)
  expect(more).toEqual([])
  expect(receipt!.end_reason).toBe("cancelled")
  expect(receipt!.charged_nanos).toBeGreaterThan(0)
})

test("one that cannot be paid, or whose model is unknown, is refused at once and leaves nothing", async () => {
  await using scene = await openPipeline()
  const unknown = await scene.send("POST", "/v1/responses", { ...RUN, model: "none" })
  expect(unknown.status).toBe(404)
  const malformed = await scene.send("POST", "/v1/responses", { ...RUN, max_output_tokens: -1 })
  expect(malformed.status).toBe(400)
  expect(await scene.app.app.cache.read.all("SELECT id FROM stored_object")).toEqual([])
  expect(scene.app.upstream.calls).toEqual([])
})

test("a continued conversation reaches the upstream whole", async () => {
  await using scene = await openPipeline()
  scene.app.upstream.play(
    jsonAnswer(wholeTextTurn("one", USAGE, { id: "resp_1" })),
    jsonAnswer(wholeTextTurn("two", USAGE, { id: "resp_2" })),
  )
  const limited = { model: "gpt-5.5", max_output_tokens: 64 }
  const first = await scene.ask("POST", "/v1/responses", { ...limited, input: "a" })
  await scene.ask("POST", "/v1/responses", { ...limited, input: "b", previous_response_id: first.id })
  const sent = JSON.parse(scene.app.upstream.calls[1]!.body) as JsonObject
  expect((sent.input as JsonObject[]).map(item => item.role)).toEqual(["user", "assistant", "user"])
  expect(sent).not.toHaveProperty("previous_response_id")
  expect(await receiptsOf(scene.app, scene.customer)).toHaveLength(2)
})

test("a compaction is one charged call with a receipt of its own", async () => {
  await using scene = await openPipeline()
  scene.app.upstream.play(streamAnswer(textTurn("THE SUMMARY", USAGE, { id: "resp_up" })))
  const compacted = await scene.ask("POST", "/v1/responses/compact", {
    model: "gpt-5.5",
    input: "long story",
  })
  expect(compacted).toMatchObject({ object: "response.compaction", usage: { input_tokens: 1_250 } })
  scene.app.upstream.play(streamAnswer(textTurn("ok", USAGE, { id: "resp_2" })))
  await scene.ask("POST", "/v1/responses", { model: "gpt-5.5", input: compacted.output, store: false })
  expect(scene.app.upstream.calls[1]!.body).toContain("THE SUMMARY")
  expect(await receiptsOf(scene.app, scene.customer)).toMatchObject([
    { endpoint: "/v1/responses/compact", end_reason: "completed", charged_nanos: PRICE },
    { endpoint: "/v1/responses", end_reason: "completed", charged_nanos: PRICE },
  ])
})

test("counting tokens is free: no hold, no receipt, no upstream", async () => {
  await using scene = await openPipeline()
  const counted = await scene.ask("POST", "/v1/responses/input_tokens", {
    model: "gpt-5.5",
    input: "hello world",
  })
  expect(counted).toEqual({ object: "response.input_tokens", input_tokens: 5 } as never)
  expect(await receiptsOf(scene.app, scene.customer)).toEqual([])
  expect(scene.app.events).toEqual([])
})
