/** A statement as one table: the balances, the movements and the usage of each wallet; pure. */
import { type CellValue, toCsv } from "../usage/csv.ts"
import type { ApiStatement } from "./statement-view.ts"

const COLUMNS = [
  "at",
  "wallet",
  "type",
  "kind",
  "reference",
  "transferId",
  "purchaseId",
  "priceUsd",
  "isTest",
  "model",
  "requestCount",
  "inputTokens",
  "outputTokens",
  "inUsd",
  "outUsd",
  "balanceUsd",
] as const

type Row = Partial<Record<(typeof COLUMNS)[number], CellValue>>

/** Wallet by wallet: a row `opening`, its lines with `inUsd` and `outUsd`, a row `closing`. */
export function writeStatementCsv(statement: ApiStatement): string {
  const rows: Row[] = [
    ...walletRows(statement, "token"),
    ...walletRows(statement, "cash"),
    ...walletRows(statement, "debt"),
  ]
  return toCsv(rows, COLUMNS)
}

function walletRows(statement: ApiStatement, wallet: "token" | "cash" | "debt"): Row[] {
  const { openingUsd, closingUsd } = {
    token: statement.tokenWallet,
    cash: statement.cashWallet,
    debt: statement.debt,
  }[wallet]
  const movements = statement.movements.filter(movement => movement.wallet === wallet)
  const usage = wallet === "token" ? statement.usage : []
  return [
    { at: statement.from, wallet, type: "opening", balanceUsd: openingUsd },
    ...movements.map(({ purchase, ...movement }) => ({
      ...movement,
      purchaseId: purchase?.id ?? null,
      priceUsd: purchase?.priceUsd ?? null,
      isTest: purchase?.isTest ?? null,
    })),
    ...usage.map(({ day, chargedUsd, ...line }) => ({
      ...line,
      at: day,
      wallet,
      type: "usage",
      inUsd: "0.00",
      outUsd: chargedUsd,
    })),
    {
      at: statement.isComplete ? statement.until : statement.madeAt,
      wallet,
      type: "closing",
      balanceUsd: closingUsd,
    },
  ]
}
