/** Whole answers collected from a stream that does not end well: the client leaves, or the upstream fails. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { openStream, streamAnswer } from "../support/fake-fetch.ts"
import { askWhole, readReceipt } from "../support/gateway.ts"
import { failedTurn, textTurn } from "../support/responses-turns.ts"
import { turn, untilTrue } from "../support/turns.ts"

const USAGE = { input: 1_250, cached: 1_000, output: 300 }
const PRICE = 10_750_000
const frames = textTurn("hello there, how are you", USAGE, { id: "resp_1" })

test.each(["an event at a time", "in one piece"])(
  "a client that leaves is charged as reported, once: %s",
  async how => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const client = new AbortController()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    upstream.push(frames.slice(0, 6).join(""))
    const asked = askWhole(app, customer, { signal: client.signal })
    await untilTrue("the upstream answers", () => app.app.connections.size === 1)
    await turn()
    await turn()
    client.abort()
    const rest = frames.slice(6)
    for (const chunk of how === "in one piece" ? [rest.join("")] : rest) upstream.push(chunk)
    upstream.end()
    await asked
    const { receipt } = await readReceipt(app, customer)
    expect(receipt).toMatchObject({
      end_reason: "client-left",
      usage_source: "reported",
      charged_nanos: PRICE,
    })
    expect(app.app.connections.size).toBe(0)
    expect(app.logs).toEqual([])
  },
)

describe("an upstream that fails after output", () => {
  test("by its own terminal event gives the client the failed response", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    app.upstream.play(streamAnswer(failedTurn("server_error", "sorry", { text: "half", usage: USAGE })))
    const answer = await askWhole(app, customer)
    expect(await answer.json()).toMatchObject({
      status: "failed",
      error: { code: "server_error", message: "sorry" },
    })
    expect((await readReceipt(app, customer)).receipt).toMatchObject({
      end_reason: "failed",
      charged_nanos: PRICE,
    })
  })

  // A known bug, reported: the client gets 200 and `{}`.
  test("by an error event gives the client an error, not an empty answer", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const error = 'event: error\ndata: {"type":"error","code":"server_error","message":"sorry"}\n\n'
    app.upstream.play(streamAnswer([...frames.slice(0, 6), error]))
    const answer = await askWhole(app, customer)
    expect(await answer.text()).not.toBe("{}")
    expect(answer.status).toBe(502)
  })
})
