/** Background responses: queued at once, polled, streamed live and again, cancelled; each ends exactly once. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { eventsOfResponse } from "../../../src/gateway/stored/replay.ts"
import { MOST_RUNS } from "../../../src/gateway/stored/runs.ts"
import { AppError } from "../../../src/platform/errors.ts"
import {
  type Answer,
  messageOf,
  openAnswer,
  openScene,
  openServer,
  poll,
  readEvents,
  replay,
  responseWith,
  type Scene,
  saying,
} from "./scene.ts"

const RUN = { input: "hi", background: true }

const idsOf = (scene: Scene) => scene.calls.map(call => call.door.answerId(call.request_id))

describe("a background response", () => {
  test("is answered queued at once, whole, and without waiting for the model", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const created = await scene.create({ ...RUN, instructions: "be kind" })
    // A copy: Bun's toMatchObject writes its matchers into what it looks at.
    expect(structuredClone(created)).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      object: "response",
      status: "queued",
      background: true,
      store: true,
      output: [],
      usage: null,
      instructions: "be kind",
      model: "gpt-5.5",
    })
    expect(await poll(scene, created.id)).toEqual(created as never)
    const call = await model.asked
    expect(call.body).toEqual({
      model: "gpt-5.5",
      input: "hi",
      instructions: "be kind",
      stream: true,
      store: false,
    })
    expect(call.client_left.aborted).toBe(false)
    model.end()
  })

  test("does not hear that its client is gone", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const client = new AbortController()
    const request = new Request("http://localhost/v1/responses", {
      method: "POST",
      headers: { authorization: `Bearer ${scene.mine.key}` },
      body: JSON.stringify({ model: "m", ...RUN }),
      signal: client.signal,
    })
    await openServer(scene.needs).handle(request)
    client.abort()
    const { client_left, cancelled } = await model.asked
    expect([client_left.aborted, cancelled!.aborted]).toEqual([false, false])
    model.end()
  })

  test("shows in_progress, then what it has, then that it is completed, and stays so in the store", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    const final = responseWith(await model.asked, [messageOf("one"), messageOf("two")])
    const events = [...eventsOfResponse(final)]
    const until = (type: string) => events.findIndex(event => event.type === type) + 1
    const live = await scene.send("GET", `/v1/responses/${id}?stream=true`)
    const reader = live.body!.getReader()
    const first_done = until("response.output_item.done")
    model.push(...events.slice(0, first_done))
    let seen = ""
    while (!seen.includes("output_item.done")) seen += new TextDecoder().decode((await reader.read()).value)
    expect(await poll(scene, id)).toMatchObject({
      id,
      status: "in_progress",
      output: [messageOf("one")],
      background: true,
    })
    model.push(...events.slice(first_done))
    model.end()
    await scene.needs.tasks.idle()
    const shown = await poll(scene, id)
    expect(shown).toEqual({
      ...final,
      id,
      created_at: shown.created_at,
      background: true,
      store: true,
      previous_response_id: null,
      metadata: {},
    } as never)
    expect(scene.needs.runs.find({ customer_id: scene.mine.caller.customer_id, id })).toBeUndefined()
  })

  test.each([
    ["incomplete", { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }],
    ["failed", { status: "failed", error: { code: "server_error", message: "no" } }],
  ])("ends %s when the model does", async (status, ending) => {
    const scene = await openScene()
    scene.play(call => {
      const response = { ...responseWith(call, [messageOf("cut")]), ...ending }
      return streamAll(eventsOfResponse(response))
    })
    const { id } = await scene.create(RUN)
    await scene.needs.tasks.idle()
    expect(await poll(scene, id)).toMatchObject({ ...ending, status, output: [messageOf("cut")] } as never)
    expect((await replay(scene, id)).at(-1)!.type).toBe(`response.${status}`)
  })

  const BREAKS: [string, Answer][] = [
    ["ends in the middle", () => streamAll([{ type: "response.in_progress" }])],
    ["is no stream", () => Response.json({ surprise: true })],
    ["says an error", () => streamAll([{ type: "error", code: "x", message: "upstream says no" }])],
    ["breaks", () => brokenStream()],
  ]

  test.each(BREAKS)("fails when the answer %s, with a code and a message", async (_, answer) => {
    const scene = await openScene()
    scene.play(call => {
      call.onAdmitted?.()
      return answer(call)
    })
    const { id } = await scene.create(RUN)
    await scene.needs.tasks.idle()
    const { status, error } = await poll(scene, id)
    expect(status).toBe("failed")
    expect(error).toEqual({ code: expect.any(String), message: expect.stringMatching(/.{8}/) } as never)
    expect((await replay(scene, id)).filter(event => event.type === "response.failed")).toHaveLength(1)
  })

  test("that is refused is refused at once, and leaves nothing behind", async () => {
    const scene = await openScene()
    scene.play(() =>
      Promise.reject(new AppError("payment_required", "Not enough credit.", { code: "insufficient_quota" })),
    )
    const { status, body } = await scene.ask("POST", "/v1/responses", { model: "m", ...RUN })
    expect({ status, code: body.error.code }).toEqual({ status: 402, code: "insufficient_quota" })
    const rows = await scene.needs.cache.read.all("SELECT id FROM stored_object")
    expect(rows).toEqual([])
  })

  test("that is neither admitted nor refused is answered queued after a second; a refusal then fails it", async () => {
    const scene = await openScene()
    const late = Promise.withResolvers<Response>()
    scene.play(() => late.promise)
    const asked = scene.create(RUN)
    while (scene.calls.length === 0) await new Promise(resolve => setImmediate(resolve))
    scene.clock.advance(1_000)
    const { id, status } = await asked
    expect(status).toBe("queued")
    late.reject(new AppError("upstream", "No upstream answered.", { code: "upstream_unreachable" }))
    await scene.needs.tasks.idle()
    expect(await poll(scene, id)).toMatchObject({
      status: "failed",
      error: { code: "upstream_unreachable", message: "No upstream answered." },
    } as never)
  })

  test.each([[{ store: false }, 400, "background"]])(
    "with %p is %d naming %s",
    async (wish, status, param) => {
      const scene = await openScene()
      const refused = await scene.ask("POST", "/v1/responses", { model: "m", ...RUN, ...wish })
      expect({ status: refused.status, param: refused.body.error.param }).toEqual({ status, param } as never)
    },
  )

  test(`beyond ${MOST_RUNS} of one customer is 429; another customer's still runs`, async () => {
    const scene = await openScene()
    const models = Array.from({ length: MOST_RUNS + 1 }, openAnswer)
    scene.play(...models.map(model => model.answer))
    for (let count = 0; count < MOST_RUNS; count++) await scene.create(RUN)
    const refused = await scene.ask("POST", "/v1/responses", { model: "m", ...RUN })
    expect({ status: refused.status, code: refused.body.error.code }).toEqual({
      status: 429,
      code: "background_limit",
    })
    await scene.create(RUN, scene.other)
    for (const model of models) model.end()
    await scene.needs.tasks.idle()
    scene.play(saying("again"))
    await scene.create(RUN)
  })

  test("whose input alone is too large is 413 before the model is asked", async () => {
    const scene = await openScene({ max_object_bytes: 2_000 })
    const refused = await scene.ask("POST", "/v1/responses", { model: "m", ...RUN, input: "x".repeat(3_000) })
    expect({ status: refused.status, calls: scene.calls.length }).toEqual({ status: 413, calls: 0 })
  })

  test("whose answer is too large to be kept has failed, and says why", async () => {
    const scene = await openScene({ max_object_bytes: 4_000 })
    scene.play(saying("word ".repeat(2_000)))
    const { id } = await scene.create(RUN)
    await scene.needs.tasks.idle()
    const { status, error, output } = await poll(scene, id)
    expect({ status, output }).toEqual({ status: "failed", output: [] } as never)
    expect(JSON.stringify(error)).toContain("larger than what is kept")
  })

  test("can be continued once it is finished, and not before", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    const early = await scene.ask("POST", "/v1/responses", {
      model: "m",
      input: "b",
      previous_response_id: id,
    })
    expect({ status: early.status, code: early.body.error.code }).toEqual({
      status: 400,
      code: "previous_response_in_progress",
    })
    model.push(...eventsOfResponse(responseWith(await model.asked, [messageOf("one")])))
    await scene.needs.tasks.idle()
    await scene.create({ input: "b", previous_response_id: id })
    expect(scene.calls[1]!.body.input).toHaveLength(3)
  })
})

function streamAll(events: Iterable<JsonObject & { type: string }>): Response {
  const text = [...events].map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("")
  return new Response(text, { headers: { "content-type": "text/event-stream" } })
}

function brokenStream(): Response {
  const body = new ReadableStream({ start: controller => controller.error(new Error("connection reset")) })
  return new Response(body, { headers: { "content-type": "text/event-stream" } })
}

describe("its stream", () => {
  test("is live for who asked for it; who leaves does not end the run", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const answer = await scene.send("POST", "/v1/responses", { model: "m", ...RUN, stream: true })
    const reader = answer.body!.getReader()
    const [created, queued] = readEvents(new TextDecoder().decode((await reader.read()).value))
    expect([created!.type, queued!.type]).toEqual(["response.created", "response.queued"])
    const id = (created!.response as JsonObject).id as string
    const left = reader.cancel()
    model.push(...eventsOfResponse(responseWith(await model.asked, [messageOf("one")])))
    model.end()
    await scene.needs.tasks.idle()
    await left
    expect(await poll(scene, id)).toMatchObject({ status: "completed" } as never)
  })

  test("is the same live, replayed while it runs and replayed afterwards: equal events, numbers from 0", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const first = await scene.send("POST", "/v1/responses", { model: "m", ...RUN, stream: true })
    const live = first.text()
    const { id } = (await model.asked) && { id: [...idsOf(scene)][0]! }
    const call = await model.asked
    const output = [
      messageOf("one"),
      { type: "reasoning", id: "rs", summary: [{ type: "summary_text", text: "s" }] },
    ]
    const events = [...eventsOfResponse(responseWith(call, output))]
    model.push(...events.slice(0, 5))
    const during = replay(scene, id)
    model.push(...events.slice(5))
    model.end()
    const heard = readEvents(await live)
    expect(heard.map(event => event.sequence_number)).toEqual(heard.map((_, index) => index))
    expect(heard.map(event => event.type).slice(0, 3)).toEqual([
      "response.created",
      "response.queued",
      "response.in_progress",
    ])
    expect(heard.slice(2).map(event => event.type)).toEqual(events.slice(1).map(event => event.type))
    expect(await during).toEqual(heard)
    await scene.needs.tasks.idle()
    expect(await replay(scene, id)).toEqual(heard)
    for (const after of [0, 4, heard.length - 2]) {
      expect(await replay(scene, id, `&starting_after=${after}`)).toEqual(heard.slice(after + 1))
    }
    expect(await replay(scene, id, `&starting_after=${heard.length + 5}`)).toEqual([])
  })

  test("is kept in pieces when it is long, and memory does not hold it", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    const text = "long words ".repeat(40)
    const final = responseWith(await model.asked, [messageOf("one")])
    const [head, tail] = [[...eventsOfResponse(final)].slice(0, 4), [...eventsOfResponse(final)].slice(4)]
    const deltas = Array.from({ length: 2_000 }, (_, index) => ({
      type: "response.output_text.delta",
      item_id: "msg_one",
      output_index: 0,
      content_index: 0,
      delta: `${index} ${text}`,
    }))
    const run = scene.needs.runs.find({ customer_id: scene.mine.caller.customer_id, id })!
    let largest = 0
    const following = replay(scene, id)
    model.push(...head)
    for (const delta of deltas) {
      model.push(delta)
      await new Promise(resolve => setImmediate(resolve))
      largest = Math.max(largest, run.recording.tail_chars)
    }
    model.push(...tail)
    model.end()
    await scene.needs.tasks.idle()
    const heard = await following
    expect(heard).toHaveLength(head.length + deltas.length + tail.length + 1)
    expect(largest).toBeLessThan(200_000)
    const rows = await scene.needs.cache.read.all("SELECT first_number FROM stored_event")
    expect(rows.length).toBeGreaterThan(5)
    expect(await replay(scene, id)).toEqual(heard)
    expect((await replay(scene, id, "&starting_after=1000"))[0]!.sequence_number).toBe(1001)
  })

  test("keeps a silent connection awake with comments, which are no events", async () => {
    const scene = await openScene()
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create(RUN)
    const answer = await scene.send("GET", `/v1/responses/${id}?stream=true`)
    const reader = answer.body!.getReader()
    await reader.read()
    const silent = reader.read()
    while (scene.clock.timer_count() === 0) await new Promise(resolve => setImmediate(resolve))
    scene.clock.advance(15_000)
    expect(new TextDecoder().decode((await silent).value)).toBe(": keepalive\n\n")
    model.end()
    await reader.cancel()
    await scene.needs.tasks.idle()
  })

  test.each(["x", "-2", "1.5"])("starting_after=%s is 400 naming it", async value => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    const { status, body } = await scene.ask("GET", `/v1/responses/${id}?stream=true&starting_after=${value}`)
    expect({ status, param: body.error.param }).toEqual({ status: 400, param: "starting_after" })
  })
})
