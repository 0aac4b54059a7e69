/** The receipts of a month as CSV: all of them once, none of another month, in pieces. */
import { describe, expect, test } from "bun:test"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { writeMonthReceipts } from "../../../src/wallet/statements/month-receipts.ts"
import { openTestWallet, outcomeOf, type TestWallet, usageOf } from "../../support/wallet.ts"

const columns = ["requestId", "endedAt", "chargedUsd"]
const january = { name: "2026-01", start_at: Date.UTC(2026, 0), end_at: Date.UTC(2026, 1) }

async function write({ store }: TestWallet, customer_id = "cus_1"): Promise<string[]> {
  const pieces = await Array.fromAsync(
    writeMonthReceipts(store.read, { customer_id, month: january, columns }),
  )
  return pieces
}
const idsOf = (pieces: string[]) =>
  pieces
    .join("")
    .trimEnd()
    .split("\r\n")
    .slice(1)
    .map(line => line.split(",")[0])

async function spend(wallet: TestWallet, request_id: string): Promise<void> {
  const usage = usageOf({ input_tokens: 1 })
  await endMeter(wallet.needs, await wallet.open({ request_id }), outcomeOf({ reported: { usage } }))
}

describe("a month's receipts", () => {
  test("are those that ended in it, newest first, settled and released alike", async () => {
    const wallet = await openTestWallet(1_000_000)
    await wallet.addCustomer("cus_2")
    const began_before = await wallet.open({ request_id: "req_0" })
    await spend(wallet, "req_1")
    await endMeter(
      wallet.needs,
      await wallet.open({ request_id: "req_2" }),
      outcomeOf({ end_reason: "unreachable" }),
    )
    const ends_after = await wallet.open({ request_id: "req_3" })
    await spend(wallet, "req_4")
    await endMeter(wallet.needs, began_before, outcomeOf())
    wallet.clock.advance(january.end_at - wallet.clock.now())
    await endMeter(wallet.needs, ends_after, outcomeOf())
    await spend(wallet, "req_5")
    expect(idsOf(await write(wallet))).toEqual(["req_4", "req_2", "req_1", "req_0"])
    expect(await write(wallet, "cus_2")).toEqual(["requestId,endedAt,chargedUsd\r\n"])
  })

  test("come in pieces, none lost and none twice where one ends", async () => {
    const wallet = await openTestWallet(10_000_000)
    const ids = Array.from({ length: 401 }, (_, number) => `req_${1_000 + number}`)
    for (const id of ids) await spend(wallet, id)
    const pieces = await write(wallet)
    // The names, 200, 200 and 1.
    expect(pieces).toHaveLength(4)
    expect(idsOf(pieces)).toEqual(ids.toReversed())
    expect(pieces.join("").match(/requestId/g)).toHaveLength(1)
  })
})
