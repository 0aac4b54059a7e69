/** Tests of the trial balance: every account by its kind, exact, and zero in the end. */
import { describe, expect, test } from "bun:test"
import {
  createTrialBalance,
  readTrialBalance,
  toApiTrialLine,
} from "../../../src/wallet/books/trial-balance.ts"
import { openStoryBooks } from "../../books/story-books.ts"
import { openTestWallet } from "../../support/wallet.ts"

describe("the trial balance", () => {
  test("sums the accounts of all customers by their kind, system accounts by name", async () => {
    const wallet = await openTestWallet(1_500_000_000)
    await wallet.addCustomer("cus_2")
    await wallet.open()
    expect((await readTrialBalance(wallet.store.read)).map(toApiTrialLine)).toEqual([
      {
        ledger: "token",
        account: "customers/token",
        givenUsd: "0.000002",
        takenUsd: "1.50",
        balanceUsd: "1.499998",
      },
      {
        ledger: "token",
        account: "customers/token_held",
        givenUsd: "0.00",
        takenUsd: "0.000002",
        balanceUsd: "0.000002",
      },
      {
        ledger: "token",
        account: "system/issue_admin",
        givenUsd: "1.50",
        takenUsd: "0.00",
        balanceUsd: "-1.50",
      },
    ])
  })

  test("adds up to zero in each ledger, and says of customers what their balances say", async () => {
    const { store } = await openStoryBooks()
    const lines = await readTrialBalance(store.read)
    for (const ledger of ["cash", "token"]) {
      const ours = lines.filter(line => line.ledger === ledger)
      expect(ours.length).toBeGreaterThan(3)
      expect(ours.reduce((sum, { given, taken }) => sum + taken - given, 0n)).toBe(0n)
    }
    const cached = await store.read.all<{ kind: string; nanos: number }>(
      "SELECT kind, sum(balance_nanos) AS nanos FROM ledger_account GROUP BY kind HAVING nanos <> 0",
    )
    for (const { kind, nanos } of cached) {
      const line = lines.find(({ account }) => account === `customers/${kind}`)!
      expect([kind, line.taken - line.given]).toEqual([kind, BigInt(nanos)])
    }
  })

  test("is exact beyond what a number holds", () => {
    const balance = createTrialBalance()
    for (let n = 0; n < 3; n++)
      balance.add({
        ledger: "token",
        from: "system/issue_admin",
        to: "cus_1/token",
        nanos: 9_000_000_000_000_001n,
      })
    expect(balance.lines().map(({ account, given, taken }) => [account, taken - given])).toEqual([
      ["customers/token", 27_000_000_000_000_003n],
      ["system/issue_admin", -27_000_000_000_000_003n],
    ])
  })

  test("of nothing is empty", async () => {
    expect(await readTrialBalance((await openTestWallet()).store.read)).toEqual([])
  })
})
