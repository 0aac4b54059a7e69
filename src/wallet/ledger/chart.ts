/** The chart of accounts: every account there is, its ledger, and which way money may move; pure. */

export type Ledger = "token" | "cash"
export type CustomerAccountKind = "token" | "token_held" | "cash" | "cash_debt" | "referral_pending"

/** The accounts of one customer. Every one is guarded by its floor of 0. */
export const CUSTOMER_ACCOUNTS: Readonly<Record<CustomerAccountKind, Ledger>> = {
  /** Free Token Wallet credit. */
  token: "token",
  /** Held for open requests. */
  token_held: "token",
  /** Real money. */
  cash: "cash",
  /** What is owed because refunds and disputes took more than there was. */
  cash_debt: "cash",
  /** Referral commission not yet payable. */
  referral_pending: "cash",
}

/** `source` only gives (its balance never rises above 0), `sink` only takes, `both` does either. */
type Direction = "source" | "sink" | "both"

/** The operator's side of the books. Their balance is the sum of their transfers. */
export const SYSTEM_ACCOUNTS = {
  "system/issue_package": { ledger: "token", direction: "both" },
  "system/issue_bonus": { ledger: "token", direction: "source" },
  "system/issue_signup": { ledger: "token", direction: "source" },
  "system/issue_checkin": { ledger: "token", direction: "source" },
  "system/issue_share": { ledger: "token", direction: "source" },
  "system/issue_gumroad": { ledger: "token", direction: "source" },
  "system/issue_admin": { ledger: "token", direction: "both" },
  "system/revenue_usage": { ledger: "token", direction: "sink" },
  "system/loss_overrun": { ledger: "token", direction: "source" },
  /** Real money that came in by Stripe and has not gone back. */
  "system/stripe": { ledger: "cash", direction: "both" },
  /** The same in Stripe's test mode and in the demo: no money at all. */
  "system/stripe_test": { ledger: "cash", direction: "both" },
  /** Money that came another way and was recorded by the operator. */
  "system/plan_payments": { ledger: "cash", direction: "both" },
  "system/issue_cash_admin": { ledger: "cash", direction: "both" },
  "system/sales_package": { ledger: "cash", direction: "both" },
  /** The other side of `cash_debt`: what customers owe. */
  "system/debt": { ledger: "cash", direction: "both" },
  "system/expense_referral": { ledger: "cash", direction: "both" },
} as const satisfies Record<string, { ledger: Ledger; direction: Direction }>

export type SystemAccount = keyof typeof SYSTEM_ACCOUNTS

/** The account id of a customer: `cus_…/token`. */
export const customerAccount = (customer_id: string, kind: CustomerAccountKind) => `${customer_id}/${kind}`

export interface AccountEntry {
  ledger: Ledger
  is_system: boolean
  may_give: boolean
  may_take: boolean
}

/** What the chart says of an account id; `undefined` when it names none. */
export function findInChart(account_id: string): AccountEntry | undefined {
  if (Object.hasOwn(SYSTEM_ACCOUNTS, account_id)) {
    const { ledger, direction } = SYSTEM_ACCOUNTS[account_id as SystemAccount] as {
      ledger: Ledger
      direction: Direction
    }
    return { ledger, is_system: true, may_give: direction !== "sink", may_take: direction !== "source" }
  }
  const kind = account_id.slice(account_id.lastIndexOf("/") + 1)
  if (!Object.hasOwn(CUSTOMER_ACCOUNTS, kind)) return undefined
  return {
    ledger: CUSTOMER_ACCOUNTS[kind as CustomerAccountKind],
    is_system: false,
    may_give: true,
    may_take: true,
  }
}
