/** One simulated machine with its customers: processes start, work, die and start again on one disk. */
import { Database } from "bun:sqlite"
import type { RegisterNeeds } from "../../src/account/register/register.ts"
import { AppError } from "../../src/platform/errors.ts"
import { createEvents } from "../../src/platform/events.ts"
import { openStore } from "../../src/platform/store.ts"
import { openAccounts } from "../../src/wallet/ledger/accounts.ts"
import type { MeterNeeds } from "../../src/wallet/metering/meter.ts"
import { addRateCard } from "../../src/wallet/pricing/rate-cards.ts"
import { migratedDatabase } from "../support/store.ts"
import { createDisk, type Disk, DiskFault } from "./disk.ts"
import { type Customer, createOracle, type Intent, type Operation, type Oracle, Violation } from "./oracle.ts"
import { CARDS } from "./prices.ts"
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts"

const INSERT_CUSTOMER = `INSERT INTO customer (id, email, password_hash, status, created_at)
  VALUES (?, ?, 'hash', 'active', 0)`

/** What the code under test needs of a running server. */
export type Needs = MeterNeeds & RegisterNeeds

export interface World {
  random: SeededRandom
  disk: Disk
  oracle: Oracle
  /** The running process, or the one that just died. */
  needs: Needs
  /** The simulated time, in milliseconds. */
  now: number
  process_count: number
  /** Makes ids that are the same in every run of a seed. */
  newId(prefix: string): string
  /** Whether an answer that is wrong but harms no law is passed over; see guards.ts. */
  only_laws: boolean
  violation: Violation | undefined
  note(what: string): void
}

export interface WorldOptions {
  only_laws?: boolean
  /** Called with everything that happens. */
  note?(what: string): void
}

const CUSTOMER_IDS = ["cus_1", "cus_2", "cus_3"]
const START_AT = 1_800_000_000_000

let image: Promise<Uint8Array> | undefined

/** A machine with three customers without credit; no process runs on it yet. */
export async function createWorld(seed: number, options: WorldOptions = {}): Promise<World> {
  image ??= makeImage()
  const disk = createDisk(Database.deserialize(await image))
  const customers = CUSTOMER_IDS.map((id): Customer => ({ id, adjustments: new Map(), is_frozen: false }))
  let id_count = 0
  return {
    random: createSeededRandom(seed),
    disk,
    oracle: createOracle(customers),
    needs: {} as Needs,
    now: START_AT,
    process_count: 0,
    newId: prefix => `${prefix}_${++id_count}`,
    only_laws: options.only_laws ?? false,
    violation: undefined,
    note: options.note ?? (() => {}),
  }
}

/** Starts a process: a new store on what the disk holds, nothing in memory. */
export function startProcess(world: World): void {
  world.process_count += 1
  const store = openStore({ path: world.disk.connect(), migrations: "main", synchronous: "FULL" })
  const events = createEvents()
  events.listen(({ name, data }) => {
    if (name !== "request-settled" && name !== "request-released") return
    const request = world.oracle.requests.find(one => one.admission.request_id === data.request_id)
    if (request) request.announced_count += 1
  })
  const clock = { now: () => world.now, after: () => () => {} }
  const boot_id = `boot_${world.process_count}`
  // What registering needs beyond this (keys, passwords) is not part of the simulation.
  world.needs = { store, events, clock, boot_id, newId: world.newId } as Partial<Needs> as Needs
}

/** A real call with what it may do to the books. */
export interface Job<T> extends Intent {
  call(needs: Needs): Promise<T>
  /** Takes over what was acknowledged; throws Violation when the answer is wrong. */
  done(value: T, operation: Operation): void
  /** Whether this failure is the right answer; nothing may have been written then. */
  failed?(error: unknown, operation: Operation): boolean
}

/** Starts a job and goes on; its answer counts only while the process that was asked lives. */
export function launch<T>(world: World, job: Job<T>): void {
  const { needs, disk, oracle } = world
  const operation = oracle.begin(job)
  const fault_count = disk.fault_count
  const isHeard = () => world.needs === needs && !disk.is_down
  const onDone = (value: T) => {
    if (!isHeard()) return
    world.note(`  ${job.what}: done`)
    oracle.finish(operation)
    job.done(value, operation)
  }
  const onFailed = (error: unknown) => {
    if (error instanceof Violation) throw error
    if (!isHeard()) return
    world.note(`  ${job.what}: ${error}`)
    oracle.finish(operation)
    const is_fault = disk.fault_count > fault_count && isReportOfFault(error)
    const is_right = job.failed?.(error, operation) ?? false
    if (is_fault || is_right || world.only_laws) return
    throw new Violation(`${job.what} failed: ${error instanceof Error ? error.stack : error}`)
  }
  job
    .call(needs)
    .then(onDone)
    .catch(onFailed)
    .catch(violation => {
      world.violation ??= violation
    })
}

const isReportOfFault = (error: unknown) =>
  error instanceof DiskFault || (error instanceof AppError && error.reason === "unavailable")

/** One turn of the event loop: the store runs a part of a group. */
export const turn = () => new Promise<void>(resolve => setImmediate(resolve))

const MOST_TURNS = 1_000

/** Waits until nothing is under way. Throws Violation when something never ends. */
export async function settleDown(world: World): Promise<void> {
  for (let turns = 0; world.oracle.under_way.size > 0 && !world.disk.is_down && !world.violation; turns++) {
    await turn()
    if (turns > MOST_TURNS) {
      const [first] = world.oracle.under_way
      throw new Violation(`${first?.what} was never answered`)
    }
  }
}

async function makeImage(): Promise<Uint8Array> {
  const database = migratedDatabase()
  const store = openStore({ path: database, migrations: "main", synchronous: "FULL" })
  await store.tx(async q => {
    for (const id of CUSTOMER_IDS) {
      await q.run(INSERT_CUSTOMER, id, `${id}@example.com`)
      await openAccounts(q, id)
    }
    for (const { id, ...card } of CARDS)
      await addRateCard(q, { newId: () => id, now: 0 }, { ...card, source: "simulation" })
  })
  return database.serialize()
}
