/** One simulated run: a seed decides everything that happens; the laws decide whether it was right. */
import { verifyBooks } from "../../src/wallet/books/verify.ts"
import { ACTIONS, type Action } from "./actions.ts"
import { endow } from "./adjusting.ts"
import { assertBalances } from "./books.ts"
import { restart } from "./failing.ts"
import { assertThat, Violation } from "./oracle.ts"
import { createWorld, settleDown, startProcess, turn, type World, type WorldOptions } from "./world.ts"

export interface SeedResult {
  seed: number
  step_count: number
  /** What went wrong in the last step, if anything did. */
  violation?: string
}

const FEWEST_STEPS = 16
const MOST_STEPS = 36

/** Runs a seed to its end, or to its first violation. */
export async function runSeed(seed: number, options: WorldOptions = {}): Promise<SeedResult> {
  const world = await createWorld(seed, options)
  const length = world.random.between(FEWEST_STEPS, MOST_STEPS)
  const deck = shuffleDeck(world)
  let step_count = 0
  try {
    await begin(world)
    for (; step_count < length; step_count++) await takeStep(world, deck, step_count)
    await finish(world, seed)
    return { seed, step_count }
  } catch (error) {
    const is_violation = error instanceof Violation
    const violation = is_violation ? error.message : `thrown: ${error instanceof Error ? error.stack : error}`
    return { seed, step_count, violation }
  } finally {
    world.disk.wipe()
  }
}

async function begin(world: World): Promise<void> {
  startProcess(world)
  endow(world)
  await settleDown(world)
}

async function takeStep(world: World, deck: readonly Action[], step: number): Promise<void> {
  const action = world.random.pick(deck)
  world.note(`step ${step}: ${action.name}`)
  world.now += world.random.int(5_000)
  await action.act(world)
  await pause(world)
  assertBalances(world)
  if (world.violation) throw world.violation
  if (world.disk.is_down) await restart(world)
}

/** How much more often than it weighs an action happens in one run: what is left out lets others meet. */
const FACTORS = [0, 1, 1, 5]

/** Each action as often as it weighs in this run. */
const shuffleDeck = ({ random }: World): Action[] =>
  ACTIONS.flatMap(action => Array<Action>(action.weight * random.pick(FACTORS)).fill(action))

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
  // They take longer than the oracle's own checks; some of the seeds are enough to see that both agree.
  if (seed % 16 === 0) await assertProductAgrees(world)
}

async function assertProductAgrees({ needs }: World): Promise<void> {
  for (const { law, findings } of await verifyBooks(needs.store.read)) {
    assertThat(findings.length === 0, () => `verify-ledger, law ${law}: ${findings.join("; ")}`)
  }
}
