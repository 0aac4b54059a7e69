/** Tests of what a start does with a dead process's requests: settled by checkpoint, or released; once. */
import { describe, expect, test } from "bun:test"
import { extendMeter } from "../../../src/wallet/metering/meter.ts"
import { recoverMeters } from "../../../src/wallet/metering/recover.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { openTestWallet, outcomeOf, type TestWallet } from "../../support/wallet.ts"

/** The same store, as the next process sees it. */
const nextBoot = (wallet: TestWallet) => ({ ...wallet.needs, boot_id: "boot_2" })

const ends = (wallet: TestWallet) =>
  wallet.store.read.all(
    `SELECT id, state, usage_source, charged_nanos, end_reason, output_tokens
     FROM metered_request ORDER BY id`,
  )

describe("recovery", () => {
  test.each([
    {
      name: "nothing was held beyond the first slice: released",
      delivered: [],
      state: "released",
      charged: 0,
      output: 0,
    },
    {
      name: "one more slice was held at 3,100 tokens",
      delivered: [3_100],
      state: "settled",
      charged: 32_000,
      output: 3_100,
    },
    {
      name: "the last checkpoint counts",
      delivered: [3_100, 9_500],
      state: "settled",
      charged: 96_000,
      output: 9_500,
    },
    {
      name: "a checkpoint beyond the hold is charged up to the hold",
      delivered: [99_000],
      state: "settled",
      charged: 123_880,
      output: 12_288,
    },
  ])("$name", async ({ delivered, state, charged, output }) => {
    const wallet = await openTestWallet(900_000)
    const meter = await wallet.open({ max_output_tokens: 100_000 })
    for (const tokens of delivered) await extendMeter(wallet.needs, meter, tokens)
    expect(await recoverMeters(nextBoot(wallet))).toBe(1)
    expect(await ends(wallet)).toEqual([
      {
        id: "req_1",
        state,
        usage_source: charged > 0 ? "estimated" : "none",
        charged_nanos: charged,
        end_reason: "server-stopped",
        output_tokens: output,
      },
    ])
    expect(await wallet.balances()).toEqual([900_000 - charged, 0])
    expect(await wallet.findings()).toEqual([])
    expect(wallet.heard.at(-1)).toBe(`request-recovered req_1 ${state}`)
  })

  test("what has ended stays as it ended; a second recovery finds nothing", async () => {
    const wallet = await openTestWallet(900_000)
    const meter = await wallet.open()
    await endMeter(wallet.needs, meter, outcomeOf({ delivered_output_tokens: 5 }))
    await wallet.open({ request_id: "req_2" })
    const [settled] = await ends(wallet)
    expect([await recoverMeters(nextBoot(wallet)), await recoverMeters(nextBoot(wallet))]).toEqual([1, 0])
    expect((await ends(wallet))[0]).toEqual(settled)
    expect(await wallet.balances()).toEqual([898_950, 0])
  })

  test("two recoveries at once end each request once", async () => {
    const wallet = await openTestWallet(1_000_000)
    for (let number = 1; number <= 10; number++) {
      const meter = await wallet.open({ request_id: `req_${number}`, max_output_tokens: 9_000 })
      await extendMeter(wallet.needs, meter, number)
    }
    const counts = await Promise.all([recoverMeters(nextBoot(wallet)), recoverMeters(nextBoot(wallet))])
    expect(counts[0]! + counts[1]!).toBe(10)
    expect(await wallet.balances()).toEqual([1_000_000 - 10 * 1_000 - 55 * 10, 0])
    expect(await wallet.findings()).toEqual([])
  })

  test("the running process's own requests are left alone", async () => {
    const wallet = await openTestWallet(900_000)
    await wallet.open()
    expect(await recoverMeters(wallet.needs)).toBe(0)
    expect(await wallet.balances()).toEqual([898_000, 2_000])
  })

  test("without its rate card a request is not guessed at: the start fails and says what to do", async () => {
    const wallet = await openTestWallet(900_000)
    await wallet.open()
    await wallet.damage("DELETE FROM rate_card")
    await expect(recoverMeters(nextBoot(wallet))).rejects.toThrow(
      "rate card rc_1 of req_1 is missing: restore a backup",
    )
    expect(await wallet.balances()).toEqual([898_000, 2_000])
  })
})
