/** A customer's wallets as our API shows them. */
import { t } from "elysia"
import { Usd } from "../platform/schema.ts"
import type { Balances } from "./ledger/accounts.ts"
import { addNanos, centsToNanos, formatUsd } from "./ledger/nanos.ts"

export const Wallet = t.Object(
  {
    currency: t.Literal("USD"),
    balanceUsd: Usd,
    heldUsd: Usd,
    availableUsd: Usd,
    isLow: t.Boolean({ description: "Less than one dollar is available" }),
    isFrozen: t.Boolean({
      description: "The operator has stopped spending from this wallet; credit still comes in",
    }),
  },
  { description: "Token Wallet: credit spent by rate card. balance = available + held" },
)

export const CashWallet = t.Object(
  { currency: t.Literal("USD"), balanceUsd: Usd, debtUsd: Usd },
  { description: "Cash Wallet: real money" },
)

const LOW = centsToNanos(100)

export const toApiWallet = (balances: Balances) => ({
  currency: "USD" as const,
  balanceUsd: formatUsd(addNanos(balances.token, balances.token_held)),
  heldUsd: formatUsd(balances.token_held),
  availableUsd: formatUsd(balances.token),
  isLow: balances.token < LOW,
  isFrozen: balances.is_frozen,
})

export const toApiCashWallet = (balances: Balances) => ({
  currency: "USD" as const,
  balanceUsd: formatUsd(balances.cash),
  debtUsd: formatUsd(balances.cash_debt),
})
