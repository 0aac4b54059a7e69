/** `codexapi conformance` against our own server, both compiled: on the demo and on each upstream protocol. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { STUB_KEY, type StubServer, startStub } from "../conformance/stub-server.ts"
import { type Customer, type Executable, startExecutable } from "../support/executable.ts"

/** The vendor whose variables name the stub as upstream, and the only path of it that may be asked. */
const UPSTREAMS: [what: string, vendor: string | undefined, path: string | undefined][] = [
  ["the built-in demo", undefined, undefined],
  ["a Responses upstream", "OPENAI", "/v1/responses"],
  ["a Messages upstream", "ANTHROPIC", "/v1/messages"],
  ["a Chat upstream", "DEEPSEEK", "/v1/chat/completions"],
]

interface Report {
  results: { id: string; result: string; finding?: string }[]
}

describe.each(UPSTREAMS)("our own server on %s", (_, vendor, path) => {
  let upstream: StubServer
  let server: Executable
  let customer: Customer

  beforeAll(async () => {
    upstream = startStub()
    const none = { OPENAI_API_KEY: undefined, OPENAI_BASE_URL: undefined }
    const named = { [`${vendor}_API_KEY`]: STUB_KEY, [`${vendor}_BASE_URL`]: `${upstream.url}/v1` }
    const env = { ...none, ...(vendor !== undefined && named) }
    server = await startExecutable({ upstreamUrl: "", env })
    customer = await server.createCustomer("20.00")
  })

  afterAll(async () => {
    await server.stop()
    await upstream[Symbol.asyncDispose]()
  })

  test("passes every case, and none is skipped", async () => {
    const words = ["conformance", "--base-url", server.origin, "--key", customer.key, "--json"]
    const { stdout, stderr, exitCode } = await server.run(words)
    const report = JSON.parse(stdout.slice(stdout.indexOf("{"))) as Report
    const others = report.results.filter(one => one.result !== "pass")
    expect(others.map(({ id, result, finding }) => `${result} ${id}: ${finding}`)).toEqual([])
    expect([exitCode, stderr]).toEqual([0, ""])
    expect(report.results.length).toBeGreaterThan(140)
  }, 60_000)

  test("has asked that upstream, and no other vendor's path of it", () => {
    expect([...new Set(upstream.asked.map(ask => ask.path))]).toEqual(path === undefined ? [] : [path])
  })

  test("has clean books afterwards, with every receipt at its price", async () => {
    expect(await server.verifyLedger()).toMatchObject({ ok: true, exitCode: 0 })
  })
})
