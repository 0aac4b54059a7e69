/** Statements: every month adds up and leads to the next one, and all months together are the balance. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { getBalances } from "../../../src/wallet/ledger/accounts.ts"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import type { Transfer } from "../../../src/wallet/ledger/post.ts"
import type { Meter } from "../../../src/wallet/metering/meter.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { readMonth } from "../../../src/wallet/statements/month.ts"
import { assertAddsUp, getStatement, type Statement } from "../../../src/wallet/statements/statement.ts"
import { checkPropertyAsync } from "../../support/property.ts"
import { openTestWallet, outcomeOf, type TestWallet, transferOf, usageOf } from "../../support/wallet.ts"

const DAY_MS = 86_400_000

function statementOf({ needs }: TestWallet, name: string, customer_id = "cus_1"): Promise<Statement> {
  const month = readMonth(name, { field: "statement", now: needs.clock.now() })
  return getStatement(needs, { customer_id, month })
}

/** `opening + in − out = closing` of a wallet. */
const shown = ({ wallets }: Statement, name: "token" | "cash" | "debt") => {
  const { opening_nanos, in_nanos, out_nanos, closing_nanos } = wallets[name]
  return `${opening_nanos} + ${in_nanos} - ${out_nanos} = ${closing_nanos}`
}

interface Paid {
  kind: string
  price_cents: number
  is_live?: 0 | 1
}

async function addPurchase({ store }: TestWallet, id: string, { kind, price_cents, is_live = 1 }: Paid) {
  await store.tx(q =>
    q.run(
      `INSERT INTO purchase (id, customer_id, kind, package_id, price_cents, credit_nanos, bonus_nanos, vip_days, code,
        state, is_live, created_at, paid_at) VALUES (?, 'cus_1', ?, 'starter', ?, ?, 0, 0, NULL, 'paid', ?, 0, 0)`,
      id,
      kind,
      price_cents,
      kind === "cash-load" ? 0 : 1,
      is_live,
    ),
  )
}

test("a test payment is listed, and is no money that was paid", async () => {
  const wallet = await openTestWallet(5_000)
  await addPurchase(wallet, "ord_1", { kind: "package", price_cents: 1_000, is_live: 0 })
  const credit = { from: "system/issue_package", amount_nanos: 900 as Nanos }
  await wallet.post([
    transferOf({ id: "stripe:pi:1:credit", group_id: "ord_1", kind: "package_credit", ...credit }),
  ])
  const { totals } = await statementOf(wallet, "2026-01")
  expect(totals).toMatchObject({ purchase_count: 1, paid_nanos: 0n })
})

