/** Tests of receipts: which are listed, in what order, what they say, and the spend of each day. */
import { describe, expect, test } from "bun:test"
import { extendMeter } from "../../../src/wallet/metering/meter.ts"
import type { Outcome } from "../../../src/wallet/metering/receipt.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import {
  cacheHitRate,
  listDailySpend,
  listReceipts,
  toApiDay,
  toApiReceipt,
} from "../../../src/wallet/usage/receipts.ts"
import { openTestWallet, outcomeOf, type TestWallet, usageOf } from "../../support/wallet.ts"

const DAY_MS = 86_400_000

/** Settles a request of 1,000 tokens in at 1 nano and 50 out at 10: 1,500 nanos. */
async function settle(wallet: TestWallet, request_id: string, customer_id = "cus_1"): Promise<void> {
  const meter = await wallet.open({ request_id, customer_id, key_id: `key_${customer_id}` })
  const reported = { usage: usageOf({ input_tokens: 900, cache_read_tokens: 1_000, output_tokens: 50 }) }
  await endMeter(wallet.needs, meter, outcomeOf({ reported }))
}

async function listIds(wallet: TestWallet, limit: number, before?: string): Promise<string[]> {
  const receipts = await listReceipts(wallet.store.read, { customer_id: "cus_1", limit, before })
  return receipts.map(({ id }) => id)
}

describe("receipts", () => {
  test("a customer's own, newest first, page by page, without open requests", async () => {
    const wallet = await openTestWallet(100_000)
    for (let number = 1; number <= 5; number++) await settle(wallet, `req_${number}`)
    await wallet.open({ request_id: "req_6" })
    expect(await listIds(wallet, 2)).toEqual(["req_5", "req_4"])
    expect(await listIds(wallet, 2, "req_4")).toEqual(["req_3", "req_2"])
    expect(await listIds(wallet, 2, "req_2")).toEqual(["req_1"])
    expect(await listIds(wallet, 2, "req_1")).toEqual([])
  })

  test("another customer's receipts are never among them", async () => {
    const wallet = await openTestWallet(100_000)
    await wallet.addCustomer("cus_2")
    await wallet.store.tx(q =>
      q.run("UPDATE ledger_account SET balance_nanos = 9000 WHERE id = 'cus_2/token'"),
    )
    await settle(wallet, "req_1")
    await settle(wallet, "req_2", "cus_2")
    expect(await listIds(wallet, 10)).toEqual(["req_1"])
  })

  test("a settled one says what was asked, served, used, held and paid", async () => {
    const wallet = await openTestWallet(200_000)
    const meter = await wallet.open({
      model_asked: "m-latest",
      tier_asked: "priority",
      max_output_tokens: 5_000,
    })
    await extendMeter(wallet.needs, meter, 4_000)
    wallet.clock.advance(2_500)
    const usage = {
      input_tokens: 900,
      cache_read_tokens: 1_000,
      cache_write_5m_tokens: 4,
      cache_write_1h_tokens: 3,
      output_tokens: 50,
      reasoning_tokens: 20,
      web_search_count: 2,
    }
    const served_by = { route_id: "rt_1", upstream_id: "openai", upstream_model: "m-2026" }
    const attempt = { route_id: "rt_1", upstream_id: "openai", result: "answered", duration_ms: 9 }
    await endMeter(
      wallet.needs,
      meter,
      outcomeOf({
        reported: { usage, flag: "no output count" },
        served_by,
        attempts: [{ ...attempt, result: "status-500" }, attempt],
        tier_served: "default",
        first_output_ms: 700,
        notes: ["web_search was left out: the upstream has none"],
      }),
    )
    const [receipt] = await listReceipts(wallet.store.read, {
      customer_id: "cus_1",
      limit: 1,
      before: undefined,
    })
    expect(toApiReceipt(receipt!)).toEqual({
      requestId: "req_1",
      state: "settled",
      startedAt: "2026-01-02T03:04:05.000Z",
      endedAt: "2026-01-02T03:04:07.500Z",
      endpoint: "/v1/responses",
      isStreamed: true,
      keyId: "key_cus_1",
      keyName: "laptop",
      modelAsked: "m-latest",
      modelServed: "m",
      upstream: "openai",
      tierAsked: "priority",
      tierServed: "default",
      rateCardId: "rc_1",
      rateCardVersion: 1,
      inputTokens: 900,
      cacheReadTokens: 1_000,
      cacheWrite5mTokens: 4,
      cacheWrite1hTokens: 3,
      // 1,000 of 1,907.
      cacheHitRate: 0.5244,
      outputTokens: 50,
      reasoningTokens: 20,
      webSearchCount: 2,
      usageSource: "reported",
      usageFlag: "no output count",
      // 1,000 in and 4,096 out, then 904 out, all at twice the price.
      heldUsd: "0.000102",
      costUsd: "0.000001511",
      chargedUsd: "0.000001511",
      lossUsd: "0.00",
      endReason: "completed",
      attemptCount: 2,
      attempts: [
        { upstreamId: "openai", result: "status-500", durationMs: 9, costUsd: "0.00" },
        { upstreamId: "openai", result: "answered", durationMs: 9, costUsd: "0.000001511" },
      ],
      notes: ["web_search was left out: the upstream has none"],
      firstOutputMs: 700,
      durationMs: 2_500,
    })
  })

  test("a released one says that nothing was used and charged", async () => {
    const wallet = await openTestWallet(100_000)
    await endMeter(wallet.needs, await wallet.open(), outcomeOf({ end_reason: "unreachable" }))
    const [receipt] = await listReceipts(wallet.store.read, {
      customer_id: "cus_1",
      limit: 1,
      before: undefined,
    })
    expect(toApiReceipt(receipt!)).toMatchObject({
      state: "released",
      upstream: null,
      tierServed: "default",
      inputTokens: 0,
      outputTokens: 0,
      usageSource: "none",
      usageFlag: null,
      heldUsd: "0.000002",
      costUsd: "0.00",
      chargedUsd: "0.00",
      attemptCount: 0,
      cacheHitRate: null,
      notes: [],
      firstOutputMs: null,
    })
  })

  test("a request whose id begins like another's does not count the other's holds", async () => {
    const wallet = await openTestWallet(100_000)
    await settle(wallet, "req_1")
    await settle(wallet, "req_11")
    const receipts = await listReceipts(wallet.store.read, {
      customer_id: "cus_1",
      limit: 9,
      before: undefined,
    })
    expect(receipts.map(({ peak_held_nanos }) => peak_held_nanos)).toEqual([2_000, 2_000])
  })
})

