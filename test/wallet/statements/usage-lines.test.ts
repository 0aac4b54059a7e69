/** Usage by day and model: which receipts count, on which day, and that pages lose none. */
import { describe, expect, test } from "bun:test"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { readUsage } from "../../../src/wallet/statements/usage-lines.ts"
import { openTestWallet, outcomeOf, type TestWallet, usageOf } from "../../support/wallet.ts"

const DAY_MS = 86_400_000
const january = { start_at: Date.UTC(2026, 0), end_at: Date.UTC(2026, 1) }

const read = ({ store }: TestWallet, customer_id = "cus_1") =>
  readUsage(store.read, { customer_id, month: january })

/** A request that ends after `ms`; 1 nano a token in, 10 a token out. */
async function spend(wallet: TestWallet, request_id: string, how: { model?: string; ms?: number } = {}) {
  const meter = await wallet.open({ request_id, model_served: how.model ?? "m" })
  wallet.clock.advance(how.ms ?? 0)
  const usage = usageOf({ input_tokens: 90, cache_read_tokens: 100, output_tokens: 5 })
  await endMeter(wallet.needs, meter, outcomeOf({ reported: { usage } }))
}

describe("usage of a month", () => {
  test("is added up by day and model, cached input included", async () => {
    const wallet = await openTestWallet(100_000)
    await spend(wallet, "req_1")
    await spend(wallet, "req_2", { model: "a" })
    await spend(wallet, "req_3")
    wallet.clock.advance(DAY_MS)
    await spend(wallet, "req_4")
    expect((await read(wallet)).lines).toEqual([
      {
        day: "2026-01-02",
        model: "a",
        request_count: 1,
        input_tokens: 190,
        output_tokens: 5,
        charged_nanos: 150n,
      },
      {
        day: "2026-01-02",
        model: "m",
        request_count: 2,
        input_tokens: 380,
        output_tokens: 10,
        charged_nanos: 300n,
      },
      {
        day: "2026-01-03",
        model: "m",
        request_count: 1,
        input_tokens: 190,
        output_tokens: 5,
        charged_nanos: 150n,
      },
    ])
  })

  test("belongs to the day on which a request ended, not to that on which it began", async () => {
    const wallet = await openTestWallet(100_000)
    wallet.clock.advance(Date.UTC(2026, 0, 31, 23, 59) - wallet.clock.now())
    await spend(wallet, "req_1", { ms: 60_000 - 1 })
    await spend(wallet, "req_2", { ms: 1 })
    const usage = await read(wallet)
    expect(usage.lines.map(({ day, request_count }) => [day, request_count])).toEqual([["2026-01-31", 1]])
    expect(usage.ids).toEqual({ first: "req_1", last: "req_1" })
    const february = { start_at: january.end_at, end_at: Date.UTC(2026, 2) }
    const next = await readUsage(wallet.store.read, { customer_id: "cus_1", month: february })
    expect(next).toMatchObject({ before_nanos: 150n, lines: [{ day: "2026-02-01", charged_nanos: 150n }] })
  })

  test("leaves out what was released, what is open, and other customers", async () => {
    const wallet = await openTestWallet(100_000)
    await wallet.addCustomer("cus_2")
    await endMeter(wallet.needs, await wallet.open(), outcomeOf({ end_reason: "unreachable" }))
    await wallet.open({ request_id: "req_2" })
    await spend(wallet, "req_3")
    expect((await read(wallet)).lines.map(({ request_count }) => request_count)).toEqual([1])
    expect(await read(wallet, "cus_2")).toEqual({ before_nanos: 0n, lines: [], ids: undefined })
  })

  test("counts what was charged, not what it cost, where the customer had too little", async () => {
    const wallet = await openTestWallet(2_000)
    const usage = usageOf({ input_tokens: 9_000, output_tokens: 50 })
    await endMeter(wallet.needs, await wallet.open(), outcomeOf({ reported: { usage } }))
    expect((await read(wallet)).lines[0]!.charged_nanos).toBe(2_000n)
  })

  test("is read to the end over more receipts than a page has", async () => {
    const wallet = await openTestWallet(10_000)
    await spend(wallet, "req_0")
    const columns = (await wallet.store.read.all<{ name: string }>("PRAGMA table_info(metered_request)"))
      .map(({ name }) => name)
      .filter(name => name !== "id")
      .join(", ")
    await wallet.store.tx(q =>
      q.run(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
        INSERT INTO metered_request (id, ${columns})
        SELECT printf('req_1%04d', i), ${columns.replace("model_served", "'m' || (i % 3)")} FROM n, metered_request`),
    )
    const usage = await read(wallet)
    expect(usage.lines.map(({ request_count }) => request_count)).toEqual([1, 1333, 1334, 1333])
    expect(usage.lines.reduce((sum, line) => sum + line.charged_nanos, 0n)).toBe(4_001n * 150n)
    expect(usage.ids).toEqual({ first: "req_0", last: "req_14000" })
  })
})
