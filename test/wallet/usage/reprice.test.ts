/** Tests of pricing receipts again: honest ones agree, and each that does not is found. */
import { describe, expect, test } from "bun:test"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { repriceReceipts } from "../../../src/wallet/usage/reprice.ts"
import { EASY_RATES, openTestWallet, outcomeOf, type TestWallet, usageOf } from "../../support/wallet.ts"

/** 1,000 tokens in at 1 nano and 50 out at 10: 1,500 nanos. */
const reported = { usage: usageOf({ input_tokens: 1_000, output_tokens: 50 }) }

async function settle(wallet: TestWallet, request_id: string, tier_served?: string): Promise<void> {
  const meter = await wallet.open({ request_id })
  await endMeter(wallet.needs, meter, outcomeOf({ reported, tier_served }))
}

const findings = async (wallet: TestWallet) => (await repriceReceipts(wallet.store.read)).findings

describe("pricing receipts again", () => {
  test("honest receipts agree: settled at each tier, released, open", async () => {
    const wallet = await openTestWallet(100_000)
    await settle(wallet, "req_1")
    await settle(wallet, "req_2", "priority")
    await settle(wallet, "req_3", "flex")
    await endMeter(
      wallet.needs,
      await wallet.open({ request_id: "req_4" }),
      outcomeOf({ end_reason: "unreachable" }),
    )
    await wallet.open({ request_id: "req_5" })
    expect(await findings(wallet)).toEqual([])
  })

  test("a price change leaves earlier receipts at the card they were sold by", async () => {
    const wallet = await openTestWallet(100_000)
    await settle(wallet, "req_1")
    await wallet.addCard({ ...EASY_RATES, input_rate: 9_000 })
    expect(await findings(wallet)).toEqual([])
  })

  test.each([
    ["a counter", "output_tokens = 51", "req_1: booked 1500, priced 1510"],
    ["the tier", "tier_served = 'flex'", "req_1: booked 1500, priced 750"],
    ["the cost", "cost_nanos = 1499, charged_nanos = 1499", "req_1: booked 1499, priced 1500"],
    ["the rate card", "rate_card_id = 'rc_9'", "req_1: booked 1500, priced undefined"],
  ])("%s was edited: found", async (_, change, finding) => {
    const wallet = await openTestWallet(100_000)
    await settle(wallet, "req_1")
    await settle(wallet, "req_2")
    await wallet.damage(`UPDATE metered_request SET ${change} WHERE id = 'req_1'`)
    expect(await findings(wallet)).toEqual([finding])
  })

  test("a price list that was edited is found in every receipt sold by it, 20 at most", async () => {
    const wallet = await openTestWallet(100_000)
    for (let number = 10; number < 35; number++) await settle(wallet, `req_${number}`)
    await wallet.damage("UPDATE rate_card SET input_rate = 2000")
    const found = await findings(wallet)
    expect([found.length, found[0]]).toEqual([20, "req_10: booked 1500, priced 2500"])
  })

  test("every receipt is read, however many there are", async () => {
    const wallet = await openTestWallet(100_000)
    await settle(wallet, "req_0")
    const rest = `key_id, boot_id, state, endpoint, is_streamed, model_asked, model_served, rate_card_id,
      tier_asked, tier_served, held_nanos, hold_count, estimated_input_tokens, checkpoint_output_tokens,
      input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens,
      reasoning_tokens, web_search_count, cost_nanos, charged_nanos, loss_nanos, started_at, ended_at`
    await wallet.store.tx(q =>
      q.run(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
        INSERT INTO metered_request (id, customer_id, ${rest})
        SELECT 'req_' || substr('0000' || i, -5), customer_id, ${rest} FROM metered_request, n`),
    )
    expect(await findings(wallet)).toEqual([])
    await wallet.damage(
      "UPDATE metered_request SET output_tokens = 51 WHERE id IN ('req_00001', 'req_05001', 'req_12000')",
    )
    expect((await findings(wallet)).map(finding => finding.slice(0, 9))).toEqual([
      "req_00001",
      "req_05001",
      "req_12000",
    ])
  })
})
