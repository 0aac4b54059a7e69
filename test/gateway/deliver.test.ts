/** What becomes of a call that was dispatched: who left pays for what was used, and what was used is counted. */
import { describe, expect, test } from "bun:test"
import { jsonAnswer, openStream } from "../support/fake-fetch.ts"
import { lastReceipt, openPairApp, type PairApp, plainBody } from "../support/pair-app.ts"
import { untilTrue } from "../support/turns.ts"

const usage = { input_tokens: 150_000, output_tokens: 1 }
const START = `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message: { id: "m", type: "message", role: "assistant", content: [], usage } })}\n\n`

/** A Messages stream that has said what its input cost and no more. */
async function openSilent({ app, customer }: PairApp) {
  const upstream = openStream()
  app.upstream.play(upstream.answer)
  const client = new AbortController()
  const answer = app.send("/v1/messages", {
    key: customer.key,
    body: plainBody("anthropic-messages", "anthropic-messages", true),
    signal: client.signal,
  })
  answer.catch(() => {})
  upstream.push(START)
  await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
  return { upstream, client, answer }
}

describe("a client that leaves before the first output", () => {
  test("pays what the upstream said it had used by then", async () => {
    await using pairs = await openPairApp()
    const { upstream, client, answer } = await openSilent(pairs)
    await Bun.sleep(0)
    client.abort()
    await upstream.hung_up
    await answer.catch(() => {})
    await pairs.app.app.tasks.idle()
    expect(await lastReceipt(pairs)).toMatchObject({
      end_reason: "client-left",
      state: "settled",
      upstream_id: "anthropic-messages",
      usage_source: "reported",
      input_tokens: 150_000,
    })
  })

  test("pays nothing when nothing was said", async () => {
    await using pairs = await openPairApp()
    const { app, customer } = pairs
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    const client = new AbortController()
    const body = plainBody("openai-chat", "openai-chat", true)
    const answer = app.send("/v1/chat/completions", { key: customer.key, body, signal: client.signal })
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    client.abort()
    await upstream.hung_up
    await answer.catch(() => {})
    await app.app.tasks.idle()
    expect(await lastReceipt(pairs)).toMatchObject({
      state: "released",
      charged_nanos: 0,
      attempts: expect.stringContaining("client-left"),
    })
  })
})

describe("hosted searches of an answer that does not end", () => {
  test("are charged as far as they ended", async () => {
    await using pairs = await openPairApp()
    await pairs.setRates({ input: "5", output: "30", "web-search": "10" })
    const done = {
      type: "response.output_item.done",
      item: { type: "web_search_call", id: "ws", status: "completed" },
    }
    const frame = `event: ${done.type}\ndata: ${JSON.stringify(done)}\n\n`
    const cut = () => new Response(frame.repeat(3), { headers: { "content-type": "text/event-stream" } })
    const asked = { client: "openai-responses", upstream: "openai-responses", is_streamed: true } as const
    await pairs.ask(asked, cut)
    const receipt = await lastReceipt(pairs)
    expect(receipt).toMatchObject({ end_reason: "cut", usage_source: "estimated" })
    expect(receipt.web_search_count).toBe(3)
  })
})

test("a whole answer of a model that is asked for n choices never reaches an upstream", async () => {
  await using pairs = await openPairApp()
  const asked = { client: "openai-chat", upstream: "openai-chat", body: { n: 128 } } as const
  const { response, text, sent } = await pairs.ask(asked, jsonAnswer({}))
  expect([response.status, sent]).toEqual([400, undefined])
  expect(JSON.parse(text)).toMatchObject({ error: { param: "n" } })
})

test.each(["fast", "ultrafast", "Priority"])(
  "a tier %p without a price is refused before any hold",
  async tier => {
    await using pairs = await openPairApp()
    const asked = {
      client: "openai-responses",
      upstream: "openai-responses",
      body: { service_tier: tier },
    } as const
    const { response, sent } = await pairs.ask(asked, jsonAnswer({}))
    expect([response.status, sent]).toEqual([400, undefined])
  },
)
