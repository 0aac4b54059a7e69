/** The simulation's fast version: a few seeds on every check; CI runs 40,000 with run.ts. */
import { describe, expect, test } from "bun:test"
import { PLANTS } from "./guards.ts"
import { runSeed } from "./run-seed.ts"

const SEEDS = 400
const KINDS = [
  "the process will die: crash-before",
  "the process will die: crash-after",
  "the disk will fail: commit",
  "fault: disk-full",
  " is frozen.",
  "is available to take",
  "was used for another adjustment",
  "has ended and cannot hold more",
  "process 3 starts",
  "is for packages from",
  "is no longer valid",
  "has been used as often as it may be",
  "The Cash Wallet has $",
  "is recorded already",
  "was redeemed before",
  "There is no plan payment",
  "UNIQUE constraint failed: purchase.stripe_payment_intent",
  "is not paid: nothing to reverse",
  "Another account claimed this reward on this device",
  "Another account that pays with your card",
  "Another account of your mailbox",
  "This post was claimed by another account",
  "stay off after a disputed payment",
  "must be at least the package's price",
  "was action-required: done",
  "pay 1 commissions: done",
]

describe("simulated histories", () => {
  test(`${SEEDS} seeds break no law and meet every kind of trouble`, async () => {
    const violations: string[] = []
    const met = new Set<string>()
    for (let seed = 0; seed < SEEDS; seed++) {
      const notes: string[] = []
      const { violation } = await runSeed(seed, { note: what => notes.push(what) })
      if (violation) violations.push(`scripts/simulate --seed ${seed}: ${violation}`)
      const events = notes.join("\n")
      for (const kind of KINDS) if (events.includes(kind)) met.add(kind)
    }
    expect(violations).toEqual([])
    expect(KINDS.filter(kind => !met.has(kind))).toEqual([])
  }, 20_000)

  test("a seed does the same every time, and another seed something else", async () => {
    const [first, again, other] = [await record(7), await record(7), await record(8)]
    expect(first.length).toBeGreaterThan(30)
    expect(again).toEqual(first)
    expect(other).not.toEqual(first)
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
