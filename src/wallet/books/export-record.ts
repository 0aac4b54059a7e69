/** The records of an export, whatever its format, and what a format has to do with them. */

/** Member order is part of the format: the hash is made over the record as JSON. */
export type ExportRecord =
  | { type: "ledger-export"; version: 1; since: string | null; until: string | null }
  | TransferRecord
  | BalanceRecord
  | { type: "end"; transferCount: number }

export interface TransferRecord {
  type: "transfer"
  id: string
  groupId: string
  kind: string
  ledger: string
  from: string
  to: string
  /** USD, exact decimal, as in every field that ends so. */
  amountUsd: string
  ref: string
  actor: string
  eventAt: string
  createdAt: string
}

/** A line of the trial balance of what was exported. */
export interface BalanceRecord {
  type: "balance"
  ledger: string
  account: string
  givenUsd: string
  takenUsd: string
  balanceUsd: string
}

/** Writes one export; records come in the order head, transfers, balances, end. */
export interface LedgerWriter {
  /** The text of a record, with the line ends it needs. */
  write(record: ExportRecord, hash: string): string
}
