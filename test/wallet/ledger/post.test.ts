/** Tests of the only writer of money: each answer it can give, and that a refusal leaves nothing behind. */
import { describe, expect, test } from "bun:test"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import type { PostResult, Transfer } from "../../../src/wallet/ledger/post.ts"
import { openTestWallet, transferOf } from "../../support/wallet.ts"

const nanos = (amount: number) => amount as Nanos
const WALLET = "cus_1/token"
const HELD = "cus_1/token_held"
const ADMIN = "system/issue_admin"
const LIMIT = 9_000_000_000_000_000

const hold = (transfer: Partial<Transfer>) =>
  transferOf({ kind: "hold", from: WALLET, to: HELD, ...transfer })

interface Case {
  name: string
  transfers: Transfer[]
  result: PostResult
  /** Free and held afterwards; 100 and 0 before. */
  balances: [number, number]
}

const CASES: Case[] = [
  {
    name: "a credit is posted",
    transfers: [transferOf({ amount_nanos: nanos(7) })],
    result: { kind: "posted" },
    balances: [107, 0],
  },
  {
    name: "a hold moves credit from free to held",
    transfers: [hold({ amount_nanos: nanos(60) })],
    result: { kind: "posted" },
    balances: [40, 60],
  },
  {
    name: "everything that is there can be taken",
    transfers: [hold({ amount_nanos: nanos(100) })],
    result: { kind: "posted" },
    balances: [0, 100],
  },
  {
    name: "one nano more than that cannot",
    transfers: [hold({ amount_nanos: nanos(101) })],
    result: { kind: "insufficient", account: WALLET, available_nanos: nanos(100) },
    balances: [100, 0],
  },
  {
    name: "two transfers of one call apply one after the other",
    transfers: [
      hold({ amount_nanos: nanos(100) }),
      transferOf({ id: "t2", from: HELD, to: WALLET, amount_nanos: nanos(30) }),
    ],
    result: { kind: "posted" },
    balances: [30, 70],
  },
  {
    name: "when the second is refused the first is undone",
    transfers: [hold({ amount_nanos: nanos(60) }), hold({ id: "t2", amount_nanos: nanos(60) })],
    result: { kind: "insufficient", account: WALLET, available_nanos: nanos(40) },
    balances: [100, 0],
  },
  {
    name: "the same transfer as before exists already",
    transfers: [transferOf({ id: "start", amount_nanos: nanos(100) })],
    result: { kind: "exists" },
    balances: [100, 0],
  },
  {
    name: "the time and the actor of a repeat do not matter",
    transfers: [transferOf({ id: "start", amount_nanos: nanos(100), actor: "customer:cus_1", event_at: 99 })],
    result: { kind: "exists" },
    balances: [100, 0],
  },
  ...(
    [
      ["another amount", { amount_nanos: nanos(99) }],
      ["another kind", { kind: "bonus" }],
      ["another group", { group_id: "g2" }],
      ["another reference", { ref: "because" }],
      ["another account", { from: "system/issue_bonus" }],
    ] as const
  ).map(
    ([what, other]): Case => ({
      name: `a known id with ${what} is a conflict`,
      transfers: [transferOf({ id: "start", amount_nanos: nanos(100), ...other })],
      result: { kind: "conflict", id: "start" },
      balances: [100, 0],
    }),
  ),
  {
    name: "a call of which half is known is a conflict, and the new half is not posted",
    transfers: [
      transferOf({ id: "start", amount_nanos: nanos(100) }),
      transferOf({ id: "t2", amount_nanos: nanos(5) }),
    ],
    result: { kind: "conflict", id: "start" },
    balances: [100, 0],
  },
  {
    name: "the same id twice in one call is a conflict",
    transfers: [transferOf({ amount_nanos: nanos(5) }), transferOf({ amount_nanos: nanos(5) })],
    result: { kind: "conflict", id: "t1" },
    balances: [100, 0],
  },
  {
    name: "an account cannot rise above the ledger's range",
    transfers: [transferOf({ amount_nanos: nanos(LIMIT - 99) })],
    result: { kind: "limit", account: WALLET },
    balances: [100, 0],
  },
  ...(
    [
      ["a customer nobody knows pays", { from: "cus_9/token", to: ADMIN }, "cus_9/token"],
      ["a customer nobody knows receives", { to: "cus_9/token" }, "cus_9/token"],
      ["a kind of account nobody knows pays", { from: "cus_1/pocket", to: ADMIN }, "cus_1/pocket"],
      ["a system account nobody knows receives", { from: WALLET, to: "system/pocket" }, "system/pocket"],
      ["a name of JavaScript's own pays", { from: "constructor", to: WALLET }, "constructor"],
    ] as const
  ).map(
    ([name, accounts, account]): Case => ({
      name,
      transfers: [transferOf({ ...accounts })],
      result: { kind: "unknown_account", account },
      balances: [100, 0],
    }),
  ),
]

