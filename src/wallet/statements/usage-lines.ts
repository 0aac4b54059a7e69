/** What model usage was charged, by day and model; read from the receipts a page at a time. */
import type { Query } from "../../platform/store.ts"
import type { Month } from "./month.ts"

/** What one model cost a customer on one UTC day, by the day on which its requests ended. */
export interface UsageLine {
  day: string
  model: string
  request_count: number
  /** Cached input included. */
  input_tokens: number
  output_tokens: number
  charged_nanos: bigint
}

export interface MonthUsage {
  /** What was charged before the month. */
  before_nanos: bigint
  /** In order of day and model. */
  lines: UsageLine[]
  /** The first and the last request id among the month's receipts; `undefined` without any. */
  ids: { first: string; last: string } | undefined
}

/** Few enough that other requests need not wait: some customers have millions of receipts. */
const PAGE = 2_000

/** `days` before and after the month have names of their own. Groups a page of receipts in the order of their ids. */
const SUM_PAGE = `SELECT CASE WHEN ended_at < ?3 THEN 'before' WHEN ended_at >= ?4 THEN 'after'
      ELSE date(ended_at / 1000, 'unixepoch') END AS day, model_served AS model, sum(state = 'settled') AS request_count,
    sum(input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens) AS input_tokens,
    sum(output_tokens) AS output_tokens, CAST(sum(charged_nanos) AS TEXT) AS charged,
    min(id) AS first_id, max(id) AS last_id, count(*) AS receipt_count
  FROM (SELECT id, state, ended_at, model_served, input_tokens, cache_read_tokens, cache_write_5m_tokens,
      cache_write_1h_tokens, output_tokens, charged_nanos
    FROM metered_request WHERE customer_id = ?1 AND id > ?2 AND state <> 'open' ORDER BY id LIMIT ${PAGE})
  GROUP BY day, model`

interface Group extends Omit<UsageLine, "charged_nanos"> {
  charged: string
  first_id: string
  last_id: string
  receipt_count: number
}

/**
 * Sums a customer's receipts of a month and of all time before it. Receipts do not change, and those of a month that
 * is over are complete, so the pages need no common snapshot.
 */
export async function readUsage(
  q: Query,
  asked: { customer_id: string; month: Pick<Month, "start_at" | "end_at"> },
): Promise<MonthUsage> {
  const { start_at, end_at } = asked.month
  const lines = new Map<string, UsageLine>()
  const usage: MonthUsage = { before_nanos: 0n, lines: [], ids: undefined }
  let after = ""
  for (;;) {
    const groups = await q.all<Group>(SUM_PAGE, asked.customer_id, after, start_at, end_at)
    for (const group of groups) add(usage, lines, group)
    if (groups.reduce((sum, group) => sum + group.receipt_count, 0) < PAGE) break
    after = lastOf(groups.map(({ last_id }) => last_id))
    await turn()
  }
  usage.lines = [...lines.values()].filter(line => line.request_count > 0).sort(byDayAndModel)
  return usage
}

function add(usage: MonthUsage, lines: Map<string, UsageLine>, group: Group): void {
  if (group.day === "before") usage.before_nanos += BigInt(group.charged)
  if (group.day === "before" || group.day === "after") return
  const ids = [group.first_id, group.last_id, ...(usage.ids ? [usage.ids.first, usage.ids.last] : [])]
  usage.ids = { first: firstOf(ids), last: lastOf(ids) }
  const key = `${group.day} ${group.model}`
  const line = lines.get(key) ?? emptyLine(group)
  line.request_count += group.request_count
  line.input_tokens += group.input_tokens
  line.output_tokens += group.output_tokens
  line.charged_nanos += BigInt(group.charged)
  lines.set(key, line)
}

const firstOf = (ids: readonly string[]): string => [...ids].sort()[0]!
const lastOf = (ids: readonly string[]): string => [...ids].sort().at(-1)!

const emptyLine = ({ day, model }: Group): UsageLine => ({
  day,
  model,
  request_count: 0,
  input_tokens: 0,
  output_tokens: 0,
  charged_nanos: 0n,
})

const byDayAndModel = (a: UsageLine, b: UsageLine): number =>
  a.day === b.day ? (a.model < b.model ? -1 : 1) : a.day < b.day ? -1 : 1

/** One turn of the event loop, in which other requests go on. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))
