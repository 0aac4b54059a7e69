/** What receipts say an upstream cost: by the day they ended, by try, over all pages. */
import { describe, expect, test } from "bun:test"
import type { Outcome } from "../../../src/wallet/metering/receipt.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { dayAt } from "../../../src/wallet/reconcile/day.ts"
import { readReceiptCost } from "../../../src/wallet/reconcile/receipt-cost.ts"
import { openTestWallet, outcomeOf, type TestWallet, usageOf } from "../../support/wallet.ts"

const read = ({ store, clock }: TestWallet, upstream_id = "openai", at = clock.now()) =>
  readReceiptCost(store.read, { upstream_id, day: dayAt(at) })

const attempt = (upstream_id: string, result = "answered"): Outcome["attempts"][number] => ({
  route_id: "r",
  upstream_id,
  result,
  duration_ms: 1,
})

/** 100 nanos of input. */
async function spend(wallet: TestWallet, request_id: string, attempts: Outcome["attempts"]): Promise<void> {
  const reported = { usage: usageOf({ input_tokens: 100 }) }
  await endMeter(wallet.needs, await wallet.open({ request_id }), outcomeOf({ reported, attempts }))
}

describe("the cost of an upstream by our receipts", () => {
  test("is that of the tries it answered, and of those that failed with a report", async () => {
    const wallet = await openTestWallet(100_000)
    await spend(wallet, "req_1", [attempt("openai")])
    const failed = { ...attempt("openai", "cut"), usage: usageOf({ output_tokens: 3 }) }
    await spend(wallet, "req_2", [failed, attempt("openai", "status-500"), attempt("openrouter")])
    expect<unknown>(await read(wallet)).toEqual({ nanos: 130, request_count: 2 })
    expect<unknown>(await read(wallet, "openrouter")).toEqual({ nanos: 100, request_count: 1 })
    expect<unknown>(await read(wallet, "anthropic")).toEqual({ nanos: 0, request_count: 0 })
  })

  test("belongs to the UTC day on which the request ended; what is open has none yet", async () => {
    const wallet = await openTestWallet(100_000)
    await wallet.open({ request_id: "req_0" })
    const midnight = Date.UTC(2026, 0, 3)
    wallet.clock.advance(midnight - 1 - wallet.clock.now())
    await spend(wallet, "req_1", [attempt("openai")])
    const meter = await wallet.open({ request_id: "req_2" })
    wallet.clock.advance(1)
    const reported = { usage: usageOf({ input_tokens: 7 }) }
    await endMeter(wallet.needs, meter, outcomeOf({ reported, attempts: [attempt("openai")] }))
    expect((await read(wallet, "openai", midnight - 1)).nanos).toBe(100 as never)
    expect((await read(wallet, "openai", midnight)).nanos).toBe(7 as never)
    expect((await read(wallet, "openai", midnight - 90_000_000)).request_count).toBe(0)
  })

  test("of before tries had a cost is the receipt's", async () => {
    const wallet = await openTestWallet(100_000)
    await spend(wallet, "req_1", [attempt("openrouter", "cut"), attempt("openai")])
    await wallet.damage(
      "UPDATE metered_request SET attempts = json_remove(attempts, '$[0].cost_nanos', '$[1].cost_nanos')",
    )
    expect((await read(wallet)).nanos).toBe(100 as never)
    expect((await read(wallet, "openrouter")).nanos).toBe(0 as never)
  })

  test("is read to the end over more receipts than a page has, of every customer", async () => {
    const wallet = await openTestWallet(10_000)
    await wallet.addCustomer("cus_2")
    await spend(wallet, "req_1", [attempt("openai")])
    const columns = (await wallet.store.read.all<{ name: string }>("PRAGMA table_info(metered_request)"))
      .map(({ name }) => name)
      .filter(name => name !== "id" && name !== "customer_id")
      .join(", ")
    await wallet.store.tx(q =>
      q.run(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
        INSERT INTO metered_request (id, customer_id, ${columns})
        SELECT printf('req_1%04d', i), 'cus_' || (1 + i % 2), ${columns} FROM n, metered_request`),
    )
    expect<unknown>(await read(wallet)).toEqual({ nanos: 400_100, request_count: 4_001 })
  })
})
