/** The operator's commands for auditors: the whole ledger as a file, its trial balance, its seals. */
import { open, rm } from "node:fs/promises"
import { DAY_MS } from "../../platform/clock.ts"
import { toIso } from "../../platform/schema.ts"
import { EXPORT_FORMATS, type ExportEnd, exportLedger } from "../../wallet/books/export.ts"
import { listSeals, sealLedger } from "../../wallet/books/seal.ts"
import type { Seal } from "../../wallet/books/seal-day.ts"
import { readTrialBalance, toApiTrialLine } from "../../wallet/books/trial-balance.ts"
import { type Command, positiveOf, UsageError, type Values } from "../command.ts"
import { readChoice } from "../option-values.ts"

const exportAll: Command = {
  name: "ledger export",
  summary: "Write the ledger with its trial balance into a new file, each line chained to the one before",
  options: {
    format: EXPORT_FORMATS.join("|"),
    to: "file",
    "since?": "first UTC day, e.g. 2026-11-01",
    "until?": "last UTC day",
  },
  async run(needs, values) {
    const format = readChoice("format", values.format!, EXPORT_FORMATS)
    const since = readDay(values, "since")
    const last = readDay(values, "until")
    const until = last === undefined ? undefined : last + DAY_MS
    const pieces = exportLedger(needs.store.read, { format, since, until })
    const { transfer_count, hash } = await writeFile(values.to!, pieces)
    return { file: values.to, format, transfers: transfer_count, hash }
  },
}

/** The start of a UTC day; undefined when it was not given. Throws UsageError. */
function readDay(values: Values, name: string): number | undefined {
  const day = values[name]
  if (day === undefined) return undefined
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(day) : Number.NaN
  if (Number.isNaN(at) || toIso(at).slice(0, 10) !== day)
    throw new UsageError(`--${name} must be a day such as 2026-11-01, not ${day}`)
  return at
}

/** Writes piece by piece, because a ledger may be larger than memory; what was interrupted is removed. */
async function writeFile(path: string, pieces: AsyncGenerator<string, ExportEnd>): Promise<ExportEnd> {
  const file = await open(path, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `--to ${path} cannot be written (${error.code}): name a new file in a folder of yours`,
    )
  })
  try {
    for (;;) {
      const { done, value } = await pieces.next()
      if (done) return value
      await file.write(value)
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

const trialBalance: Command = {
  name: "ledger trial-balance",
  summary: "What each account gave, took and holds; the balances of a ledger add up to zero",
  options: {},
  run: async needs => (await readTrialBalance(needs.store.read)).map(toApiTrialLine),
}

const seal: Command = {
  name: "ledger seal",
  summary: "Seal the days that are over now instead of within the hour, as a running server does",
  options: {},
  run: async needs => (await sealLedger(needs)).map(toOutput),
}

const seals: Command = {
  name: "ledger seals",
  summary: "Sealed days, newest first; keep the newest hash elsewhere: it changes with anything before it",
  options: { "limit?": "rows" },
  run: async (needs, values) =>
    (await listSeals(needs.store.read, positiveOf(values, "limit", 31))).map(toOutput),
}

const toOutput = ({ day, transfer_count, hash, created_at }: Seal) => ({
  day,
  transfers: transfer_count,
  hash,
  sealedAt: toIso(created_at),
})

export const ledgerCommands: readonly Command[] = [exportAll, trialBalance, seal, seals]
