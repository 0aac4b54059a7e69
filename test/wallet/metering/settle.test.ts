/** Tests of the end of a request: what is charged, returned and lost, and that it happens once. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import type { Outcome } from "../../../src/wallet/metering/receipt.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import type { TokenUsage } from "../../../src/wallet/pricing/usage.ts"
import { openTestWallet, outcomeOf, transferOf, usageOf } from "../../support/wallet.ts"

const reported = (input_tokens: number, output_tokens: number, flag?: string): Partial<Outcome> => ({
  reported: { usage: usageOf({ input_tokens, output_tokens }), ...(flag !== undefined && { flag }) },
})

const partial = (input_tokens: number, output_tokens: number) => ({
  usage: usageOf({ input_tokens, output_tokens }),
  is_partial: true as const,
})

interface Case {
  name: string
  outcome: Partial<Outcome>
  /** State, where the counts come from, charged, lost. */
  settled: [string, string, number, number]
  /** 8,000 before. */
  free: number
  transfers: string[]
}

/** Every case: 10,000 nanos of credit, of which 2,000 are held: 1,000 in at 1, 100 out at 10. */
const CASES: Case[] = [
  {
    name: "less than was held: the rest is returned",
    outcome: reported(1_000, 50),
    settled: ["settled", "reported", 1_500, 0],
    free: 8_500,
    transfers: ["release 500", "settle 1500"],
  },
  {
    name: "exactly what was held",
    outcome: reported(1_000, 100),
    settled: ["settled", "reported", 2_000, 0],
    free: 8_000,
    transfers: ["settle 2000"],
  },
  {
    name: "more than was held: the overrun comes from free credit",
    outcome: reported(1_000, 500),
    settled: ["settled", "reported", 6_000, 0],
    free: 4_000,
    transfers: ["overrun 4000", "settle 2000"],
  },
  {
    name: "down to the last nano",
    outcome: reported(1_000, 900),
    settled: ["settled", "reported", 10_000, 0],
    free: 0,
    transfers: ["overrun 8000", "settle 2000"],
  },
  {
    name: "beyond that it is a loss, never a negative balance",
    outcome: reported(1_001, 900),
    settled: ["settled", "reported", 10_000, 1],
    free: 0,
    transfers: ["loss 1", "overrun 8000", "settle 2000"],
  },
  {
    name: "zero was reported: zero is charged",
    outcome: reported(0, 0),
    settled: ["settled", "reported", 0, 0],
    free: 10_000,
    transfers: ["release 2000"],
  },
  {
    name: "a report counts for more than what was delivered",
    outcome: { ...reported(1_000, 50), delivered_output_tokens: 99 },
    settled: ["settled", "reported", 1_500, 0],
    free: 8_500,
    transfers: ["release 500", "settle 1500"],
  },
  {
    name: "a failed answer with usage is charged as reported",
    outcome: { ...reported(1_000, 0), end_reason: "failed" },
    settled: ["settled", "reported", 1_000, 0],
    free: 9_000,
    transfers: ["release 1000", "settle 1000"],
  },
  {
    name: "a request refused upstream that reports usage is charged",
    outcome: { ...reported(10, 0), end_reason: "refused-upstream" },
    settled: ["settled", "reported", 10, 0],
    free: 9_990,
    transfers: ["release 1990", "settle 10"],
  },
  {
    name: "a cheaper tier was served than asked",
    outcome: { ...reported(1_000, 50), tier_served: "flex" },
    settled: ["settled", "reported", 750, 0],
    free: 9_250,
    transfers: ["release 1250", "settle 750"],
  },
  {
    name: "a dearer tier was served than asked",
    outcome: { ...reported(1_000, 100), tier_served: "priority" },
    settled: ["settled", "reported", 4_000, 0],
    free: 6_000,
    transfers: ["overrun 2000", "settle 2000"],
  },
  {
    name: "a report without its output counts what was delivered",
    outcome: { reported: partial(1_000, 1), delivered_output_tokens: 50 },
    settled: ["settled", "reported", 1_500, 0],
    free: 8_500,
    transfers: ["release 500", "settle 1500"],
  },
  {
    name: "a report without its output, of which more was said than delivered, counts as said",
    outcome: { reported: partial(1_000, 60), delivered_output_tokens: 50 },
    settled: ["settled", "reported", 1_600, 0],
    free: 8_400,
    transfers: ["release 400", "settle 1600"],
  },
  {
    name: "a clean end without usage is estimated from what was delivered",
    outcome: { delivered_output_tokens: 50 },
    settled: ["settled", "estimated", 1_500, 0],
    free: 8_500,
    transfers: ["release 500", "settle 1500"],
  },
  {
    name: "a clean end without usage and without output is estimated at its input",
    outcome: {},
    settled: ["settled", "estimated", 1_000, 0],
    free: 9_000,
    transfers: ["release 1000", "settle 1000"],
  },
  {
    name: "an estimate is never above the hold",
    outcome: { delivered_output_tokens: 5_000 },
    settled: ["settled", "estimated", 2_000, 0],
    free: 8_000,
    transfers: ["settle 2000"],
  },
  {
    name: "not even at a dearer tier",
    outcome: { delivered_output_tokens: 50, tier_served: "priority" },
    settled: ["settled", "estimated", 2_000, 0],
    free: 8_000,
    transfers: ["settle 2000"],
  },
  ...(["cut", "timeout", "out-of-credit", "client-left", "aborted", "server-stopped"] as const).flatMap(
    (end_reason): Case[] => [
      {
        name: `${end_reason} after some output: estimated`,
        outcome: { end_reason, delivered_output_tokens: 50 },
        settled: ["settled", "estimated", 1_500, 0],
        free: 8_500,
        transfers: ["release 500", "settle 1500"],
      },
      {
        name: `${end_reason} without output: nothing is charged`,
        outcome: { end_reason },
        settled: ["released", "none", 0, 0],
        free: 10_000,
        transfers: ["release 2000"],
      },
    ],
  ),
]

