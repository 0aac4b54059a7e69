/** Our side of Stripe's books: the transfers of its account, and what they stand for; reads only. */
import type { Query } from "../../platform/store.ts"
import type { SystemAccount } from "../ledger/chart.ts"
import { type Nanos, toNanos } from "../ledger/nanos.ts"
import { NOT_USAGE } from "../statements/movements.ts"
import type { StripeAccount } from "../stripe/account.ts"
import type { Day } from "./day.ts"

/** A transfer that moved money between Stripe and our books; what came in is positive. */
export interface Booking {
  id: string
  nanos: Nanos
}

interface Row {
  id: string
  from_account: string
  amount_nanos: number
}

/** Which account stands for Stripe in the mode it is asked in. */
export const ledgerAccountOf = ({ is_live }: StripeAccount): SystemAccount =>
  is_live ? "system/stripe" : "system/stripe_test"

const FIND = `SELECT id, from_account, amount_nanos FROM ledger_transfer
  WHERE id = ?1 AND (from_account = ?2 OR to_account = ?2)`
const sideOf = (side: string) => `SELECT id, from_account, amount_nanos FROM ledger_transfer
  WHERE ${side} = ?1 AND created_at >= ?2 AND created_at < ?3 AND ${NOT_USAGE}`
const LIST = `${sideOf("from_account")} UNION ALL ${sideOf("to_account")} ORDER BY id`

export async function findBooking(
  q: Query,
  asked: { id: string; account: SystemAccount },
): Promise<Booking | undefined> {
  const row = await q.get<Row>(FIND, asked.id, asked.account)
  return row && toBooking(row, asked.account)
}

/** What we booked on a day, whenever it happened at Stripe. */
export async function listBookings(
  q: Query,
  asked: { account: SystemAccount; day: Day },
): Promise<Booking[]> {
  const { account, day } = asked
  const rows = await q.all<Row>(LIST, account, day.start_at, day.end_at)
  return rows.map(row => toBooking(row, account))
}

const toBooking = ({ id, from_account, amount_nanos }: Row, account: SystemAccount): Booking => ({
  id,
  nanos: toNanos(from_account === account ? amount_nanos : -amount_nanos),
})

/** What a transfer stands for, by its id. */
export interface Booked {
  kind: "pi" | "refund" | "dispute"
  /** Stripe's id. */
  ref: string
  /** A refund that failed or a dispute that was won. */
  is_returned: boolean
}

/** `undefined` for a transfer that is not named after an object of Stripe's. */
export function readTransferId(id: string): Booked | undefined {
  const match = /^stripe:(pi|refund|dispute):([^:]+)(:returned)?$/.exec(id)
  if (!match) return undefined
  const [, kind, ref, returned] = match
  return { kind: kind as Booked["kind"], ref: ref!, is_returned: returned !== undefined }
}
