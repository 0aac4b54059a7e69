/** Tests of the hledger journal: read by a grammar of its own, it says the same as the ledger. */
import { describe, expect, test } from "bun:test"
import { exportLedger } from "../../../src/wallet/books/export.ts"
import { readTrialBalance } from "../../../src/wallet/books/trial-balance.ts"
import { readJournal } from "../../books/hledger.ts"
import { openStoryBooks, type StoryBooks } from "../../books/story-books.ts"

async function exportJournal({ store }: StoryBooks, until?: number): Promise<string> {
  const pieces = exportLedger(store.read, { format: "hledger", since: undefined, until })
  return (await Array.fromAsync(pieces)).join("")
}

interface Row {
  id: string
  kind: string
  ledger: string
  from_account: string
  to_account: string
  amount_nanos: number
}

const nameOf = (account: string): string => {
  const [owner = "", kind = ""] = account.split("/")
  return owner === "system" ? `system:${kind}` : `customers:${kind}:${owner}`
}

describe("the hledger journal", () => {
  test("has each transfer as a transaction that balances, and the trial balance as assertions that hold", async () => {
    const books = await openStoryBooks()
    const journal = readJournal(await exportJournal(books))
    const rows = await books.store.read.all<Row>("SELECT * FROM ledger_transfer ORDER BY created_at, id")
    const transfers = journal.transactions.filter(({ tags }) => tags.has("id"))
    expect(
      transfers.map(({ description, tags, postings }) => [tags.get("id"), description, postings]),
    ).toEqual(
      rows.map(row => {
        const commodity = row.ledger === "cash" ? "USD" : '"USD-TOKEN"'
        const nanos = BigInt(row.amount_nanos)
        return [
          row.id,
          row.kind,
          [
            { account: nameOf(row.to_account), nanos, commodity },
            { account: nameOf(row.from_account), nanos: -nanos, commodity },
          ],
        ]
      }),
    )
    expect(journal.assertion_count).toBe((await readTrialBalance(books.store.read)).length)
    expect(journal.comments.at(-1)).toMatch(
      new RegExp(`^${rows.length} transfers, SHA-256 chain ends in [0-9a-f]{64}$`),
    )
  })

  test("of nothing is a journal too", async () => {
    const books = await openStoryBooks()
    expect(readJournal(await exportJournal(books, 0)).transactions).toEqual([])
  })

  test("words of an operator cannot become lines, postings or dates of it", async () => {
    const books = await openStoryBooks()
    await books.damage(
      `UPDATE ledger_transfer SET ref = 'x' || char(10) || '2026-01-01 * theft' || char(8232) || ' [2026-01-01]',
         actor = 'admin:' || char(13) || ';', kind = 'a;b|c' || char(10) || '(d)' WHERE kind = 'share'`,
    )
    const { transactions } = readJournal(await exportJournal(books))
    const forged = transactions.filter(({ tags }) => tags.get("ref")?.includes("theft"))
    expect(forged.map(({ description, tags }) => [description, tags.get("ref"), tags.get("actor")])).toEqual([
      ["a b c  d ", "x 2026-01-01 * theft  [2026-01-01]", "admin: ;"],
    ])
  })

  test("an account with a strange name, and a time that is none, still make a journal", async () => {
    const books = await openStoryBooks()
    await books.damage(
      "UPDATE ledger_transfer SET to_account = 'a  b', created_at = 9e15 WHERE kind = 'share'",
      "UPDATE ledger_transfer SET from_account = '' WHERE kind = 'checkin'",
    )
    const { transactions } = readJournal(await exportJournal(books))
    const share = transactions.find(({ description }) => description === "share")
    expect(share).toMatchObject({ day: "9999-12-31", postings: [{ account: "customers:a__b:_" }, {}] })
  })
})
