/** GET /api/v1/billing/token-usage, as a table: receipts, daily spend, pages, and the same as CSV. */
import { describe, expect, test } from "bun:test"
import { openTestApp, type TestApp, type TestCustomer } from "../../support/app.ts"
import { jsonAnswer } from "../../support/fake-fetch.ts"
import { nanosOf, priceOf } from "../../support/price.ts"
import { type TurnUsage, wholeTextTurn } from "../../support/responses-turns.ts"
import { accessRows, type Row, refused, testRows } from "../../support/route-table.ts"

const path = "/api/v1/billing/token-usage"
const DAY_MS = 86_400_000

interface Page {
  data: { requestId: string; costUsd: string }[]
  nextCursor: string | null
}

/** Lets a customer ask the model once. */
async function spend(app: TestApp, { key }: TestCustomer, usage: TurnUsage): Promise<string> {
  app.clock.advance(1)
  app.upstream.play(jsonAnswer(wholeTextTurn("hello", usage)))
  const answer = await app.send("/v1/responses", { key, body: { model: "gpt-5.5", input: "hi" } })
  expect(answer.status).toBe(200)
  return answer.headers.get("x-request-id")!
}

describe("reading usage", () => {
  const invalid = (name: string, query: string, field: string): Row => ({
    name,
    ask: ({ mine }) => ({ path: `${path}${query}`, key: mine.key }),
    status: 422,
    body: () => ({ code: "invalid_field", field }),
    events: () => [refused("unprocessable", "invalid_field")],
  })
  testRows([
    ...accessRows(path),
    {
      name: "before anything was used gives empty lists",
      ask: ({ mine }) => ({ path, key: mine.key }),
      status: 200,
      after: (_, { body }) => expect(body).toEqual({ data: [], nextCursor: null, daily: [] }),
    },
    invalid("with a limit that is no number: 422", "?limit=x", "limit"),
    invalid("with a limit above 200: 422", "?limit=201", "limit"),
    invalid("with no day at all: 422", "?days=0", "days"),
    invalid("with a cursor that is too long: 422", `?cursor=${"x".repeat(65)}`, "cursor"),
  ])

  test("a receipt tells everything of its request, in exact amounts", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const usage = { input: 1_250, cached: 1_000, output: 300, reasoning: 200 }
    const request_id = await spend(app, customer, usage)
    const { data, nextCursor } = await app.sendJson<Page>(path, { key: customer.key })
    expect(nextCursor).toBeNull()
    expect<unknown>(data).toEqual([
      {
        requestId: request_id,
        state: "settled",
        startedAt: "2026-01-02T03:04:05.002Z",
        endedAt: "2026-01-02T03:04:05.002Z",
        endpoint: "/v1/responses",
        isStreamed: false,
        keyId: customer.key_id,
        keyName: "laptop",
        modelAsked: "gpt-5.5",
        modelServed: "gpt-5.5",
        upstream: "openai",
        tierAsked: "default",
        tierServed: "default",
        rateCardId: expect.stringMatching(/^rc_/),
        rateCardVersion: 1,
        inputTokens: 250,
        cacheReadTokens: 1_000,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
        cacheHitRate: 0.8,
        outputTokens: 300,
        reasoningTokens: 200,
        webSearchCount: 0,
        usageSource: "reported",
        usageFlag: null,
        heldUsd: "0.122935",
        costUsd: "0.01075",
        chargedUsd: "0.01075",
        lossUsd: "0.00",
        endReason: "completed",
        attemptCount: 1,
        attempts: [{ upstreamId: "openai", result: "answered", durationMs: 0, costUsd: "0.01075" }],
        notes: [],
        firstOutputMs: 0,
        durationMs: 0,
      },
    ])
    expect(nanosOf(data[0]!.costUsd)).toBe(priceOf(usage))
  })

  test("another customer's receipts are never among mine, whatever the cursor", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    const theirs = await spend(app, other, { input: 10, output: 1 })
    for (const query of [
      "",
      `?cursor=${theirs}`,
      `?cursor=${theirs}z`,
      "?cursor=z",
      `?customerId=${other.id}`,
    ]) {
      const body = await (await app.send(path + query, { key: mine.key })).json()
      expect(body).toMatchObject({ data: [], daily: [] })
    }
  })

  test("pages follow one another, newest first, without gap or repeat", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const ids: string[] = []
    for (let count = 1; count <= 5; count++)
      ids.unshift(await spend(app, customer, { input: 10, output: count }))
    const seen: string[] = []
    let query = "?limit=2"
    for (let page = 0; page < 3; page++) {
      const { data, nextCursor }: Page = await app.sendJson(path + query, { key: customer.key })
      seen.push(...data.map(receipt => receipt.requestId))
      query = `?limit=2&cursor=${nextCursor}`
      expect(nextCursor === null).toBe(page === 2)
    }
    expect(seen).toEqual(ids)
  })

  test("daily spend adds up each UTC day, oldest first, within the days asked", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    await spend(app, customer, { input: 1_000, output: 10 })
    app.clock.advance(DAY_MS)
    await spend(app, customer, { input: 100, cached: 50, output: 1 })
    await spend(app, customer, { input: 100, output: 1 })
    const ask = async (query: string) => (await app.sendJson(path + query, { key: customer.key })).daily
    const [first, second] = [
      { day: "2026-01-02", requestCount: 1, inputTokens: 1_000, outputTokens: 10, chargedUsd: "0.0053" },
      { day: "2026-01-03", requestCount: 2, inputTokens: 200, outputTokens: 2, chargedUsd: "0.000835" },
    ]
    expect(await ask("")).toEqual([first, second])
    expect(await ask("?days=1")).toEqual([second])
    // The last moment of a day is that day's.
    app.clock.advance(Date.UTC(2026, 0, 4) - 1 - app.clock.now())
    expect(await ask("?days=1")).toEqual([second])
    app.clock.advance(1)
    expect(await ask("?days=1")).toEqual([])
  })
})

