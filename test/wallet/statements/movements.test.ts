/** Movements: which transfers are among them, what each is called, and that the partial indexes find them. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { endMeter } from "../../../src/wallet/metering/settle.ts"
import { LIST, listMovements, SUM, sumMovements } from "../../../src/wallet/statements/movements.ts"
import { openTestWallet, outcomeOf, transferOf, usageOf } from "../../support/wallet.ts"

const always = { start_at: 0, end_at: Number.MAX_SAFE_INTEGER }
const of = (customer_id = "cus_1") => ({ customer_id, month: always })

describe("looking movements up", () => {
  test("uses the indexes that leave out model usage, in every part of both statements", async () => {
    const { store } = await openTestWallet()
    const plansOf = async (sql: string, ...values: number[]) => {
      const accounts = ["a", "b", "c", "d"]
      const plan = await store.read.all<{ detail: string }>(
        `EXPLAIN QUERY PLAN ${sql}`,
        ...accounts,
        ...values,
      )
      return plan.map(({ detail }) => detail).filter(detail => /ledger_transfer|\bt\b/.test(detail))
    }
    const search = (side: string, column: string, range: string) =>
      expect.stringMatching(
        new RegExp(`^SEARCH \\w+ USING INDEX ledger_transfer_by_${side} \\(${column}=\\? AND ${range}\\)$`),
      )
    const between = "created_at>\\? AND created_at<\\?"
    expect(await plansOf(LIST, 0, 1)).toEqual([
      search("giver", "from_account", between),
      search("taker", "to_account", between),
    ])
    expect(await plansOf(SUM, 1)).toEqual([
      search("giver", "from_account", "created_at<\\?"),
      search("taker", "to_account", "created_at<\\?"),
    ])
  })

  test("holds, settlements, releases and overruns are not among them", async () => {
    const wallet = await openTestWallet(100_000)
    const usage = usageOf({ input_tokens: 9_000, output_tokens: 50 })
    await endMeter(wallet.needs, await wallet.open(), outcomeOf({ reported: { usage } }))
    expect((await wallet.transfers()).join()).toContain(":overrun")
    expect((await listMovements(wallet.store.read, of())).map(({ id }) => id)).toEqual(["start"])
    expect(await sumMovements(wallet.store.read, { customer_id: "cus_1", until: always.end_at })).toEqual({
      token: 100_000n,
      cash: 0n,
      debt: 0n,
    })
  })

  test("another customer's are not among them, even where his id begins with mine", async () => {
    const wallet = await openTestWallet(100)
    await wallet.addCustomer("cus_11")
    await wallet.post([transferOf({ id: "theirs", to: "cus_11/token" })])
    expect((await listMovements(wallet.store.read, of())).map(({ id }) => id)).toEqual(["start"])
    expect((await listMovements(wallet.store.read, of("cus_11"))).map(({ id }) => id)).toEqual(["theirs"])
  })

  test("the first millisecond of a month is in it, the first of the next is not", async () => {
    const wallet = await openTestWallet()
    const start_at = wallet.clock.now()
    await wallet.post([transferOf({ id: "first" })])
    wallet.clock.advance(999)
    await wallet.post([transferOf({ id: "last" })])
    wallet.clock.advance(1)
    await wallet.post([transferOf({ id: "next" })])
    const month = { start_at, end_at: start_at + 1_000 }
    const found = await listMovements(wallet.store.read, { customer_id: "cus_1", month })
    expect(found.map(({ id }) => id)).toEqual(["first", "last"])
    const sums = await sumMovements(wallet.store.read, { customer_id: "cus_1", until: month.end_at })
    expect(sums.token).toBe(2n)
  })
})

describe("a movement is called by where the money came from", () => {
  test.each([
    ["package_credit", "system/issue_package", "cus_1/token", "token", "purchase"],
    ["cash_load", "system/stripe", "cus_1/cash", "cash", "payment"],
    ["cash_load", "system/stripe_test", "cus_1/cash", "cash", "payment"],
    ["package_credit", "system/plan_payments", "cus_1/cash", "cash", "payment"],
    ["bonus_credit", "system/issue_bonus", "cus_1/token", "token", "bonus"],
    ["signup", "system/issue_signup", "cus_1/token", "token", "reward"],
    ["checkin", "system/issue_checkin", "cus_1/token", "token", "reward"],
    ["share", "system/issue_share", "cus_1/token", "token", "reward"],
    ["gumroad", "system/issue_gumroad", "cus_1/token", "token", "reward"],
    ["refund_debt", "system/debt", "cus_1/cash_debt", "debt", "refund"],
    ["dispute_credit_returned", "system/issue_package", "cus_1/token", "token", "dispute"],
    ["refund_cash_returned", "system/sales_package", "cus_1/cash", "cash", "refund"],
    ["admin_credit", "system/issue_admin", "cus_1/token", "token", "adjustment"],
    ["admin_credit", "system/issue_cash_admin", "cus_1/cash", "cash", "adjustment"],
  ] as const)("%s from %s to %s is, in %s, a %s", async (kind, from, to, wallet_name, type) => {
    const wallet = await openTestWallet()
    await wallet.post([transferOf({ kind, from, to, amount_nanos: 7 as Nanos, ref: "why" })])
    expect(await listMovements(wallet.store.read, of())).toEqual([
      {
        wallet: wallet_name,
        type,
        id: "t1",
        kind,
        ref: "why",
        in_nanos: 7n,
        out_nanos: 0n,
        created_at: wallet.clock.now(),
        purchase: null,
      },
    ])
  })

  test.each([
    ["package_payment", "cus_1/cash", "system/sales_package", "cash", "purchase"],
    ["dispute_credit", "cus_1/token", "system/issue_package", "token", "dispute"],
    ["debt_collected", "cus_1/token", "system/issue_package", "token", "debt"],
    ["debt_collected", "cus_1/cash_debt", "system/debt", "debt", "debt"],
    ["admin_debit", "cus_1/token", "system/issue_admin", "token", "adjustment"],
  ] as const)("%s from %s to %s takes from %s as a %s", async (kind, from, to, wallet_name, type) => {
    const wallet = await openTestWallet()
    const fill = {
      "cus_1/cash": "system/issue_cash_admin",
      "cus_1/token": "system/issue_admin",
      "cus_1/cash_debt": "system/debt",
    }[from]
    await wallet.post([transferOf({ id: "t0", from: fill, to: from, amount_nanos: 9 as Nanos })])
    await wallet.post([transferOf({ kind, from, to, amount_nanos: 7 as Nanos })])
    const [, taken] = await listMovements(wallet.store.read, of())
    expect(taken).toMatchObject({ wallet: wallet_name, type, in_nanos: 0n, out_nanos: 7n })
  })

  test("commission that is paid out is a reward, on the Cash Wallet only", async () => {
    const wallet = await openTestWallet()
    const pending = "cus_1/referral_pending"
    await wallet.post([transferOf({ id: "t1", from: "system/expense_referral", to: pending })])
    await wallet.post([transferOf({ id: "t2", kind: "referral_payout", from: pending, to: "cus_1/cash" })])
    const found = await listMovements(wallet.store.read, of())
    expect(found.map(({ id, wallet, type }) => [id, wallet, type])).toEqual([["t2", "cash", "reward"]])
  })
})
