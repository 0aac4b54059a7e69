/** Compares the database file with what was acknowledged, with its own queries; uses nothing of src. */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import type { Acknowledged } from "./load.ts"

export interface Audit {
  open_hold_count: number
  /** Acknowledged operations that the books do not have, or have differently. */
  lost: string[]
  /** Customers whose balance is not credits − charges. */
  wrong: string[]
  /** How requests ended, with their number. */
  ends: Record<string, number>
}

interface Row {
  id: string
  state: string
  cost: string
  charged: string
}

/** Reads a data folder; the server may be running. */
export function auditFolder(data_dir: string, acknowledged: readonly Acknowledged[]): Audit {
  const database = new Database(join(data_dir, "codexapi.db"), { readonly: true })
  try {
    return {
      open_hold_count: countOpenHolds(database),
      lost: acknowledged.map(one => judge(database, one)).filter(what => what !== undefined),
      wrong: findWrongBalances(database),
      ends: countEnds(database),
    }
  } finally {
    database.close()
  }
}

function countOpenHolds(database: Database): number {
  const open = database.query("SELECT id FROM metered_request WHERE state = 'open'").all()
  const held = database
    .query("SELECT id FROM ledger_account WHERE kind = 'token_held' AND balance_nanos <> 0")
    .all()
  return open.length + held.length
}

/** What is wrong with an acknowledged operation in the books; `undefined` when nothing is. */
function judge(database: Database, one: Acknowledged): string | undefined {
  if (one.kind === "credit") {
    const found = database
      .query(
        "SELECT CAST(amount_nanos AS TEXT) AS amount FROM ledger_transfer WHERE id = ? AND to_account = ?",
      )
      .all(one.transfer_id, `${one.customer_id}/token`) as { amount: string }[]
    return found.length === 1 && BigInt(found[0]!.amount) === one.amount
      ? undefined
      : `credit ${one.transfer_id}`
  }
  const receipts = database
    .query(
      `SELECT id, state, CAST(cost_nanos AS TEXT) AS cost, CAST(charged_nanos AS TEXT) AS charged
       FROM metered_request WHERE id = ?`,
    )
    .all(one.request_id) as Row[]
  const [paid] = database
    .query(
      `SELECT CAST(coalesce(sum(amount_nanos), 0) AS TEXT) AS paid FROM ledger_transfer
       WHERE group_id = ? AND to_account = 'system/revenue_usage'`,
    )
    .all(one.request_id) as { paid: string }[]
  const [receipt] = receipts
  const isRight =
    receipts.length === 1 &&
    receipt!.state === "settled" &&
    BigInt(receipt!.cost) === one.cost &&
    BigInt(receipt!.charged) === one.cost &&
    BigInt(paid!.paid) === one.cost
  return isRight
    ? undefined
    : `${one.kind} ${one.request_id}: ${one.cost} became ${JSON.stringify({ receipts, paid })}`
}

const BALANCES = `SELECT c.id,
  (SELECT CAST(sum(balance_nanos) AS TEXT) FROM ledger_account
    WHERE customer_id = c.id AND ledger = 'token') AS balance,
  (SELECT CAST(coalesce(sum(amount_nanos), 0) AS TEXT) FROM ledger_transfer
    WHERE to_account = c.id || '/token' AND kind = 'admin_credit') AS credited,
  (SELECT CAST(coalesce(sum(charged_nanos), 0) AS TEXT) FROM metered_request
    WHERE customer_id = c.id) AS charged
  FROM customer c`

/** Balance = what operators gave − what receipts charged, to the nano; free and held together. */
function findWrongBalances(database: Database): string[] {
  const rows = database.query(BALANCES).all() as Record<"id" | "balance" | "credited" | "charged", string>[]
  return rows
    .filter(({ balance, credited, charged }) => BigInt(balance) !== BigInt(credited) - BigInt(charged))
    .map(row => JSON.stringify(row))
}

const ENDS = `SELECT end_reason || ' ' || state AS how, count(*) AS count FROM metered_request
  GROUP BY how ORDER BY count DESC`

function countEnds(database: Database): Record<string, number> {
  const rows = database.query(ENDS).all() as { how: string; count: number }[]
  return Object.fromEntries(rows.map(({ how, count }) => [how, count]))
}
