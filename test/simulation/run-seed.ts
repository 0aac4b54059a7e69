/** One simulated run: a seed decides everything that happens; the laws decide whether it was right. */
import { verifyLedger } from "../../src/wallet/ledger/verify.ts"
import { repriceReceipts } from "../../src/wallet/usage/reprice.ts"
import { ACTIONS } from "./actions.ts"
import { adjust } from "./adjusting.ts"
import { assertNothingNegative } from "./books.ts"
import { restart } from "./failing.ts"
import { assertThat, Violation } from "./oracle.ts"
import { createWorld, settleDown, startProcess, turn, type World, type WorldOptions } from "./world.ts"

export interface SeedResult {
  seed: number
  step_count: number
  /** What went wrong in the last step, if anything did. */
  violation?: string
}

const FEWEST_STEPS = 20
const MOST_STEPS = 60

/** Runs a seed to its end, or to its first violation. */
export async function runSeed(seed: number, options: WorldOptions = {}): Promise<SeedResult> {
  const world = await createWorld(seed, options)
  const length = world.random.between(FEWEST_STEPS, MOST_STEPS)
  let step_count = 0
  try {
    await begin(world)
    for (; step_count < length; step_count++) await takeStep(world, step_count)
    await finish(world, seed)
    return { seed, step_count }
  } catch (error) {
    const is_violation = error instanceof Violation
    const violation = is_violation ? error.message : `thrown: ${error instanceof Error ? error.stack : error}`
    return { seed, step_count, violation }
  } finally {
    world.disk.database.close()
  }
}

async function begin(world: World): Promise<void> {
  startProcess(world)
  for (const customer of world.oracle.customers) {
    const amount = BigInt(world.random.between(1, 800_000_000))
    adjust(world, customer, { id: `${customer.id}_start`, direction: "credit", amount })
  }
  await settleDown(world)
}

async function takeStep(world: World, step: number): Promise<void> {
  const action = world.random.pick(DECK)
  world.note(`step ${step}: ${action.name}`)
  world.now += world.random.int(5_000)
  await action.act(world)
  await pause(world)
  assertNothingNegative(world.disk.database)
  if (world.violation) throw world.violation
  if (world.disk.is_down) await restart(world)
}

/** Each action as often as it weighs. */
const DECK = ACTIONS.flatMap(action => Array.from({ length: action.weight }, () => action))

/** How far the store gets before the next thing happens: nothing, a part of a group, or everything. */
async function pause(world: World): Promise<void> {
  const roll = world.random.int(10)
  if (roll < 4) return
  if (roll < 8) for (let turns = roll - 3; turns > 0; turns--) await turn()
  else await settleDown(world)
}

/** The last process dies too; then every request has ended, and the product's own checks find nothing. */
async function finish(world: World, seed: number): Promise<void> {
  if (world.random.chance(0.5)) await settleDown(world)
  await restart(world)
  // They take longer than the oracle's own checks; a quarter of the seeds is enough to see that both agree.
  if (seed % 4 === 0) await assertProductAgrees(world)
}

async function assertProductAgrees({ needs }: World): Promise<void> {
  const { read } = needs.store
  for (const { law, findings } of [...(await verifyLedger(read)), await repriceReceipts(read)]) {
    assertThat(findings.length === 0, () => `verify-ledger, law ${law}: ${findings.join("; ")}`)
  }
}
