/** The pipeline of an admitted request: what reaches the upstream, what it costs, what changes meanwhile. */
import { describe, expect, test } from "bun:test"
import { brotliCompressSync, deflateSync } from "node:zlib"
import { openTestApp, readBooks, type TestApp } from "../support/app.ts"
import { jsonAnswer, openStream, streamAnswer } from "../support/fake-fetch.ts"
import { askStream, askWhole, readReceipt } from "../support/gateway.ts"
import { runCommand } from "../support/operator.ts"
import { textTurn, wholeTextTurn } from "../support/responses-turns.ts"
import { untilTrue } from "../support/turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }
const PRICE = 10_750_000
const whole = wholeTextTurn("hello", USAGE, { id: "resp_1" })
const frames = textTurn("hello", USAGE, { id: "resp_1" })
/** A limit that the first hold covers: such a request is passed on to the letter. */
const LIMITED = { max_output_tokens: 4_096 }
const TEXT = JSON.stringify({ model: "gpt-5.5", input: "hi", store: false, ...LIMITED })

/** Neither an upstream was asked, nor was anything held. */
async function expectNothingHappened(app: TestApp, customer: { id: string }): Promise<void> {
  expect(app.upstream.calls).toEqual([])
  expect(app.events.map(event => event.name)).toEqual(["request-refused"])
  const { receipts, held_nanos } = await readBooks(app, customer)
  expect({ receipts, held_nanos }).toEqual({ receipts: [], held_nanos: 0 })
}

describe("a whole answer", () => {
  test("is the upstream's, byte for byte, with what it cost", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const text = JSON.stringify({ ...whole, big: 1 }).replace('"big":1', '"big": 12345678901234567890')
    app.upstream.play(() => new Response(text, { headers: { "openai-organization": "org-canary" } }))
    const answer = await askWhole(app, customer, { body: LIMITED })
    expect(await answer.text()).toBe(text)
    const {
      "x-request-id": request_id,
      "request-id": also_id,
      ...headers
    } = Object.fromEntries(answer.headers)
    // The names by which OpenAI's and Anthropic's SDKs look for it (sdk-wire 2, 3).
    expect(also_id).toBe(request_id)
    expect(headers).toEqual({
      "content-type": "application/json",
      "x-codexapi-cost-usd": "0.01075",
      "x-codexapi-model": "gpt-5.5",
      "x-codexapi-request-id": request_id!,
    })
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      id: request_id,
      is_streamed: 0,
      end_reason: "completed",
      charged_nanos: PRICE,
    })
    expect(free_nanos).toBe(10_000_000_000 - PRICE)
  })

  test("costs the same as the stream of it", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(jsonAnswer(whole), streamAnswer(frames))
    await (await askWhole(app, customer)).text()
    await (await askStream(app, customer)).text()
    const { receipts } = await readBooks(app, customer)
    expect(receipts.map(receipt => receipt.charged_nanos)).toEqual([PRICE, PRICE])
  })

  test("without usage is charged by its length, never more than was held", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const { usage: _, ...unreported } = wholeTextTurn("x".repeat(100_000), USAGE)
    app.upstream.play(jsonAnswer(unreported))
    const answer = await askWhole(app, customer)
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      usage_source: "estimated",
      charged_nanos: receipt.peak_held_nanos,
      loss_nanos: 0,
    })
    expect(answer.headers.get("x-codexapi-cost-usd")).toBe("0.12296")
  })

  test("of another tier than was asked costs that tier's price", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const served = (service_tier: string) => jsonAnswer({ ...whole, service_tier })
    app.upstream.play(served("default"), served("priority"), served("flex"))
    for (let count = 0; count < 3; count++)
      await askWhole(app, customer, { body: { service_tier: "priority" } })
    const { receipts } = await readBooks(app, customer)
    const told = receipts.map(({ tier_asked, tier_served, charged_nanos }) => ({
      tier_asked,
      tier_served,
      charged_nanos,
    }))
    expect(told).toContainEqual({ tier_asked: "priority", tier_served: "default", charged_nanos: PRICE })
    expect(told).toContainEqual({
      tier_asked: "priority",
      tier_served: "priority",
      charged_nanos: 2.5 * PRICE,
    })
    expect(told).toContainEqual({ tier_asked: "priority", tier_served: "flex", charged_nanos: PRICE / 2 })
  })
})

