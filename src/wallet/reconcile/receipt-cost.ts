/** What our receipts say a day on an upstream cost, by the rate cards; read a page at a time. */
import type { Query } from "../../platform/store.ts"
import { addNanos, type Nanos, toNanos, ZERO } from "../ledger/nanos.ts"
import type { Day } from "./day.ts"

export interface ReceiptCost {
  nanos: Nanos
  /** Requests of which a try went to the upstream. */
  request_count: number
}

/** No index holds the time of receipts, because every settlement would have to keep it up: all are stepped over. */
const PAGE = 2_000
const PAGE_END = `SELECT customer_id, id FROM (SELECT customer_id, id FROM metered_request
    WHERE (customer_id, id) > (?, ?) ORDER BY customer_id, id LIMIT ${PAGE})
  ORDER BY customer_id DESC, id DESC LIMIT 1`
/** Failed tries cost what they reported. Receipts of before tries had a cost have that of the one that answered. */
const SUM_PAGE = `SELECT CAST(coalesce(sum(coalesce(a.value ->> 'cost_nanos',
      iif(a.value ->> 'result' = 'answered', r.cost_nanos, 0))), 0) AS TEXT) AS nanos, count(DISTINCT r.id) AS request_count
  FROM metered_request r, json_each(r.attempts) a
  WHERE (r.customer_id, r.id) > (?1, ?2) AND (r.customer_id, r.id) <= (?3, ?4)
    AND r.state <> 'open' AND r.ended_at >= ?5 AND r.ended_at < ?6 AND a.value ->> 'upstream_id' = ?7`

/** Sums the tries on an upstream in requests that ended on the day. */
export async function readReceiptCost(
  q: Query,
  { upstream_id, day }: { upstream_id: string; day: Day },
): Promise<ReceiptCost> {
  const cost: ReceiptCost = { nanos: ZERO, request_count: 0 }
  let after = { customer_id: "", id: "" }
  for (;;) {
    const last = await q.get<typeof after>(PAGE_END, after.customer_id, after.id)
    if (!last) return cost
    const sum = await q.get<{ nanos: string; request_count: number }>(
      SUM_PAGE,
      after.customer_id,
      after.id,
      last.customer_id,
      last.id,
      day.start_at,
      day.end_at,
      upstream_id,
    )
    cost.nanos = addNanos(cost.nanos, toNanos(BigInt(sum!.nanos)))
    cost.request_count += sum!.request_count
    after = last
    // One turn of the event loop, in which other requests go on.
    await new Promise<void>(resolve => setImmediate(resolve))
  }
}
