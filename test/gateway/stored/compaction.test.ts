/** Compaction: one call for a summary, sealed for its customer, opened in every later request. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { giving, messageOf, openScene, readEvents, type Scene, saying } from "./scene.ts"

const HISTORY = [
  { role: "user", content: "build a parser" },
  { type: "function_call", call_id: "c1", name: "shell", arguments: "{}" },
  { type: "function_call_output", call_id: "c1", output: "done" },
]

const compact = (scene: Scene, body: JsonObject, path = "/v1/responses/compact") =>
  scene.ask("POST", path, body)

const inputOf = (scene: Scene, call: number) => scene.calls[call]!.body.input as JsonObject[]

/** A compaction item of `mine` with this summary. */
async function sealed(scene: Scene, summary: string): Promise<JsonObject & { encrypted_content: string }> {
  scene.play(saying(summary))
  const { body } = await compact(scene, { model: "gpt-5.5", input: HISTORY })
  return (body.output as unknown as JsonObject[]).at(-1) as JsonObject & { encrypted_content: string }
}

describe("POST /v1/responses/compact", () => {
  test("gives the user's words and a sealed summary, with the usage of the one call it took", async () => {
    const scene = await openScene()
    scene.play(saying("SUMMARY"))
    const { status, body } = await compact(scene, {
      model: "gpt-5.5",
      input: HISTORY,
      instructions: "be exact",
    })
    expect(status).toBe(200)
    expect(JSON.stringify(body)).not.toContain("SUMMARY")
    expect(body).toEqual({
      id: expect.stringMatching(/^resp_/),
      object: "response.compaction",
      created_at: 1_767_323_045,
      output: [
        {
          type: "message",
          id: expect.stringMatching(/^msg_/),
          role: "user",
          status: "completed",
          content: [{ type: "input_text", text: "build a parser" }],
        },
        {
          type: "compaction",
          id: expect.stringMatching(/^cmp_/),
          encrypted_content: expect.stringMatching(/^cxc1\./),
        },
      ],
      usage: expect.objectContaining({ total_tokens: 15 }),
    } as never)
  })

  test("asks with the client's instructions and history, our prompt last, without tools, under its own receipt", async () => {
    const scene = await openScene()
    const tools = [{ type: "function", name: "shell" }]
    await compact(scene, {
      model: "gpt-5.5",
      input: HISTORY,
      instructions: "be exact",
      tools,
      tool_choice: "auto",
    })
    const [call] = scene.calls
    expect(call!.door.endpoint).toBe("/v1/responses/compact")
    const { input, ...rest } = call!.body
    expect(rest).toEqual({ model: "gpt-5.5", instructions: "be exact", stream: false, store: false })
    expect((input as JsonObject[]).slice(0, -1)).toEqual(HISTORY)
    expect(JSON.stringify((input as JsonObject[]).at(-1))).toContain("Open tasks")
  })

  test("takes the conversation of previous_response_id, or of the response in the address, with its model", async () => {
    const scene = await openScene()
    scene.play(saying("one"))
    const first = await scene.create({ input: "a", model: "gpt-5.4" })
    await compact(scene, { model: "gpt-5.5", previous_response_id: first.id })
    await compact(scene, { input: "b" }, `/v1/responses/${first.id}/compact`)
    const texts = (call: number) => inputOf(scene, call).map(item => (item.content as JsonObject[])[0]!.text)
    expect(texts(1).slice(0, -1)).toEqual(["a", "one"])
    expect(texts(2).slice(0, -1)).toEqual(["a", "one", "b"])
    expect(scene.calls[2]!.body.model).toBe("gpt-5.4")
  })

  test("without a body compacts the response in the address", async () => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "a" })
    expect((await scene.ask("POST", `/v1/responses/${id}/compact`)).status).toBe(200)
  })

  test("keeps the latest words of the user, as far as they fit, in order", async () => {
    const scene = await openScene()
    const input = Array.from({ length: 30 }, (_, index) => ({
      role: "user",
      content: `${index} ${"x".repeat(9_000)}`,
    }))
    const { body } = await compact(scene, { model: "m", input })
    const kept = (body.output as unknown as JsonObject[])
      .slice(0, -1)
      .map(item => (item.content as JsonObject[])[0]!.text)
    expect(kept.map(text => Number.parseInt(String(text), 10))).toEqual([22, 23, 24, 25, 26, 27, 28, 29])
  })

  test.each([
    [{ input: HISTORY }, "model"],
    [{ model: "", input: HISTORY }, "model"],
    [{ model: "m" }, "input"],
    [{ model: "m", input: [] }, "input"],
    [{ model: "m", input: 5 }, "input"],
    [{ model: "m", previous_response_id: "resp_none" }, "previous_response_id"],
    [{ model: "m", previous_response_id: 5 }, "previous_response_id"],
  ])("with %p is 400 naming %s, and no model is asked", async (body, param) => {
    const scene = await openScene()
    const refused = await compact(scene, body)
    expect({ status: refused.status, param: refused.body.error.param }).toEqual({ status: 400, param })
    expect(scene.calls).toEqual([])
  })

  test("says so when the model wrote nothing, and gives the pipeline's refusal as it is", async () => {
    const scene = await openScene()
    scene.play(giving(), () => Promise.reject(new AppError("payment_required", "Not enough credit.")))
    expect((await compact(scene, { model: "m", input: "a" })).body.error.code).toBe("compaction_failed")
    expect((await compact(scene, { model: "m", input: "a" })).status).toBe(402)
  })

  test("needs a key", async () => {
    const scene = await openScene()
    expect((await scene.send("POST", "/v1/responses/compact", {}, null)).status).toBe(401)
  })
})

