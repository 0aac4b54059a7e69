/** The export as JSON lines: each record with its hash. Checked with any SHA-256: hash of line n = hash of (hash n-1 + line n without `hash`). */
import type { LedgerWriter } from "./export-record.ts"

export const jsonlWriter = (): LedgerWriter => ({
  write: (record, hash) => `${JSON.stringify({ ...record, hash })}\n`,
})
