/** Crashes, faults of the disk, and what a new process finds and ends. */
import type { Outcome } from "../../src/wallet/metering/receipt.ts"
import { recoverMeters } from "../../src/wallet/metering/recover.ts"
import { assertAcknowledged, assertBalanced, type Books, readBooks } from "./books.ts"
import type { FaultKind } from "./disk.ts"
import { becomeEnded } from "./ending.ts"
import { settlementIn } from "./judge-end.ts"
import { assertThat, isOpen } from "./oracle.ts"
import { settleDown, startProcess, turn, type World } from "./world.ts"

const FAULTS: readonly FaultKind[] = ["begin", "commit", "commit", "statement", "disk-full"]

/** Lets the disk fail soon. */
export function armFault(world: World): void {
  const kind = world.random.pick(FAULTS)
  world.note(`  the disk will fail: ${kind}`)
  world.disk.arm(kind, world.random.between(1, 25))
}

/** Lets the process die soon, in the middle of whatever it does then. */
export function armCrash(world: World): void {
  const kind = world.random.pick(["crash-before", "crash-after"] as const)
  world.note(`  the process will die: ${kind}`)
  world.disk.arm(kind, world.random.between(1, 60))
}

/** Lets the process die now. */
export function crash(world: World): void {
  world.disk.crash()
}

/** Checks all laws on what is committed. Nothing may be under way. */
export function assertLaws(world: World, books: Books = readBooks(world.disk)): void {
  assertBalanced(books)
  assertAcknowledged(books, world.oracle)
}

const MOST_STARTS = 4

/**
 * Starts a process after a death: the disk must hold what was committed, heard of or not, and nothing else; then recovery
 * must end every request, once. Now and then the new process dies in the middle of that.
 */
export async function restart(world: World): Promise<void> {
  const { disk, random } = world
  await bury(world)
  for (let starts = 1; ; starts++) {
    startProcess(world)
    world.note(`process ${world.process_count} starts`)
    if (starts < MOST_STARTS && random.chance(0.3)) armCrash(world)
    const ended_count = await recover(world)
    disk.disarm()
    const books = readBooks(disk)
    adoptRecovered(world, books)
    assertLaws(world, books)
    if (ended_count === undefined) continue
    const open = [...books.requests.values()].filter(row => row.state === "open")
    assertThat(open.length === 0, () => `recovery left ${open.length} requests open`)
    const again_count = await recoverMeters(world.needs)
    assertThat(again_count === 0, () => `a second recovery ended ${again_count} requests`)
    return
  }
}

/** Lets what the dead process still had in mind run out, without effect. */
async function bury(world: World): Promise<void> {
  world.disk.crash()
  for (let turns = 0; turns < 3; turns++) await turn()
  world.under_way.clear()
  for (const request of world.oracle.requests) {
    request.meter = undefined
    request.is_extending = false
  }
}

/** The number of requests ended; `undefined` when the process died in between. */
async function recover(world: World): Promise<number | undefined> {
  const open_count = world.oracle.requests.filter(isOpen).length
  try {
    const ended_count = await recoverMeters(world.needs)
    if (world.disk.is_down) return undefined
    assertThat(ended_count === open_count, () => `recovery ended ${ended_count} of ${open_count} requests`)
    return ended_count
  } catch (error) {
    if (!world.disk.is_down) throw error
    await bury(world)
    return undefined
  }
}

/** What recovery ended: priced by the checkpoint, as the books then have it; judged with all other ends. */
function adoptRecovered(world: World, books: Books): void {
  for (const request of world.oracle.requests.filter(isOpen)) {
    const outcome: Outcome = {
      end_reason: "server-stopped",
      reported: undefined,
      delivered_output_tokens: request.checkpoint,
      tier_served: undefined,
      served_by: undefined,
      attempts: [],
      first_output_ms: undefined,
    }
    const settlement = settlementIn(books.requests.get(request.admission.request_id), outcome)
    if (!settlement) continue
    becomeEnded(world.oracle, request, { outcome, settlement })
  }
  world.oracle.journal.keep()
}

/** Recovery of the boot that runs must leave its requests alone. */
export async function recoverAlive(world: World): Promise<void> {
  await settleDown(world)
  if (world.disk.is_down) return
  world.disk.disarm()
  const ended_count = await recoverMeters(world.needs)
  assertThat(ended_count === 0, () => `recovery ended ${ended_count} requests of a process that lives`)
}
