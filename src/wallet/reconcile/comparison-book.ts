/** The book of comparisons: what outside books said of a day, and where ours differ; it never touches the ledger. */
import type { Clock } from "../../platform/clock.ts"
import type { Events } from "../../platform/events.ts"
import type { Metrics } from "../../platform/metrics.ts"
import type { Query, Store } from "../../platform/store.ts"
import { type Nanos, ZERO } from "../ledger/nanos.ts"

/** One thing that is not the same in both books. Money that came in is positive. */
export interface Difference {
  /** Names it within its source and day, so that a repeat finds it again: a balance transaction, a transfer. */
  key: string
  /** The outside id. */
  ref: string
  /** What is wrong, in words. */
  finding: string
  /** `null` where our books, or theirs, have nothing of it. */
  ours_nanos: Nanos | null
  theirs_nanos: Nanos | null
}

/** A day compared with one outside source. */
export interface Comparison {
  /** `stripe`, or `upstream:<id>`. */
  source: string
  day: string
  compared_count: number
  ours_nanos: Nanos
  theirs_nanos: Nanos
  differences: Difference[]
  /** What Stripe kept: noted beside the day as the source `stripe-fees`, and no difference. */
  fees?: { count: number; nanos: Nanos }
  /** Whose cost `theirs_nanos` is, where the source is an upstream. */
  upstream_id?: string
}

export interface BookNeeds {
  store: Store
  clock: Clock
  events: Events
}

const SAVE_DAY = `INSERT INTO reconciliation (source, day, compared_count, ours_nanos, theirs_nanos, created_at)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (source, day) DO UPDATE SET compared_count = excluded.compared_count,
    ours_nanos = excluded.ours_nanos, theirs_nanos = excluded.theirs_nanos, created_at = excluded.created_at`
const SAVE_DIFFERENCE = `INSERT INTO reconciliation_difference
    (id, source, day, ref, finding, ours_nanos, theirs_nanos, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET finding = excluded.finding,
    ours_nanos = excluded.ours_nanos, theirs_nanos = excluded.theirs_nanos`
const FORGET_OTHERS = `DELETE FROM reconciliation_difference
  WHERE source = ? AND day = ? AND id NOT IN (SELECT value FROM json_each(?))`
const SAVE_COST = `INSERT INTO upstream_cost (upstream_id, day, cost_nanos, created_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (upstream_id, day) DO UPDATE SET cost_nanos = excluded.cost_nanos, created_at = excluded.created_at`

/**
 * Writes a day's comparison. A repeat replaces it: differences that are still there keep the time at which they were
 * first found, those that are gone are deleted.
 */
export function saveComparison(needs: BookNeeds, comparison: Comparison): Promise<void> {
  const { source, day, differences, fees } = comparison
  const now = needs.clock.now()
  const idOf = ({ key }: Difference) => `${source}/${day}/${key}`
  return needs.store.tx(async q => {
    const { compared_count, ours_nanos, theirs_nanos } = comparison
    await q.run(SAVE_DAY, source, day, compared_count, ours_nanos, theirs_nanos, now)
    if (fees) await q.run(SAVE_DAY, `${source}-fees`, day, fees.count, ZERO, fees.nanos, now)
    // Credits that a vendor gave can exceed what a day cost.
    if (comparison.upstream_id !== undefined)
      await q.run(SAVE_COST, comparison.upstream_id, day, Math.max(0, theirs_nanos), now)
    await q.run(FORGET_OTHERS, source, day, JSON.stringify(differences.map(idOf)))
    for (const one of differences) {
      const { ref, finding } = one
      await q.run(
        SAVE_DIFFERENCE,
        idOf(one),
        source,
        day,
        ref,
        finding,
        one.ours_nanos,
        one.theirs_nanos,
        now,
      )
    }
    q.afterCommit(() =>
      needs.events.emit("reconciled", { source, day, difference_count: differences.length }),
    )
  })
}

/** A row of the book. */
export interface ComparedDay {
  source: string
  day: string
  compared_count: number
  ours_nanos: Nanos
  theirs_nanos: Nanos
  created_at: number
  difference_count: number
}

const DAYS = `SELECT r.*, (SELECT count(*) FROM reconciliation_difference d
    WHERE d.source = r.source AND d.day = r.day) AS difference_count
  FROM reconciliation r WHERE ?1 IS NULL OR r.source = ?1 ORDER BY r.day DESC, r.source LIMIT ?2`

/** Compared days, newest first; of one source or of all (`null`). */
export const listComparedDays = (q: Query, asked: Asked): Promise<ComparedDay[]> =>
  q.all<ComparedDay>(DAYS, asked.source, asked.limit)

export interface FoundDifference extends Omit<Difference, "key"> {
  id: string
  source: string
  day: string
  created_at: number
}

interface Asked {
  source: string | null
  limit: number
}

const DIFFERENCES = `SELECT * FROM reconciliation_difference WHERE ?1 IS NULL OR source = ?1
  ORDER BY day DESC, source, id LIMIT ?2`

/** Open differences, those of the latest day first; of one source or of all (`null`). */
export const listDifferences = (q: Query, asked: Asked): Promise<FoundDifference[]> =>
  q.all<FoundDifference>(DIFFERENCES, asked.source, asked.limit)

/** The names of the days that were compared with a source. */
export async function listDaysDone(q: Query, source: string): Promise<Set<string>> {
  const rows = await q.all<{ day: string }>("SELECT day FROM reconciliation WHERE source = ?", source)
  return new Set(rows.map(({ day }) => day))
}

const COUNT = `SELECT r.source, (SELECT count(*) FROM reconciliation_difference d WHERE d.source = r.source) AS count
  FROM (SELECT DISTINCT source FROM reconciliation WHERE source NOT LIKE '%-fees') r`

/** Shows in the metrics how many differences are open, 0 for a source that agrees. */
export async function showDifferences(needs: {
  store: Store
  metrics: Pick<Metrics, "reconciliation_differences">
}): Promise<void> {
  const gauge = needs.metrics.reconciliation_differences
  const rows = await needs.store.read.all<{ source: string; count: number }>(COUNT)
  for (const { source, count } of rows) gauge.set({ source }, count)
}