describe("the end of a request", () => {
  test.each(CASES)("$name", async ({ outcome, settled, free, transfers }) => {
    const wallet = await openTestWallet(10_000)
    const settlement = await endMeter(wallet.needs, await wallet.open(), outcomeOf(outcome))
    const { state, usage_source, charged_nanos, loss_nanos, cost_nanos } = settlement!
    expect<unknown>([state, usage_source, charged_nanos, loss_nanos]).toEqual(settled)
    expect(cost_nanos).toBe(charged_nanos + loss_nanos)
    expect(await wallet.balances()).toEqual([free, 0])
    expect((await wallet.transfers()).slice(1).map(shorten)).toEqual(transfers)
    expect(await wallet.findings()).toEqual([])
  })

  test("each transfer goes where its name says", async () => {
    const wallet = await openTestWallet(10_000)
    const [paid, lost] = [await wallet.open(), await wallet.open({ request_id: "req_2" })]
    await endMeter(wallet.needs, paid, outcomeOf(reported(1_000, 50)))
    await endMeter(wallet.needs, lost, outcomeOf(reported(1_000, 9_000)))
    expect(await wallet.transfers()).toEqual([
      "req_1:hold:0: cus_1/token > cus_1/token_held 2000",
      "req_1:release: cus_1/token_held > cus_1/token 500",
      "req_1:settle: cus_1/token_held > system/revenue_usage 1500",
    ])
    expect(await wallet.transfers("req_2")).toEqual([
      "req_2:hold:0: cus_1/token > cus_1/token_held 2000",
      "req_2:loss: system/loss_overrun > system/revenue_usage 82500",
      "req_2:overrun: cus_1/token > system/revenue_usage 6500",
      "req_2:settle: cus_1/token_held > system/revenue_usage 2000",
    ])
  })

  test("it leaves a receipt with every counter, where they come from, and how it ended", async () => {
    const wallet = await openTestWallet(10_000)
    const meter = await wallet.open()
    const usage: TokenUsage = {
      input_tokens: 1,
      cache_read_tokens: 20,
      cache_write_5m_tokens: 300,
      cache_write_1h_tokens: 400,
      output_tokens: 50,
      reasoning_tokens: 6,
      web_search_count: 7,
    }
    wallet.clock.advance(1_234)
    const place = { route_id: "rt_0", upstream_id: "other" }
    await endMeter(
      wallet.needs,
      meter,
      outcomeOf({
        end_reason: "incomplete",
        reported: { usage, flag: "cached above input" },
        served_by: { route_id: "rt_1", upstream_id: "openai", upstream_model: "m-2026" },
        attempts: [
          { ...place, result: "saturated", duration_ms: 9 },
          { ...place, result: "failed-x", duration_ms: 8, usage: usageOf({ input_tokens: 20 }) },
          { ...place, result: "failed-y", duration_ms: 7, usage: usageOf({ input_tokens: 2e9 }) },
          { ...place, result: "answered", duration_ms: 6 },
        ],
        first_output_ms: 321,
      }),
    )
    expect(await wallet.store.read.get("SELECT * FROM metered_request")).toMatchObject({
      ...usage,
      state: "settled",
      held_nanos: 0,
      usage_source: "reported",
      usage_flag: "cached above input",
      cost_nanos: 1_678,
      charged_nanos: 1_678,
      loss_nanos: 0,
      tier_served: "default",
      route_id: "rt_1",
      upstream_id: "openai",
      upstream_model: "m-2026",
      // The price of what each reported, of the one that answered what is settled; nonsense is nothing.
      attempts: JSON.stringify([
        { ...place, result: "saturated", duration_ms: 9, cost_nanos: 0 },
        { ...place, result: "failed-x", duration_ms: 8, cost_nanos: 20 },
        { ...place, result: "failed-y", duration_ms: 7, cost_nanos: 0 },
        { ...place, result: "answered", duration_ms: 6, cost_nanos: 1_678 },
      ]),
      end_reason: "incomplete",
      first_output_ms: 321,
      duration_ms: 1_234,
    })
  })

  test("a tier without a price is none: the dearer one that was asked counts", async () => {
    const wallet = await openTestWallet(10_000)
    const meter = await wallet.open({ tier_asked: "priority" })
    const outcome = outcomeOf({ ...reported(1_000, 100), tier_served: "ultrafast" })
    expect(await endMeter(wallet.needs, meter, outcome)).toMatchObject({ cost_nanos: 4_000 })
  })

  test.each<[string, Partial<Outcome>, { web_search_count: number; cost_nanos: number }]>([
    [
      "estimated",
      { end_reason: "cancelled", delivered_search_count: 3 },
      { web_search_count: 3, cost_nanos: 1_030 },
    ],
    [
      "added to a report that was not the last",
      { reported: partial(1_000, 0), delivered_search_count: 3 },
      { web_search_count: 3, cost_nanos: 1_030 },
    ],
    [
      "not added to a whole report",
      { ...reported(1_000, 0), delivered_search_count: 3 },
      { web_search_count: 0, cost_nanos: 1_000 },
    ],
    [
      "lowered to what is held",
      { end_reason: "cut", delivered_search_count: 500 },
      { web_search_count: 100, cost_nanos: 2_000 },
    ],
  ])("hosted searches that ended are %s", async (_, outcome, { web_search_count, cost_nanos }) => {
    const wallet = await openTestWallet(10_000, { web_search_rate: 10_000 })
    const settlement = await endMeter(wallet.needs, await wallet.open(), outcomeOf(outcome))
    expect(settlement).toMatchObject({ cost_nanos, usage: { web_search_count } })
  })

  test("a free model is settled without a transfer", async () => {
    const wallet = await openTestWallet(0, { input_rate: 0, output_rate: 0 })
    const settlement = await endMeter(wallet.needs, await wallet.open(), outcomeOf(reported(5, 5)))
    expect(settlement).toMatchObject({ state: "settled", cost_nanos: 0 })
    expect([await wallet.transfers(), await wallet.findings()]).toEqual([[], []])
  })

  test("a frozen wallet gets its rest back and pays no overrun: that is a loss", async () => {
    const wallet = await openTestWallet(10_000)
    const [small, large] = [await wallet.open(), await wallet.open({ request_id: "req_2" })]
    await wallet.store.tx(q => q.run("UPDATE ledger_account SET is_frozen = 1 WHERE id = 'cus_1/token'"))
    await endMeter(wallet.needs, small, outcomeOf(reported(1_000, 50)))
    await endMeter(wallet.needs, large, outcomeOf(reported(1_000, 500)))
    expect(await wallet.balances()).toEqual([6_500, 0])
    expect((await wallet.transfers("req_2")).slice(1).map(shorten)).toEqual(["loss 4000", "settle 2000"])
    expect(await wallet.findings()).toEqual([])
  })
})

