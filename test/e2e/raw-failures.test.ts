/** What goes wrong without the Codex CLI: broken bodies, plain SDK clients, clients that leave. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import OpenAI from "openai"
import { nanosOf, priceOf } from "../support/price.ts"
import { textTurn } from "../support/responses-turns.ts"
import { openStage, type Stage } from "../support/stage.ts"
import { until } from "../support/until.ts"

setDefaultTimeout(60_000)

const usage = { input: 14_000, cached: 12_000, output: 300 }
const question = JSON.stringify({ model: "gpt-5.5", input: "hi", stream: true, store: false })

function post(stage: Stage, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set("authorization", `Bearer ${stage.customer.key}`)
  headers.set("content-type", "application/json")
  return fetch(`${stage.server.baseUrl}/responses`, { ...init, method: "POST", headers })
}

function encoded(encoding: string, body: Uint8Array): RequestInit {
  return { headers: { "content-encoding": encoding }, body }
}

/** Status, type of `error.message`, and `error.code` where the client may rely on it. */
const brokenBodies: { name: string; init: () => RequestInit; status: number }[] = [
  { name: "no JSON", init: () => ({ body: "{not json" }), status: 400 },
  { name: "JSON that is no object", init: () => ({ body: "[1]" }), status: 400 },
  { name: "an empty body", init: () => ({ body: "" }), status: 400 },
  { name: "no model", init: () => ({ body: '{"input":"hi"}' }), status: 400 },
  { name: "33 MB", init: () => ({ body: "x".repeat(33 * 1024 * 1024 + 1) }), status: 413 },
  {
    name: "a zstd bomb of 256 MB",
    init: () => encoded("zstd", Bun.zstdCompressSync(new Uint8Array(256 * 1024 ** 2))),
    status: 413,
  },
  {
    name: "a gzip bomb of 64 MB",
    init: () => encoded("gzip", Bun.gzipSync(new Uint8Array(64 * 1024 ** 2))),
    status: 413,
  },
  { name: "corrupt gzip", init: () => encoded("gzip", new TextEncoder().encode("no gzip")), status: 400 },
  {
    name: "gzip cut off in the middle",
    init: () => encoded("gzip", Bun.gzipSync(new TextEncoder().encode(question)).slice(0, -12)),
    status: 400,
  },
  {
    name: "an unknown content-encoding",
    init: () => encoded("snappy", new TextEncoder().encode(question)),
    status: 415,
  },
]

describe.concurrent("without the Codex CLI", () => {
  test("broken bodies are refused in OpenAI's shape, never reach the upstream and cost nothing", async () => {
    await using stage = await openStage()
    const seen: Record<string, [number, string]> = {}
    for (const { name, init } of brokenBodies) {
      const answer = await post(stage, init())
      const { error } = (await answer.json()) as { error: { message: unknown; type: unknown } }
      seen[name] = [answer.status, `${typeof error.message}, ${typeof error.type}`]
    }
    const expected = brokenBodies.map(({ name, status }) => [name, [status, "string, string"]])
    expect(seen).toEqual(Object.fromEntries(expected))
    expect(stage.upstream.requests).toEqual([])
    expect(await stage.settled()).toEqual([])
  })

  test("a compressed body is understood", async () => {
    await using stage = await openStage({ script: () => ({ sse: textTurn("ok", usage) }) })
    const bytes = new TextEncoder().encode(question)
    const bodies: RequestInit[] = [
      encoded("gzip", Bun.gzipSync(bytes)),
      encoded("zstd", Bun.zstdCompressSync(bytes)),
      encoded("identity", bytes),
    ]
    for (const init of bodies) {
      const answer = await post(stage, init)
      expect([answer.status, (await answer.text()).includes("response.completed")]).toEqual([200, true])
    }
    const texts = stage.upstream.requests.map(request => new TextDecoder().decode(request.bytes))
    expect(texts).toEqual([question, question, question])
    expect((await stage.settled()).length).toBe(3)
  })

  test("no credit is a 402 insufficient_quota for a plain SDK client", async () => {
    await using stage = await openStage({ creditUsd: "0.01" })
    const client = new OpenAI({ baseURL: stage.server.baseUrl, apiKey: stage.customer.key, maxRetries: 0 })
    // Not `rejects`: the SDK's promise is resolved inside until someone awaits it.
    const refused = await client.responses.create({ model: "gpt-5.5", input: "hi" }).catch(error => error)
    expect(refused).toMatchObject({ status: 402, code: "insufficient_quota" })
    expect(stage.upstream.requests).toEqual([])
    expect(await stage.settled()).toEqual([])
  })

  test("an upgrade to a WebSocket is refused with 426", async () => {
    await using stage = await openStage()
    const answer = await fetch(`${stage.server.baseUrl}/responses`, {
      headers: { authorization: `Bearer ${stage.customer.key}`, connection: "Upgrade", upgrade: "websocket" },
    })
    expect(answer.status).toBe(426)
  })

  test("a client that leaves before the first byte cancels the upstream and pays nothing", async () => {
    await using stage = await openStage({ script: [{ silent: true }] })
    const leaving = new AbortController()
    const answer = post(stage, { body: question, signal: leaving.signal }).catch(error => error.name)
    await until("the upstream was asked", () => stage.upstream.requests.length === 1)
    leaving.abort()
    expect(await answer).toBe("AbortError")
    await until("the upstream was left", () => stage.upstream.requests[0]?.wasAborted === true)
    const receipts = await stage.settled()
    expect(receipts).toMatchObject([{ state: "released", endReason: "client-left" }])
    expect(nanosOf(receipts[0]?.chargedUsd ?? "1")).toBe(0n)
  })

  test("a client that leaves during the stream: drained, the real usage is charged", async () => {
    await using stage = await openStage({ script: [{ sse: textTurn("a b c d e f g h", usage), gapMs: 30 }] })
    const leaving = new AbortController()
    const answer = await post(stage, { body: question, signal: leaving.signal })
    const reader = answer.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("response.created")
    leaving.abort()
    await until("the upstream finished", () => stage.upstream.requests[0]?.wasFinished === true)
    expect(stage.upstream.requests[0]?.wasAborted).toBe(false)
    const receipts = await stage.settled()
    expect(receipts).toMatchObject([{ state: "settled", usageSource: "reported", endReason: "client-left" }])
    expect(nanosOf(receipts[0]?.chargedUsd ?? "0")).toBe(priceOf(usage))
  })
})
