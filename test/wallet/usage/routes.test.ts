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
  const refusing = (name: string, query: string, says: [string, string], accept = "*/*"): Row => ({
    name,
    ask: ({ mine }) => ({ path: `${path}${query}`, key: mine.key, headers: { accept } }),
    status: 422,
    body: () => ({ code: says[0], field: says[1] }),
    events: () => [refused("unprocessable", says[0])],
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
    refusing("with a statement of no month: 422", "?statement=2026-13", ["invalid_month", "statement"]),
    refusing("with an empty statement: 422", "?statement=", ["invalid_month", "statement"]),
    refusing("with a statement of a month to come: 422", "?statement=2026-02", ["future_month", "statement"]),
    refusing("with a statement and a month: 422", "?statement=2026-01&month=2026-01", [
      "conflicting_fields",
      "month",
    ]),
    refusing("with a month, but not as CSV: 422", "?month=2026-01", ["csv_only", "month"]),
    refusing("with a month that is none, as CSV: 422", "?month=x", ["invalid_month", "month"], "text/csv"),
    refusing("with a month to come, as CSV: 422", "?month=9999-12", ["future_month", "month"], "text/csv"),
    {
      name: "with a month before the customer came gives an empty statement",
      ask: ({ mine }) => ({ path: `${path}?statement=2025-12`, key: mine.key }),
      status: 200,
      body: () => ({
        isComplete: true,
        tokenWallet: { openingUsd: "0.00", inUsd: "0.00", outUsd: "0.00", closingUsd: "0.00" },
        movements: [],
        usage: [],
      }),
    },
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

describe("the statement of a month", () => {
  const usage = { input: 1_000, output: 10 }

  interface Shown {
    tokenWallet: { closingUsd: string }
    totals: object
  }

  /** A customer who has 10.00 since the 2nd of January and asked the model once. */
  async function openWithUsage() {
    const app = await openTestApp()
    const customer = await app.createCustomer({ email: "ada@example.com" })
    await app.createCustomer()
    await spend(app, customer, usage)
    const ask = (query: string, accept = "*/*") =>
      app.send(path + query, { key: customer.key, headers: { accept } })
    return { app, customer, ask, [Symbol.asyncDispose]: () => app.close() }
  }

  test("tells the balances, the movements, the usage and the totals", async () => {
    await using scene = await openWithUsage()
    expect<unknown>(await (await scene.ask("?statement=2026-01")).json()).toEqual({
      customerId: scene.customer.id,
      email: "ada@example.com",
      month: "2026-01",
      from: "2026-01-01T00:00:00.000Z",
      until: "2026-02-01T00:00:00.000Z",
      madeAt: "2026-01-02T03:04:05.003Z",
      isComplete: false,
      currency: "USD",
      tokenWallet: { openingUsd: "0.00", inUsd: "10.00", outUsd: "0.0053", closingUsd: "9.9947" },
      cashWallet: { openingUsd: "0.00", inUsd: "0.00", outUsd: "0.00", closingUsd: "0.00" },
      debt: { openingUsd: "0.00", inUsd: "0.00", outUsd: "0.00", closingUsd: "0.00" },
      movements: [
        {
          at: "2026-01-02T03:04:05.001Z",
          wallet: "token",
          type: "adjustment",
          kind: "admin_credit",
          inUsd: "10.00",
          outUsd: "0.00",
          transferId: expect.stringMatching(/^admin:adj_/),
          reference: "credit of the test",
          purchase: null,
        },
      ],
      usage: [
        {
          day: "2026-01-02",
          model: "gpt-5.5",
          requestCount: 1,
          inputTokens: 1_000,
          outputTokens: 10,
          chargedUsd: "0.0053",
        },
      ],
      totals: { requestCount: 1, chargedUsd: "0.0053", purchaseCount: 0, paidUsd: "0.00" },
    })
  })

  test("closes with the balance that the wallet shows", async () => {
    await using scene = await openWithUsage()
    const { tokenWallet } = (await (await scene.ask("?statement=2026-01")).json()) as Shown
    const wallet = await scene.app.sendJson<{ balanceUsd: string }>("/api/v1/wallet/status", {
      key: scene.customer.key,
    })
    expect(tokenWallet.closingUsd).toBe(wallet.balanceUsd)
  })

  test("is a file with `Accept: text/csv`", async () => {
    await using scene = await openWithUsage()
    const answer = await scene.ask("?statement=2026-01", "text/csv")
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8")
    expect(answer.headers.get("content-disposition")).toBe('attachment; filename="statement-2026-01.csv"')
    expect(answer.headers.get("x-request-id")).toMatch(/^req_/)
    expect(await answer.text()).toContain(",token,closing,,,,,,,,,,,,,9.9947\r\n")
  })

  test("is a page to print with `Accept: text/html`, on which nothing may run", async () => {
    await using scene = await openWithUsage()
    const answer = await scene.ask("?statement=2026-01", "text/html,*/*;q=0.8")
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8")
    expect(answer.headers.get("content-security-policy")).toStartWith("default-src 'none'")
    const html = await answer.text()
    expect(html).toContain("<h1>CodexAPI.pro</h1>")
    expect(html).toContain("ada@example.com")
  })

  test("is the caller's own, whatever is asked", async () => {
    await using scene = await openWithUsage()
    const other = await scene.app.createCustomer({ credit_usd: "0" })
    const query = `?statement=2026-01&customerId=${scene.customer.id}`
    const body = await scene.app.sendJson(path + query, { key: other.key })
    expect(body).toMatchObject({ customerId: other.id, movements: [], usage: [] })
  })

  test("stays right while fifty requests are asked at once", async () => {
    await using scene = await openWithUsage()
    for (let count = 0; count < 25; count++)
      scene.app.upstream.play(jsonAnswer(wholeTextTurn("hello", usage)))
    const body = { model: "gpt-5.5", input: "hi" }
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => [
        scene.app.send("/v1/responses", { key: scene.customer.key, body }),
        scene.ask("?statement=2026-01"),
      ]).flat(),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    const { tokenWallet, totals } = (await (await scene.ask("?statement=2026-01")).json()) as Shown
    expect(totals).toMatchObject({ requestCount: 26, chargedUsd: "0.1378" })
    expect(tokenWallet.closingUsd).toBe("9.8622")
  })
})

describe("every receipt of a month", () => {
  test("is one CSV, without pages", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const ids = [await spend(app, customer, { input: 10, output: 1 })]
    app.clock.advance(31 * DAY_MS)
    ids.push(await spend(app, customer, { input: 10, output: 1 }))
    ids.push(await spend(app, customer, { input: 10, output: 1 }))
    const ask = async (month: string) => {
      const headers = { accept: "text/csv" }
      const answer = await app.send(`${path}?month=${month}&limit=1`, { key: customer.key, headers })
      expect(answer.headers.get("content-disposition")).toBe(
        `attachment; filename="token-usage-${month}.csv"`,
      )
      const [names, ...lines] = (await answer.text()).trimEnd().split("\r\n")
      expect(names).toStartWith("requestId,state,startedAt")
      return lines.map(line => line.split(",")[0]!)
    }
    expect(await ask("2026-01")).toEqual([ids[0]!])
    expect(await ask("2026-02")).toEqual([ids[2]!, ids[1]!])
    expect(await ask("2025-01")).toEqual([])
  })
})
