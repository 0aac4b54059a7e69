/** What must not be charged, and what must not be had for less. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { jsonAnswer, streamAnswer } from "../support/fake-fetch.ts"
import { askStream, askWhole, readPieces, readReceipt } from "../support/gateway.ts"
import { wholeTextTurn } from "../support/responses-turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }
const PRICE = 10_750_000

const frame = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
const created = frame("response.created", { response: { id: "resp_1" } })

describe("a whole answer that is none", () => {
  test.each([
    { status: "failed", output: [], usage: null },
    { error: { message: "overloaded" } },
    { hello: "world" },
    null,
  ])("%j costs nothing", async body => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(jsonAnswer(body))
    const answer = await askWhole(app, customer, { body: { max_output_tokens: 100 } })
    expect(answer.status).toBeGreaterThanOrEqual(500)
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ state: "released", charged_nanos: 0 })
    expect(free_nanos).toBe(10_000_000_000)
  })
})

test("asking for a cheaper tier than was served, or than anybody says was served, makes nothing cheaper", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  const { service_tier: _, ...silent } = wholeTextTurn("hello", USAGE) as Record<string, unknown>
  app.upstream.play(jsonAnswer(silent))
  await askWhole(app, customer, { body: { service_tier: "flex" } })
  expect((await readReceipt(app, customer)).receipt).toMatchObject({
    tier_served: "default",
    charged_nanos: PRICE,
  })
})

test("an upstream that ignores the limit is paid slice by slice, or stopped", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer({ credit_usd: "0.01" })
  const delta = (tokens: number) => frame("response.output_text.delta", { delta: "x".repeat(tokens * 4) })
  app.upstream.play(streamAnswer([created + delta(10), delta(9_000), delta(9_000)]))
  const answer = await askStream(app, customer, { body: { max_output_tokens: 16 } })
  expect(await readPieces(answer).rest()).toContain("Your credit ran out")
  expect((await readReceipt(app, customer)).receipt).toMatchObject({
    end_reason: "out-of-credit",
    loss_nanos: 0,
  })
})

test("a model that thinks in silence holds credit for it before it goes on", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer({ credit_usd: "0.20" })
  const delta = frame("response.output_text.delta", { delta: "x" })
  app.upstream.play(call => {
    app.clock.advance(100_000)
    return streamAnswer([created + delta, delta])(call)
  })
  const answer = await askStream(app, customer)
  expect(await readPieces(answer).rest()).toContain("Your credit ran out")
})

test("a body that is not UTF-8 is refused: it could not be passed on byte for byte", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  const bytes = Buffer.from('{"model":"gpt-5.5","input":"gr\xfc\xdf"}', "latin1")
  const headers = { authorization: `Bearer ${customer.key}` }
  const request = new Request("http://localhost/v1/responses", { method: "POST", headers, body: bytes })
  const answer = await app.handle(request)
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: "invalid_utf8" } }])
})
