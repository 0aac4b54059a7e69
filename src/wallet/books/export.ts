/** The whole ledger as text for auditors and accountants, in a chain of hashes: every change of a line changes the end. */
import type { Query } from "../../platform/store.ts"
import { formatUsd } from "../ledger/nanos.ts"
import { csvWriter } from "./export-csv.ts"
import { hledgerWriter } from "./export-hledger.ts"
import { jsonlWriter } from "./export-jsonl.ts"
import type { ExportRecord, LedgerWriter } from "./export-record.ts"
import { readTransferPages, type Span, type StoredTransfer } from "./transfer-pages.ts"
import { createTrialBalance, type TrialLine, toApiTrialLine } from "./trial-balance.ts"

const WRITERS = { jsonl: jsonlWriter, csv: csvWriter, hledger: hledgerWriter } as const

export type ExportFormat = keyof typeof WRITERS
export const EXPORT_FORMATS = Object.keys(WRITERS) as ExportFormat[]

/** What the first record is hashed with. */
export const FIRST_HASH = "0".repeat(64)

/** What an export came to; the hash is also in its last line. */
export interface ExportEnd {
  transfer_count: number
  hash: string
}

/**
 * Yields the export in pieces: a head, the transfers by created_at and id, the trial balance of these transfers, and the
 * end with the hash of everything. The same transfers give the same text. Each format names the same hashes: that of a
 * record is the SHA-256 of the hash before it and of its line in JSONL without `hash`.
 */
export async function* exportLedger(
  q: Query,
  { format, ...span }: Span & { format: ExportFormat },
): AsyncGenerator<string, ExportEnd> {
  const writer: LedgerWriter = WRITERS[format]()
  const chain = createChain()
  const balance = createTrialBalance()
  let transferCount = 0
  const write = (record: ExportRecord) => writer.write(record, chain.add(record))
  yield write({
    type: "ledger-export",
    version: 1,
    since: isoOrNull(span.since),
    until: isoOrNull(span.until),
  })
  for await (const page of readTransferPages(q, span)) {
    transferCount += page.length
    yield page
      .map(transfer => {
        addTo(balance, transfer)
        return write(toRecord(transfer))
      })
      .join("")
  }
  yield balance
    .lines()
    .map(line => write(toBalanceRecord(line)))
    .join("")
  yield write({ type: "end", transferCount })
  return { transfer_count: transferCount, hash: chain.last() }
}

function createChain() {
  let hash = FIRST_HASH
  return {
    add(record: ExportRecord): string {
      hash = new Bun.CryptoHasher("sha256").update(hash).update(JSON.stringify(record)).digest("hex")
      return hash
    },
    last: () => hash,
  }
}

const addTo = (balance: ReturnType<typeof createTrialBalance>, transfer: StoredTransfer) =>
  balance.add({
    ledger: transfer.ledger,
    from: transfer.from_account,
    to: transfer.to_account,
    nanos: BigInt(transfer.amount_nanos),
  })

const toRecord = (transfer: StoredTransfer): ExportRecord => ({
  type: "transfer",
  id: transfer.id,
  groupId: transfer.group_id,
  kind: transfer.kind,
  ledger: transfer.ledger,
  from: transfer.from_account,
  to: transfer.to_account,
  amountUsd: formatUsd(BigInt(transfer.amount_nanos)),
  ref: transfer.ref,
  actor: transfer.actor,
  eventAt: isoOf(transfer.event_at),
  createdAt: isoOf(transfer.created_at),
})

const toBalanceRecord = (line: TrialLine): ExportRecord => ({ type: "balance", ...toApiTrialLine(line) })

/** The last instant that a date can name. */
const LAST_INSTANT = 8.64e15

/** An instant that is none (books can be damaged) is shown as it is: an export must not stop at it. */
const isoOf = (at: number): string => (Math.abs(at) <= LAST_INSTANT ? new Date(at).toISOString() : String(at))
const isoOrNull = (at: number | undefined): string | null => (at === undefined ? null : isoOf(at))
