/** What is read and changed of stored objects counts as requests of its key, and a stream that is followed has a place. */
import { describe, expect, test } from "bun:test"
import { openTestApp, type RequestOptions, type TestApp } from "../../support/app.ts"
import { openStream } from "../../support/fake-fetch.ts"
import { textTurn } from "../../support/responses-turns.ts"

const ENDPOINTS: [string, RequestOptions][] = [
  ["/v1/responses/resp_x", {}],
  ["/v1/responses/resp_x?stream=true", {}],
  ["/v1/responses/resp_x", { method: "DELETE" }],
  ["/v1/responses/resp_x/input_items", {}],
  ["/v1/responses/resp_x/cancel", { method: "POST" }],
  ["/v1/responses/compact", { body: { model: "gpt-5.5" } }],
  ["/v1/chat/completions", {}],
  ["/v1/chat/completions/chatcmpl-x", {}],
  ["/v1/chat/completions/chatcmpl-x/messages", {}],
  ["/v1/chat/completions/chatcmpl-x", { body: { metadata: {} } }],
  ["/v1/chat/completions/chatcmpl-x", { method: "PATCH", body: { metadata: {} } }],
  ["/v1/chat/completions/chatcmpl-x", { method: "DELETE" }],
  ["/v1/responses/input_tokens", { body: { input: "hi" } }],
]

const open = (key_limits: { concurrency: number; requests_per_minute: number }): Promise<TestApp> =>
  openTestApp({ config: { key_limits } })

test.each(ENDPOINTS)("%s %j is a request of its key", async (path, options) => {
  await using app = await open({ concurrency: 10, requests_per_minute: 3 })
  const { key } = await app.createCustomer()
  const statuses: number[] = []
  for (let count = 0; count < 4; count++) statuses.push((await app.send(path, { ...options, key })).status)
  expect(statuses.slice(0, 3)).not.toContain(429)
  expect(statuses[3]).toBe(429)
})

test.each(ENDPOINTS)("%s %j gives its place back, also when it is refused", async (path, options) => {
  await using app = await open({ concurrency: 1, requests_per_minute: 1_000 })
  const { key } = await app.createCustomer()
  for (let count = 0; count < 3; count++) {
    expect((await app.send(path, { ...options, key })).status).not.toBe(429)
  }
})

describe("a stream that is followed", () => {
  /** A background run of a key with two places: the run has one of them. */
  async function startRun(app: TestApp) {
    const { key } = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    const body = { model: "gpt-5.5", input: "hi", background: true }
    const { id } = await app.sendJson<{ id: string }>("/v1/responses", { key, body })
    const follow = (options: RequestOptions = {}) =>
      app.send(`/v1/responses/${id}?stream=true`, { key, ...options })
    return { upstream, follow }
  }

  test("has a place of its key until it ends", async () => {
    await using app = await open({ concurrency: 2, requests_per_minute: 1_000 })
    const { upstream, follow } = await startRun(app)
    const followed = await follow()
    expect((await follow()).status).toBe(429)
    for (const frame of textTurn("hello", { input: 1, output: 1 })) upstream.push(frame)
    upstream.end()
    expect(await followed.text()).toContain("response.completed")
    await app.app.tasks.idle()
    for (let count = 0; count < 3; count++) expect(await (await follow()).text()).toContain("completed")
  })

  test("gives its place back when its reader leaves", async () => {
    await using app = await open({ concurrency: 2, requests_per_minute: 1_000 })
    const { upstream, follow } = await startRun(app)
    const client = new AbortController()
    await follow({ signal: client.signal })
    expect((await follow()).status).toBe(429)
    client.abort()
    expect((await follow()).status).toBe(200)
    upstream.reset()
    await app.app.tasks.idle()
  })
})
