/** Stored chat completions over HTTP: kept when asked, listed and filtered, labelled, deleted. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { checkPropertyAsync } from "../../support/property.ts"
import { type Customer, DAY_MS, openScene, type Scene } from "./scene.ts"

const MESSAGES = [
  { role: "system", content: "be kind" },
  { role: "user", name: "ann", content: [{ type: "text", text: "hi" }] },
]

async function create(scene: Scene, body: JsonObject = {}, by: Customer = scene.mine) {
  scene.clock.advance(1)
  const asked = { model: "gpt-5.5", messages: MESSAGES, store: true, ...body }
  const answer = await scene.send("POST", "/v1/chat/completions", asked, by.key)
  return (await answer.json()) as JsonObject & { id: string }
}

const list = async (scene: Scene, query = "") => (await scene.ask("GET", `/v1/chat/completions${query}`)).body

describe("a chat completion", () => {
  test("is kept when store is true, with its metadata, and is the same when it is retrieved", async () => {
    const scene = await openScene()
    const created = await create(scene, { metadata: { project: "x" } })
    const { status, body } = await scene.ask("GET", `/v1/chat/completions/${created.id}`)
    expect({ status, body }).toEqual({
      status: 200,
      body: { ...created, metadata: { project: "x" } },
    } as never)
  })

  test.each([{ store: false }, { store: undefined }, { store: null }])("is not kept with %p", async wish => {
    const scene = await openScene()
    const { id } = await create(scene, wish)
    expect((await scene.ask("GET", `/v1/chat/completions/${id}`)).status).toBe(404)
  })

  test("goes to the model as it came", async () => {
    const scene = await openScene()
    await create(scene, { metadata: { a: "b" } })
    expect(scene.calls[0]!.body).toEqual({
      model: "gpt-5.5",
      messages: MESSAGES,
      store: true,
      metadata: { a: "b" },
    })
  })

  test("shows its messages in elements with ids, texts apart from parts", async () => {
    const scene = await openScene()
    const { id } = await create(scene)
    const { body } = await scene.ask("GET", `/v1/chat/completions/${id}/messages`)
    expect(body).toEqual({
      object: "list",
      data: [
        { id: `${id}-0`, role: "system", content: "be kind", name: null, content_parts: null },
        {
          id: `${id}-1`,
          role: "user",
          content: null,
          name: "ann",
          content_parts: [{ type: "text", text: "hi" }],
        },
      ],
      first_id: `${id}-0`,
      last_id: `${id}-1`,
      has_more: false,
    } as never)
    const second = await scene.ask("GET", `/v1/chat/completions/${id}/messages?limit=1&after=${id}-0`)
    expect(second.body.data.map(message => message.id)).toEqual([`${id}-1`])
  })

  test.each(["POST", "PATCH"])("takes new metadata by %s, in place of the old", async method => {
    const scene = await openScene()
    const { id } = await create(scene, { metadata: { old: "1" } })
    const updated = await scene.ask(method, `/v1/chat/completions/${id}`, { metadata: { new: "2" } })
    expect(updated.status).toBe(200)
    expect(updated.body.metadata).toEqual({ new: "2" } as never)
    expect((await scene.ask("GET", `/v1/chat/completions/${id}`)).body).toEqual(updated.body)
    expect((await list(scene, "?metadata[new]=2")).data).toHaveLength(1)
    expect((await list(scene, "?metadata[old]=1")).data).toHaveLength(0)
  })

  const WRONG: [string, unknown, string][] = [
    ["no metadata", undefined, "metadata"],
    ["a list", [], "metadata"],
    ["a number as value", { a: 5 }, "metadata.a"],
    ["seventeen pairs", Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"])), "metadata"],
    ["a long key", { ["k".repeat(65)]: "v" }, "metadata"],
    ["a long value", { a: "v".repeat(513) }, "metadata.a"],
  ]

  test.each(WRONG)("refuses %s as metadata: 400 naming it, nothing changed", async (_, metadata, param) => {
    const scene = await openScene()
    const { id } = await create(scene, { metadata: { old: "1" } })
    for (const method of ["POST", "PATCH"]) {
      const { status, body } = await scene.ask(method, `/v1/chat/completions/${id}`, { metadata })
      expect({ status, param: body.error.param }).toEqual({ status: 400, param })
    }
    expect((await scene.ask("GET", `/v1/chat/completions/${id}`)).body.metadata).toEqual({
      old: "1",
    } as never)
    if (metadata === undefined) return
    const created = await scene.ask("POST", "/v1/chat/completions", { model: "m", store: true, metadata })
    expect({ status: created.status, param: created.body.error.param }).toEqual({ status: 400, param })
  })

  test("takes sixteen pairs of the longest keys and values; null is none", async () => {
    const scene = await openScene()
    const pairs = Array.from({ length: 16 }, (_, i) => [String(i).padStart(64, "k"), "v".repeat(512)])
    const { id } = await create(scene, { metadata: null })
    const updated = await scene.ask("POST", `/v1/chat/completions/${id}`, {
      metadata: Object.fromEntries(pairs),
    })
    expect(updated.status).toBe(200)
  })

  test.each(["{", "[1]", '"text"'])("refuses the body %s", async body => {
    const scene = await openScene()
    const { id } = await create(scene)
    expect((await scene.send("POST", `/v1/chat/completions/${id}`, body)).status).toBe(400)
  })

  test("is gone once deleted", async () => {
    const scene = await openScene()
    const { id } = await create(scene)
    const { body } = await scene.ask("DELETE", `/v1/chat/completions/${id}`)
    expect(body).toEqual({ id, object: "chat.completion.deleted", deleted: true } as never)
    expect((await scene.ask("GET", `/v1/chat/completions/${id}`)).status).toBe(404)
    expect((await scene.ask("DELETE", `/v1/chat/completions/${id}`)).status).toBe(404)
  })

  const PATHS: [string, string, unknown][] = [
    ["GET", "", undefined],
    ["GET", "/messages", undefined],
    ["POST", "", { metadata: {} }],
    ["PATCH", "", { metadata: {} }],
    ["DELETE", "", undefined],
  ]

  test.each(PATHS)("%s …%s of another customer is 404 and without a key 401", async (method, tail, body) => {
    const scene = await openScene()
    const { id } = await create(scene)
    const path = `/v1/chat/completions/${id}${tail}`
    const foreign = await scene.ask(method, path, body, scene.other.key)
    expect({ status: foreign.status, error: foreign.body.error }).toEqual({
      status: 404,
      error: {
        code: "completion_not_found",
        message: `Chat completion with id '${id}' not found.`,
        param: null,
      },
    })
    expect((await scene.send(method, path, body, null)).status).toBe(401)
    expect((await scene.ask("GET", `/v1/chat/completions/${id}`)).status).toBe(200)
  })

  test("is no response, and a response is no chat completion", async () => {
    const scene = await openScene()
    const chat = await create(scene)
    const response = await scene.create({ input: "hi" })
    expect((await scene.ask("GET", `/v1/responses/${chat.id}`)).status).toBe(404)
    expect((await scene.ask("GET", `/v1/chat/completions/${response.id}`)).status).toBe(404)
    expect((await list(scene)).data.map(({ id }) => id)).toEqual([chat.id])
  })
})

describe("the list", () => {
  test("has the customer's own, oldest first unless told", async () => {
    const scene = await openScene()
    const first = await create(scene)
    const second = await create(scene)
    await create(scene, {}, scene.other)
    const page = await list(scene)
    expect(page.data.map(({ id }) => id)).toEqual([first.id, second.id])
    expect(page).toMatchObject({
      object: "list",
      first_id: first.id,
      last_id: second.id,
      has_more: false,
    } as never)
    expect((await list(scene, "?order=desc")).data.map(({ id }) => id)).toEqual([second.id, first.id])
  })

  test("is empty for who has none, and needs a key", async () => {
    const scene = await openScene()
    expect(await list(scene)).toEqual({
      object: "list",
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    } as never)
    expect((await scene.send("GET", "/v1/chat/completions", undefined, null)).status).toBe(401)
  })

  test("is filtered by the model and by every pair of metadata, also percent-encoded", async () => {
    const scene = await openScene()
    const a = await create(scene, { metadata: { project: "x y", stage: "1" } })
    const b = await create(scene, { metadata: { project: "x y", stage: "2" }, model: "gpt-5.4" })
    const c = await create(scene, { metadata: {} })
    const ids = async (query: string) => (await list(scene, query)).data.map(({ id }) => id)
    expect(await ids("?model=gpt-5.4")).toEqual([b.id])
    expect(await ids("?metadata%5Bproject%5D=x%20y")).toEqual([a.id, b.id])
    expect(await ids("?metadata[project]=x%20y&metadata[stage]=1")).toEqual([a.id])
    expect(await ids("?metadata[project]=other")).toEqual([])
    expect(await ids("")).toEqual([a.id, b.id, c.id])
  })

  test("is the same whatever the size of the pages, also of one millisecond", async () => {
    const scene = await openScene()
    const ids: string[] = []
    for (let count = 0; count < 23; count++) {
      ids.push((await create(scene)).id)
      if (count % 3 > 0) scene.clock.advance(-1)
    }
    const law = async ({ limit, order }: { limit: number; order: string }): Promise<void> => {
      const read: string[] = []
      for (let after = ""; ; ) {
        const page = await list(scene, `?limit=${limit}&order=${order}${after}`)
        read.push(...page.data.map(({ id }) => id))
        if (page.has_more !== (true as never)) break
        after = `&after=${read.at(-1)}`
      }
      const all = (await list(scene, `?limit=100&order=${order}`)).data.map(({ id }) => id)
      expect(read).toEqual(all)
      expect(read.toSorted()).toEqual(ids.toSorted())
    }
    const pages = fc.record({ limit: fc.integer({ min: 1, max: 30 }), order: fc.constantFrom("asc", "desc") })
    await checkPropertyAsync(import.meta.path, pages, law)
  })

  test("has nothing past its age", async () => {
    const scene = await openScene()
    await create(scene)
    scene.clock.advance(31 * DAY_MS)
    expect((await list(scene)).data).toEqual([])
  })

  test.each([
    ["limit", "0", "limit"],
    ["limit", "101", "limit"],
    ["order", "up", "order"],
    ["after", "chatcmpl-none", "after"],
    [`metadata[${"k".repeat(65)}]`, "v", "metadata"],
  ])("with %s=%s is 400 naming it", async (name, value, param) => {
    const scene = await openScene()
    const { status, body } = await scene.ask("GET", `/v1/chat/completions?${name}=${value}`)
    expect({ status, param: body.error.param }).toEqual({ status: 400, param })
  })
})