describe("a statement", () => {
  test("tells a month with a purchase, a bonus, usage, a refund and a debt", async () => {
    const wallet = await openTestWallet(5_000)
    await addPurchase(wallet, "ord_1", { kind: "package", price_cents: 1_000 })
    await addPurchase(wallet, "ord_2", { kind: "cash-load", price_cents: 500 })
    await addPurchase(wallet, "ord_3", { kind: "cash-purchase", price_cents: 300 })
    const move = (id: string, group_id: string, kind: string, rest: Partial<Transfer>) =>
      transferOf({ id, group_id, kind, ...rest })
    const nanos = (amount: number) => amount as Nanos
    await wallet.post([
      move("stripe:pi:1", "ord_1", "package_payment", { from: "system/stripe", to: "system/sales_package" }),
      move("stripe:pi:1:credit", "ord_1", "package_credit", {
        from: "system/issue_package",
        amount_nanos: nanos(900),
      }),
      move("code:A:cus_1", "ord_1", "bonus_credit", { from: "system/issue_bonus", amount_nanos: nanos(90) }),
    ])
    const cash = "cus_1/cash"
    await wallet.post([
      move("stripe:pi:2", "ord_2", "cash_load", {
        from: "system/stripe",
        to: cash,
        amount_nanos: nanos(700),
      }),
    ])
    await wallet.post([
      move("package:ord_3", "ord_3", "package_payment", {
        from: cash,
        to: "system/sales_package",
        amount_nanos: nanos(300),
      }),
      move("package:ord_3:credit", "ord_3", "package_credit", {
        from: "system/issue_package",
        amount_nanos: nanos(30),
      }),
    ])
    const usage = usageOf({ input_tokens: 100, output_tokens: 5 })
    await endMeter(wallet.needs, await wallet.open(), outcomeOf({ reported: { usage } }))
    wallet.clock.advance(31 * DAY_MS)
    await wallet.post([
      move("stripe:refund:1", "ord_1", "refund", { from: "system/sales_package", to: "system/stripe" }),
      move("stripe:refund:1:token", "ord_1", "refund_credit", {
        from: "cus_1/token",
        to: "system/issue_package",
        amount_nanos: nanos(400),
      }),
      move("stripe:refund:1:debt", "ord_1", "refund_debt", {
        from: "system/debt",
        to: "cus_1/cash_debt",
        amount_nanos: nanos(6),
      }),
    ])
    const january = await statementOf(wallet, "2026-01")
    expect(shown(january, "token")).toBe("0 + 6020 - 150 = 5870")
    expect(shown(january, "cash")).toBe("0 + 700 - 300 = 400")
    expect(shown(january, "debt")).toBe("0 + 0 - 0 = 0")
    expect(january.totals).toEqual({
      request_count: 1,
      charged_nanos: 150n,
      purchase_count: 3,
      // 10.00 and 5.00; what was bought from the Cash Wallet was paid when it was loaded.
      paid_nanos: 15_000_000_000n,
    })
    expect(january.movements.find(({ id }) => id === "stripe:pi:1:credit")!.purchase).toEqual({
      id: "ord_1",
      kind: "package",
      package_id: "starter",
      price_cents: 1_000,
      code: null,
      is_live: 1,
    })
    expect(january.is_complete).toBe(true)
    const february = await statementOf(wallet, "2026-02")
    expect(shown(february, "token")).toBe("5870 + 0 - 400 = 5470")
    expect(shown(february, "debt")).toBe("0 + 6 - 0 = 6")
    expect(february).toMatchObject({ is_complete: false, totals: { purchase_count: 0, paid_nanos: 0n } })
  })

  test("counts held credit as the customer's, over the end of a month too", async () => {
    const wallet = await openTestWallet(5_000)
    const meter = await wallet.open()
    expect(shown(await statementOf(wallet, "2026-01"), "token")).toBe("0 + 5000 - 0 = 5000")
    wallet.clock.advance(31 * DAY_MS)
    await endMeter(wallet.needs, meter, outcomeOf({ reported: { usage: usageOf({ output_tokens: 100 }) } }))
    expect(shown(await statementOf(wallet, "2026-01"), "token")).toBe("0 + 5000 - 0 = 5000")
    expect(shown(await statementOf(wallet, "2026-02"), "token")).toBe("5000 + 0 - 1000 = 4000")
  })

  test("of a month before the customer came is empty, as is that of one without anything", async () => {
    const wallet = await openTestWallet(5_000)
    for (const month of ["2025-12", "1999-01"]) {
      const statement = await statementOf(wallet, month)
      for (const name of ["token", "cash", "debt"] as const)
        expect(shown(statement, name)).toBe("0 + 0 - 0 = 0")
      expect(statement).toMatchObject({ movements: [], usage: [], is_complete: true })
    }
    wallet.clock.advance(62 * DAY_MS)
    expect(shown(await statementOf(wallet, "2026-02"), "token")).toBe("5000 + 0 - 0 = 5000")
  })

  test("of a customer who does not exist is refused", async () => {
    const wallet = await openTestWallet()
    await expect(statementOf(wallet, "2026-01", "cus_9")).rejects.toMatchObject({ reason: "not_found" })
  })

  test("is exact beyond what a number holds", async () => {
    const wallet = await openTestWallet()
    const most = 9_000_000_000_000_000 as Nanos
    for (let round = 0; round < 3; round++) {
      await wallet.post([transferOf({ id: `in${round}`, amount_nanos: most })])
      const back = { from: "cus_1/token", to: "system/issue_admin", amount_nanos: (most - 1) as Nanos }
      await wallet.post([transferOf({ id: `out${round}`, ...back })])
      await wallet.post([transferOf({ id: `rest${round}`, ...back, amount_nanos: 1 as Nanos })])
    }
    expect(shown(await statementOf(wallet, "2026-01"), "token")).toBe(
      "0 + 27000000000000000 - 27000000000000000 = 0",
    )
  })

  test("that does not add up is not given out", async () => {
    const statement = await statementOf(await openTestWallet(5), "2026-01")
    expect(() => assertAddsUp(statement)).not.toThrow()
    for (const name of ["token", "cash", "debt"] as const) {
      const wallets = { ...statement.wallets, [name]: { ...statement.wallets[name], out_nanos: 1n } }
      expect(() => assertAddsUp({ ...statement, wallets })).toThrow(/does not add up in 2026-01/)
    }
  })
})

