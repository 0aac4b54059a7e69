/** Whole answers that may outgrow their first hold: asked for as a stream, metered as they grow, given whole. */
import { describe, expect, test } from "bun:test"
import { formatUsd } from "../../src/wallet/ledger/nanos.ts"
import { openTestApp } from "../support/app.ts"
import { jsonAnswer, streamAnswer } from "../support/fake-fetch.ts"
import { askWhole, FIRST_HOLD_NANOS, readReceipt } from "../support/gateway.ts"
import { textTurn, wholeTextTurn } from "../support/responses-turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }
const PRICE = 10_750_000

const frame = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
const delta = (tokens: number) => frame("response.output_text.delta", { delta: "x".repeat(tokens * 4) })
const created = frame("response.created", { response: { id: "resp_1" } })
const completed = (output_tokens: number) =>
  frame("response.completed", {
    response: { id: "resp_1", object: "response", usage: { input_tokens: 10, output_tokens } },
  })

describe("a whole answer without a limit of its own", () => {
  test("is asked for as a stream and given whole, at the same price", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(textTurn("hello", USAGE, { id: "resp_1" })))
    const answer = await askWhole(app, customer)
    expect(answer.headers.get("x-codexapi-cost-usd")).toBe("0.01075")
    expect(await answer.json()).toMatchObject({ id: "resp_1", object: "response", status: "completed" })
    expect(JSON.parse(app.upstream.calls[0]!.body)).toEqual({
      stream: true,
      model: "gpt-5.5",
      input: "hi",
      store: false,
    })
    expect((await readReceipt(app, customer)).receipt).toMatchObject({ is_streamed: 0, charged_nanos: PRICE })
  })

  test("is taken whole from an upstream that does not stream", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const whole = wholeTextTurn("hello", USAGE, { id: "resp_1" })
    app.upstream.play(jsonAnswer(whole))
    expect(await (await askWhole(app, customer)).json()).toEqual(whole)
  })

  test("that outgrows the credit is given as far as it came, because that is paid for: no loss beyond what was held", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer({ credit_usd: formatUsd(BigInt(FIRST_HOLD_NANOS)) })
    app.upstream.play(streamAnswer([created, delta(3_000), delta(1_000), delta(90_000), completed(94_000)]))
    const answer = await askWhole(app, customer)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("x-codexapi-notes")).toBe("the answer is incomplete: the credit ran out")
    const body = (await answer.json()) as { output: { content: { text: string }[] }[] }
    expect(body).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } })
    expect(body.output[0]!.content[0]!.text.length).toBeGreaterThan(4_000)
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "out-of-credit", usage_source: "estimated", loss_nanos: 0 })
    expect(receipt.charged_nanos + free_nanos).toBe(FIRST_HOLD_NANOS)
  })

  test("whose stream is cut is an error, not half an answer", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer([created, delta(100)]))
    const answer = await askWhole(app, customer)
    expect(answer.status).toBe(502)
    expect((await readReceipt(app, customer)).receipt).toMatchObject({ end_reason: "cut" })
  })
})

test("a whole answer whose limit is held at once passes to the letter", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  app.upstream.play(jsonAnswer(wholeTextTurn("hello", USAGE, { id: "resp_1" })))
  const text = '{"model": "gpt-5.5", "input":"hi",  "store":false, "max_output_tokens": 4096}'
  await (await askWhole(app, customer, { text })).text()
  expect(app.upstream.calls[0]!.body).toBe(text)
})
