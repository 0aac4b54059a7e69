/** The transfers beside model usage, ordered by what they belong to, so that other books can be compared with them. */
import type { Query } from "../../platform/store.ts"

/** A transfer as far as other books know what it must be. */
export interface MoneyLeg {
  group_id: string
  id: string
  kind: string
  from_account: string
  to_account: string
  amount_nanos: number
}

const USAGE_KINDS = "'hold', 'settle', 'release', 'overrun', 'loss'"
/** Of the whole ledger this is a small part, and no index holds it by group: the hot path would have to keep it up. */
const MAKE = `CREATE TEMP TABLE money_leg (group_id TEXT, id TEXT, kind TEXT, from_account TEXT, to_account TEXT,
  amount_nanos INTEGER, PRIMARY KEY (group_id, id)) WITHOUT ROWID`
const FILL = `INSERT INTO temp.money_leg SELECT group_id, id, kind, from_account, to_account, amount_nanos
  FROM main.ledger_transfer WHERE kind NOT IN (${USAGE_KINDS}) ORDER BY group_id, id`
const FORGET = "DROP TABLE IF EXISTS temp.money_leg"

/** Makes the table `temp.money_leg` for `work` on this connection: one at a time. */
export async function withMoneyLegs<T>(q: Query, work: () => Promise<T>): Promise<T> {
  await q.run(FORGET)
  await q.run(MAKE)
  try {
    await q.run(FILL)
    return await work()
  } finally {
    await q.run(FORGET)
  }
}