// BUG: its price is beyond the ledger's range, so the end throws and the hold stays until a restart.
test("a report that is beyond all measure still ends the request", async () => {
  const wallet = await openTestWallet(10_000)
  await endMeter(wallet.needs, await wallet.open(), outcomeOf(reported(0, 2 ** 52)))
  expect((await wallet.balances())[1]).toBe(0)
})

// BUG: what is held does not count towards the account's limit, so a credit can leave no room to return it.
test("what was held for a wallet at its limit can be returned", async () => {
  const wallet = await openTestWallet(9_000_000_000_000_000)
  const meter = await wallet.open()
  await wallet.post([transferOf({ id: "meanwhile", amount_nanos: 2_000 as Nanos })])
  await endMeter(wallet.needs, meter, outcomeOf({ end_reason: "unreachable" }))
  expect((await wallet.balances())[1]).toBe(0)
})

describe("an end happens once", () => {
  test("50 at once with different outcomes: the first counts, the others are told nothing", async () => {
    const wallet = await openTestWallet(10_000)
    const meter = await wallet.open()
    const end = (number: number) => endMeter(wallet.needs, meter, outcomeOf(reported(number, 0)))
    const settlements = await Promise.all(Array.from({ length: 50 }, (_, number) => end(number + 1)))
    expect(settlements.map(settlement => settlement?.charged_nanos)).toEqual([
      1,
      ...Array(49).fill(undefined),
    ])
    expect(await wallet.balances()).toEqual([9_999, 0])
    expect(await wallet.findings()).toEqual([])
  })

  test("it is announced once, after the commit", async () => {
    const wallet = await openTestWallet(10_000)
    const [paid, dropped] = [await wallet.open(), await wallet.open({ request_id: "req_2" })]
    const ends = [endMeter(wallet.needs, paid, outcomeOf()), endMeter(wallet.needs, paid, outcomeOf())]
    expect(wallet.heard).toEqual([])
    await Promise.all(ends)
    await endMeter(wallet.needs, dropped, outcomeOf({ end_reason: "unreachable" }))
    expect(wallet.heard).toEqual([
      "request-settled req_1 cus_1 completed",
      "request-released req_2 cus_1 unreachable",
    ])
  })

  test.each([
    "UPDATE metered_request SET charged_nanos = 0, cost_nanos = 0",
    "UPDATE metered_request SET state = 'open'",
    "DELETE FROM metered_request",
  ])("the schema itself refuses to change a receipt: %p", async statement => {
    const wallet = await openTestWallet(10_000)
    await endMeter(wallet.needs, await wallet.open(), outcomeOf(reported(1_000, 50)))
    await expect(wallet.store.tx(q => q.run(statement))).rejects.toThrow(/ends once|book of receipts/)
    expect(await wallet.findings()).toEqual([])
  })

  test("an end that the database refuses changes nothing and can be repeated", async () => {
    const wallet = await openTestWallet(10_000)
    const meter = await wallet.open()
    const refuse = `CREATE TRIGGER refuse BEFORE UPDATE ON metered_request
      BEGIN SELECT RAISE(ABORT, 'no'); END`
    await wallet.store.tx(q => q.run(refuse))
    await expect(endMeter(wallet.needs, meter, outcomeOf(reported(1_000, 50)))).rejects.toThrow("no")
    expect([await wallet.balances(), await wallet.findings(), wallet.heard]).toEqual([[8_000, 2_000], [], []])
    await wallet.store.tx(q => q.run("DROP TRIGGER refuse"))
    expect(await endMeter(wallet.needs, meter, outcomeOf(reported(1_000, 50)))).toMatchObject({
      charged_nanos: 1_500,
    })
    expect(await wallet.balances()).toEqual([8_500, 0])
  })
})

/** `settle 1500` of `req_1:settle: cus_1/… > … 1500`. */
const shorten = (line: string) => line.replace(/^\w+:(\w+): .* (\d+)$/, "$1 $2")