describe("post", () => {
  test.each(CASES)("$name", async ({ transfers, result, balances }) => {
    const wallet = await openTestWallet(100)
    const before = await wallet.transfers("g1")
    expect(await wallet.post(transfers)).toEqual(result)
    expect(await wallet.balances()).toEqual(balances)
    const written = result.kind === "posted" ? transfers.length : 0
    expect((await wallet.transfers("g1")).length).toBe(before.length + written)
    expect(await wallet.store.read.all("SELECT * FROM ledger_account WHERE customer_id <> 'cus_1'")).toEqual(
      [],
    )
  })

  test("a frozen wallet pays nothing and still receives", async () => {
    const wallet = await openTestWallet(100)
    await wallet.store.tx(q => q.run("UPDATE ledger_account SET is_frozen = 1 WHERE id = ?", WALLET))
    expect(await wallet.post([hold({})])).toEqual({ kind: "frozen", account: WALLET })
    expect(await wallet.post([transferOf({ id: "t2" })])).toEqual({ kind: "posted" })
    expect(await wallet.balances()).toEqual([101, 0])
  })

  test.each([
    ["crosses ledgers", { from: "system/stripe", to: WALLET }],
    ["a sink", { from: "system/revenue_usage", to: WALLET }],
    ["a source", { from: WALLET, to: "system/issue_signup" }],
  ])("a caller that is wrong about the chart (%s) is told by a throw", async (message, accounts) => {
    const wallet = await openTestWallet(100)
    await expect(wallet.post([transferOf({ id: "t2" }), transferOf(accounts)])).rejects.toThrow(message)
    expect(await wallet.balances()).toEqual([100, 0])
  })

  test.each([0, -1, 0.5])("an amount of %p is refused by the schema", async amount => {
    const wallet = await openTestWallet(100)
    await expect(wallet.post([transferOf({ amount_nanos: nanos(amount) })])).rejects.toThrow()
    expect(await wallet.balances()).toEqual([100, 0])
  })

  test("a purchase moves cash and token credit together, or neither", async () => {
    const wallet = await openTestWallet(100)
    await wallet.post([
      transferOf({ id: "pay", from: "system/stripe", to: "cus_1/cash", amount_nanos: nanos(50) }),
    ])
    const buy = (id: string) => [
      transferOf({ id: `${id}:token`, from: "system/issue_package", amount_nanos: nanos(30) }),
      transferOf({
        id: `${id}:cash`,
        from: "cus_1/cash",
        to: "system/sales_package",
        amount_nanos: nanos(30),
      }),
    ]
    expect(await wallet.post(buy("package:1"))).toEqual({ kind: "posted" })
    expect(await wallet.post(buy("package:2"))).toMatchObject({ kind: "insufficient", account: "cus_1/cash" })
    expect(await wallet.post(buy("package:1"))).toEqual({ kind: "exists" })
    expect(await wallet.balances()).toEqual([130, 0])
    expect(await wallet.findings()).toEqual([])
  })

  test("50 at once with one id: posted once, the others are told that it exists", async () => {
    const wallet = await openTestWallet(100)
    const results = await Promise.all(
      Array.from({ length: 50 }, () => wallet.post([hold({ amount_nanos: nanos(9) })])),
    )
    expect(countKinds(results)).toEqual({ posted: 1, exists: 49 })
    expect(await wallet.balances()).toEqual([91, 9])
  })

  test("50 at once on credit for two: two are posted, the others are refused", async () => {
    const wallet = await openTestWallet(100)
    const take = (_: unknown, index: number) =>
      wallet.post([hold({ id: `hold:${index}`, amount_nanos: nanos(40) })])
    const results = await Promise.all(Array.from({ length: 50 }, take))
    expect(countKinds(results)).toEqual({ posted: 2, insufficient: 48 })
    expect(await wallet.balances()).toEqual([20, 80])
  })

  test.each([
    "UPDATE ledger_transfer SET amount_nanos = 1",
    "DELETE FROM ledger_transfer",
    "UPDATE ledger_account SET balance_nanos = -1",
    "UPDATE ledger_account SET balance_nanos = 9000000000000001",
  ])("the schema itself refuses %p", async statement => {
    const wallet = await openTestWallet(100)
    await expect(wallet.store.tx(q => q.run(statement))).rejects.toThrow()
    expect(await wallet.balances()).toEqual([100, 0])
  })
})

function countKinds(results: PostResult[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind } of results) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
