/**
 * Races at every door through the whole server: RACE_ROUNDS rounds of RACE_WIDTH calls at once, each door in a process of
 * its own. RACE_DOOR runs one of them, RACE_SEED says in which order the calls come.
 */
import { verifyBooks } from "../../src/wallet/books/verify.ts"
import { createSeededRandom } from "../simulation/seeded-random.ts"
import { openPaymentScene } from "../support/payments.ts"
import { PAYMENT_DOORS } from "./payment-doors.ts"
import { Crossed, type Door, liftLimits } from "./race.ts"
import { REWARD_DOORS } from "./reward-doors.ts"
import { WALLET_DOORS } from "./wallet-doors.ts"

/** The slowest first, so that no core waits for it in the end. */
const DOORS: readonly Door[] = [...PAYMENT_DOORS, ...REWARD_DOORS, ...WALLET_DOORS]

const numberOf = (name: string, fallback: number) => Number(Bun.env[name] ?? fallback)
const seed = numberOf("RACE_SEED", 1)
const rounds = numberOf("RACE_ROUNDS", 100)
const width = numberOf("RACE_WIDTH", 50)

/** Throws what goes wrong first. */
async function runDoor(door: Door): Promise<void> {
  await using scene = await openPaymentScene({ env: { CODEXAPI_LOG_LEVEL: "error", ...door.env?.() } })
  await liftLimits(scene)
  const round = await door.open(scene)
  for (let number = 0; number < rounds; number++) {
    try {
      await round({ random: createSeededRandom(seed * 1_000_003 + number), width, number })
    } catch (error) {
      throw new Crossed(`round ${number}: ${describe(error)}`)
    }
  }
  await scene.app.tasks.idle()
  const broken = (await verifyBooks(scene.app.store.read)).filter(law => law.findings.length > 0)
  if (broken.length > 0) throw new Crossed(`verify-ledger: ${JSON.stringify(broken)}`)
}

const describe = (error: unknown) =>
  error instanceof Crossed ? error.message : error instanceof Error ? error.stack : String(error)

async function runOne(name: string): Promise<number> {
  const door = DOORS.find(one => one.name === name)
  if (!door) throw new Error(`There is no door ${name}: ${DOORS.map(one => one.name).join(", ")}.`)
  const started_at = performance.now()
  const finding = await runDoor(door).then(() => undefined, describe)
  const seconds = ((performance.now() - started_at) / 1000).toFixed(1)
  console.log(`${name.padEnd(27)} ${rounds} rounds × ${width}, ${seconds} s`)
  if (finding === undefined) return 0
  console.log(`VIOLATION at ${name}: ${finding}`)
  console.log(`  reproduce: RACE_SEED=${seed} RACE_DOOR='${name}' scripts/race-doors`)
  return 1
}

/** Each core takes the next door until none is left; gives how many held. */
async function runAll(): Promise<number> {
  const waiting = [...DOORS]
  let violation_count = 0
  const work = async () => {
    for (let door = waiting.shift(); door; door = waiting.shift()) {
      const run = Bun.spawn([process.execPath, import.meta.path], {
        env: { ...process.env, RACE_DOOR: door.name },
        stdout: "inherit",
        stderr: "inherit",
      })
      if ((await run.exited) !== 0) violation_count += 1
    }
  }
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work))
  console.log(`${DOORS.length} doors × ${rounds} rounds × ${width}: ${violation_count} violations`)
  return violation_count > 0 ? 1 : 0
}

process.exit(Bun.env.RACE_DOOR === undefined ? await runAll() : await runOne(Bun.env.RACE_DOOR))
