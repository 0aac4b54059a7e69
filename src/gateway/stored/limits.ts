/** How long and how much is kept: the oldest go first, a bounded number at a time; not what one object may weigh. */
import type { TxQuery } from "../../platform/store.ts"
import type { StoreNeeds } from "./needs.ts"

/** Deleted by one statement: a write never waits long for the room it makes. */
const BATCH_COUNT = 100
/** Batches that one write, or one start, deletes at most; the next goes on. */
const MOST_BATCHES = 20

/** A background response that runs is nobody's oldest object. */
const FINISHED = "status NOT IN ('queued', 'in_progress')"

const DELETE_EXPIRED = `DELETE FROM stored_object WHERE rowid IN (
  SELECT rowid FROM stored_object WHERE created_at < ? AND ${FINISHED} ORDER BY created_at LIMIT ${BATCH_COUNT})`

/** Deletes from the oldest on while more than the limits would stay; never the object that was just written. */
const DELETE_OLDEST = `DELETE FROM stored_object WHERE rowid IN (
  SELECT row FROM (
    SELECT rowid AS row,
      coalesce(sum(size_bytes) OVER before, 0) AS freed_bytes, count(*) OVER before AS freed_count
    FROM stored_object WHERE customer_id = ? AND ${FINISHED} AND id <> ?
    WINDOW before AS (ORDER BY created_at, rowid ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ORDER BY created_at, rowid LIMIT ${BATCH_COUNT})
  WHERE freed_bytes < ? OR freed_count < ?)`

/** Makes room after a write: what is past its age of everybody, and the oldest of this customer beyond the limits. */
export async function makeRoom(
  q: TxQuery,
  needs: StoreNeeds,
  written: { customer_id: string; id: string },
): Promise<void> {
  await q.run(DELETE_EXPIRED, needs.clock.now() - needs.config.stored.max_age_ms)
  const { max_customer_bytes, max_customer_count } = needs.config.stored
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const total = await q.get<{ object_count: number; size_bytes: number }>(
      "SELECT object_count, size_bytes FROM stored_total WHERE customer_id = ?",
      written.customer_id,
    )
    const excess_bytes = (total?.size_bytes ?? 0) - max_customer_bytes
    const excess_count = (total?.object_count ?? 0) - max_customer_count
    if (excess_bytes <= 0 && excess_count <= 0) return
    const count = await q.run(DELETE_OLDEST, written.customer_id, written.id, excess_bytes, excess_count)
    if (count === 0) return
  }
}

/** Deletes what is past its age, at the start of a server; the answer is how many objects. */
export async function deleteExpired(needs: StoreNeeds): Promise<number> {
  let deleted = 0
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const oldest = needs.clock.now() - needs.config.stored.max_age_ms
    const count = await needs.cache.tx(q => q.run(DELETE_EXPIRED, oldest))
    deleted += count
    if (count < BATCH_COUNT) break
  }
  return deleted
}