describe("a compressed body", () => {
  const body = new TextEncoder().encode(TEXT)
  test.each([
    ["gzip", Bun.gzipSync(body)],
    ["deflate", deflateSync(body)],
    ["br", brotliCompressSync(body)],
    ["zstd", Bun.zstdCompressSync(body)],
  ])("of %s reaches the upstream as it was before", async (encoding, compressed) => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    app.upstream.play(jsonAnswer(whole))
    const answer = await app.send("/v1/responses", {
      key,
      headers: { "content-encoding": encoding },
      body: compressed,
    })
    expect(answer.status).toBe(200)
    expect(app.upstream.calls[0]!.body).toBe(TEXT)
    expect(app.upstream.calls[0]!.headers.has("content-encoding")).toBe(false)
  })

  test.each([
    ["a bomb", "zstd", Bun.zstdCompressSync(new Uint8Array(64 * 1024 * 1024)), 413, "request_too_large"],
    ["no gzip", "gzip", body, 400, "corrupt_body"],
    ["an unknown encoding", "snappy", body, 415, "unsupported_content_encoding"],
  ])(
    "that is %s is refused in OpenAI's shape and costs nothing",
    async (_, encoding, bytes, status, code) => {
      await using app = await openTestApp()
      const customer = await app.createCustomer()
      const headers = { "content-encoding": encoding }
      const answer = await app.send("/v1/responses", { key: customer.key, headers, body: bytes })
      expect(answer.status).toBe(status)
      expect(await answer.json()).toMatchObject({ error: { code } })
      await expectNothingHappened(app, customer)
    },
  )
})

describe("the operator's changes while the server runs", () => {
  test("a new price counts for the next request; one under way keeps its own", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer, streamAnswer(frames))
    const first = askStream(app, customer)
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    await runCommand(
      app,
      "rate set",
      "--model",
      "gpt-5.5",
      "--input",
      "50",
      "--cached",
      "5",
      "--output",
      "300",
    )
    for (const frame of frames) upstream.push(frame)
    upstream.end()
    await (await first).text()
    app.clock.advance(1)
    await (await askStream(app, customer)).text()
    const { receipts } = await readBooks(app, customer)
    expect(receipts).toMatchObject([
      { rate_card_version: 1, charged_nanos: PRICE },
      { rate_card_version: 2, charged_nanos: 10 * PRICE },
    ])
  })

  test("an upstream that is disabled is not asked any more, one under way goes on", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer, streamAnswer(frames))
    const first = askStream(app, customer)
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    await runCommand(app, "upstream disable", "--id", "openai")
    await app.app.catalog.reload()
    for (const frame of frames) upstream.push(frame)
    upstream.end()
    expect(await (await first).text()).toBe(frames.join(""))
    await (await askStream(app, customer)).text()
    expect(app.upstream.calls.map(call => new URL(call.url).host)).toEqual(["first.test", "second.test"])
  })

  test("a model without a price is not sold", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    await runCommand(app, "model add", "--id", "free-lunch")
    await runCommand(app, "route add", "--model", "free-lunch", "--upstream", "openai")
    const answer = await askWhole(app, customer, { body: { model: "free-lunch" } })
    expect(answer.status).toBe(404)
    await expectNothingHappened(app, customer)
  })

  test("a key that is revoked during its answer keeps the answer", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    const asked = askStream(app, customer)
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    await runCommand(app, "key revoke", "--customer", customer.id, "--key", customer.key_id)
    app.app.keys.forget()
    for (const frame of frames) upstream.push(frame)
    upstream.end()
    expect(await (await asked).text()).toBe(frames.join(""))
    expect((await readReceipt(app, customer)).receipt.charged_nanos).toBe(PRICE)
    expect((await askStream(app, customer)).status).toBe(401)
  })
})

describe("when the books cannot be written", () => {
  test("the hold that is not durable lets no byte out and hangs the upstream up", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    for (const frame of frames) upstream.push(frame)
    const asked = askStream(app, customer)
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    // Joins the group of the hold and makes its commit fail.
    await app.app.store
      .tx(async q => {
        await q.run("PRAGMA defer_foreign_keys = ON")
        await q.run(
          `INSERT INTO api_key (id, customer_id, kind, name, hint, token_hash, created_at)
           VALUES ('key_1', 'nobody', 'user', 'x', 'x', 'x', 0)`,
        )
      })
      .catch(() => {})
    const answer = await asked
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: { type: "server_error", code: "unavailable" } })
    await upstream.hung_up
    const { free_nanos, receipts } = await readBooks(app, customer)
    expect({ free_nanos, receipts }).toEqual({ free_nanos: 10_000_000_000, receipts: [] })
  })
})

test("a bug of ours is a plain 500, its stack is in the log, and no secret is anywhere", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  app.app.catalog.find = () => {
    throw new TypeError("canary of a stack")
  }
  const answer = await askStream(app, customer)
  expect(answer.status).toBe(500)
  const text = await answer.text()
  expect(text).not.toContain("canary")
  expect(app.logs.join("")).toContain("canary of a stack")
  for (const secret of [customer.key, "sk-canary"]) expect(text + app.logs.join("")).not.toContain(secret)
  await expectNothingHappened(app, customer)
})
