/** The transfers of a paid purchase and of what is taken back from it; pure. */
import { customerAccount, type SystemAccount } from "../ledger/chart.ts"
import { centsToNanos, type Nanos } from "../ledger/nanos.ts"
import type { Transfer } from "../ledger/post.ts"
import type { Purchase } from "./purchases.ts"

type Paid = Pick<Purchase, "id" | "kind" | "customer_id" | "is_live" | "reference" | "stripe_payment_intent">

/** Where the money of a purchase came from, and goes back to. */
export function moneyAccountOf(purchase: Paid): string {
  if (purchase.kind === "cash-purchase") return customerAccount(purchase.customer_id, "cash")
  if (purchase.stripe_payment_intent === null) return "system/plan_payments" satisfies SystemAccount
  return purchase.is_live ? "system/stripe" : "system/stripe_test"
}

/** The id that states the rule: a payment is credited once. */
export function paymentTransferId(purchase: Paid): string {
  if (purchase.kind === "cash-purchase") return `package:${purchase.id}`
  const { reference, stripe_payment_intent } = purchase
  return stripe_payment_intent === null ? `plan:${reference}` : `stripe:pi:${stripe_payment_intent}`
}

interface Leg {
  id: string
  kind: string
  from: string
  to: string
  amount_nanos: Nanos
}

/** Transfers of one purchase, without those that move nothing. */
export const toTransfers = (
  legs: readonly Leg[],
  about: { purchase_id: string; ref: string; actor: string; event_at: number },
): Transfer[] =>
  legs
    .filter(leg => leg.amount_nanos > 0)
    .map(leg => ({
      ...leg,
      group_id: about.purchase_id,
      ref: about.ref,
      actor: about.actor,
      event_at: about.event_at,
    }))

/** The money, the credit it buys, and the bonus of a code: linked legs in both ledgers. */
export function creditLegs(purchase: Purchase, bonus_id: string): Leg[] {
  const id = paymentTransferId(purchase)
  const wallet = customerAccount(purchase.customer_id, "token")
  const is_load = purchase.kind === "cash-load"
  return [
    {
      id,
      kind: is_load ? "cash_load" : "package_payment",
      from: moneyAccountOf(purchase),
      to: is_load ? customerAccount(purchase.customer_id, "cash") : "system/sales_package",
      amount_nanos: centsToNanos(purchase.price_cents),
    },
    {
      id: `${id}:credit`,
      kind: "package_credit",
      from: "system/issue_package",
      to: wallet,
      amount_nanos: purchase.credit_nanos,
    },
    {
      id: bonus_id,
      kind: "bonus_credit",
      from: "system/issue_bonus",
      to: wallet,
      amount_nanos: purchase.bonus_nanos,
    },
  ]
}

/** How a reversal is divided; `token + cash + debt` is at most what was bought. */
export interface ReversalParts {
  amount: Nanos
  token: Nanos
  cash: Nanos
  debt: Nanos
}

/** `stripe:refund:<id>` or `stripe:dispute:<id>`. */
export const reversalTransferId = (reversal: { id: string; kind: "refund" | "dispute" }): string =>
  `stripe:${reversal.kind}:${reversal.id}`

/**
 * The money goes back to where it came from; the customer gives credit and cash, and owes the rest.
 * What a debt takes is booked on both sides of `cash_debt`, so that the ledger adds up and shows who owes what.
 */
export function reversalLegs(
  purchase: Purchase,
  reversal: { id: string; kind: "refund" | "dispute" },
  parts: ReversalParts,
): Leg[] {
  const id = reversalTransferId(reversal)
  const { kind } = reversal
  const account = (name: "token" | "cash" | "cash_debt") => customerAccount(purchase.customer_id, name)
  return [
    { id, kind, from: "system/sales_package", to: moneyAccountOf(purchase), amount_nanos: parts.amount },
    {
      id: `${id}:token`,
      kind: `${kind}_credit`,
      from: account("token"),
      to: "system/issue_package",
      amount_nanos: parts.token,
    },
    {
      id: `${id}:cash`,
      kind: `${kind}_cash`,
      from: account("cash"),
      to: "system/sales_package",
      amount_nanos: parts.cash,
    },
    {
      id: `${id}:debt`,
      kind: `${kind}_debt`,
      from: "system/debt",
      to: account("cash_debt"),
      amount_nanos: parts.debt,
    },
  ]
}

/**
 * The legs of a reversal the other way, the last one first, for a refund that failed or a dispute that was won: what a
 * purchase's cash had come back for must be there before it goes again.
 */
export const returnLegs = (legs: readonly Leg[]): Leg[] =>
  legs.toReversed().map(leg => ({
    ...leg,
    id: `${leg.id}:returned`,
    kind: `${leg.kind}_returned`,
    from: leg.to,
    to: leg.from,
  }))

/** What was collected meanwhile of the debt of a reversal comes back to the wallets that paid it. */
export function collectedLegs(
  { customer_id }: Purchase,
  reversal: { id: string; kind: "refund" | "dispute" },
  collected: { token: Nanos; cash: Nanos },
): Leg[] {
  const leg = (name: "token" | "cash", from: SystemAccount): Leg => ({
    id: `${reversalTransferId(reversal)}:collected:${name}:returned`,
    kind: `${reversal.kind}_collected_returned`,
    from,
    to: customerAccount(customer_id, name),
    amount_nanos: collected[name],
  })
  return [leg("token", "system/issue_package"), leg("cash", "system/sales_package")]
}
