/** The simulation's fast version: a few seeds on every check; CI runs 40,000 with run.ts. */
import { describe, expect, test } from "bun:test"
import { PLANTS } from "./guards.ts"
import { runSeed } from "./run-seed.ts"

const SEEDS = 200
const KINDS = [
  "the process will die: crash-before",
  "the process will die: crash-after",
  "the disk will fail: commit",
  "fault: disk-full",
  "The wallet of cus_1 is frozen",
  "is available to take",
  "was used for another adjustment",
  "has ended and cannot hold more",
  "process 3 starts",
]

describe("simulated metered requests", () => {
  test(`${SEEDS} seeds break no law`, async () => {
    const violations: string[] = []
    for (let seed = 0; seed < SEEDS; seed++) {
      const { violation } = await runSeed(seed)
      if (violation) violations.push(`SIM_SEED=${seed} bun test/simulation/run.ts: ${violation}`)
    }
    expect(violations).toEqual([])
  }, 20_000)

  test("a seed does the same every time, and another seed something else", async () => {
    const [first, again, other] = [await record(7), await record(7), await record(8)]
    expect(first.length).toBeGreaterThan(50)
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
  })

  test("some seeds together meet every kind of trouble", async () => {
    const notes: string[] = []
    for (let seed = 0; seed < 40; seed++) notes.push(...(await record(seed)))
    const events = notes.join("\n")
    expect(KINDS.filter(kind => !events.includes(kind))).toEqual([])
  })

  test("every plant names its guard, its bug and its edits", () => {
    for (const { guard, bug, edits } of PLANTS) expect([guard, bug, edits.length > 0]).not.toContain("")
  })
})

async function record(seed: number): Promise<string[]> {
  const notes: string[] = []
  await runSeed(seed, { note: what => notes.push(what) })
  return notes
}
