/** The export as an hledger journal: a transaction for each transfer, and the trial balance as assertions that hledger checks. */
import type { BalanceRecord, ExportRecord, LedgerWriter, TransferRecord } from "./export-record.ts"

/** hledger wants quotes around a commodity with a sign in its name. */
const COMMODITIES: Record<string, string> = { token: '"USD-TOKEN"', cash: "USD" }

const HEAD = `; Each transfer is a transaction: what an account takes is positive. Token Wallet credit is "USD-TOKEN".
decimal-mark .
commodity 1.000000000 "USD-TOKEN"
commodity 1.000000000 USD
`

export function hledgerWriter(): LedgerWriter {
  // Assertions hold at the end of a day: those of the trial balance stand on the last one.
  let last_day = "1970-01-01"
  return {
    write(record: ExportRecord, hash: string): string {
      switch (record.type) {
        case "ledger-export":
          return `${HEAD}; from ${record.since ?? "the beginning"} until ${record.until ?? "now"}\n`
        case "transfer":
          last_day = dayOf(record)
          return transaction(record, last_day)
        case "balance":
          return assertion(record, last_day)
        case "end":
          return `\n; ${record.transferCount} transfers, SHA-256 chain ends in ${hash}\n`
        default:
          return record satisfies never
      }
    },
  }
}

/** Beyond the years that hledger reads only in damaged books. */
const dayOf = ({ createdAt }: TransferRecord): string =>
  /^\d{4}-\d{2}-\d{2}T/.test(createdAt) ? createdAt.slice(0, 10) : "9999-12-31"

function transaction(transfer: TransferRecord, day: string): string {
  const { id, groupId, ref, actor, eventAt, createdAt } = transfer
  const tags = { id, group: groupId, ref, actor, event: eventAt, created: createdAt }
  // Before the postings: comments of a posting are searched for dates.
  const comments = Object.entries(tags).map(([name, value]) => `    ; ${name}: ${oneLine(value)}\n`)
  const amount = (sign: string) => `${sign}${nineDecimals(transfer.amountUsd)} ${commodityOf(transfer)}`
  return [
    `\n${day} * ${oneLine(transfer.kind).replace(/[;|()]/g, " ")}\n`,
    ...comments,
    `    ${accountName(transfer.to)}  ${amount("")}\n`,
    `    ${accountName(transfer.from)}  ${amount("-")}\n`,
  ].join("")
}

/** `=*` counts what lies below the account: all customers. */
const assertion = (line: BalanceRecord, day: string): string =>
  `\n${day} * trial balance\n    ${accountName(line.account)}  0 ${commodityOf(line)} =* ${nineDecimals(line.balanceUsd)} ${commodityOf(line)}\n`

const commodityOf = ({ ledger }: { ledger: string }): string => COMMODITIES[ledger] ?? '"UNKNOWN"'

/** `cus_1/token` is `customers:token:cus_1`, so that all customers' credit is one account; `system/x` is `system:x`. */
function accountName(account: string): string {
  const slash = account.indexOf("/")
  const [owner, kind] = [account.slice(0, Math.max(0, slash)), account.slice(slash + 1)]
  const parts = owner === "system" || owner === "customers" ? [owner, kind] : ["customers", kind, owner]
  return parts.map(part => part.replace(/[^\w.-]/g, "_") || "_").join(":")
}

const nineDecimals = (usd: string): string => {
  const [whole, decimals = ""] = usd.split(".")
  return `${whole}.${decimals.padEnd(9, "0")}`
}

/** Comments and descriptions end with their line. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, " ")