describe("a compaction item in a later input", () => {
  test("is opened for its customer: a message of the user with the summary", async () => {
    const scene = await openScene()
    const item = await sealed(scene, "WE BUILT IT")
    await scene.create({ input: [item, { role: "user", content: "go on" }], store: false })
    const [opened, last] = inputOf(scene, 1)
    expect(opened).toMatchObject({ type: "message", role: "user" })
    expect(JSON.stringify(opened)).toContain("WE BUILT IT")
    expect(last).toEqual({ role: "user", content: "go on" })
  })

  test("of a stored conversation is opened too, and listed as it was sent", async () => {
    const scene = await openScene()
    const item = await sealed(scene, "WE BUILT IT")
    const first = await scene.create({ input: [item, { role: "user", content: "go on" }] })
    await scene.create({ input: "and", previous_response_id: first.id })
    expect(JSON.stringify(inputOf(scene, 2)[0])).toContain("WE BUILT IT")
    const { body } = await scene.ask("GET", `/v1/responses/${first.id}/input_items?order=asc`)
    expect(body.data[0]).toEqual(item as never)
  })

  test("made by an upstream passes as it is", async () => {
    const scene = await openScene()
    const input = [{ type: "compaction", encrypted_content: "gAAAAABopaque" }]
    await scene.create({ input, store: false })
    expect(inputOf(scene, 0)).toEqual(input)
  })

  test.each(["tampered", "another customer's", "truncated"])("that is %s is 400 naming it", async kind => {
    const scene = await openScene()
    const item = await sealed(scene, "WE BUILT IT")
    const { encrypted_content: text } = item
    const changed =
      kind === "tampered" ? text.slice(0, -6) + (text.at(-6) === "A" ? "B" : "A") + text.slice(-5) : text
    const input = [
      { role: "user", content: "a" },
      { ...item, encrypted_content: kind === "truncated" ? text.slice(0, 20) : changed },
    ]
    const key = kind === "another customer's" ? scene.other.key : scene.mine.key
    const refused = await scene.ask("POST", "/v1/responses", { model: "m", input }, key)
    expect({
      status: refused.status,
      code: refused.body.error.code,
      param: refused.body.error.param,
    }).toEqual({
      status: 400,
      code: "invalid_encrypted_content",
      param: "input[1].encrypted_content",
    })
    expect(scene.calls).toHaveLength(1)
  })
})

describe("compaction_trigger", () => {
  const CAPTURE = join(import.meta.dir, "../../fixtures/codex-cli/08-compaction-remote-v2.request.json")
  const readCapture = (): JsonObject => JSON.parse(readFileSync(CAPTURE, "utf8")).body as JsonObject

  test("as the Codex CLI sends it: a stream with exactly one item, the compaction", async () => {
    const scene = await openScene()
    scene.play(saying("SUMMARY"))
    const answer = await scene.send("POST", "/v1/responses", readCapture())
    const events = readEvents(await answer.text())
    expect(events.map(event => event.type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.output_item.done",
      "response.completed",
    ])
    const { output, usage, store } = events.at(-1)!.response as JsonObject
    expect(store).toBe(false)
    expect(output).toEqual([
      { type: "compaction", id: expect.any(String), encrypted_content: expect.stringMatching(/^cxc1\./) },
    ])
    expect(usage).toMatchObject({ total_tokens: 15 })
    const { body } = scene.calls[0]!
    expect(JSON.stringify(body)).not.toContain("compaction_trigger")
    expect(body).toMatchObject({
      instructions: expect.any(String),
      stream: false,
      prompt_cache_key: expect.any(String),
    })
    expect(body).not.toHaveProperty("tools")
  })

  test("whole, and stored when asked: what follows begins with the summary", async () => {
    const scene = await openScene()
    scene.play(saying("one"), saying("SUMMARY"))
    const first = await scene.create({ input: "a" })
    const compacted = await scene.create({
      input: [{ type: "compaction_trigger" }],
      previous_response_id: first.id,
    })
    expect(compacted).toMatchObject({ store: true, output: [{ type: "compaction" }] })
    await scene.create({ input: "b", previous_response_id: compacted.id })
    expect(inputOf(scene, 2)).toHaveLength(2)
    expect(JSON.stringify(inputOf(scene, 2)[0])).toContain("SUMMARY")
  })

  test("does not run in the background: 400", async () => {
    const scene = await openScene()
    const input = [{ role: "user", content: "a" }, { type: "compaction_trigger" }]
    const refused = await scene.ask("POST", "/v1/responses", { model: "m", input, background: true })
    expect({ status: refused.status, param: refused.body.error.param }).toEqual({
      status: 400,
      param: "background",
    })
  })

  test("without an answer is an error, not an empty compaction", async () => {
    const scene = await openScene()
    scene.play(giving({ ...messageOf(" "), id: "msg_1" }))
    const refused = await scene.ask("POST", "/v1/responses", {
      model: "m",
      input: [{ type: "compaction_trigger" }],
    })
    expect({ status: refused.status, code: refused.body.error.code }).toEqual({
      status: 502,
      code: "compaction_failed",
    })
  })
})
