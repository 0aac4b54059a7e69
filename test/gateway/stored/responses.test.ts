/** Stored responses over HTTP: kept, polled, listed, continued, deleted; never another customer's. */
import { describe, expect, test } from "bun:test"
import { DAY_MS, giving, messageOf, openScene, responseWith, saying } from "./scene.ts"

describe("a response", () => {
  test("is kept unless store is false, and is the same when it is retrieved", async () => {
    const scene = await openScene()
    const created = await scene.create({ input: "hi" })
    const { status, body } = await scene.ask("GET", `/v1/responses/${created.id}?include[]=x`)
    expect(status).toBe(200)
    expect(body).toEqual({ ...created, store: true, background: false, previous_response_id: null } as never)
  })

  test.each([{ store: false }])("is not kept with %p", async wishes => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi", ...wishes })
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(404)
  })

  test("goes to the model as it came, the very same object", async () => {
    const scene = await openScene()
    await scene.create({ input: "hi", tools: [], background: false })
    expect(scene.calls[0]!.body).toEqual({ model: "gpt-5.5", input: "hi", tools: [], background: false })
  })

  test.each([
    ["store", "yes"],
    ["background", 1],
    ["previous_response_id", 5],
    ["previous_response_id", ""],
  ])("with %s %p is 400 naming it, and the model is not asked", async (field, value) => {
    const scene = await openScene()
    const { status, body } = await scene.ask("POST", "/v1/responses", {
      model: "m",
      input: "x",
      [field]: value,
    })
    expect({ status, param: body.error.param, calls: scene.calls.length }).toEqual({
      status: 400,
      param: field,
      calls: 0,
    })
  })

  const PATHS: [string, string][] = [
    ["GET", ""],
    ["GET", "?stream=true"],
    ["DELETE", ""],
    ["GET", "/input_items"],
    ["POST", "/cancel"],
    ["POST", "/compact"],
  ]

  test.each(PATHS)("%s …%s of another customer is 404, as if it did not exist", async (method, tail) => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    const foreign = await scene.ask(method, `/v1/responses/${id}${tail}`, undefined, scene.other.key)
    const unknown = await scene.ask(method, `/v1/responses/resp_none${tail}`)
    expect(foreign.status).toBe(404)
    expect(foreign.body.error).toEqual({
      code: "response_not_found",
      message: `Response with id '${id}' not found.`,
      param: null,
    })
    expect(unknown.body.error.message).toBe("Response with id 'resp_none' not found.")
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(200)
  })

  test.each(PATHS)("%s …%s without a key is 401", async (method, tail) => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    expect((await scene.send(method, `/v1/responses/${id}${tail}`, undefined, null)).status).toBe(401)
  })

  test("is gone once deleted, and can be deleted once", async () => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    expect((await scene.ask("DELETE", `/v1/responses/${id}`)).body).toEqual({
      id,
      object: "response",
      deleted: true,
    } as never)
    expect((await scene.ask("DELETE", `/v1/responses/${id}`)).status).toBe(404)
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(404)
  })

  test("of the foreground cannot be cancelled: 400 in OpenAI's words", async () => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    const { status, body } = await scene.ask("POST", `/v1/responses/${id}/cancel`)
    expect(status).toBe(400)
    expect(body.error.message).toStartWith("Cannot cancel a synchronous response.")
  })

  test("that is too large is answered and not kept; the log says so", async () => {
    const scene = await openScene({ max_object_bytes: 2_000 })
    scene.play(saying("x".repeat(3_000)))
    const { id, output } = await scene.create({ input: "hi" })
    expect(JSON.stringify(output).length).toBeGreaterThan(3_000)
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(404)
    expect(scene.logs.join("")).toContain("too large")
  })

  test("is delivered though the database does not take it", async () => {
    const scene = await openScene()
    scene.needs.cache = { ...scene.needs.cache, tx: () => Promise.reject(new Error("the disk is full")) }
    await scene.create({ input: "hi" })
    expect(scene.logs.join("")).toContain("could not be stored")
  })

  test("is not shown after its age", async () => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    scene.clock.advance(30 * DAY_MS)
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(200)
    scene.clock.advance(1)
    expect((await scene.ask("GET", `/v1/responses/${id}`)).status).toBe(404)
    expect((await scene.ask("DELETE", `/v1/responses/${id}`)).status).toBe(404)
  })
})

