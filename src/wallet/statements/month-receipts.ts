/** Every receipt of a month as CSV, written while it is read: a month may have millions. */
import type { Query } from "../../platform/store.ts"
import { toCsv } from "../usage/csv.ts"
import { listReceipts, toApiReceipt, toCsvReceipt } from "../usage/receipts.ts"
import type { Month } from "./month.ts"
import { readUsage } from "./usage-lines.ts"

const PAGE = 200

/**
 * The header line and the receipts that ended in the month, newest first, in pieces of up to 200. What ends while it
 * is read may be missing, as in any list of a month that goes on.
 */
export async function* writeMonthReceipts(
  q: Query,
  asked: { customer_id: string; month: Month; columns: readonly string[] },
): AsyncGenerator<string> {
  const { customer_id, month, columns } = asked
  const header = toCsv([], columns)
  yield header
  const { ids } = await readUsage(q, asked)
  // The last id itself comes first: ids are compared as text.
  let before = ids && `${ids.last} `
  while (ids && before) {
    const page = await listReceipts(q, { customer_id, limit: PAGE, before })
    const rows = page
      .filter(({ id, ended_at }) => id >= ids.first && ended_at >= month.start_at && ended_at < month.end_at)
      .map(receipt => toCsvReceipt(toApiReceipt(receipt)))
    if (rows.length > 0) yield toCsv(rows, columns).slice(header.length)
    const last_id = page.at(-1)?.id
    before = last_id !== undefined && last_id > ids.first ? last_id : undefined
  }
}
