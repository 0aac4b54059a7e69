/** The export as one CSV table: a column for every member that a record may have, the record's type in the first. */
import { toCsv } from "../usage/csv.ts"
import type { LedgerWriter } from "./export-record.ts"

/** What was given and taken says the balance; a negative amount would look like a formula. */
const COLUMNS = [
  "type",
  "id",
  "groupId",
  "kind",
  "ledger",
  "from",
  "to",
  "amountUsd",
  "ref",
  "actor",
  "eventAt",
  "createdAt",
  "account",
  "givenUsd",
  "takenUsd",
  "transferCount",
  "hash",
]

const HEADER = toCsv([], COLUMNS)

export const csvWriter = (): LedgerWriter => ({
  write: (record, hash) =>
    record.type === "ledger-export" ? HEADER : toCsv([{ ...record, hash }], COLUMNS).slice(HEADER.length),
})
