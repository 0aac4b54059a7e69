/** The only writer of money: applies transfers once, all of a call or none. */
import type { TxQuery } from "../../platform/store.ts"
import { findInChart } from "./chart.ts"
import type { Nanos } from "./nanos.ts"

/** A movement of an amount from one account to another. Immutable; a correction is another transfer. */
export interface Transfer {
  /** The idempotency key; it states the business rule, e.g. `checkin:<customer>:<day>`.
   * What belongs to one request begins with its id (`<request>:hold:0`), so that it lies on one page of the file. */
  id: string
  group_id: string
  kind: string
  from: string
  to: string
  /** More than 0. */
  amount_nanos: Nanos
  ref: string
  actor: string
  /** When it happened outside, milliseconds. */
  event_at: number
}

/** How a posting ended. Anything but `posted` wrote nothing. */
export type PostResult =
  | { kind: "posted" }
  /** Every transfer is there already, with the same content. */
  | { kind: "exists" }
  | { kind: "insufficient"; account: string; available_nanos: Nanos }
  | { kind: "frozen"; account: string }
  /** The account would exceed the ledger's range. */
  | { kind: "limit"; account: string }
  /** The id was used before with other content: a bug or an attack. */
  | { kind: "conflict"; id: string }
  | { kind: "unknown_account"; account: string }

const FIND_TRANSFER = `SELECT group_id, kind, from_account, to_account, amount_nanos, ref
  FROM ledger_transfer WHERE id = ?`
const DEBIT = `UPDATE ledger_account SET balance_nanos = balance_nanos - ?2
  WHERE id = ?1 AND is_frozen = 0 AND balance_nanos - ?2 >= floor_nanos`
const CREDIT = "UPDATE ledger_account SET balance_nanos = balance_nanos + ?2 WHERE id = ?1"
/** Money from outside: refused when all that the customer has would exceed the range, so that a hold can return. */
const CREDIT_FROM_SYSTEM = `UPDATE ledger_account SET balance_nanos = balance_nanos + ?2
  WHERE id = ?1 AND ?2 + (SELECT sum(a.balance_nanos) FROM ledger_account a
    WHERE a.customer_id = ledger_account.customer_id) <= 9000000000000000`
const FIND_ACCOUNT = "SELECT balance_nanos, floor_nanos, is_frozen FROM ledger_account WHERE id = ?"
const INSERT = `INSERT INTO ledger_transfer
  (id, group_id, kind, ledger, from_account, to_account, amount_nanos, ref, actor, event_at, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`

/** Carries a refusal out of the savepoint, so that the writes before it are undone. */
class Refused {
  constructor(readonly result: PostResult) {}
}

/**
 * Posts transfers in order. On a repeat the answer is `exists`; a known id with other content is `conflict`.
 * Throws only when the caller is wrong about the chart (crossing ledgers, taking from a sink).
 */
export async function post(q: TxQuery, now: number, transfers: readonly Transfer[]): Promise<PostResult> {
  try {
    return await q.atomically(async () => {
      let known = 0
      for (const transfer of transfers) known += await move(q, now, transfer)
      if (known === 0) return { kind: "posted" }
      if (known === transfers.length) return { kind: "exists" }
      // Half of the group was posted before: it was another group then.
      throw new Refused({ kind: "conflict", id: transfers[0]!.id })
    })
  } catch (refusal) {
    if (refusal instanceof Refused) return refusal.result
    throw refusal
  }
}

interface StoredTransfer {
  group_id: string
  kind: string
  from_account: string
  to_account: string
  amount_nanos: number
  ref: string
}

const isSame = (stored: StoredTransfer, transfer: Transfer) =>
  stored.group_id === transfer.group_id &&
  stored.kind === transfer.kind &&
  stored.from_account === transfer.from &&
  stored.to_account === transfer.to &&
  stored.amount_nanos === transfer.amount_nanos &&
  stored.ref === transfer.ref

/** Writes the transfer and moves the balances; gives 1 when it was there already with the same content, else 0. */
async function move(q: TxQuery, now: number, transfer: Transfer): Promise<0 | 1> {
  const { from, to, is_from_guarded, is_to_guarded, ledger } = readChart(transfer)
  const inserted = await q.run(
    INSERT,
    transfer.id,
    transfer.group_id,
    transfer.kind,
    ledger,
    from,
    to,
    transfer.amount_nanos,
    transfer.ref,
    transfer.actor,
    transfer.event_at,
    now,
  )
  if (inserted === 0) {
    const stored = await q.get<StoredTransfer>(FIND_TRANSFER, transfer.id)
    if (stored && isSame(stored, transfer)) return 1
    throw new Refused({ kind: "conflict", id: transfer.id })
  }
  if (is_from_guarded && (await q.run(DEBIT, from, transfer.amount_nanos)) !== 1) {
    throw new Refused(await explainDebit(q, from))
  }
  const credit = is_from_guarded ? CREDIT : CREDIT_FROM_SYSTEM
  if (is_to_guarded && (await q.run(credit, to, transfer.amount_nanos)) !== 1) {
    const exists = await q.get(FIND_ACCOUNT, to)
    throw new Refused({ kind: exists ? "limit" : "unknown_account", account: to })
  }
  return 0
}

/** Whose balances are cached and guarded: the customers'. */
function readChart({ id, from, to }: Transfer) {
  const giver = findInChart(from)
  const taker = findInChart(to)
  if (!giver) throw new Refused({ kind: "unknown_account", account: from })
  if (!taker) throw new Refused({ kind: "unknown_account", account: to })
  if (giver.ledger !== taker.ledger) throw new Error(`transfer ${id} crosses ledgers`)
  if (!giver.may_give) throw new Error(`transfer ${id} takes from ${from}, a sink`)
  if (!taker.may_take) throw new Error(`transfer ${id} gives to ${to}, a source`)
  return {
    from,
    to,
    ledger: giver.ledger,
    is_from_guarded: !giver.is_system,
    is_to_guarded: !taker.is_system,
  }
}

interface StoredBalance {
  balance_nanos: number
  floor_nanos: number
  is_frozen: number
}

async function explainDebit(q: TxQuery, account: string): Promise<PostResult> {
  const found = await q.get<StoredBalance>(FIND_ACCOUNT, account)
  if (!found) return { kind: "unknown_account", account }
  if (found.is_frozen) return { kind: "frozen", account }
  return {
    kind: "insufficient",
    account,
    available_nanos: (found.balance_nanos - found.floor_nanos) as Nanos,
  }
}
