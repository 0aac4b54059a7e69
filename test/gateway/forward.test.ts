/** The stream on its way to the client: byte for byte, charged once, and ended honestly in every case. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { type Chunk, openStream, streamAnswer } from "../support/fake-fetch.ts"
import { askAsCodex, askStream, readPieces, readReceipt, typesOf } from "../support/gateway.ts"
import { parseStream } from "../support/responses-fixtures.ts"
import { failedTurn, reasoningItem, textTurn, toolTurn } from "../support/responses-turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }
const PRICE = 10_750_000
const TEN_USD = 10_000_000_000

const items = [reasoningItem("sealed"), { type: "message", text: 'ü🜚 — \\ "quoted" \u2028' }] as const
const frames = toolTurn([...items], USAGE, { id: "resp_1" })
const bytes = Buffer.from(frames.join(""))

const cutEvery = (size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  )

describe("an upstream's bytes reach the client as they are", () => {
  const chunkings: [string, Chunk[]][] = [
    ["in one piece", [bytes]],
    ["an event at a time", frames],
    ["one byte at a time", cutEvery(1)],
    ["seven bytes at a time, inside characters", cutEvery(7)],
    ["a thousand bytes at a time", cutEvery(1_000)],
    [
      "with CRLF, cut between CR and LF",
      frames
        .join("")
        .replaceAll("\n", "\r\n")
        .split(/(?<=\r)/),
    ],
    ["with comments between the events", frames.flatMap(frame => [": ping\n\n", frame])],
    ["with events nobody knows", ['event: new.thing\ndata: {"x":1}\n\n', ...frames]],
  ]
  test.each(chunkings)("%s", async (_, chunks) => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(chunks))
    const answer = await askStream(app, customer)
    const sent = Buffer.concat(chunks.map(chunk => Buffer.from(chunk)))
    expect(Buffer.from(await answer.bytes()).equals(sent)).toBe(true)
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ state: "settled", end_reason: "completed", usage_source: "reported" })
    expect(receipt.charged_nanos).toBe(PRICE)
    expect(free_nanos).toBe(TEN_USD - PRICE)
  })

  test("with the blank line that the last event lacks: clients would not see it", async () => {
    await using app = await openTestApp()
    app.upstream.play(streamAnswer([bytes.subarray(0, bytes.length - 2)]))
    const answer = await askStream(app, await app.createCustomer())
    expect(await answer.text()).toBe(frames.join(""))
  })

  test("without a last event that was cut, so that the error after it can be read", async () => {
    await using app = await openTestApp()
    app.upstream.play(streamAnswer([...frames.slice(0, -1), 'event: response.completed\ndata: {"type":']))
    const events = parseStream(await (await askStream(app, await app.createCustomer())).text())
    expect(events.at(-1)).toMatchObject({ type: "response.failed", sequence_number: frames.length - 1 })
  })

  test("up to its terminal event: what an upstream says after it is for nobody", async () => {
    await using app = await openTestApp()
    const more = [frames.at(-1)!, "event: x\ndata: {}\n\n", "data: [DONE]\n\n"]
    for (const chunks of [[...frames, ...more], [[...frames, ...more].join("")]]) {
      app.upstream.play(streamAnswer(chunks))
      const answer = await askStream(app, await app.createCustomer())
      expect(await answer.text()).toBe(frames.join(""))
    }
  })

  test("event after event, each as soon as it is there", async () => {
    await using app = await openTestApp()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    upstream.push(frames.slice(0, 3).join(""))
    const pieces = readPieces(await askStream(app, await app.createCustomer()))
    expect(await pieces.next()).toBe(frames.slice(0, 3).join(""))
    for (const frame of frames.slice(3)) {
      upstream.push(frame)
      expect(await pieces.next()).toBe(frame)
    }
    upstream.end()
    expect(await pieces.next()).toBeUndefined()
  })
})

describe("an answer's head", () => {
  test("is a stream's, and has nothing of the upstream's but the turn state", async () => {
    await using app = await openTestApp()
    const upstream = openStream({
      "x-codex-turn-state": "opaque",
      "x-request-id": "theirs",
      "openai-model": "gpt-canary",
      "openai-organization": "org-canary",
      "set-cookie": "canary=1",
    })
    app.upstream.play(upstream.answer)
    upstream.push(bytes)
    upstream.end()
    const answer = await askStream(app, await app.createCustomer())
    const { "x-request-id": request_id, "request-id": _, ...headers } = Object.fromEntries(answer.headers)
    expect(request_id).toMatch(/^req_/)
    expect(headers).toEqual({
      "cache-control": "no-cache",
      "content-type": "text/event-stream",
      "x-codex-turn-state": "opaque",
      "x-codexapi-model": "gpt-5.5",
      "x-codexapi-request-id": request_id!,
    })
    await answer.bytes()
  })

  test("waits for the first output", async () => {
    await using app = await openTestApp()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    let has_head = false
    const answer = askStream(app, await app.createCustomer()).then(head => {
      has_head = true
      return head
    })
    upstream.push(frames[0]!)
    upstream.push(frames[1]!)
    await app.app.store.tx(async () => {})
    expect(has_head).toBe(false)
    for (const frame of frames.slice(2)) upstream.push(frame)
    upstream.end()
    expect(await (await answer).text()).toBe(frames.join(""))
  })
})

test("the client sees the terminal event only when the charge is durable", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  const upstream = openStream()
  app.upstream.play(upstream.answer)
  upstream.push(frames.slice(0, -1).join(""))
  const pieces = readPieces(await askStream(app, customer))
  await pieces.next()
  upstream.push(frames.at(-1)!)
  expect(await pieces.next()).toBe(frames.at(-1))
  // Not a moment later: the upstream has not even closed yet.
  const { receipt } = await readReceipt(app, customer)
  expect(receipt.charged_nanos).toBe(PRICE)
  upstream.end()
  await pieces.rest()
})

test("an upstream that does not close after its terminal event is hung up on after a moment", async () => {
  await using app = await openTestApp()
  const customer = await app.createCustomer()
  const upstream = openStream()
  app.upstream.play(upstream.answer)
  upstream.push(bytes)
  const pieces = readPieces(await askStream(app, customer))
  const text = pieces.rest()
  await app.eventOf("request-settled")
  await app.app.store.tx(async () => {})
  app.clock.advance(3_000)
  await upstream.hung_up
  expect(await text).toBe(frames.join(""))
  expect(app.app.connections.size).toBe(0)
})

describe("an upstream that stops without a terminal event ends the answer as failed:", () => {
  const output = textTurn("hello, this is half an answer", USAGE, { id: "resp_1" }).slice(0, 6)

  test.each(["end", "reset"] as const)("%s", async end => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(output, end))
    const text = await (await askStream(app, customer)).text()
    expect(text).toStartWith(output.join(""))
    const events = parseStream(text)
    expect(events).toHaveLength(output.length + 1)
    expect(events.at(-1)).toMatchObject({
      type: "response.failed",
      sequence_number: output.length,
      response: { id: "resp_1", status: "failed", error: { code: "server_error" } },
    })
    // Two deltas of eight characters are four tokens; twenty tokens of input by estimate.
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      end_reason: "cut",
      usage_source: "estimated",
      input_tokens: 20,
      output_tokens: 4,
    })
    expect(free_nanos).toBe(TEN_USD - 20 * 5_000 - 4 * 30_000)
  })

  test("silence for as long as is configured", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_UPSTREAM_TIMEOUT_SECONDS: "10" } })
    const customer = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    upstream.push(output.join(""))
    const pieces = readPieces(await askStream(app, customer))
    expect(await pieces.next()).toBe(output.join(""))
    app.clock.advance(11_000)
    expect(typesOf(await pieces.rest())).toEqual(["response.failed"])
    await upstream.hung_up
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "timeout", charged_nanos: 20 * 5_000 + 4 * 30_000 })
  })
})

describe("a terminal event other than `completed`", () => {
  test("that says failed after output is passed on and charged as reported", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const failed = failedTurn("server_error", "sorry", { text: "half an answer", usage: USAGE })
    app.upstream.play(streamAnswer(failed))
    expect(await (await askStream(app, customer)).text()).toBe(failed.join(""))
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "failed", usage_source: "reported", charged_nanos: PRICE })
    expect(app.upstream.calls).toHaveLength(1)
  })

  const incomplete = [...frames.slice(0, -1), frames.at(-1)!.replaceAll("completed", "incomplete")]

  test("that says incomplete is passed on to SDKs as it is", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(incomplete))
    expect(await (await askStream(app, customer)).text()).toBe(incomplete.join(""))
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ end_reason: "incomplete", charged_nanos: PRICE })
  })

  test.each([
    ["on its own", incomplete],
    ["together with output", [incomplete.join("")]],
  ])(
    "that says incomplete %s is completed for the Codex CLI, which would repeat and pay it five times",
    async (_, chunks) => {
      await using app = await openTestApp()
      const customer = await app.createCustomer()
      app.upstream.play(streamAnswer(chunks))
      const text = await (await askAsCodex(app, customer)).text()
      expect(text).toStartWith(incomplete.slice(0, -1).join(""))
      const end = parseStream(text).at(-1)
      expect(end).toMatchObject({
        type: "response.completed",
        response: { status: "completed", id: "resp_1" },
      })
      expect(text.split("event: response.completed")).toHaveLength(2)
      const { receipt } = await readReceipt(app, customer)
      expect(receipt).toMatchObject({ end_reason: "incomplete", charged_nanos: PRICE })
    },
  )
})

describe("a clean end without a report", () => {
  test("is charged by what was delivered, and says so", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const end = `event: response.completed\ndata: {"response":{"id":"resp_1","usage":null}}\n\n`
    const unreported = [...textTurn("x".repeat(400), USAGE).slice(0, -1), end]
    app.upstream.play(streamAnswer(unreported))
    await (await askStream(app, customer)).text()
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      end_reason: "completed",
      usage_source: "estimated",
      input_tokens: 20,
      output_tokens: 100,
      charged_nanos: 20 * 5_000 + 100 * 30_000,
    })
  })

  test("is free when zero is what was reported", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(textTurn("hello", { input: 0, output: 0 })))
    await (await askStream(app, customer)).text()
    const { receipt, free_nanos } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({ usage_source: "reported", charged_nanos: 0 })
    expect(free_nanos).toBe(TEN_USD)
  })
})

describe("while the upstream is silent", () => {
  async function openSilent(asking: typeof askStream) {
    const app = await openTestApp()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    upstream.push(frames.slice(0, 3).join(""))
    const pieces = readPieces(await asking(app, await app.createCustomer()))
    await pieces.next()
    return { app, upstream, pieces, [Symbol.asyncDispose]: app.close }
  }

  test.each([
    ["an SDK", askStream, ": keepalive\n\n"],
    ["the Codex CLI", askAsCodex, 'event: keepalive\ndata: {"type":"keepalive"}\n\n'],
  ] as const)("%s is kept awake every fifteen seconds in the way it counts", async (_, asking, keepalive) => {
    await using scene = await openSilent(asking)
    const { app, upstream, pieces } = scene
    for (let count = 0; count < 3; count++) {
      const next = pieces.next()
      app.clock.advance(15_000)
      expect(await next).toBe(keepalive)
    }
    const next = pieces.next()
    upstream.push(frames.slice(3).join(""))
    upstream.end()
    expect(await next).toBe(frames.slice(3, -1).join(""))
    expect(await pieces.rest()).toBe(frames.at(-1)!)
  })

  test("an event starts the fifteen seconds anew", async () => {
    await using scene = await openSilent(askStream)
    const { app, upstream, pieces } = scene
    app.clock.advance(14_000)
    upstream.push(frames[3]!)
    expect(await pieces.next()).toBe(frames[3])
    const next = pieces.next()
    app.clock.advance(14_000)
    upstream.push(frames.slice(4).join(""))
    expect(await next).toStartWith("event: response.")
    upstream.end()
    await pieces.rest()
  })
})

test("after the last byte nothing is left: no connection, no place of the key, no watch", async () => {
  await using app = await openTestApp({ env: { CODEXAPI_KEY_CONCURRENCY: "1" } })
  const customer = await app.createCustomer()
  for (let count = 0; count < 3; count++) {
    app.upstream.play(streamAnswer([bytes]))
    const answer = await askStream(app, customer)
    expect(answer.status).toBe(200)
    await answer.bytes()
  }
  expect(app.app.connections.size).toBe(0)
  expect(app.app.tasks.count()).toBe(0)
  app.clock.advance(3_000)
  expect(app.clock.timer_count()).toBe(0)
})
