/** Clients that leave: the answer is read on for its true usage, within bounds; nothing is left behind. */
import { describe, expect, test } from "bun:test"
import { openTestApp, type TestApp, type TestCustomer } from "../support/app.ts"
import { type OpenStream, openStream, silentAnswer } from "../support/fake-fetch.ts"
import { askStream, askWhole, FIRST_HOLD_NANOS, readPieces, readReceipt } from "../support/gateway.ts"
import { textTurn } from "../support/responses-turns.ts"
import { untilTrue } from "../support/turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300 }
const PRICE = 10_750_000
const frames = textTurn("hello there, how are you", USAGE, { id: "resp_1" })
/** Up to the second of the four deltas: 12 of 24 bytes. */
const half = frames.slice(0, 6)
const DELIVERED_PRICE = 20 * 5_000 + 3 * 30_000

interface Scene extends AsyncDisposable {
  app: TestApp
  customer: TestCustomer
  upstream: OpenStream
  client: AbortController
  pieces: ReturnType<typeof readPieces>
}

/** A client that has read half an answer. */
async function openHalf(): Promise<Scene> {
  const app = await openTestApp({ env: { CODEXAPI_KEY_CONCURRENCY: "1" } })
  const customer = await app.createCustomer()
  const upstream = openStream()
  app.upstream.play(upstream.answer)
  upstream.push(half.join(""))
  const client = new AbortController()
  const pieces = readPieces(await askStream(app, customer, { signal: client.signal }))
  await pieces.next()
  return { app, customer, upstream, client, pieces, [Symbol.asyncDispose]: app.close }
}

function expectNothingLeft({ app }: TestApp): void {
  expect(app.connections.size).toBe(0)
  expect(app.drains.count()).toBe(0)
  expect(() => app.key_limits.enter("another key")()).not.toThrow()
}

describe("in the middle of an answer", () => {
  test("it is read to its end and charged as reported", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client } = scene
    client.abort()
    upstream.push(frames.slice(6).join(""))
    upstream.end()
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      state: "settled",
      end_reason: "client-left",
      usage_source: "reported",
      charged_nanos: PRICE,
    })
    expectNothingLeft(app)
  })

  test("also when only the body is given up, as some runtimes do without an abort", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, pieces } = scene
    const cancelled = pieces.cancel()
    upstream.push(frames.slice(6).join(""))
    upstream.end()
    await cancelled
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "client-left", charged_nanos: PRICE })
    expectNothingLeft(app)
  })

  test("also when both happen: once", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client, pieces } = scene
    client.abort()
    const cancelled = pieces.cancel()
    upstream.push(frames.slice(6).join(""))
    upstream.end()
    await cancelled
    expect((await readReceipt(app, customer)).receipt.charged_nanos).toBe(PRICE)
    expectNothingLeft(app)
  })

  test("the key's place is free again only when the reading is over", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client } = scene
    client.abort()
    expect((await askStream(app, customer)).status).toBe(429)
    upstream.push(frames.slice(6).join(""))
    upstream.end()
    await app.app.tasks.idle()
    app.upstream.play(() => new Response(frames.join("")))
    expect((await askStream(app, customer)).status).toBe(200)
  })

  test("an upstream that breaks off meanwhile is charged by what was delivered", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client } = scene
    client.abort()
    upstream.reset()
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      end_reason: "client-left",
      usage_source: "estimated",
      charged_nanos: DELIVERED_PRICE,
    })
    expectNothingLeft(app)
  })

  test("after two minutes the reading ends, and what was delivered is charged", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client } = scene
    client.abort()
    await untilTrue("it is read on", () => app.app.drains.count() === 1)
    app.clock.advance(119_000)
    expect(app.app.drains.count()).toBe(1)
    app.clock.advance(1_000)
    await upstream.hung_up
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "client-left", charged_nanos: DELIVERED_PRICE })
    expectNothingLeft(app)
  })

  test("nothing more is held for it: the reading ends where the hold does", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client } = scene
    client.abort()
    const delta = JSON.stringify({ type: "response.output_text.delta", delta: "x".repeat(4_000) })
    for (let count = 0; count < 5; count++)
      upstream.push(`event: response.output_text.delta\ndata: ${delta}\n\n`)
    await upstream.hung_up
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      end_reason: "client-left",
      peak_held_nanos: FIRST_HOLD_NANOS,
      loss_nanos: 0,
    })
    expect(receipt.charged_nanos).toBeLessThanOrEqual(FIRST_HOLD_NANOS)
    expect(receipt.charged_nanos).toBeGreaterThan(4_000 * 30_000)
    expectNothingLeft(app)
  })

  test("when sixty-four are read on already, it is hung up at once", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client } = scene
    for (const other of ["a", "b", "c", "d"]) for (let n = 0; n < 16; n++) app.app.drains.enter(other)
    client.abort()
    await upstream.hung_up
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "client-left", charged_nanos: DELIVERED_PRICE })
    expect(app.app.drains.count()).toBe(64)
  })
})

describe("after the terminal event", () => {
  test("the charge stands as it is, and the connection is let go", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, client, pieces } = scene
    upstream.push(frames.slice(6).join(""))
    await pieces.next()
    await pieces.next()
    client.abort()
    // The upstream keeps its connection open: it is given a moment, as for a client that stays.
    app.clock.advance(3_000)
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "completed", charged_nanos: PRICE })
    expectNothingLeft(app)
  })

  test("also when only the body is given up", async () => {
    await using scene = await openHalf()
    const { app, customer, upstream, pieces } = scene
    upstream.push(frames.slice(6).join(""))
    await pieces.next()
    await pieces.next()
    const cancelled = pieces.cancel()
    app.clock.advance(3_000)
    await cancelled
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "completed", charged_nanos: PRICE })
    expectNothingLeft(app)
    app.clock.advance(60_000)
    expect(app.clock.timer_count()).toBe(0)
  })
})

describe("before the first output", () => {
  test.each([
    ["a stream", askStream],
    ["a whole answer", askWhole],
  ])("of %s the upstream is hung up and nothing is charged", async (_, asking) => {
    await using app = await openTestApp({ env: { CODEXAPI_KEY_CONCURRENCY: "1" } })
    const customer = await app.createCustomer()
    const client = new AbortController()
    app.upstream.play(silentAnswer)
    const asked = asking(app, customer, { signal: client.signal })
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    client.abort()
    await asked
    expect(app.upstream.calls[0]!.signal.aborted).toBe(true)
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ state: "released", end_reason: "client-left", charged_nanos: 0 })
    expect(free_nanos).toBe(10_000_000_000)
    expect(app.upstream.calls).toHaveLength(1)
    expectNothingLeft(app)
  })

  test("in the stream's prelude it is the same", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const client = new AbortController()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    upstream.push(frames[0]!)
    const asked = askStream(app, customer, { signal: client.signal })
    await untilTrue("the upstream answers", () => app.app.connections.size === 1)
    client.abort()
    await asked
    await upstream.hung_up
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ state: "released", end_reason: "client-left", charged_nanos: 0 })
    expectNothingLeft(app)
  })

  test("a client that was gone before it was admitted asks no upstream", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(silentAnswer)
    await askStream(app, customer, { signal: AbortSignal.abort() }).catch(() => {})
    expect(app.upstream.calls.filter(call => !call.signal.aborted)).toEqual([])
    expectNothingLeft(app)
  })
})
