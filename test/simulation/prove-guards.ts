/**
 * Plants one bug at a time into a copy of the source and shows that the simulation notices, or exits 1. With words after
 * it only the guards and bugs whose names have one of them.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { PLANTS } from "./guards.ts"
import type { Edit, Plant } from "./plant.ts"

const ROOT = resolve(import.meta.dir, "../..")
const COPIED = ["src", "db", "test/simulation"]
const SEEDS_TO_CATCH = 2_000
const SEEDS_TO_HOLD = 250
const LONGEST_RUN_MS = 60_000

interface Proof {
  plant: Plant
  /** The first seed that fails, if one does. */
  seed: number | undefined
  message: string
  is_as_expected: boolean
}

const scratch = mkdtempSync(join(tmpdir(), "codexapi-guards-"))
const started_at = performance.now()
try {
  const proofs = await proveAll()
  printTable(proofs)
  const missed_count = proofs.filter(proof => !proof.is_as_expected).length
  const seconds = ((performance.now() - started_at) / 1000).toFixed(0)
  console.log(`${proofs.length} plants, ${missed_count} not as expected, ${seconds} s`)
  process.exitCode = missed_count > 0 ? 1 : 0
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

/** Each core has a copy of the source and takes the next plant until none is left. */
async function proveAll(): Promise<Proof[]> {
  const words = process.argv.slice(2)
  const isAsked = ({ guard, bug }: Plant) => words.some(word => `${guard} ${bug}`.includes(word))
  const waiting = [...(words.length > 0 ? PLANTS.filter(isAsked) : PLANTS).entries()]
  const proofs: Proof[] = []
  const work = async (_: unknown, core: number) => {
    const folder = join(scratch, String(core))
    copySource(folder)
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, plant] = next
      proofs[index] = await prove(plant, folder)
    }
  }
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work))
  return proofs
}

async function prove(plant: Plant, folder: string): Promise<Proof> {
  for (const edit of plant.edits) apply(folder, edit)
  const holds = plant.expected === "holds"
  const run = Bun.spawn([process.execPath, "test/simulation/run.ts"], {
    cwd: folder,
    env: {
      PATH: process.env.PATH ?? "",
      SIM_WORKERS: "1",
      SIM_SEEDS: String(holds ? SEEDS_TO_HOLD : SEEDS_TO_CATCH),
      // A lower layer refuses with an error instead of an answer; the laws are what must hold.
      SIM_ONLY_LAWS: holds ? "1" : "0",
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: LONGEST_RUN_MS,
  })
  const [text, errors, exit_code] = await Promise.all([run.stdout.text(), run.stderr.text(), run.exited])
  for (const { file } of plant.edits) cpSync(join(ROOT, file), join(folder, file))
  const [, seed, message] = /^seed (\d+), step \d+: VIOLATION (.*)$/m.exec(text) ?? []
  const is_finished = /^\d+ seeds, \d+ violations, /m.test(text)
  if (!is_finished)
    throw new Error(`the simulation did not run with "${plant.bug}" (exit ${exit_code}):\n${errors}`)
  return {
    plant,
    seed: seed === undefined ? undefined : Number(seed),
    message: message ?? "",
    is_as_expected: holds === (seed === undefined),
  }
}

function copySource(folder: string): void {
  mkdirSync(folder)
  for (const path of COPIED) cpSync(join(ROOT, path), join(folder, path), { recursive: true })
  cpSync(join(ROOT, "package.json"), join(folder, "package.json"))
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"))
}

/** Throws when the text to replace does not stand there exactly once: the plant no longer fits the source. */
function apply(folder: string, { file, from, to }: Edit): void {
  const path = join(folder, file)
  const parts = readFileSync(path, "utf8").split(from)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${from}`)
  writeFileSync(path, parts.join(to))
}

function printTable(proofs: Proof[]): void {
  const rows = proofs.map(({ plant, seed, message, is_as_expected }) => [
    plant.guard,
    plant.bug,
    seed === undefined
      ? `laws hold, ${plant.expected === "holds" ? SEEDS_TO_HOLD : SEEDS_TO_CATCH} seeds`
      : `seed ${seed}`,
    is_as_expected ? message.slice(0, 60) : `NOT AS EXPECTED ${message}`,
  ])
  const table = [["guard", "planted bug", "caught at", "by"], ...rows]
  const widths = [0, 1, 2].map(column => Math.max(...table.map(row => row[column]!.length)))
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
}
