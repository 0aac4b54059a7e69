/** What moved a customer's money beside model usage: purchases, bonuses, rewards, refunds, disputes, adjustments. */
import type { Query } from "../../platform/store.ts"
import { customerAccount } from "../ledger/chart.ts"
import type { PurchaseKind } from "../purchases/purchases.ts"
import type { Month } from "./month.ts"

/** `token` is free and held credit together; `debt` is what the customer owes. */
export type WalletName = "token" | "cash" | "debt"
export const WALLETS = ["token", "cash", "debt"] as const satisfies readonly WalletName[]

/** What a movement is to the customer. */
export type MovementType =
  | "purchase"
  | "payment"
  | "bonus"
  | "reward"
  | "refund"
  | "dispute"
  | "debt"
  | "adjustment"

/** One side of a transfer: what it brought to one wallet, or took from it. */
export interface Movement {
  wallet: WalletName
  type: MovementType
  /** The transfer's id. */
  id: string
  kind: string
  /** An outside id, or the reason that the operator gave. */
  ref: string
  in_nanos: bigint
  out_nanos: bigint
  created_at: number
  /** The purchase it belongs to. */
  purchase: MovementPurchase | null
}

export interface MovementPurchase {
  id: string
  kind: PurchaseKind
  package_id: string | null
  price_cents: number
  code: string | null
  is_live: number
}

/** What all movements before an instant left in each wallet, in nano-USD. */
export type WalletSums = Record<WalletName, bigint>

/** Repeated to the letter, so that SQLite uses the indexes that leave out the kinds of model usage. */
export const NOT_USAGE = "kind NOT IN ('hold', 'settle', 'release', 'overrun', 'loss')"

const COLUMNS = `t.id AS id, t.kind, t.ref, t.amount_nanos, t.from_account, t.to_account, t.created_at AS created_at, t.group_id,
  p.kind AS purchase_kind, p.package_id, p.price_cents, p.code, p.is_live`
const ACCOUNTS = "(?1, ?2, ?3, ?4)"

const sideOf = (side: "from_account" | "to_account", sign: 1 | -1) => `SELECT ${COLUMNS},
    t.${side} AS account, ${sign} AS sign
  FROM ledger_transfer t LEFT JOIN purchase p ON p.id = t.group_id
  WHERE t.${side} IN ${ACCOUNTS} AND t.created_at >= ?5 AND t.created_at < ?6 AND t.${NOT_USAGE}`

/** Exported for the test that looks at its plan. */
export const LIST = `${sideOf("from_account", -1)} UNION ALL ${sideOf("to_account", 1)}
  ORDER BY created_at, id, sign`

/** The same. */
export const SUM = `SELECT account, CAST(sum(nanos) AS TEXT) AS nanos FROM (
    SELECT from_account AS account, -amount_nanos AS nanos FROM ledger_transfer
      WHERE from_account IN ${ACCOUNTS} AND created_at < ?5 AND ${NOT_USAGE}
    UNION ALL SELECT to_account, amount_nanos FROM ledger_transfer
      WHERE to_account IN ${ACCOUNTS} AND created_at < ?5 AND ${NOT_USAGE}
  ) GROUP BY account`

interface Row {
  id: string
  kind: string
  ref: string
  amount_nanos: number
  from_account: string
  to_account: string
  created_at: number
  group_id: string
  purchase_kind: PurchaseKind | null
  package_id: string | null
  price_cents: number | null
  code: string | null
  is_live: number | null
  account: string
  sign: 1 | -1
}

const accountsOf = (customer_id: string) =>
  [
    customerAccount(customer_id, "token"),
    customerAccount(customer_id, "token_held"),
    customerAccount(customer_id, "cash"),
    customerAccount(customer_id, "cash_debt"),
  ] as const

const WALLET_OF: Record<string, WalletName> = {
  token: "token",
  token_held: "token",
  cash: "cash",
  cash_debt: "debt",
}
const walletOf = (account: string): WalletName => WALLET_OF[account.slice(account.lastIndexOf("/") + 1)]!

/** The movements booked in a month, oldest first; one that moves between two wallets is there twice. */
export async function listMovements(
  q: Query,
  asked: { customer_id: string; month: Pick<Month, "start_at" | "end_at"> },
): Promise<Movement[]> {
  const { start_at, end_at } = asked.month
  const rows = await q.all<Row>(LIST, ...accountsOf(asked.customer_id), start_at, end_at)
  return rows.map(toMovement)
}

/** What every movement booked before `until` left in each wallet. Without model usage. */
export async function sumMovements(
  q: Query,
  asked: { customer_id: string; until: number },
): Promise<WalletSums> {
  const rows = await q.all<{ account: string; nanos: string }>(
    SUM,
    ...accountsOf(asked.customer_id),
    asked.until,
  )
  const sums: WalletSums = { token: 0n, cash: 0n, debt: 0n }
  for (const { account, nanos } of rows) sums[walletOf(account)] += BigInt(nanos)
  return sums
}

function toMovement(row: Row): Movement {
  const amount = BigInt(row.amount_nanos)
  return {
    wallet: walletOf(row.account),
    type: typeOf(row),
    id: row.id,
    kind: row.kind,
    ref: row.ref,
    in_nanos: row.sign === 1 ? amount : 0n,
    out_nanos: row.sign === -1 ? amount : 0n,
    created_at: row.created_at,
    purchase: purchaseOf(row),
  }
}

function purchaseOf(row: Row): MovementPurchase | null {
  if (row.purchase_kind === null) return null
  return {
    id: row.group_id,
    kind: row.purchase_kind,
    package_id: row.package_id,
    price_cents: row.price_cents!,
    code: row.code,
    is_live: row.is_live!,
  }
}

/** By where the money came from or went to. */
const TYPE_OF_ACCOUNT: Record<string, MovementType> = {
  "system/issue_package": "purchase",
  "system/sales_package": "purchase",
  "system/issue_bonus": "bonus",
  "system/issue_signup": "reward",
  "system/issue_checkin": "reward",
  "system/issue_share": "reward",
  "system/issue_gumroad": "reward",
  "system/expense_referral": "reward",
  "system/stripe": "payment",
  "system/stripe_test": "payment",
  "system/plan_payments": "payment",
  "system/issue_admin": "adjustment",
  "system/issue_cash_admin": "adjustment",
  "system/debt": "debt",
}

function typeOf({ kind, account, from_account, to_account }: Row): MovementType {
  const [word] = kind.split("_")
  if (word === "refund" || word === "dispute" || word === "debt") return word
  const other = account === from_account ? to_account : from_account
  if (other.endsWith("/referral_pending")) return "reward"
  return TYPE_OF_ACCOUNT[other] ?? "adjustment"
}
