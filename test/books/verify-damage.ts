/** Makes books of a size, times verify-ledger on them, and shows that it finds ten kinds of damage; see --help. */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { createEvents } from "../../src/platform/events.ts"
import { openStore, type Query } from "../../src/platform/store.ts"
import { sealLedger } from "../../src/wallet/books/seal.ts"
import { verifyBooks } from "../../src/wallet/books/verify.ts"
import type { LawReport } from "../../src/wallet/ledger/verify.ts"
import { createTestClock } from "../support/clock.ts"
import { DAMAGE, type Damage } from "./damage.ts"
import { makeBooks } from "./made-books.ts"
import { tellStories } from "./stories.ts"

const HELP = `scripts/verify-damage [options]
  --transfers N   in the ledger, about (default 1000000, as in CI)
  --customers N   default a tenth of the transfers`

/** For 1,000,000 transfers. A machine that is shared may need longer: only far beyond it the run fails. */
const AIM_SECONDS = 10
const HARD_STOP = 6
/** One customer in so many has a story beside model usage. */
const STORY_EVERY = 50

const { values } = parseArgs({
  options: {
    transfers: { type: "string", default: "1000000" },
    customers: { type: "string" },
    help: { type: "boolean", default: false },
  },
})

const END_AT = Date.UTC(2026, 9, 1)
const HOUR_MS = 3_600_000

async function main(): Promise<number> {
  const transfer_count = numberOf("transfers", values.transfers)
  const customer_count = numberOf("customers", values.customers ?? String(Math.ceil(transfer_count / 10)))
  const folder = mkdtempSync(join(tmpdir(), "codexapi-books-"))
  try {
    const path = join(folder, "codexapi.db")
    await make(path, { customer_count, transfer_count })
    const { seconds, cpu_seconds, count, findings } = await timeVerification(path)
    say(
      `verification took ${seconds.toFixed(1)} s, ${cpu_seconds.toFixed(1)} s of them processor time (aim: ${AIM_SECONDS} s)`,
    )
    say(`undamaged: ${findings.length === 0 ? "every law holds" : findings.join("\n  ")}`)
    const found_count = await findDamage(path)
    const is_good =
      findings.length === 0 && found_count === DAMAGE.length && seconds <= AIM_SECONDS * HARD_STOP
    const what = `${count.toLocaleString("en")} transfers verified in ${seconds.toFixed(1)} s`
    say(`${found_count} of ${DAMAGE.length} kinds of damage found, ${what}`)
    return is_good ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function numberOf(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Error(`--${name} must be a whole number above 0, not ${text}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function make(path: string, size: { customer_count: number; transfer_count: number }): Promise<void> {
  const started_at = performance.now()
  makeBooks(path, { ...size, end_at: END_AT })
  const story_count = Math.max(10, Math.floor(size.customer_count / STORY_EVERY))
  const store = openStore({ path, migrations: "main", synchronous: "NORMAL" })
  await tellStories(store, { story_count, end_at: END_AT })
  const seals = await sealLedger({
    store,
    clock: createTestClock(END_AT + 2 * HOUR_MS),
    events: createEvents(),
  })
  await store.close()
  const megabytes = Math.round(statSync(path).size / 1e6)
  say(`made ${megabytes} MB with ${seals.length} sealed days in ${secondsSince(started_at).toFixed(1)} s`)
}

const secondsSince = (started_at: number): number => (performance.now() - started_at) / 1000

const linesOf = (laws: LawReport[]): string[] =>
  laws.flatMap(({ law, findings }) => findings.map(one => `${law}: ${one}`))

/** As `codexapi verify-ledger` does it: with a connection of its own that only reads. */
async function timeVerification(path: string) {
  const store = openStore({ path, migrations: "main", synchronous: "NORMAL" })
  const started_at = performance.now()
  const cpu_before = process.cpuUsage()
  const findings = linesOf(await verifyBooks(store.read))
  const seconds = secondsSince(started_at)
  const cpu = process.cpuUsage(cpu_before)
  const cpu_seconds = (cpu.user + cpu.system) / 1e6
  const sql = "SELECT count(*) AS count FROM ledger_transfer"
  const { count } = (await store.read.get<{ count: number }>(sql))!
  await store.close()
  return { seconds, cpu_seconds, count, findings }
}

/** Plants each in a transaction of its own, which is undone. Gives how many were found. */
async function findDamage(path: string): Promise<number> {
  const database = new Database(path)
  const { read } = openStore({ path: database, migrations: "main", synchronous: "NORMAL" })
  let found_count = 0
  for (const damage of DAMAGE) {
    database.exec("PRAGMA ignore_check_constraints = ON; BEGIN")
    plant(database, damage)
    const found = await findingOf(read, damage)
    database.exec("ROLLBACK")
    if (found !== undefined) found_count += 1
    say(
      `${found === undefined ? "MISSED" : "found "} ${damage.name}\n         ${found ?? `no finding of law ${damage.law}`}`,
    )
  }
  database.close()
  return found_count
}

function plant(database: Database, { name, sql }: Damage): void {
  const triggers = database.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'").all()
  for (const trigger of triggers as { name: string }[]) database.exec(`DROP TRIGGER ${trigger.name}`)
  for (const statement of sql)
    if (database.query(statement).run().changes === 0) throw new Error(`nothing to damage: ${name}`)
}

async function findingOf(read: Query, { law }: Damage): Promise<string | undefined> {
  const lines = linesOf(await verifyBooks(read))
  return lines.find(line => line.startsWith(law))?.slice(0, 160)
}

if (values.help) process.stdout.write(`${HELP}\n`)
else process.exit(await main())