describe("the same as CSV", () => {
  const askCsv = (app: TestApp, key: string, query = "") =>
    app.send(path + query, { key, headers: { accept: "text/csv" } })

  test("has a line of names and a line a receipt, as a file to download", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const request_id = await spend(app, customer, { input: 1_000, output: 10 })
    const answer = await askCsv(app, customer.key)
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8")
    expect(answer.headers.get("content-disposition")).toBe('attachment; filename="token-usage.csv"')
    expect(answer.headers.get("x-next-cursor")).toBeNull()
    const [names, line, rest] = (await answer.text()).split("\r\n")
    const cells = new Map(names!.split(",").map((name, at) => [name, line!.split(",")[at]]))
    expect(cells.size).toBe(35)
    expect(cells.get("requestId")).toBe(request_id)
    expect(cells.get("costUsd")).toBe("0.0053")
    expect(cells.get("isStreamed")).toBe("false")
    expect(rest).toBe("")
  })

  test("pages by a header", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const first = await spend(app, customer, { input: 1_000, output: 10 })
    const second = await spend(app, customer, { input: 1_000, output: 10 })
    const answer = await askCsv(app, customer.key, "?limit=1")
    expect(answer.headers.get("x-next-cursor")).toBe(second)
    expect(await answer.text()).toContain(second)
    const rest = await askCsv(app, customer.key, `?limit=1&cursor=${second}`)
    expect(await rest.text()).toContain(first)
  })

  test("a key's name cannot be a formula, and one with quotes and commas stays one cell", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const names = [
      '=HYPERLINK("http://evil.example","free")',
      "+1",
      "-1",
      "@SUM(A1)",
      "\ttab",
      'a "quoted", name',
    ]
    for (const name of names) {
      const body = { name }
      const { key } = await app.sendJson<{ key: string }>("/api/v1/me/api-keys", { key: customer.key, body })
      await spend(app, { ...customer, key }, { input: 10, output: 1 })
    }
    const text = await (await askCsv(app, customer.key)).text()
    for (const shown of [
      `,"'=HYPERLINK(""http://evil.example"",""free"")",`,
      ",'+1,",
      ",'-1,",
      ",'@SUM(A1),",
      ",'\ttab,",
      ',"a ""quoted"", name",',
    ]) {
      expect(text).toContain(shown)
    }
  })

  test("is refused without a key in the shape of every refusal", async () => {
    await using app = await openTestApp()
    const answer = await app.send(path, { headers: { accept: "text/csv" } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get("content-type")).toBe("application/problem+json")
  })
})
