/** Tests of admission and of the next slices: what is held, and that a refusal changes nothing. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  type Admission,
  extendMeter,
  needsNextSlice,
  type Opened,
  openMeter,
} from "../../../src/wallet/metering/meter.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import type { Rates } from "../../../src/wallet/pricing/cost.ts"
import { openTestWallet, outcomeOf, type TestWallet, transferOf } from "../../support/wallet.ts"

const refusal = (available: number, required: number, affordable_output_tokens: number): Opened => ({
  kind: "insufficient",
  available_nanos: available as Nanos,
  required_nanos: required as Nanos,
  affordable_output_tokens,
})

/** 1,000 tokens of input at 1 nano, 100 of output at 10, unless told. */
interface Case {
  name: string
  credit: number
  admission?: Partial<Admission>
  rates?: Partial<Rates>
  /** What is held, or the refusal. */
  opened: number | Opened
}

const FREE = { input_rate: 0, output_rate: 0 }

const CASES: Case[] = [
  { name: "the input estimate and all of a short output are held", credit: 9_000, opened: 2_000 },
  { name: "credit for exactly that is enough", credit: 2_000, opened: 2_000 },
  { name: "one nano less is not: 99 tokens would fit", credit: 1_999, opened: refusal(1_999, 2_000, 99) },
  { name: "less than the input costs affords no output", credit: 999, opened: refusal(999, 2_000, 0) },
  { name: "no credit at all", credit: 0, opened: refusal(0, 2_000, 0) },
  {
    name: "of a long output the first 4,096 tokens are held",
    credit: 90_000,
    admission: { max_output_tokens: 128_000 },
    opened: 41_960,
  },
  { name: "at the tier asked", credit: 9_000, admission: { tier_asked: "priority" }, opened: 4_000 },
  {
    name: "affordable output is at the tier asked, too",
    credit: 2_500,
    admission: { tier_asked: "priority" },
    opened: refusal(2_500, 4_000, 25),
  },
  { name: "a free model needs no credit", credit: 0, rates: FREE, opened: 0 },
  {
    name: "where output is free, any amount of it is affordable",
    credit: 5,
    rates: { output_rate: 0 },
    opened: refusal(5, 1_000, Number.POSITIVE_INFINITY),
  },
  { name: "no input", credit: 9_000, admission: { estimated_input_tokens: 0 }, opened: 1_000 },
]

describe("opening", () => {
  test.each(CASES)("$name", async ({ credit, admission, rates, opened }) => {
    const wallet = await openTestWallet(credit, rates)
    const { value, durable } = await openMeter(wallet.needs, wallet.admissionOf(admission))
    await durable
    const held = typeof opened === "number" ? opened : 0
    if (value.kind === "open") expect(value.meter.held_nanos).toBe(opened as Nanos)
    else expect<unknown>(value).toEqual(opened)
    expect(await wallet.balances()).toEqual([credit - held, held])
    expect(await wallet.transfers()).toEqual(
      held > 0 ? [`req_1:hold:0: cus_1/token > cus_1/token_held ${held}`] : [],
    )
    expect(await countOpen(wallet)).toBe(typeof opened === "number" ? 1 : 0)
    expect(await wallet.findings()).toEqual([])
  })

  test("a frozen wallet opens nothing that costs", async () => {
    const wallet = await openTestWallet(9_000)
    await freeze(wallet)
    expect((await openMeter(wallet.needs, wallet.admissionOf())).value).toEqual({ kind: "frozen" })
    expect([await wallet.balances(), await countOpen(wallet)]).toEqual([[9_000, 0], 0])
  })

  test("a request id is used once", async () => {
    const wallet = await openTestWallet(9_000)
    await wallet.open()
    await expect(openMeter(wallet.needs, wallet.admissionOf())).rejects.toThrow("was not posted: exists")
    expect(await wallet.balances()).toEqual([7_000, 2_000])
  })

  test("50 at once on credit for two: two are opened, the others are told what is left", async () => {
    const wallet = await openTestWallet(4_999)
    const openNumber = (number: number) =>
      openMeter(wallet.needs, wallet.admissionOf({ request_id: `req_${number}` }))
    const opened = await Promise.all(Array.from({ length: 50 }, (_, number) => openNumber(number)))
    const refused = opened.map(({ value }) => value).filter(({ kind }) => kind !== "open")
    expect(refused).toEqual(Array.from({ length: 48 }, () => refusal(999, 2_000, 0)))
    expect([await wallet.balances(), await countOpen(wallet)]).toEqual([[999, 4_000], 2])
  })
})

