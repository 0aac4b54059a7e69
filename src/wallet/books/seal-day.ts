/** What the seal of a day is made over: the day's transfers, read by id, and the seal before. */
import { DAY_MS } from "../../platform/clock.ts"
import type { Query } from "../../platform/store.ts"

/** What the first seal is hashed with. */
export const FIRST_SEAL = "0".repeat(64)

/** A closed UTC day. */
export interface Seal {
  day: string
  /** It covers the transfers created before this instant that no earlier seal covers. */
  sealed_until: number
  transfer_count: number
  hash: string
  created_at: number
}

export const dayNumberOf = (at: number): number => Math.floor(at / DAY_MS)

/** Beyond what a date can name (seals can be damaged) its number. */
export const nameOfDay = (day_number: number): string =>
  Math.abs(day_number) <= 1e8 ? new Date(day_number * DAY_MS).toISOString().slice(0, 10) : `day ${day_number}`

/** The transfers of one day, as far as they were read. */
export interface DayContent {
  transfer_count: number
  hasher: Bun.CryptoHasher
}

/** SHA-256 over the seal before, the day, its count and the SHA-256 of its transfers, hex. */
export const hashSeal = (before: string, day: string, content: { transfer_count: number; digest: string }) =>
  new Bun.CryptoHasher("sha256")
    .update(`${before}\n${day}\n${content.transfer_count}\n${content.digest}`)
    .digest("hex")

/** A transfer's line is the JSON array of its eleven columns; lines end in a line feed and stand in the order of ids. */
const LINE = `json_array(id, group_id, kind, ledger, from_account, to_account, amount_nanos, ref, actor, event_at,
  created_at)`
const PAGE = 2_000
/** Rows are stepped over without being read: a page takes a millisecond or two, however few of its rows are of the span. */
const PAGE_END = `SELECT max(id) AS id, count(*) AS row_count
  FROM (SELECT id FROM ledger_transfer WHERE id > ? ORDER BY id LIMIT ${PAGE})`
const PAGE_LINES = `SELECT created_at, ${LINE} AS line FROM ledger_transfer
  WHERE id > ? AND id <= ? AND created_at >= ? AND created_at < ? ORDER BY id`

/**
 * Reads the whole ledger once, in pages by id, and gives the content of each day that has transfers created in the span,
 * by day number; `dayOf` may count a transfer to another day. Between two pages the event loop turns, because a server
 * calls this too.
 */
export async function readDays(
  q: Query,
  span: { since: number; until: number; dayOf(created_at: number): number },
): Promise<Map<number, DayContent>> {
  const days = new Map<number, DayContent>()
  let after = ""
  for (;;) {
    const { id, row_count } = (await q.get<{ id: string | null; row_count: number }>(PAGE_END, after))!
    if (id === null) return days
    const rows = await q.all<{ created_at: number; line: string }>(
      PAGE_LINES,
      after,
      id,
      span.since,
      span.until,
    )
    for (const { created_at, line } of rows) addLine(days, span.dayOf(created_at), line)
    if (row_count < PAGE) return days
    after = id
    await new Promise<void>(resolve => setImmediate(resolve))
  }
}

function addLine(days: Map<number, DayContent>, day_number: number, line: string): void {
  let content = days.get(day_number)
  if (!content) {
    content = { transfer_count: 0, hasher: new Bun.CryptoHasher("sha256") }
    days.set(day_number, content)
  }
  content.transfer_count += 1
  content.hasher.update(line).update("\n")
}

/** What a day's content is hashed to; of a day without transfers too. Ends the content: call it once. */
export const digestOf = (content: DayContent | undefined): { transfer_count: number; digest: string } => ({
  transfer_count: content?.transfer_count ?? 0,
  digest: (content?.hasher ?? new Bun.CryptoHasher("sha256")).digest("hex"),
})
