/** Servers on made books: whether a metered request takes longer when the file holds millions of transfers. */
import { constants, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { createKey } from "../../src/auth/keys.ts"
import { createVault } from "../../src/auth/vault.ts"
import { systemClock } from "../../src/platform/clock.ts"
import { createEvents } from "../../src/platform/events.ts"
import { createNewId, systemRandom } from "../../src/platform/ids.ts"
import { openStore, type TxQuery } from "../../src/platform/store.ts"
import { sealLedger } from "../../src/wallet/books/seal.ts"
import type { Nanos } from "../../src/wallet/ledger/nanos.ts"
import { post } from "../../src/wallet/ledger/post.ts"
import { type BooksSize, customerId, makeBooks } from "../books/made-books.ts"
import type { Gateway } from "./gateways.ts"

/** The same program three times: what the two small ones differ by is the noise of the machine. */
export const booksRows = { small: "small books", again: "small books, again", large: "large books" } as const

const SMALL: BooksSize = { customer_count: 5_000, transfer_count: 25_000 }
const CREDIT = 1_000_000_000_000 as Nanos

const root = resolve(import.meta.dir, "../..")
const cache = join(root, ".cache/bench-books")

/** What to measure with: the large books, and how many customers ask in turns, each from another part of the file. */
export interface BooksPlan extends BooksSize {
  caller_count: number
}

/** Reads `<customers>,<transfers>` and how many callers. Throws when they are not that. */
export function readBooksPlan(text: string, callers: string): BooksPlan {
  const match = /^([1-9]\d{3,7}),([1-9]\d{3,8})$/.exec(text)
  const [customer_count = 0, transfer_count = 0] = match?.slice(1).map(Number) ?? []
  const caller_count = Number(callers)
  const is_plan = customer_count >= SMALL.customer_count && transfer_count >= 3 * customer_count
  const has_callers =
    Number.isInteger(caller_count) && caller_count > 0 && caller_count <= SMALL.customer_count
  if (is_plan && has_callers) return { customer_count, transfer_count, caller_count }
  const example = "--books 1000000,10000000 --callers 64"
  const most = `${SMALL.customer_count} customers`
  throw new Error(
    `${example}: at least ${most}, three transfers for each or more, at most as many callers; not ${text}`,
  )
}

/** The rows to measure instead of the program on an empty file. */
export function booksGateways(program: Gateway, plan: BooksPlan): Gateway[] {
  const { prepare: _, ...row } = program
  const { caller_count } = plan
  const onBooks = (name: string, books: BooksSize): Gateway => ({
    ...row,
    name,
    fill: folder => fillFolder(folder, { books, caller_count, secret: row.env.CODEXAPI_SECRET ?? "" }),
  })
  return [onBooks(booksRows.small, SMALL), onBooks(booksRows.again, SMALL), onBooks(booksRows.large, plan)]
}

/** Copies the books into the folder, makes keys of customers from all over them, and gives the keys. */
async function fillFolder(
  folder: string,
  { books, caller_count, secret }: { books: BooksSize; caller_count: number; secret: string },
): Promise<string[]> {
  const path = join(folder, "codexapi.db")
  mkdirSync(folder, { recursive: true })
  await copyFile(await cachedBooks(books), path, constants.COPYFILE_FICLONE)
  const store = openStore({ path, migrations: "main", synchronous: "NORMAL" })
  const vault = createVault(secret, systemRandom)
  const needs = { clock: systemClock, random: systemRandom, vault, events: createEvents(), store }
  const keyNeeds = { ...needs, newId: createNewId(needs) }
  try {
    // As a server would have done each day: else it does it now, while it is measured.
    await sealLedger(needs)
    return await store.tx(async q => {
      const tokens: string[] = []
      const step = Math.floor(books.customer_count / caller_count)
      for (let caller = 0; caller < caller_count; caller++) {
        const customer_id = customerId(caller * step)
        await giveCredit(q, customer_id)
        tokens.push((await createKey(q, keyNeeds, { customer_id, kind: "user", name: "bench" })).token)
      }
      return tokens
    })
  } finally {
    await store.close()
  }
}

async function giveCredit(q: TxQuery, customer_id: string): Promise<void> {
  const id = `admin:bench:${customer_id}`
  const now = systemClock.now()
  const posted = await post(q, now, [
    {
      id,
      group_id: id,
      kind: "admin_credit",
      from: "system/issue_admin",
      to: `${customer_id}/token`,
      amount_nanos: CREDIT,
      ref: "bench",
      actor: "admin:bench",
      event_at: now,
    },
  ])
  if (posted.kind !== "posted") throw new Error(`${customer_id} got no credit: ${posted.kind}`)
}

/** Ten million transfers take minutes and 5 GB: they are made once for as long as their making does not change. */
async function cachedBooks(size: BooksSize): Promise<string> {
  const sources = ["test/books/made-books.ts", ...migrationFiles()].map(file =>
    readFileSync(join(root, file)),
  )
  const version = new Bun.CryptoHasher("sha256").update(Buffer.concat(sources)).digest("hex").slice(0, 12)
  const name = `${size.customer_count}-${size.transfer_count}`
  const path = join(cache, `${name}-${version}.db`)
  if (existsSync(path)) return path
  mkdirSync(cache, { recursive: true })
  for (const old of readdirSync(cache)) if (old.startsWith(`${name}-`)) rmSync(join(cache, old))
  process.stderr.write(`… making books of ${name.replace("-", " customers and ")} transfers\n`)
  const draft = `${path}.draft`
  makeBooks(draft, { ...size, end_at: systemClock.now() })
  const store = openStore({ path: draft, migrations: "main", synchronous: "NORMAL" })
  await sealLedger({ store, clock: systemClock, events: createEvents() })
  await store.close()
  renameSync(draft, path)
  for (const old of [`${draft}-wal`, `${draft}-shm`]) rmSync(old, { force: true })
  return path
}

const migrationFiles = (): string[] =>
  readdirSync(join(root, "db/migrations/main"))
    .filter(file => file.endsWith(".sql"))
    .sort()
    .map(file => `db/migrations/main/${file}`)
