/** Requests that are refused before any upstream is asked: without a charge, in each client's own form. */
import { describe, expect, test } from "bun:test"
import { openTestApp, readBooks, type TestApp } from "../support/app.ts"
import { jsonAnswer, openStream, streamAnswer } from "../support/fake-fetch.ts"
import { askAsCodex, askStream, askWhole, FIRST_HOLD_NANOS } from "../support/gateway.ts"
import { parseStream } from "../support/responses-fixtures.ts"
import { textTurn, wholeTextTurn } from "../support/responses-turns.ts"
import { accessRows, testRows } from "../support/route-table.ts"
import { untilTrue } from "../support/turns.ts"

const TEXT = JSON.stringify({ model: "gpt-5.5", input: "hi" })
const frames = textTurn("hello", { input: 5, output: 1 })

/** Neither was an upstream asked, nor is anything held. */
async function expectNothingHappened(app: TestApp, customer: { id: string }): Promise<void> {
  expect(app.upstream.calls).toEqual([])
  expect(app.events.map(event => event.name)).toEqual(["request-refused"])
  const { receipts, held_nanos } = await readBooks(app, customer)
  expect({ receipts, held_nanos }).toEqual({ receipts: [], held_nanos: 0 })
}

describe("asking", () => testRows(accessRows("/v1/responses", { body: TEXT })))

describe("a request that is refused before any upstream, without a charge:", () => {
  const rows: [string, string, number, string, string | null][] = [
    ["no JSON", "{not json", 400, "invalid_json", "body"],
    ["an empty body", "", 400, "invalid_json", "body"],
    ["a list", "[1]", 400, "invalid_request", "body"],
    ["no model", '{"input":"hi"}', 400, "invalid_request", "model"],
    ["no input", '{"model":"gpt-5.5"}', 400, "invalid_request", "input"],
    ["an unknown model", '{"model":"gpt-9","input":"hi"}', 404, "model_not_found", "model"],
    ["the model twice", '{"model":"gpt-5.5","input":"hi","model":"gpt-9"}', 400, "invalid", "model"],
    [
      "the model twice, once escaped",
      '{"\\u006dodel":"gpt-9","input":"hi","model":"gpt-5.5"}',
      400,
      "invalid",
      "model",
    ],
    [
      "any member twice",
      '{"model":"gpt-5.5","input":"hi","stream":true,"stream":false}',
      400,
      "invalid",
      "stream",
    ],
    [
      "a stored answer",
      `${TEXT.slice(0, -1)},"previous_response_id":"resp_1"}`,
      400,
      "previous_response_not_found",
      "previous_response_id",
    ],
    [
      "a stored conversation",
      `${TEXT.slice(0, -1)},"conversation":"conv_1"}`,
      400,
      "conversation_not_found",
      "conversation",
    ],
    [
      "background work that is not stored",
      `${TEXT.slice(0, -1)},"background":true,"store":false}`,
      400,
      "background_requires_store",
      "background",
    ],
  ]

  test.each(rows)("%s", async (_, text, status, code, param) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const answer = await askStream(app, customer, { text })
    expect(answer.status).toBe(status)
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/)
    expect(await answer.json()).toMatchObject({ error: { code, param } })
    await expectNothingHappened(app, customer)
  })

  test.each(rows)("%s, in the form that the Codex CLI shows once", async (_, text, __, code) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const answer = await askAsCodex(app, customer, { text })
    expect(answer.status).toBe(200)
    const events = parseStream(await answer.text())
    expect(events.map(event => event.type)).toEqual(["response.created", "response.failed"])
    expect(events[1]).toMatchObject({ response: { error: { code: "invalid_prompt" } } })
    expect(app.events).toMatchObject([{ name: "request-refused", data: { code } }])
    await expectNothingHappened(app, customer)
  })

  test("a wrong key, 401 for every client", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    for (const asking of [askStream, askAsCodex]) {
      const answer = await asking(app, { ...customer, key: "cxk_wrong" })
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ error: { code: "invalid_api_key" } })
    }
    expect(app.upstream.calls).toEqual([])
  })

  test("a key that has too many requests open", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_KEY_CONCURRENCY: "1" } })
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    const first = askStream(app, customer)
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    const second = await askStream(app, customer)
    expect(second.status).toBe(429)
    expect(second.headers.get("retry-after")).toBe("2")
    for (const frame of frames) upstream.push(frame)
    upstream.end()
    await (await first).text()
  })

  test("a key that asks too often; refused requests count and places come back", async () => {
    await using app = await openTestApp({
      env: { CODEXAPI_KEY_CONCURRENCY: "1", CODEXAPI_KEY_REQUESTS_PER_MINUTE: "3" },
    })
    const customer = await app.createCustomer()
    const statuses: number[] = []
    for (let count = 0; count < 4; count++)
      statuses.push((await askStream(app, customer, { text: "{" })).status)
    expect(statuses).toEqual([400, 400, 400, 429])
  })
})

describe("credit that does not cover the first hold", () => {
  const nearly = ((FIRST_HOLD_NANOS - 1) / 1e9).toFixed(9)

  test("is refused with what is available, needed and affordable", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_PUBLIC_URL: "https://api.example.com" } })
    const customer = await app.createCustomer({ credit_usd: nearly })
    const answer = await askStream(app, customer)
    expect(answer.status).toBe(402)
    expect(await answer.json()).toEqual({
      error: {
        message:
          "Not enough credit: this request needs $0.12298, and $0.122979999 is available. " +
          "Top up at https://api.example.com.",
        type: "insufficient_quota",
        code: "insufficient_quota",
        param: null,
        available_usd: "0.122979999",
        required_usd: "0.12298",
        affordable_output_tokens: 4_095,
      },
    })
    await expectNothingHappened(app, customer)
  })

  test("is told to the Codex CLI in the form it shows once", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "0" })
    const events = parseStream(await (await askAsCodex(app, customer)).text())
    expect(events[1]).toMatchObject({
      type: "response.failed",
      response: { error: { code: "invalid_prompt", message: expect.stringContaining("$0.00 is available") } },
    })
    await expectNothingHappened(app, customer)
  })

  test("is enough with one nano more", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: (FIRST_HOLD_NANOS / 1e9).toFixed(9) })
    app.upstream.play(streamAnswer(textTurn("hi", { input: 5, output: 1 })))
    expect((await askStream(app, customer)).status).toBe(200)
  })

  test("is enough when the request asks for less output", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: "0.01" })
    app.upstream.play(streamAnswer(textTurn("hi", { input: 5, output: 1 })))
    expect((await askStream(app, customer, { body: { max_output_tokens: 100 } })).status).toBe(200)
  })

  test("of a frozen wallet is refused with the reason", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const freeze = "UPDATE ledger_account SET is_frozen = 1 WHERE customer_id = ? AND kind = 'token'"
    await app.app.store.tx(q => q.run(freeze, customer.id))
    const answer = await askStream(app, customer)
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ error: { code: "wallet_frozen" } })
    await expectNothingHappened(app, customer)
  })
})

describe("a key that may use some models only", () => {
  test("asks for those", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ models: ["gpt-5.5"] })
    app.upstream.play(jsonAnswer(wholeTextTurn("hello", { input: 5, output: 1 })))
    expect((await askWhole(app, customer)).status).toBe(200)
  })

  test("is refused others as if they did not exist, and told which it may use", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ models: ["gpt-5.4"] })
    const answer = await askWhole(app, customer)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({
      error: {
        code: "model_not_found",
        message: 'The model "gpt-5.5" is not available here. Models you can use: gpt-5.4.',
      },
    })
    await expectNothingHappened(app, customer)
  })
})
