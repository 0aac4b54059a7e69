/** The stored-object routes in the whole server: who may ask, what is refused, and which events there are: no others. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { openTestApp, type RequestOptions, type TestApp, type TestCustomer } from "../../support/app.ts"
import { streamAnswer } from "../../support/fake-fetch.ts"
import { textTurn } from "../../support/responses-turns.ts"
import { accessRows, type Row, refused, testRows } from "../../support/route-table.ts"
import { readEvents } from "./scene.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }

const ENDPOINTS: [string, string, RequestOptions][] = [
  ["GET /v1/responses/{id}", "/v1/responses/resp_x", {}],
  ["DELETE /v1/responses/{id}", "/v1/responses/resp_x", { method: "DELETE" }],
  ["GET /v1/responses/{id}/input_items", "/v1/responses/resp_x/input_items", {}],
  ["POST /v1/responses/{id}/cancel", "/v1/responses/resp_x/cancel", { method: "POST" }],
  ["POST /v1/responses/{id}/compact", "/v1/responses/resp_x/compact", { body: {} }],
  ["POST /v1/responses/compact", "/v1/responses/compact", { body: {} }],
  ["GET /v1/chat/completions", "/v1/chat/completions", {}],
  ["GET /v1/chat/completions/{id}", "/v1/chat/completions/chatcmpl-x", {}],
  ["GET /v1/chat/completions/{id}/messages", "/v1/chat/completions/chatcmpl-x/messages", {}],
  ["POST /v1/chat/completions/{id}", "/v1/chat/completions/chatcmpl-x", { body: { metadata: {} } }],
  [
    "PATCH /v1/chat/completions/{id}",
    "/v1/chat/completions/chatcmpl-x",
    { method: "PATCH", body: { metadata: {} } },
  ],
  ["DELETE /v1/chat/completions/{id}", "/v1/chat/completions/chatcmpl-x", { method: "DELETE" }],
  ["POST /v1/responses/input_tokens", "/v1/responses/input_tokens", { body: { input: "hi" } }],
  ["POST /v1/responses/count_tokens", "/v1/responses/count_tokens", { body: { input: "hi" } }],
]

describe.each(ENDPOINTS)("%s", (_, path, options) => {
  testRows(accessRows(path, options))
})

const asMine = (path: string, options: RequestOptions = {}): Row["ask"] => {
  return scene => ({ path, key: scene.mine.key, ...options })
}

/** An object that is nobody's. */
const unknownRows = ENDPOINTS.filter(([name]) => name.includes("{id}")).map(
  ([name, path, options]): Row => ({
    name: `${name} of an unknown id: 404`,
    ask: asMine(path, options),
    status: 404,
    body: () => ({ error: { message: expect.stringMatching(/with id '.*-?_?x' not found/) } }),
    events: () => [
      refused("not_found", path.includes("responses") ? "response_not_found" : "completion_not_found"),
    ],
  }),
)

describe("a request", () => {
  testRows([
    ...unknownRows,
    {
      name: "for the list of completions: an empty list, no event",
      ask: asMine("/v1/chat/completions"),
      status: 200,
      body: () => ({ object: "list", data: [], has_more: false }),
    },
    {
      name: "for the number of tokens: no event, nothing held",
      ask: asMine("/v1/responses/input_tokens", { body: { model: "gpt-5.5", input: "hi" } }),
      status: 200,
      body: () => ({ object: "response.input_tokens", input_tokens: 4 }),
    },
    {
      name: "with a limit that is none: 400 naming it",
      ask: asMine("/v1/chat/completions?limit=0"),
      status: 400,
      body: () => ({ error: { param: "limit" } }),
      events: () => [refused("invalid", "invalid_value")],
    },
    {
      name: "with a body that is no JSON: 400",
      ask: asMine("/v1/responses/compact", { body: "{" }),
      status: 400,
      body: () => ({ error: { code: "invalid_json" } }),
      events: () => [refused("invalid", "invalid_json")],
    },
  ])
})

/** A response that the whole server answered and stored. */
async function createStored(app: TestApp, customer: TestCustomer, body: JsonObject = {}) {
  app.upstream.play(streamAnswer(textTurn("hello there", USAGE, { id: "resp_up" })))
  return app.sendJson<JsonObject & { id: string; status: string; output: JsonObject[] }>("/v1/responses", {
    key: customer.key,
    body: { model: "gpt-5.5", input: "hi", ...body },
  })
}

describe("the whole server", () => {
  test("stores what it answered, and gives it to its owner only", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const created = await createStored(app, mine)
    const stored = await app.sendJson(`/v1/responses/${created.id}`, { key: mine.key })
    expect(stored).toMatchObject({ id: created.id, output: created.output, store: true })
    expect((await app.send(`/v1/responses/${created.id}`, { key: other.key })).status).toBe(404)
  })

  test("answers a background request at once and streams it again", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const { id, status } = await createStored(app, mine, { background: true })
    expect(status).toBe("queued")
    await app.app.tasks.idle()
    expect(await app.sendJson(`/v1/responses/${id}`, { key: mine.key })).toMatchObject({
      status: "completed",
    })
    const replayed = await app.send(`/v1/responses/${id}?stream=true&starting_after=1`, { key: mine.key })
    expect(readEvents(await replayed.text())[0]).toMatchObject({ sequence_number: 2 })
    expect(app.events.map(event => event.name)).toEqual(["request-settled"])
  })

  test("continues a streamed response by its id", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    app.upstream.play(streamAnswer(textTurn("hello there", USAGE, { id: "resp_up" })))
    const streamed = await app.send("/v1/responses", {
      key: mine.key,
      body: { model: "gpt-5.5", input: "hi", stream: true },
    })
    const last = readEvents(await streamed.text()).at(-1)!
    const { id } = last.response as { id: string }
    await createStored(app, mine, { previous_response_id: id, input: "and?" })
    expect(app.upstream.calls[1]!.body).toContain("hello there")
  })
})
