/** The book of comparisons: a repeat replaces a day and keeps what is still there. */
import { describe, expect, test } from "bun:test"
import { createEvents } from "../../../src/platform/events.ts"
import { createMetrics } from "../../../src/platform/metrics.ts"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import {
  type Comparison,
  type Difference,
  listComparedDays,
  listDaysDone,
  listDifferences,
  saveComparison,
  showDifferences,
} from "../../../src/wallet/reconcile/comparison-book.ts"
import { createTestClock } from "../../support/clock.ts"
import { openTestStore } from "../../support/store.ts"

const all = { source: null, limit: 100 }
const nanos = (amount: number) => amount as Nanos

function openBook() {
  const store = openTestStore()
  const [clock, events, metrics] = [createTestClock(), createEvents(), createMetrics()]
  const heard: unknown[] = []
  events.listen(event => heard.push(event))
  const save = (comparison: Partial<Comparison> = {}) =>
    saveComparison({ store, clock, events }, comparisonOf(comparison))
  const open = async () =>
    (await listDifferences(store.read, all)).map(({ id, finding }) => `${id}: ${finding}`)
  return { store, clock, metrics, heard, save, open }
}

const comparisonOf = (comparison: Partial<Comparison>): Comparison => ({
  source: "stripe",
  day: "2026-01-02",
  compared_count: 3,
  ours_nanos: nanos(10),
  theirs_nanos: nanos(-20),
  differences: [],
  ...comparison,
})

const difference = (key: string, finding = "wrong"): Difference => ({
  key,
  ref: `pi_${key}`,
  finding,
  ours_nanos: null,
  theirs_nanos: nanos(5),
})

describe("a comparison", () => {
  test("is kept with its differences and what Stripe kept, and told once", async () => {
    const { store, clock, save, heard } = openBook()
    await save({ differences: [difference("a")], fees: { count: 2, nanos: nanos(7) } })
    const row = { day: "2026-01-02", created_at: clock.now() }
    expect<unknown>(await listComparedDays(store.read, all)).toEqual([
      { ...row, source: "stripe", compared_count: 3, ours_nanos: 10, theirs_nanos: -20, difference_count: 1 },
      {
        ...row,
        source: "stripe-fees",
        compared_count: 2,
        ours_nanos: 0,
        theirs_nanos: 7,
        difference_count: 0,
      },
    ])
    expect<unknown>(await listDifferences(store.read, all)).toEqual([
      {
        ...row,
        id: "stripe/2026-01-02/a",
        source: "stripe",
        ref: "pi_a",
        finding: "wrong",
        ours_nanos: null,
        theirs_nanos: 5,
      },
    ])
    expect(heard).toEqual([
      { name: "reconciled", data: { source: "stripe", day: "2026-01-02", difference_count: 1 } },
    ])
  })

  test("that is done again replaces the day: what is gone goes, what stays keeps when it was found", async () => {
    const { store, clock, save, open } = openBook()
    await save({ differences: [difference("a"), difference("b")] })
    const found_at = clock.now()
    clock.advance(1_000)
    await save({ differences: [difference("b", "otherwise"), difference("c")], compared_count: 4 })
    expect(await open()).toEqual(["stripe/2026-01-02/b: otherwise", "stripe/2026-01-02/c: wrong"])
    const kept = await listDifferences(store.read, all)
    expect(kept.map(({ created_at }) => created_at)).toEqual([found_at, found_at + 1_000])
    expect(await listComparedDays(store.read, all)).toMatchObject([
      { compared_count: 4, created_at: found_at + 1_000, difference_count: 2 },
    ])
    await save()
    expect(await open()).toEqual([])
  })

  test("touches no other day and no other source", async () => {
    const { store, save, open } = openBook()
    await save({ differences: [difference("a")] })
    await save({ day: "2026-01-03", differences: [difference("a")] })
    await save({ source: "upstream:openai", differences: [difference("a")] })
    await save({ day: "2026-01-03" })
    expect(await open()).toEqual(["stripe/2026-01-02/a: wrong", "upstream:openai/2026-01-02/a: wrong"])
    expect([...(await listDaysDone(store.read, "stripe"))].sort()).toEqual(["2026-01-02", "2026-01-03"])
    expect(await listDaysDone(store.read, "upstream:anthropic")).toEqual(new Set())
    expect(await listDifferences(store.read, { source: "upstream:openai", limit: 1 })).toHaveLength(1)
    expect(await listComparedDays(store.read, { source: "stripe", limit: 1 })).toMatchObject([
      { day: "2026-01-03" },
    ])
  })

  test("saved fifty times at once is there once", async () => {
    const { save, open } = openBook()
    await Promise.all(Array.from({ length: 50 }, () => save({ differences: [difference("a")] })))
    expect(await open()).toEqual(["stripe/2026-01-02/a: wrong"])
  })
})

test("the gauge shows open differences by source, and nought where all agree", async () => {
  const { store, metrics, save } = openBook()
  await save({ differences: [difference("a"), difference("b")], fees: { count: 1, nanos: nanos(1) } })
  await save({ day: "2026-01-03", differences: [difference("a")] })
  await save({ source: "upstream:openai" })
  const shown = async () => {
    await showDifferences({ store, metrics })
    const { values } = await metrics.reconciliation_differences.get()
    return values.map(({ labels, value }) => [labels.source, value])
  }
  expect(await shown()).toEqual([
    ["stripe", 3],
    ["upstream:openai", 0],
  ])
  await save()
  expect(await shown()).toContainEqual(["stripe", 1])
})
