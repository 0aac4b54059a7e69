/** Small books in memory on which every story was told once: what tests of the auditor's side read and damage. */
import type { Store } from "../../src/platform/store.ts"
import { verifyBooks } from "../../src/wallet/books/verify.ts"
import { openAccounts } from "../../src/wallet/ledger/accounts.ts"
import type { TestClock } from "../support/clock.ts"
import { createTestClock } from "../support/clock.ts"
import { openTestStore } from "../support/store.ts"
import { customerId } from "./made-books.ts"
import { STORIES, tellStories } from "./stories.ts"

/** Stories are told two days before. */
export const STORIES_END = Date.UTC(2026, 5, 30)

export interface StoryBooks {
  store: Store
  /** At the end. */
  clock: TestClock
  /** Every finding of every law, as `<number of the law>: <finding>`. */
  findings(): Promise<string[]>
  /** The first column of a row that must be there. */
  pick(sql: string): Promise<string>
  /** Runs SQL that triggers and checks would refuse. */
  damage(...statements: string[]): Promise<void>
}

const INSERT = `INSERT INTO customer (id, email, password_hash, status, created_at) VALUES (?, ?, 'hash', 'active', 0)`

/** Customers without anything, for every story. */
export const addCustomers = (store: Store): Promise<void> =>
  store.tx(async q => {
    for (let n = 0; n < 2 * STORIES.length; n++) {
      await q.run(INSERT, customerId(n), `customer${n}@example.com`)
      await openAccounts(q, customerId(n))
    }
  })

/** Tells each story once; wants `addCustomers`. */
export const tellEachStory = (store: Store): Promise<void> =>
  tellStories(store, { story_count: STORIES.length, end_at: STORIES_END })

export async function openStoryBooks(): Promise<StoryBooks> {
  const store = openTestStore()
  await addCustomers(store)
  await tellEachStory(store)
  return {
    store,
    clock: createTestClock(STORIES_END),
    async findings() {
      const laws = await verifyBooks(store.read)
      return laws.flatMap(({ law, findings }) => findings.map(finding => `${law[0]}: ${finding}`))
    },
    async pick(sql) {
      const row = await store.read.get<Record<string, string>>(sql)
      if (!row) throw new Error(`no row: ${sql}`)
      return Object.values(row)[0]!
    },
    damage: (...statements) => damage(store, statements),
  }
}

async function damage(store: Store, statements: string[]): Promise<void> {
  const triggers = await store.read.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
  )
  await store.read.run("PRAGMA ignore_check_constraints = ON")
  await store.read.run("PRAGMA foreign_keys = OFF")
  await store.tx(async q => {
    for (const { name } of triggers) await q.run(`DROP TRIGGER ${name}`)
    for (const statement of statements)
      if ((await q.run(statement)) === 0) throw new Error(`nothing to damage: ${statement}`)
  })
  await store.read.run("PRAGMA foreign_keys = ON")
  await store.read.run("PRAGMA ignore_check_constraints = OFF")
}
