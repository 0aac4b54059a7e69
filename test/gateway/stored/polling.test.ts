/** Reading stored responses: input items page by page, and the stream that a finished response amounts to. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { checkPropertyAsync } from "../../support/property.ts"
import { giving, messageOf, openScene, readEvents, type Scene, saying } from "./scene.ts"

const items = async (scene: Scene, id: string, query = "") =>
  (await scene.ask("GET", `/v1/responses/${id}/input_items${query}`)).body

const textsOf = (data: readonly JsonObject[]): unknown[] =>
  data.map(item => (item.content as JsonObject[] | undefined)?.[0]?.text)

describe("input items", () => {
  test("have ids and types, and texts are parts; the newest come first", async () => {
    const scene = await openScene()
    const call = { type: "function_call_output", call_id: "c1", output: "ok" }
    const { id } = await scene.create({ input: [{ role: "user", content: "a" }, call] })
    const page = await items(scene, id)
    expect(page).toEqual({
      object: "list",
      data: [
        { ...call, id: expect.stringMatching(/^fco_/) },
        {
          type: "message",
          id: expect.stringMatching(/^msg_/),
          role: "user",
          status: "completed",
          content: [{ type: "input_text", text: "a" }],
        },
      ],
      first_id: page.data[0]!.id,
      last_id: page.data[1]!.id,
      has_more: false,
    } as never)
    expect((await items(scene, id, "?order=asc")).data).toEqual(page.data.toReversed())
    expect(await items(scene, id)).toEqual(page)
  })

  test("of a text are one message of the user", async () => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hello" })
    expect(textsOf((await items(scene, id)).data)).toEqual(["hello"])
  })

  test("of a continued response begin with the conversation before it, as far as it is there", async () => {
    const scene = await openScene()
    scene.play(saying("one"))
    const first = await scene.create({ input: "a" })
    const second = await scene.create({ input: "b", previous_response_id: first.id })
    expect(textsOf((await items(scene, second.id, "?order=asc")).data)).toEqual(["a", "one", "b"])
    await scene.ask("DELETE", `/v1/responses/${first.id}`)
    expect(textsOf((await items(scene, second.id, "?order=asc")).data)).toEqual(["b"])
  })

  test("are the same list whatever the size of the pages, forwards and backwards", async () => {
    const scene = await openScene()
    const input = Array.from({ length: 37 }, (_, index) => ({ role: "user", content: String(index) }))
    const { id } = await scene.create({ input })
    const law = async ({ limit, order }: { limit: number; order: string }): Promise<void> => {
      const read: unknown[] = []
      let after = ""
      for (;;) {
        const page = await items(scene, id, `?limit=${limit}&order=${order}${after}`)
        read.push(...textsOf(page.data))
        if (page.has_more !== (true as never)) break
        after = `&after=${page.data.at(-1)!.id}`
      }
      const all = input.map(({ content }) => content)
      expect(read).toEqual(order === "asc" ? all : all.toReversed())
    }
    const pages = fc.record({
      limit: fc.integer({ min: 1, max: 100 }),
      order: fc.constantFrom("asc", "desc"),
    })
    await checkPropertyAsync(import.meta.path, pages, law)
  })

  test("end before the one that `before` names", async () => {
    const scene = await openScene()
    const { id } = await scene.create({
      input: ["0", "1", "2", "3"].map(content => ({ role: "user", content })),
    })
    const { data } = await items(scene, id, "?order=asc")
    const [first, , third] = data
    const page = await items(scene, id, `?order=asc&after=${first!.id}&before=${third!.id}`)
    expect(textsOf(page.data)).toEqual(["1"])
  })

  test("are 20 to a page unless told", async () => {
    const scene = await openScene()
    const input = Array.from({ length: 25 }, (_, index) => ({ role: "user", content: String(index) }))
    const { id } = await scene.create({ input })
    const { data, has_more } = await items(scene, id)
    expect({ count: data.length, has_more }).toEqual({ count: 20, has_more: true } as never)
  })

  test.each([
    ["limit", "0"],
    ["limit", "101"],
    ["limit", "x"],
    ["limit", "1.5"],
    ["order", "up"],
    ["after", "msg_none"],
    ["before", "msg_none"],
  ])("with %s=%s are 400 naming it", async (name, value) => {
    const scene = await openScene()
    const { id } = await scene.create({ input: "hi" })
    const { status, body } = await scene.ask("GET", `/v1/responses/${id}/input_items?${name}=${value}`)
    expect({ status, param: body.error.param }).toEqual({ status: 400, param: name })
  })
})

describe("the stream of a finished foreground response", () => {
  const OUTPUT = [
    {
      type: "reasoning",
      id: "rs_1",
      summary: [{ type: "summary_text", text: "thinking" }],
      content: [{ type: "reasoning_text", text: "raw" }],
    },
    {
      ...messageOf("with a source"),
      content: [
        {
          type: "output_text",
          text: "with a source",
          annotations: [{ type: "url_citation", url: "https://x" }],
        },
        { type: "refusal", refusal: "no" },
      ],
    },
    {
      type: "function_call",
      id: "fc_1",
      call_id: "c1",
      name: "f",
      arguments: '{"n":12345678901234567890}',
      status: "completed",
    },
    {
      type: "custom_tool_call",
      id: "ctc_1",
      call_id: "c2",
      name: "patch",
      input: "*** Begin",
      status: "completed",
    },
    { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
  ]

  async function replayed(query = "") {
    const scene = await openScene()
    scene.play(giving(...OUTPUT))
    const { id } = await scene.create({ input: "hi" })
    const stored = (await scene.ask("GET", `/v1/responses/${id}`)).body
    const answer = await scene.send("GET", `/v1/responses/${id}?stream=true${query}`)
    return { stored, events: readEvents(await answer.text()) }
  }

  test("is numbered from 0, opens and closes every item, and ends with the stored response to the letter", async () => {
    const { stored, events } = await replayed()
    expect(events.map(event => event.sequence_number)).toEqual(events.map((_, index) => index))
    expect(events[0]!.type).toBe("response.created")
    expect(events.at(-1)).toMatchObject({ type: "response.completed" })
    expect(events.at(-1)!.response).toEqual(stored as never)
    const done = events.filter(event => event.type === "response.output_item.done").map(event => event.item)
    expect(done).toEqual(OUTPUT)
    const added = events.filter(event => event.type === "response.output_item.added").map(event => event.item)
    expect(added.map(item => (item as JsonObject).id)).toEqual(OUTPUT.map(item => item.id))
  })

  test("carries every text, call and source inside its item", async () => {
    const { events } = await replayed()
    const deltas = events
      .filter(event => event.type.endsWith(".delta"))
      .map(event => [event.item_id, event.delta])
    expect(deltas).toEqual([
      ["rs_1", "thinking"],
      ["rs_1", "raw"],
      ["msg_with_a_source", "with a source"],
      ["msg_with_a_source", "no"],
      ["fc_1", '{"n":12345678901234567890}'],
      ["ctc_1", "*** Begin"],
    ])
    expect(events.filter(event => event.type.endsWith("annotation.added"))).toHaveLength(1)
    let open: unknown
    for (const event of events) {
      if (event.type === "response.output_item.added") open = (event.item as JsonObject).id
      if (event.item_id !== undefined) expect(event.item_id === open).toBe(true)
    }
  })

  test("goes on after any number, with the same events", async () => {
    const { events } = await replayed()
    const later = await replayed("&starting_after=3")
    expect(later.events.map(event => [event.sequence_number, event.type])).toEqual(
      events.slice(4).map(event => [event.sequence_number, event.type]),
    )
  })
})
