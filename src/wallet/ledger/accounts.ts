/** Opening and reading a customer's accounts; only post.ts changes a balance. */
import { AppError } from "../../platform/errors.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { CUSTOMER_ACCOUNTS, type CustomerAccountKind, customerAccount } from "./chart.ts"
import type { Nanos } from "./nanos.ts"

/** A customer's balances in nano-USD. */
export interface Balances {
  token: Nanos
  token_held: Nanos
  cash: Nanos
  cash_debt: Nanos
  referral_pending: Nanos
  /** No debits are accepted from the Token Wallet. */
  is_frozen: boolean
}

const OPEN = `INSERT INTO ledger_account (id, customer_id, kind, ledger, balance_nanos, floor_nanos, is_frozen)
  VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT (id) DO NOTHING`

/** Opens every account of a customer with balance 0; doing it again changes nothing. */
export async function openAccounts(q: TxQuery, customer_id: string): Promise<void> {
  for (const [kind, ledger] of Object.entries(CUSTOMER_ACCOUNTS)) {
    await q.run(OPEN, customerAccount(customer_id, kind as CustomerAccountKind), customer_id, kind, ledger)
  }
}

/** Reads a customer's balances. Throws `not_found` when there is no such customer. */
export async function getBalances(q: Query, customer_id: string): Promise<Balances> {
  const rows = await q.all<{ kind: CustomerAccountKind; balance_nanos: Nanos; is_frozen: number }>(
    "SELECT kind, balance_nanos, is_frozen FROM ledger_account WHERE customer_id = ?",
    customer_id,
  )
  if (rows.length === 0) throw new AppError("not_found", `There is no customer ${customer_id}.`)
  const balances = { is_frozen: false } as Balances
  for (const row of rows) {
    balances[row.kind] = row.balance_nanos
    if (row.kind === "token") balances.is_frozen = row.is_frozen === 1
  }
  return balances
}

/** Stops (or lets go on) spending from a customer's Token Wallet; credit still comes in, and held amounts settle. */
export async function setFrozen(q: TxQuery, customer_id: string, is_frozen: boolean): Promise<void> {
  const wallet = customerAccount(customer_id, "token")
  await q.run("UPDATE ledger_account SET is_frozen = ? WHERE id = ?", is_frozen ? 1 : 0, wallet)
}