describe("previous_response_id", () => {
  test("puts the whole conversation before the input, without ids and without earlier instructions", async () => {
    const scene = await openScene()
    scene.play(saying("one"), saying("two"), saying("three"))
    const first = await scene.create({ input: "a", instructions: "be kind" })
    const second = await scene.create({
      input: [{ role: "user", content: "b" }],
      previous_response_id: first.id,
    })
    await scene.create({ input: "c", previous_response_id: second.id, instructions: "be short" })
    const { body } = scene.calls[2]!
    const said = (role: string, text: string) =>
      expect.objectContaining({
        type: "message",
        role,
        content: [expect.objectContaining({ text })],
      })
    expect(body.input).toEqual([
      said("user", "a"),
      said("assistant", "one"),
      said("user", "b"),
      said("assistant", "two"),
      said("user", "c"),
    ])
    expect(JSON.stringify(body.input)).not.toContain('"id"')
    expect(body).toMatchObject({ instructions: "be short", store: false })
    expect(body).not.toHaveProperty("previous_response_id")
  })

  test("is what the stored response says", async () => {
    const scene = await openScene()
    const first = await scene.create({ input: "a" })
    const second = await scene.create({ input: "b", previous_response_id: first.id })
    const { body } = await scene.ask("GET", `/v1/responses/${second.id}`)
    expect(body.previous_response_id).toBe(first.id)
  })

  test("leaves out thinking that no upstream takes back, and keeps what is sealed", async () => {
    const scene = await openScene()
    const thought = { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] }
    const sealed = { ...thought, id: "rs_2", encrypted_content: "gAAA" }
    const call = { type: "function_call", id: "fc_1", call_id: "c1", name: "f", arguments: "{}" }
    scene.play(giving({ ...thought, id: "rs_1" }, sealed, call))
    const first = await scene.create({ input: "a" })
    await scene.create({
      input: [{ type: "function_call_output", call_id: "c1", output: "ok" }],
      previous_response_id: first.id,
    })
    const { id: _, ...resent_seal } = sealed
    const { id: __, ...resent_call } = call
    expect((scene.calls[1]!.body.input as object[]).slice(1)).toEqual([
      resent_seal,
      resent_call,
      { type: "function_call_output", call_id: "c1", output: "ok" },
    ])
  })

  test.each(["unknown", "foreign", "deleted", "deleted earlier", "expired"])(
    "that is %s is 400 previous_response_not_found",
    async kind => {
      const scene = await openScene()
      const first = await scene.create({ input: "a" }, kind === "foreign" ? scene.other : scene.mine)
      let previous_response_id = kind === "unknown" ? "resp_none" : first.id
      let missing = previous_response_id
      if (kind === "deleted earlier") {
        const second = await scene.create({ input: "b", previous_response_id: first.id })
        previous_response_id = second.id
        missing = first.id
      }
      if (kind.startsWith("deleted")) await scene.ask("DELETE", `/v1/responses/${first.id}`)
      if (kind === "expired") scene.clock.advance(31 * DAY_MS)
      const asked = scene.calls.length
      const body = { model: "m", input: "c", previous_response_id }
      const refused = await scene.ask("POST", "/v1/responses", body)
      expect(refused.status).toBe(400)
      expect(refused.body.error).toEqual({
        code: "previous_response_not_found",
        message: `Previous response with id '${missing}' not found.`,
        param: "previous_response_id",
      })
      expect(scene.calls).toHaveLength(asked)
    },
  )

  test.each([5, {}, true])("does not make up for the input %p: 400 naming it", async input => {
    const scene = await openScene()
    const first = await scene.create({ input: "a" })
    const body = { model: "m", input, previous_response_id: first.id }
    const refused = await scene.ask("POST", "/v1/responses", body)
    expect({ status: refused.status, param: refused.body.error.param }).toEqual({
      status: 400,
      param: "input",
    })
  })

  test("passes on what is no item, for the pipeline to refuse, and stores only items", async () => {
    const scene = await openScene()
    const first = await scene.create({ input: [null, "x", { role: "user", content: "a" }] })
    const { body } = await scene.ask("GET", `/v1/responses/${first.id}/input_items`)
    expect(body.data).toHaveLength(1)
    await scene.create({ input: [null, { id: "msg_hello" }, 5], previous_response_id: first.id })
    const sent = scene.calls[1]!.body.input as unknown[]
    expect([sent[2], sent[4]]).toEqual([null, 5])
    expect((await scene.ask("POST", "/v1/responses/compact", { model: "m", input: [null, 5] })).status).toBe(
      200,
    )
  })

  test("that names itself, as a hostile upstream's ids can, is refused and not followed for ever", async () => {
    const scene = await openScene()
    const named = (): Response =>
      Response.json({ id: "resp_x", object: "response", status: "completed", output: [] })
    scene.play(named, named)
    await scene.create({ input: "a" })
    await scene.create({ input: "b", previous_response_id: "resp_x" })
    const refused = await scene.ask("POST", "/v1/responses", {
      model: "m",
      input: "c",
      previous_response_id: "resp_x",
    })
    expect(refused.body.error).toMatchObject({
      code: "context_length_exceeded",
      param: "previous_response_id",
    })
  })
})

