/** The books as seen over HTTP: exact amounts, and waiting until nothing is held. */
import { describe, expect, test } from "bun:test"
import { hasBooks, listReceipts, readBalance, readSettledBalance } from "../../src/conformance/books.ts"
import { createProbe, type Probe } from "../../src/conformance/probe.ts"
import { type StubServer, startStub } from "./stub-server.ts"

function probeOf(stub: StubServer): Probe {
  const target = { base_url: stub.url, key: "k", model: "m", is_ours: true, call_count: 0 }
  return createProbe(target, AbortSignal.timeout(5_000))
}

/** A stub that answers each path of our API with these bodies, the last one again and again. */
const serving = (bodies: Record<string, unknown>[]): StubServer =>
  startStub(undefined, ({ path }) => {
    const json = bodies.length > 1 ? bodies.shift()! : bodies[0]!
    return path.startsWith("/api/") ? { status: 200, headers: {}, json } : undefined
  })

const walletOf = (balanceUsd: string, heldUsd: string) => ({ balanceUsd, heldUsd })

describe("the balance", () => {
  test("is read to the nano", async () => {
    await using stub = serving([walletOf("8999999.123456789", "0.000000001")])
    expect(await readBalance(probeOf(stub))).toEqual({
      total_nanos: 8_999_999_123_456_789,
      held_nanos: 1,
    } as never)
  })

  test.each(["1e3", "-1", "1.0000000001", "", "12,5"])(
    "that is no exact amount is refused: %s",
    async text => {
      await using stub = serving([walletOf(text, "0")])
      await expect(readBalance(probeOf(stub))).rejects.toThrow("balanceUsd as an exact decimal amount")
    },
  )

  test("is settled when nothing is held any more", async () => {
    await using stub = serving([walletOf("5", "2"), walletOf("4", "1"), walletOf("3.5", "0.00")])
    expect(await readSettledBalance(probeOf(stub))).toEqual({
      total_nanos: 3_500_000_000,
      held_nanos: 0,
    } as never)
    expect(stub.asked).toHaveLength(3)
  })
})

test("receipts are read with their counters, both cache writes as one", async () => {
  const receipt = {
    requestId: "req_1",
    costUsd: "0.054399",
    chargedUsd: "0.05",
    lossUsd: "0.004399",
    rateCardId: "rc_1",
    tierServed: "default",
    inputTokens: 3,
    cacheReadTokens: 4,
    cacheWrite5mTokens: 12_000,
    cacheWrite1hTokens: 304,
    outputTokens: 550,
    webSearchCount: 0,
    usageSource: "estimated",
  }
  await using stub = serving([{ data: [receipt] }])
  expect(await listReceipts(probeOf(stub))).toEqual([
    {
      request_id: "req_1",
      cost_nanos: 54_399_000,
      charged_nanos: 50_000_000,
      loss_nanos: 4_399_000,
      rate_card: "rc_1",
      tier: "default",
      usage: { input_tokens: 3, cache_read_tokens: 4, cache_write_tokens: 12_304, output_tokens: 550 },
      web_search_count: 0,
      is_reported: false,
    },
  ] as never)
})

test("a server without our wallet has no books", async () => {
  await using other = startStub()
  expect(await hasBooks(probeOf(other))).toBe(false)
  await using ours = serving([walletOf("1", "0")])
  expect(await hasBooks(probeOf(ours))).toBe(true)
})
