/** Reading all transfers in the order they were made, in constant memory. */
import type { Query } from "../../platform/store.ts"

/** A transfer as it is stored. */
export interface StoredTransfer {
  id: string
  group_id: string
  kind: string
  ledger: string
  from_account: string
  to_account: string
  amount_nanos: number
  ref: string
  actor: string
  event_at: number
  created_at: number
}

/** Transfers created from `since` (milliseconds) to before `until`. */
export interface Span {
  since: number | undefined
  until: number | undefined
}

const PAGE = 2_000
/** The order is sorted on disk first: no index holds it, because every hold and settlement would have to keep it up. */
const SORT = `CREATE TEMP TABLE export_order AS
  SELECT id FROM ledger_transfer WHERE created_at >= ? AND created_at < ? ORDER BY created_at, id`
const NEXT = `SELECT o.rowid AS position, t.* FROM temp.export_order o JOIN ledger_transfer t ON t.id = o.id
  WHERE o.rowid > ? ORDER BY o.rowid LIMIT ${PAGE}`
const FORGET = "DROP TABLE IF EXISTS temp.export_order"

/**
 * Pages of transfers by created_at and id, as they stood when reading began. One reading at a time: a second one on the
 * same connection would take the first one's order.
 */
export async function* readTransferPages(q: Query, span: Span): AsyncGenerator<StoredTransfer[]> {
  await q.run(FORGET)
  await q.run(SORT, span.since ?? Number.MIN_SAFE_INTEGER, span.until ?? Number.MAX_SAFE_INTEGER)
  try {
    let after = 0
    for (;;) {
      const rows = await q.all<StoredTransfer & { position: number }>(NEXT, after)
      if (rows.length > 0) yield rows.map(({ position: _, ...transfer }) => transfer)
      if (rows.length < PAGE) return
      after = rows.at(-1)!.position
    }
  } finally {
    await q.run(FORGET)
  }
}
