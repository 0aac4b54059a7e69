/** One simulated machine with its customers: processes start, work, die and start again on one disk. */
import { openStore } from "../../src/platform/store.ts"
import type { MeterNeeds } from "../../src/wallet/metering/meter.ts"
import type { ClaimNeeds } from "../../src/wallet/rewards/claim.ts"
import { assertAnnounced } from "./announced.ts"
import { createDisk, type Disk } from "./disk.ts"
import { createOracle, type Oracle, Violation } from "./oracle.ts"
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts"
import { knownCustomers, machine, START_AT } from "./setting.ts"
import { FATES, type Till } from "./till.ts"

/** What the code under test needs of a running server. */
export type Needs = MeterNeeds & ClaimNeeds

export interface World {
  random: SeededRandom
  disk: Disk
  oracle: Oracle
  /** The running process, or the one that just died. */
  needs: Needs
  /** The simulated time, in milliseconds. */
  now: number
  process_count: number
  /** What was asked of the process and not answered yet. */
  under_way: Set<Operation>
  /** Jobs of the store in the middle of their work. */
  running_count: number
  /** Jobs that have run, and how many had when balances were looked at last. */
  job_count: number
  checked_count: number
  /** What the customers paid, and what their banks took back: the world outside. */
  till: Till
  /** Makes ids that are the same in every run of a seed, and in their order. */
  newId(prefix: string): string
  /** Whether an answer that is wrong but harms no law is passed over; see guards.ts. */
  only_laws: boolean
  violation: Violation | undefined
  note(what: string): void
}

/** Something that was asked of the process. */
export interface Operation {
  what: string
  /** Whether nothing else was under way meanwhile. */
  is_alone: boolean
}

export interface WorldOptions {
  only_laws?: boolean
  /** Called with everything that happens. */
  note?(what: string): void
}

/** A machine with three customers without credit; no process runs on it yet. */
export async function createWorld(seed: number, options: WorldOptions = {}): Promise<World> {
  const random = createSeededRandom(seed)
  const oracle = createOracle(knownCustomers())
  const { keep, undo } = oracle.journal
  let id_count = 0
  return {
    random,
    disk: createDisk(await machine(), { kept: keep, undone: undo }),
    oracle,
    needs: {} as Needs,
    now: START_AT,
    process_count: 0,
    under_way: new Set(),
    running_count: 0,
    job_count: 0,
    checked_count: 0,
    till: { payments: [], charges: new Map(), fates: random.pick(FATES) },
    newId: prefix => `${prefix}_${String(++id_count).padStart(6, "0")}`,
    only_laws: options.only_laws ?? false,
    violation: undefined,
    note: options.note ?? (() => {}),
  }
}

/** Starts a process: a new store on what the disk holds, nothing in memory. */
export function startProcess(world: World): void {
  world.process_count += 1
  const store = openStore({ path: world.disk.connect(), migrations: "main", synchronous: "FULL" })
  const needs: Needs = {
    store,
    events: {
      emit: (name, data) => judge(world, () => assertAnnounced(world.oracle, name, data)),
      listen: () => () => {},
    },
    clock: { now: () => world.now, after: () => () => {} },
    boot_id: `boot_${world.process_count}`,
    newId: world.newId,
    config: { mail: undefined, turnstile: undefined, public_url: undefined },
    // Only what a claim asks of it.
    vault: { hash: (text: string) => `hash of ${text}` } as Needs["vault"],
    catalog: { hasUpstream: () => false },
    fetch: () => Promise.reject(new Error("nothing is asked of the network")),
  }
  world.needs = needs
}

/** Notes the first violation: the code under test must not see it, or it would handle it. */
export function judge(world: World, assertion: () => void): void {
  try {
    assertion()
  } catch (error) {
    world.violation ??=
      error instanceof Violation ? error : new Violation(`thrown: ${(error as Error).stack}`)
  }
}

/** One turn of the event loop: the store runs a part of a group. */
export const turn = () => new Promise<void>(resolve => setImmediate(resolve))

const MOST_TURNS = 1_000

/** Waits until nothing is under way. Throws Violation when something never ends. */
export async function settleDown(world: World): Promise<void> {
  for (let turns = 0; world.under_way.size > 0 && !world.disk.is_down && !world.violation; turns++) {
    await turn()
    if (turns > MOST_TURNS) {
      const [first] = world.under_way
      throw new Violation(`${first?.what} was never answered`)
    }
  }
}
