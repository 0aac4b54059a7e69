/** Runs the simulation: SIM_SEEDS seeds, 40,000 unless told, on every core; or one SIM_SEED, with everything it does. */
import { runSeed } from "./run-seed.ts"

const DEFAULT_SEEDS = 40_000
/** Seeds are dealt out in turn, so that the first violation is found early. */
const COMMAND = "scripts/simulate --seed"

interface Share {
  first: number
  seed_count: number
  worker: number
  worker_count: number
}

/** What a process reports when it is done. */
interface Tally {
  seed_count: number
  step_count: number
  violations: { seed: number; step: number; message: string }[]
}

const numberOf = (name: string, fallback: number) => Number(Bun.env[name] ?? fallback)
const only_laws = Bun.env.SIM_ONLY_LAWS === "1"

/** Runs a share of the seeds and stops at its first violation. */
async function runShare({ first, seed_count, worker, worker_count }: Share): Promise<Tally> {
  const tally: Tally = { seed_count: 0, step_count: 0, violations: [] }
  for (let seed = first + worker; seed < first + seed_count; seed += worker_count) {
    const { step_count, violation } = await runSeed(seed, { only_laws })
    tally.seed_count += 1
    tally.step_count += step_count
    if (violation === undefined) continue
    tally.violations.push({ seed, step: step_count, message: violation })
    break
  }
  return tally
}

async function runOne(seed: number): Promise<number> {
  const { step_count, violation } = await runSeed(seed, { only_laws, note: what => console.log(what) })
  console.log(
    violation
      ? `seed ${seed}, step ${step_count}: VIOLATION ${violation}`
      : `seed ${seed}: ${step_count} steps, 0 violations`,
  )
  return violation ? 1 : 0
}

async function runAll(): Promise<number> {
  const worker_count = numberOf("SIM_WORKERS", navigator.hardwareConcurrency)
  const shares = Array.from({ length: worker_count }, (_, worker) => ({
    first: numberOf("SIM_FIRST", 0),
    seed_count: numberOf("SIM_SEEDS", DEFAULT_SEEDS),
    worker,
    worker_count,
  }))
  const tallies = await Promise.all(
    shares.map(share => (worker_count === 1 ? runShare(share) : runInProcess(share))),
  )
  const violations = tallies.flatMap(tally => tally.violations).sort((a, b) => a.seed - b.seed)
  for (const { seed, step, message } of violations) {
    console.log(`seed ${seed}, step ${step}: VIOLATION ${message}\n  reproduce: ${COMMAND} ${seed}`)
  }
  const total = (key: "seed_count" | "step_count") => tallies.reduce((sum, tally) => sum + tally[key], 0)
  console.log(`${total("seed_count")} seeds, ${violations.length} violations, ${total("step_count")} steps`)
  return violations.length > 0 ? 1 : 0
}

/** A process of its own: threads of one would wait for each other's memory. */
async function runInProcess(share: Share): Promise<Tally> {
  const run = Bun.spawn([process.execPath, import.meta.path], {
    env: { ...process.env, SIM_SHARE: JSON.stringify(share) },
    stdout: "pipe",
    stderr: "inherit",
  })
  const text = await run.stdout.text()
  if ((await run.exited) !== 0) throw new Error(`a process of the simulation died: ${text}`)
  return JSON.parse(text)
}

async function runAsked(): Promise<number> {
  const { SIM_SHARE, SIM_SEED } = Bun.env
  if (SIM_SHARE === undefined) return SIM_SEED === undefined ? runAll() : runOne(Number(SIM_SEED))
  console.log(JSON.stringify(await runShare(JSON.parse(SIM_SHARE))))
  return 0
}

process.exit(await runAsked())
