/** /swagger: the page and its document, complete and without anything from elsewhere. */
import { describe, expect, test } from "bun:test"
import { openTestApp } from "../support/app.ts"

interface Operation {
  summary?: string
  tags?: string[]
  security?: object[]
  responses?: Record<string, { content?: Record<string, unknown> }>
  parameters?: { name: string; in: string; required: boolean }[]
}

async function readDocument(): Promise<Map<string, Operation>> {
  await using app = await openTestApp()
  const { paths } = await app.sendJson<{ paths: Record<string, Record<string, Operation>> }>("/swagger/json")
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
  )
  return new Map(operations)
}

describe("the page", () => {
  test("is HTML that loads its one script from this server", async () => {
    await using app = await openTestApp()
    const answer = await app.send("/swagger")
    expect(answer.headers.get("content-type")).toStartWith("text/html")
    const html = await answer.text()
    const sources = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(match => match[1])
    expect(sources).toEqual(["/swagger/assets/api-reference.js"])
    expect(html).not.toMatch(/https?:\/\/|\/\/cdn|fonts\./)
    expect(html).toContain("<title>CodexAPI.pro API</title>")
  })

  test("asks for no fonts, reports no use, and sends a customer's key through no proxy", async () => {
    await using app = await openTestApp()
    const html = await (await app.send("/swagger")).text()
    const configuration = JSON.parse(/data-configuration='([^']*)'/.exec(html)![1]!)
    expect(configuration).toMatchObject({ withDefaultFonts: false, telemetry: false, proxyUrl: "" })
  })

  test("has its script in the executable", async () => {
    await using app = await openTestApp()
    const answer = await app.send("/swagger/assets/api-reference.js")
    expect(answer.status).toBe(200)
    expect(answer.headers.get("content-type")).toStartWith("text/javascript")
    expect((await answer.text()).length).toBeGreaterThan(1_000_000)
  })

  test("carries the operator's brand", async () => {
    await using app = await openTestApp({ env: { CODEXAPI_BRAND_NAME: "Mine" } })
    expect(await (await app.send("/swagger")).text()).toContain("<title>Mine API</title>")
  })
})

describe("the document", () => {
  test("says of every operation what it is, where it belongs and what it answers", async () => {
    for (const [name, operation] of await readDocument()) {
      expect({ name, summary: operation.summary }).toEqual({
        name,
        summary: expect.stringMatching(/^[A-Z].{5,}/),
      })
      expect({ name, tag_count: operation.tags?.length }).toEqual({ name, tag_count: 1 })
      expect({ name, statuses: Object.keys(operation.responses ?? {}) }).not.toEqual({ name, statuses: [] })
      expect(Object.keys(operation.responses!)[0]).toMatch(/^20[01]$/)
    }
  })

  test("shows the operator's routes to nobody", async () => {
    expect([...(await readDocument()).keys()].join()).not.toContain("metrics")
  })

  test("names every path as a client writes it, without a slash at its end", async () => {
    for (const name of (await readDocument()).keys())
      expect(name).toMatch(/^[A-Z]+ (\/|(\/[\w.-]+|\/\{\w+\})+)$/)
  })

  test("asks for no parameter that has a default", async () => {
    const document = await readDocument()
    const { parameters } = document.get("GET /api/v1/me/api-keys")!
    expect(parameters).toMatchObject([
      { name: "limit", in: "query", required: false },
      { name: "cursor", in: "query", required: false },
    ])
  })

  test("says that a key is needed, except where none is", async () => {
    const open = [...(await readDocument())].filter(([, operation]) => operation.security?.length === 0)
    expect(open.map(([name]) => name).toSorted()).toEqual([
      "GET /",
      "GET /health",
      "POST /api/v1/auth/login",
      "POST /api/v1/customer/register",
      "POST /api/v1/gumroad/register",
      "POST /api/v1/stripe/webhook",
    ])
  })

  test("holds no secret", async () => {
    await using app = await openTestApp()
    const customer = await app.createCustomer()
    const text = await (await app.send("/swagger/json", { key: customer.key })).text()
    for (const secret of ["canary", customer.key, "first.test"]) expect(text).not.toContain(secret)
  })
})
