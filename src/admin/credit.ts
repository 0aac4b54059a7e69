/** The operator's corrections of a customer's wallets: always a transfer, with a reason, never an edited balance. */

import type { Clock } from "../platform/clock.ts"
import { AppError } from "../platform/errors.ts"
import type { Events } from "../platform/events.ts"
import type { NewId } from "../platform/ids.ts"
import type { Store } from "../platform/store.ts"
import { customerAccount, type SystemAccount } from "../wallet/ledger/chart.ts"
import { formatUsd, type Nanos, parseUsd } from "../wallet/ledger/nanos.ts"
import { post } from "../wallet/ledger/post.ts"

export interface CreditNeeds {
  store: Store
  clock: Clock
  newId: NewId
  events: Events
}

export type WalletKind = "token" | "cash"

/** The operator's side of a correction. */
const ISSUE: Record<WalletKind, SystemAccount> = {
  token: "system/issue_admin",
  cash: "system/issue_cash_admin",
}

export interface Adjustment {
  customer_id: string
  /** USD, decimal. */
  amount: string
  reason: string
  direction: "credit" | "debit"
  /** The Token Wallet unless told. */
  wallet?: WalletKind
  /** The operator's own id: the same adjustment given twice is made once. */
  id?: string
}

/** An amount of USD above 0. Throws `invalid`. */
export function readAmount(amount: string): Nanos {
  const amount_nanos = parseUsd(amount)
  if (amount_nanos) return amount_nanos
  throw new AppError("invalid", `The amount must be USD above 0 such as 12.50, not ${amount}.`, {
    field: "amount",
  })
}

/**
 * Posts the adjustment and gives the transfer's id. Throws `invalid` for an amount that is none, `conflict` when
 * the id was used for something else, `payment_required` when a debit exceeds the balance.
 */
export async function adjustCredit(needs: CreditNeeds, adjustment: Adjustment): Promise<string> {
  const amount_nanos = readAmount(adjustment.amount)
  const { wallet: kind = "token" } = adjustment
  const wallet = customerAccount(adjustment.customer_id, kind)
  const issue = ISSUE[kind]
  const is_credit = adjustment.direction === "credit"
  const id = `admin:${adjustment.id ?? needs.newId("adj")}`
  const now = needs.clock.now()
  const result = await needs.store.tx(async q => {
    const posted = await post(q, now, [
      {
        id,
        group_id: id,
        kind: `admin_${adjustment.direction}`,
        from: is_credit ? issue : wallet,
        to: is_credit ? wallet : issue,
        amount_nanos,
        ref: adjustment.reason,
        actor: "admin:cli",
        event_at: now,
      },
    ])
    if (posted.kind === "posted") {
      const { customer_id } = adjustment
      q.afterCommit(() => needs.events.emit("credit-posted", { customer_id, transfer_id: id }))
    }
    return posted
  })
  switch (result.kind) {
    case "posted":
    case "exists":
      return id
    case "insufficient":
      throw new AppError(
        "payment_required",
        `Only $${formatUsd(result.available_nanos)} is available to take.`,
      )
    case "conflict":
      throw new AppError("conflict", `The id ${adjustment.id} was used for another adjustment.`)
    case "unknown_account":
      throw new AppError("not_found", `There is no customer ${adjustment.customer_id}.`)
    case "frozen":
    case "limit":
      throw new AppError(
        "conflict",
        `The wallet of ${adjustment.customer_id} is ${result.kind === "limit" ? "full" : "frozen"}.`,
      )
  }
}