describe("item_reference", () => {
  test("stands for the stored item, of an output or of an input", async () => {
    const scene = await openScene()
    scene.play(saying("one"))
    const first = await scene.create({ input: [{ role: "user", content: "a" }] })
    const { body: page } = await scene.ask("GET", `/v1/responses/${first.id}/input_items`)
    await scene.create({
      input: [
        { type: "item_reference", id: page.data[0]!.id },
        { id: "msg_one" },
        { role: "user", content: "b" },
      ],
      store: false,
    })
    const { id: _, ...one } = messageOf("one")
    expect(scene.calls[1]!.body.input).toEqual([
      { type: "message", role: "user", status: "completed", content: [{ type: "input_text", text: "a" }] },
      one,
      { role: "user", content: "b" },
    ])
  })

  test("survives the deletion of where it came from, once another request has used it", async () => {
    const scene = await openScene()
    scene.play(saying("one"))
    const first = await scene.create({ input: "a" })
    const input = [{ type: "item_reference", id: "msg_one" }]
    await scene.create({ input })
    await scene.ask("DELETE", `/v1/responses/${first.id}`)
    await scene.create({ input })
    expect(JSON.stringify(scene.calls[2]!.body.input)).toContain('"one"')
  })

  test("may be made a few hundred times, and then no more: each costs a few bytes", async () => {
    const scene = await openScene()
    scene.play(saying("one"))
    await scene.create({ input: "a" })
    const refer = (count: number) => Array.from({ length: count }, () => ({ id: "msg_one" }))
    await scene.create({ input: refer(256), store: false })
    const words = { role: "user", content: "b" }
    const input = [words, ...refer(257)]
    const { status, body } = await scene.ask("POST", "/v1/responses", { model: "m", input })
    expect([status, body.error.code, body.error.param]).toEqual([400, "too_many_references", "input[257].id"])
    expect(scene.calls).toHaveLength(2)
  })

  test("may not put in more than a request may hold, all together", async () => {
    const scene = await openScene()
    const large = [{ role: "user", id: "msg_large", content: "x".repeat(1024 * 1024) }]
    await scene.create({ input: large })
    const refer = (count: number) => Array.from({ length: count }, () => ({ id: "msg_large" }))
    await scene.create({ input: refer(31), store: false })
    const { status, body } = await scene.ask("POST", "/v1/responses", { model: "m", input: refer(200) })
    expect([status, body.error.code, body.error.param]).toEqual([400, "too_many_references", "input[31].id"])
    expect(scene.calls).toHaveLength(2)
  })

  test("may not have more read for it than a request may hold", async () => {
    const scene = await openScene()
    for (let index = 0; index < 11; index++) {
      const filler = { role: "user", content: "x".repeat(3 * 1024 * 1024) }
      await scene.create({ input: [{ role: "user", id: `msg_small${index}`, content: "a" }, filler] })
    }
    const input = Array.from({ length: 11 }, (_, index) => ({ id: `msg_small${index}` }))
    await scene.create({ input: input.slice(0, 10), store: false })
    const { status, body } = await scene.ask("POST", "/v1/responses", { model: "m", input })
    expect([status, body.error.code]).toEqual([400, "too_many_references"])
    expect(String(body.error.param)).toMatch(/^input\[\d+\]\.id$/)
  })

  test.each(["unknown", "foreign"])("to an %s item is 400 naming it", async kind => {
    const scene = await openScene()
    scene.play(saying("one"))
    if (kind === "foreign") await scene.create({ input: "a" }, scene.other)
    const input = [
      { role: "user", content: "a" },
      { type: "item_reference", id: "msg_one" },
    ]
    const { status, body } = await scene.ask("POST", "/v1/responses", { model: "m", input })
    expect({ status, ...body.error }).toEqual({
      status: 400,
      code: "item_not_found",
      message: "Item with id 'msg_one' not found.",
      param: "input[1].id",
    } as never)
  })
})

test.each([undefined, null, 5, "", "a\0b", "a/b", "x".repeat(129)])(
  "an answer whose id is %j is given, and not kept: nobody could ask for it",
  async id => {
    const scene = await openScene()
    scene.play(call => Response.json({ ...responseWith(call, [messageOf("one")]), id }))
    const { status } = await scene.ask("POST", "/v1/responses", { model: "m", input: "a" })
    expect(status).toBe(200)
    const kept = await scene.needs.cache.read.get("SELECT count(*) AS count FROM stored_object")
    expect(kept).toEqual({ count: 0 })
    expect(scene.logs.join()).toContain("without a usable id")
  },
)