describe("random histories", () => {
  type Step =
    | { act: "wait"; hours: number }
    | { act: "move"; from_to: readonly [string, string]; amount: number }
    | { act: "open"; input: number }
    | { act: "end"; input: number; output: number; is_reported: boolean }

  const WAYS = [
    ["system/issue_package", "cus_1/token"],
    ["system/issue_bonus", "cus_1/token"],
    ["system/issue_checkin", "cus_1/token"],
    ["cus_1/token", "system/issue_package"],
    ["system/stripe", "cus_1/cash"],
    ["cus_1/cash", "system/sales_package"],
    ["system/debt", "cus_1/cash_debt"],
    ["cus_1/cash_debt", "system/debt"],
    ["system/expense_referral", "cus_1/referral_pending"],
    ["cus_1/referral_pending", "cus_1/cash"],
    ["system/issue_package", "cus_2/token"],
  ] as const

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({ act: fc.constant("wait" as const), hours: fc.integer({ min: 0, max: 900 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant("move" as const),
        from_to: fc.constantFrom(...WAYS),
        amount: fc.integer({ min: 1, max: 50_000 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ act: fc.constant("open" as const), input: fc.integer({ min: 1, max: 3_000 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constant("end" as const),
        input: fc.integer({ min: 0, max: 20_000 }),
        output: fc.integer({ min: 0, max: 500 }),
        is_reported: fc.boolean(),
      }),
    },
  )

  async function play(wallet: TestWallet, steps: readonly Step[]): Promise<void> {
    const open: Meter[] = []
    for (const [number, step] of steps.entries()) {
      if (step.act === "wait") wallet.clock.advance(step.hours * 3_600_000)
      if (step.act === "move") {
        const [from, to] = step.from_to
        // Refused where the account has too little: part of a history too.
        await wallet.post([
          transferOf({ id: `t${number}`, kind: "random", from, to, amount_nanos: step.amount as Nanos }),
        ])
      }
      if (step.act === "open") {
        const admission = { request_id: `req_${number}`, estimated_input_tokens: step.input }
        open.push(
          ...(await wallet.open(admission).then(
            meter => [meter],
            () => [],
          )),
        )
      }
      const meter = step.act === "end" ? open.shift() : undefined
      if (step.act === "end" && meter) {
        const usage = usageOf({ input_tokens: step.input, output_tokens: step.output })
        await endMeter(wallet.needs, meter, outcomeOf(step.is_reported ? { reported: { usage } } : {}))
      }
    }
  }

  function monthsUntil(now: number): string[] {
    const names: string[] = []
    for (
      let at = Date.UTC(2025, 11);
      at <= now;
      at = Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth() + 1)
    )
      names.push(new Date(at).toISOString().slice(0, 7))
    return names
  }

  test("each month adds up, each opening is the closing before, all together are the balance", async () => {
    await checkPropertyAsync(
      import.meta.path,
      fc.array(step, { minLength: 5, maxLength: 60 }),
      async steps => {
        const wallet = await openTestWallet(20_000)
        await wallet.addCustomer("cus_2")
        await play(wallet, steps)
        expect(await wallet.findings()).toEqual([])
        const before = { token: 0n, cash: 0n, debt: 0n }
        for (const name of monthsUntil(wallet.clock.now())) {
          const { wallets, movements, usage } = await statementOf(wallet, name)
          for (const one of ["token", "cash", "debt"] as const) {
            const lines = movements.filter(movement => movement.wallet === one)
            const charged = one === "token" ? usage.reduce((sum, line) => sum + line.charged_nanos, 0n) : 0n
            const net = lines.reduce((sum, line) => sum + line.in_nanos - line.out_nanos, -charged)
            expect(wallets[one].opening_nanos).toBe(before[one])
            expect(wallets[one].closing_nanos).toBe(before[one] + net)
            before[one] = wallets[one].closing_nanos
          }
        }
        const { token, token_held, cash, cash_debt } = await getBalances(wallet.store.read, "cus_1")
        expect(before).toEqual({
          token: BigInt(token + token_held),
          cash: BigInt(cash),
          debt: BigInt(cash_debt),
        })
      },
    )
  })
})
