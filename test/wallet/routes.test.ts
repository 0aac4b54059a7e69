/** GET /api/v1/wallet/status, as a table, and how cheap it is to ask again. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"
import { jsonAnswer, openStream } from "../support/fake-fetch.ts"
import { wholeTextTurn } from "../support/responses-turns.ts"
import { accessRows, testRows } from "../support/route-table.ts"
import { untilTrue } from "../support/turns.ts"

const path = "/api/v1/wallet/status"

describe("the wallet's status", () => {
  testRows([
    ...accessRows(path),
    {
      name: "gives exact decimal amounts, a tag, and nothing else",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      after: (_, { body, headers }) => {
        expect(body).toEqual({
          currency: "USD",
          balanceUsd: "10.00",
          heldUsd: "0.00",
          availableUsd: "10.00",
          isLow: false,
          isFrozen: false,
        })
        expect(headers.get("etag")).toMatch(/^"[0-9a-z]+"$/)
        expect(headers.get("cache-control")).toBe("private, no-cache")
      },
    },
    {
      name: "of another customer cannot be asked for",
      ask: ({ mine, other }) => ({ path: `${path}?customerId=${other.id}`, key: mine.key }),
      status: 200,
      body: () => ({ balanceUsd: "10.00" }),
    },
  ])

  test("to a nano-dollar: no amount is rounded", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer({ credit_usd: "0.999999999" })
    expect(await (await app.send(path, { key })).json()).toMatchObject({
      balanceUsd: "0.999999999",
      availableUsd: "0.999999999",
      isLow: true,
    })
  })

  test("shows what is held for an open request apart from what is available", async () => {
    await using app = await openTestApp()
    const { key } = await app.createCustomer()
    const upstream = openStream()
    app.upstream.play(upstream.answer)
    const asked = app.send("/v1/responses", { key, body: { model: "gpt-5.5", input: "hi", stream: true } })
    await untilTrue("the upstream is asked", () => app.upstream.calls.length === 1)
    // The hold was applied before the call; what comes after it in the queue is durable after it.
    await app.app.store.tx(async () => {})
    // 46 bytes are 16 tokens at 5,000 nanos, and a slice of 4,096 tokens at 30,000.
    expect(await (await app.send(path, { key })).json()).toMatchObject({
      balanceUsd: "10.00",
      heldUsd: "0.12296",
      availableUsd: "9.87704",
    })
    upstream.end()
    await asked
  })

  test("says when the wallet is frozen", async () => {
    await using app = await openTestApp()
    const { id, key } = await app.createCustomer()
    const freeze = "UPDATE ledger_account SET is_frozen = 1 WHERE customer_id = ? AND kind = 'token'"
    await app.app.store.tx(q => q.run(freeze, id))
    expect(await (await app.send(path, { key })).json()).toMatchObject({ isFrozen: true })
  })
})

describe("asking again with the tag", () => {
  async function open() {
    const app = await openTestApp()
    const customer = await app.createCustomer()
    const ask = (etag?: string) =>
      app.send(path, { key: customer.key, headers: etag ? { "if-none-match": etag } : {} })
    return { app, customer, ask, [Symbol.asyncDispose]: app.close }
  }

  test("gives 304 without a body while nothing changed", async () => {
    await using scene = await open()
    const etag = (await scene.ask()).headers.get("etag")!
    const answer = await scene.ask(etag)
    expect(answer.status).toBe(304)
    expect(await answer.text()).toBe("")
    expect(answer.headers.get("etag")).toBe(etag)
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/)
  })

  test("gives the new status with a new tag once it changed", async () => {
    await using scene = await open()
    const etag = (await scene.ask()).headers.get("etag")!
    scene.app.upstream.play(jsonAnswer(wholeTextTurn("hello", { input: 10, output: 2 })))
    await scene.app.send("/v1/responses", {
      key: scene.customer.key,
      body: { model: "gpt-5.5", input: "hi" },
    })
    const answer = await scene.ask(etag)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("etag")).not.toBe(etag)
    expect(await answer.json()).toMatchObject({ balanceUsd: "9.99989" })
  })

  // Proxies that compress weaken the tag: without this a poll behind one would never get a 304.
  test("takes a list of tags, weak tags and the star", async () => {
    await using scene = await open()
    const etag = (await scene.ask()).headers.get("etag")!
    for (const asked of [`"old", ${etag}`, `W/${etag}`, "*"])
      expect((await scene.ask(asked)).status).toBe(304)
    expect((await scene.ask('"old", "older"')).status).toBe(200)
  })

  test("needs the key all the same", async () => {
    await using scene = await open()
    const etag = (await scene.ask()).headers.get("etag")!
    const answer = await scene.app.send(path, { headers: { "if-none-match": etag } })
    expect(answer.status).toBe(401)
  })
})
