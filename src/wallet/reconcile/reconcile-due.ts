/** The job that compares finished days with outside books, each once. */

import { DAY_MS } from "../../platform/clock.ts"
import { describeError } from "../../platform/log.ts"
import type { Query } from "../../platform/store.ts"
import { listDaysDone, showDifferences } from "./comparison-book.ts"
import { type Day, listFinishedDays } from "./day.ts"
import { listSources, type ReconcileNeeds, reconcileDay, type Source } from "./sources.ts"

/** How far back days that were missed are made up for. */
const MOST_DAYS = 30

/**
 * Compares every finished day that is due and not done, back to the day on which the first customer came, 30 days at
 * most; sets the gauge of open differences. A failure is logged and leaves the day, and the source's older ones, for the
 * next pass. Gives how many days were compared; of two passes at once both write the same.
 */
export async function reconcileDue(needs: ReconcileNeeds): Promise<number> {
  let count = 0
  for (const source of listSources(needs)) {
    for (const day of await listDueDays(needs, source)) {
      const is_done = await tryDay(needs, { source, day })
      if (!is_done) break
      count += 1
    }
  }
  await showDifferences(needs)
  return count
}

const FIRST_CUSTOMER =
  "SELECT min(created_at) AS at FROM (SELECT created_at FROM customer ORDER BY id LIMIT 1)"

async function listDueDays(needs: ReconcileNeeds, { name, wait_ms }: Source): Promise<Day[]> {
  const { read } = needs.store
  const now = needs.clock.now()
  const first_at = await findFirst(read)
  if (first_at === null) return []
  const done = await listDaysDone(read, name)
  const since = Math.max(first_at, now - MOST_DAYS * DAY_MS)
  return listFinishedDays({ since, until: now - wait_ms }).filter(day => !done.has(day.name))
}

const findFirst = async (q: Query): Promise<number | null> =>
  (await q.get<{ at: number | null }>(FIRST_CUSTOMER))?.at ?? null

/** Tried newest first, so that one day that cannot be compared holds up none after it. */
async function tryDay(needs: ReconcileNeeds, asked: { source: Source; day: Day }): Promise<boolean> {
  try {
    await reconcileDay(needs, asked)
    return true
  } catch (error) {
    const { source, day } = asked
    needs.log.warn("a day could not be compared with an outside book; it is tried again", {
      source: source.name,
      day: day.name,
      ...describeError(error),
    })
    return false
  }
}