describe("the next slice", () => {
  test("it is due at three quarters of what is held, until all that may come is held, and beyond that when more comes", async () => {
    const wallet = await openTestWallet(900_000)
    const meter = await wallet.open({ max_output_tokens: 20_000 })
    const seen: unknown[] = []
    for (const delivered of [3_071, 3_072, 9_215, 9_216, 20_000, 30_000]) {
      const is_due = needsNextSlice(meter, delivered)
      if (is_due) expect(await extendMeter(wallet.needs, meter, delivered)).toBe("held")
      seen.push([delivered, is_due, meter.held_output_tokens, (await wallet.balances())[1]])
    }
    expect(seen).toEqual([
      [3_071, false, 4_096, 41_960],
      [3_072, true, 12_288, 123_880],
      [9_215, false, 12_288, 123_880],
      [9_216, true, 20_000, 201_000],
      [20_000, false, 20_000, 201_000],
      // More than the request allows: whoever made it, it must be paid for.
      [30_000, true, 35_424, 355_240],
    ])
    expect(await wallet.transfers()).toEqual([
      "req_1:hold:0: cus_1/token > cus_1/token_held 41960",
      "req_1:hold:1: cus_1/token > cus_1/token_held 81920",
      "req_1:hold:2: cus_1/token > cus_1/token_held 77120",
      "req_1:hold:3: cus_1/token > cus_1/token_held 154240",
    ])
    expect(await wallet.findings()).toEqual([])
  })

  test("it records what has been delivered, for a restart", async () => {
    const wallet = await openTestWallet(900_000)
    const meter = await wallet.open({ max_output_tokens: 20_000 })
    await extendMeter(wallet.needs, meter, 3_100)
    const row = await wallet.store.read.get(
      "SELECT held_nanos, hold_count, checkpoint_output_tokens FROM metered_request",
    )
    expect(row).toEqual({ held_nanos: 123_880, hold_count: 2, checkpoint_output_tokens: 3_100 })
  })

  test("refused for want of credit it changes nothing, and is held once there is credit", async () => {
    const wallet = await openTestWallet(123_879)
    const meter = await wallet.open({ max_output_tokens: 20_000 })
    const before = { ...meter }
    expect(await extendMeter(wallet.needs, meter, 3_100)).toBe("refused")
    expect([meter, await wallet.balances()]).toEqual([before, [81_919, 41_960]])
    await wallet.post([transferOf({ id: "top-up" })])
    expect(await extendMeter(wallet.needs, meter, 3_200)).toBe("held")
    expect(await wallet.balances()).toEqual([0, 123_880])
  })

  test("a wallet that was frozen meanwhile holds no more", async () => {
    const wallet = await openTestWallet(900_000)
    const meter = await wallet.open({ max_output_tokens: 20_000 })
    await freeze(wallet)
    expect(await extendMeter(wallet.needs, meter, 3_100)).toBe("refused")
    expect(await wallet.balances()).toEqual([858_040, 41_960])
  })

  test("a free model's next slice costs nothing and still records what was delivered", async () => {
    const wallet = await openTestWallet(0, FREE)
    const meter = await wallet.open({ max_output_tokens: 20_000 })
    expect(await extendMeter(wallet.needs, meter, 3_100)).toBe("held")
    expect(
      await wallet.store.read.get("SELECT checkpoint_output_tokens AS delivered FROM metered_request"),
    ).toEqual({
      delivered: 3_100,
    })
    expect(await wallet.transfers()).toEqual([])
  })

  test("a request that has ended holds no more", async () => {
    const wallet = await openTestWallet(900_000)
    const meter = await wallet.open({ max_output_tokens: 20_000 })
    await endMeter(wallet.needs, meter, outcomeOf({ end_reason: "unreachable" }))
    await expect(extendMeter(wallet.needs, meter, 3_100)).rejects.toThrow("has ended")
    expect(await wallet.balances()).toEqual([900_000, 0])
    expect(await wallet.findings()).toEqual([])
  })
})

const freeze = (wallet: TestWallet) =>
  wallet.store.tx(q => q.run("UPDATE ledger_account SET is_frozen = 1 WHERE id = 'cus_1/token'"))

async function countOpen(wallet: TestWallet): Promise<number> {
  const rows = await wallet.store.read.all("SELECT id FROM metered_request WHERE state = 'open'")
  return rows.length
}