describe("the share of the input that came from the cache", () => {
  test.each([
    [{}, null],
    [{ output_tokens: 9 }, null],
    [{ input_tokens: 5 }, 0],
    [{ cache_read_tokens: 5 }, 1],
    [{ input_tokens: 250, cache_read_tokens: 1_000 }, 0.8],
    [{ input_tokens: 1, cache_read_tokens: 2 }, 0.6667],
    [{ cache_read_tokens: 1, cache_write_5m_tokens: 2, cache_write_1h_tokens: 1 }, 0.25],
  ])("of %j is %p", (usage, rate) => {
    expect(cacheHitRate(usageOf(usage))).toBe(rate)
  })
})

describe("notes", () => {
  test.each<Partial<Outcome>>([{}, { notes: [] }])(
    "of a request that went whole (%j) are stored as null",
    async outcome => {
      const wallet = await openTestWallet(100_000)
      const meter = await wallet.open()
      await endMeter(wallet.needs, meter, outcomeOf(outcome))
      const stored = await wallet.store.read.get("SELECT notes FROM metered_request")
      expect(stored).toEqual({ notes: null })
    },
  )
})

describe("daily spend", () => {
  test("each UTC day with requests, oldest first, from the day asked for", async () => {
    const wallet = await openTestWallet(100_000)
    const start = wallet.clock.now()
    await settle(wallet, "req_1")
    wallet.clock.advance(2 * DAY_MS)
    await settle(wallet, "req_2")
    await settle(wallet, "req_3")
    await wallet.open({ request_id: "req_4" })
    const list = async (since: number) =>
      (await listDailySpend(wallet.store.read, { customer_id: "cus_1", since })).map(toApiDay)
    const day = { requestCount: 1, inputTokens: 1_900, outputTokens: 50, chargedUsd: "0.0000015" }
    const both = { requestCount: 2, inputTokens: 3_800, outputTokens: 100, chargedUsd: "0.000003" }
    expect(await list(0)).toEqual([
      { day: "2026-01-02", ...day },
      { day: "2026-01-04", ...both },
    ])
    expect(await list(start + 1)).toEqual([{ day: "2026-01-04", ...both }])
    expect(await list(start + 3 * DAY_MS)).toEqual([])
  })

  test("a day ends at midnight UTC", async () => {
    const wallet = await openTestWallet(100_000)
    wallet.clock.advance(Date.UTC(2026, 0, 2, 23, 59, 59, 999) - wallet.clock.now())
    await settle(wallet, "req_1")
    wallet.clock.advance(1)
    await settle(wallet, "req_2")
    const days = await listDailySpend(wallet.store.read, { customer_id: "cus_1", since: 0 })
    expect(days.map(({ day, request_count }) => `${day} ${request_count}`)).toEqual([
      "2026-01-02 1",
      "2026-01-03 1",
    ])
  })
})
