/** Purchases, reversals and debts by the oracle's own rules. */

import {
  type CodeUse,
  type Customer,
  type KnownTransfer,
  move,
  NANOS_PER_CENT,
  type Oracle,
  smaller,
  spendable,
} from "./oracle.ts"
import { earnCommission, restoreCommission, reverseCommission } from "./oracle-commissions.ts"
import { CODES, DAY_MS, type KnownCode } from "./setting.ts"

export interface Purchase {
  id: string
  customer: Customer
  kind: "package" | "cash-load" | "auto-topup" | "cash-purchase" | "plan-payment"
  package_id: string | null
  price_cents: number
  credit: bigint
  bonus: bigint
  vip_days: number
  code: string | null
  state: "open" | "paid" | "expired" | "failed" | "mismatch"
  intent: string | null
  /** Fingerprint of the card that paid. */
  card: string | null
  reference: string | null
  paid_at: number | null
  announced_count: number
}

export interface Reversal {
  id: string
  purchase: Purchase
  kind: "refund" | "dispute"
  cents: number
  token: bigint
  cash: bigint
  debt: bigint
  /** VIP time that it took, less what came back with its return. */
  vip_ms: number
  state: "taken" | "returned"
  /** Those of purchases from the Cash Wallet that it made, because the cash was not there. */
  inner: Reversal[]
  is_inner: boolean
}

/** What was paid for a purchase. */
export interface Payment {
  paid_at: number
  /** When the server credits it. */
  now: number
  intent: string | null
  card: string | null
}

/** Why a code cannot be used now, or the use that is next. */
export function useCode(
  { code_uses }: Oracle,
  now: number,
  asked: { code: string; customer: Customer; price_cents: number; credit: bigint },
): { refusal: string } | { use: CodeUse; bonus: bigint } {
  const known = CODES.find(one => one.code === asked.code)
  if (!known || (known.customer_id ?? asked.customer.id) !== asked.customer.id)
    return { refusal: "code_unknown" }
  const uses = [...code_uses.values()].filter(one => one.code === known.code)
  const own = uses.filter(one => one.customer === asked.customer)
  const refusal = refuseCode(known, now, {
    own: own.length,
    all: uses.length,
    price_cents: asked.price_cents,
  })
  if (refusal) return { refusal }
  const bonus = (asked.credit * BigInt(known.percent)) / 100n
  const number = Math.max(0, ...own.map(one => one.number)) + 1
  return {
    use: { code: known.code, customer: asked.customer, number },
    bonus: known.max_bonus === null ? bonus : smaller(bonus, known.max_bonus),
  }
}

function refuseCode(
  code: KnownCode,
  now: number,
  { own, all, price_cents }: { own: number; all: number; price_cents: number },
): string | undefined {
  if (now < code.starts_at) return "code_not_started"
  if (code.expires_at !== null && now >= code.expires_at) return "code_expired"
  if (own >= code.max_use_count_per_customer) return "code_used"
  if (code.max_use_count !== null && all >= code.max_use_count) return "code_exhausted"
  return price_cents < code.min_price_cents ? "code_below_minimum" : undefined
}

/** Writes an order, with the use of its code. */
export function order(oracle: Oracle, purchase: Purchase, use: CodeUse | undefined): void {
  oracle.journal.put(oracle.purchases, purchase.id, purchase)
  if (use) oracle.journal.put(oracle.code_uses, purchase.id, use)
}

/** Whether an order can end so: once, but what is wrongly paid for one that has ended is seen all the same. */
export const canEnd = ({ state }: Purchase, end: "expired" | "failed" | "mismatch"): boolean =>
  state === "open" || (end === "mismatch" && (state === "expired" || state === "failed"))

/** Ends an order that brought no money, if it can end. What the operator may still credit keeps its code. */
export function end(oracle: Oracle, purchase: Purchase, state: "expired" | "failed" | "mismatch"): void {
  if (!canEnd(purchase, state)) return
  oracle.journal.set(purchase, "state", state)
  if (state !== "mismatch") oracle.journal.drop(oracle.code_uses, purchase.id)
}

const accountOf = (purchase: Purchase): string => {
  if (purchase.kind === "cash-purchase") return `${purchase.customer.id}/cash`
  return purchase.intent === null ? "system/plan_payments" : "system/stripe"
}

/** Moves what a payment brings, with what follows from it. */
export function credit(oracle: Oracle, purchase: Purchase, payment: Payment): void {
  const { journal, code_uses } = oracle
  const { customer, id } = purchase
  journal.set(purchase, "state", "paid")
  journal.set(purchase, "intent", payment.intent)
  journal.set(purchase, "card", payment.card)
  journal.set(purchase, "paid_at", payment.paid_at)
  const group = moneyId(purchase)
  const is_load = purchase.kind === "cash-load"
  const wallet = `${customer.id}/token`
  move(oracle, [
    {
      id: group,
      from: accountOf(purchase),
      to: is_load ? `${customer.id}/cash` : "system/sales_package",
      amount: BigInt(purchase.price_cents) * NANOS_PER_CENT,
    },
    { id: `${group}:credit`, from: "system/issue_package", to: wallet, amount: purchase.credit },
    {
      id: bonusId(purchase, code_uses.get(id)),
      from: "system/issue_bonus",
      to: wallet,
      amount: purchase.bonus,
    },
  ])
  moveVip(oracle, customer, { ms: purchase.vip_days * DAY_MS, now: payment.now })
  collect(oracle, customer, id)
  earnCommission(oracle, purchase, payment.paid_at)
}

/** The rule that its id states. */
const moneyId = ({ kind, id, intent, reference }: Purchase): string => {
  if (kind === "cash-purchase") return `package:${id}`
  return intent === null ? `plan:${reference}` : `stripe:pi:${intent}`
}

/** A use that was given back has no number any more. */
const bonusId = ({ id, code, customer }: Purchase, use: CodeUse | undefined): string => {
  if (!use) return `code:${code}:${customer.id}:late:${id}`
  return `code:${code}:${customer.id}${use.number > 1 ? `:${use.number}` : ""}`
}

/** Gives by how much the end of VIP Priority moved: what is not there cannot be taken. */
function moveVip({ journal }: Oracle, customer: Customer, { ms, now }: { ms: number; now: number }): number {
  if (ms === 0) return 0
  const left = Math.max(customer.vip_until ?? 0, now) - now
  const stays = Math.max(left + ms, 0)
  journal.set(customer, "vip_until", stays > 0 ? now + stays : null)
  return stays - left
}

/** A debt is paid from what there is: cash first, then free credit. */
export function collect(oracle: Oracle, customer: Customer, group: string): void {
  const { cash, cash_debt } = customer.balances
  const from_cash = smaller(cash_debt, cash)
  const from_token = smaller(cash_debt - from_cash, spendable(customer))
  const { id } = customer
  move(oracle, [
    { id: `debt:${group}`, from: `${id}/cash_debt`, to: "system/debt", amount: from_cash + from_token },
    { id: `debt:${group}:cash`, from: `${id}/cash`, to: "system/sales_package", amount: from_cash },
    { id: `debt:${group}:token`, from: `${id}/token`, to: "system/issue_package", amount: from_token },
  ])
}

interface Taken {
  id: string
  purchase: Purchase
  kind: "refund" | "dispute"
  cents: number
  now: number
}

const takenCents = ({ reversals }: Oracle, purchase: Purchase): number =>
  [...reversals.values()]
    .filter(one => one.purchase === purchase && one.state === "taken")
    .reduce((sum, one) => sum + one.cents, 0)

/** Whether the whole price has gone back only with these cents. */
const isLast = ({ price_cents }: Purchase, before: number, cents: number) =>
  before < price_cents && before + cents >= price_cents

/** Takes back what a purchase gave, as far as it is there; the rest is owed. Spent cash is looked for in what it bought. */
export function reverse(oracle: Oracle, taken: Taken): void {
  const { purchase, kind } = taken
  const inner = purchase.kind === "cash-load" ? takeBought(oracle, taken) : []
  const reversal = take(oracle, taken, { inner, is_inner: false })
  const { auto_topup } = purchase.customer
  if (kind === "dispute" && auto_topup) oracle.journal.set(auto_topup, "suspended_for", "dispute")
  reverseCommission(oracle, reversal)
}

function take(oracle: Oracle, taken: Taken, about: Pick<Reversal, "inner" | "is_inner">): Reversal {
  const { id, purchase, kind, cents, now } = taken
  const { customer, vip_days } = purchase
  const before = takenCents(oracle, purchase)
  const parts = divide(purchase, before, cents)
  const ms = isLast(purchase, before, cents) ? -vip_days * DAY_MS : 0
  const vip_ms = -moveVip(oracle, customer, { ms, now })
  const reversal: Reversal = { id, purchase, kind, cents, state: "taken", ...parts, ...about, vip_ms }
  oracle.journal.put(oracle.reversals, id, reversal)
  move(oracle, legsOf(reversal, reversal.debt))
  return reversal
}

/** One purchase from the Cash Wallet after the other, the newest first, until the missing cash has come back. */
function takeBought(oracle: Oracle, taken: Taken): Reversal[] {
  const { customer } = taken.purchase
  const reversals: Reversal[] = []
  let missing = BigInt(taken.cents) * NANOS_PER_CENT - customer.balances.cash
  for (const purchase of listBought(oracle, customer)) {
    if (missing <= 0n) break
    const left = purchase.price_cents - takenCents(oracle, purchase)
    if (left <= 0) continue
    const wanted = Number((missing + NANOS_PER_CENT - 1n) / NANOS_PER_CENT)
    const part = { ...taken, id: `${taken.id}:${purchase.id}`, purchase, cents: Math.min(left, wanted) }
    reversals.push(take(oracle, part, { inner: [], is_inner: true }))
    missing -= BigInt(part.cents) * NANOS_PER_CENT
  }
  return reversals
}

const listBought = ({ purchases }: Oracle, customer: Customer): Purchase[] =>
  [...purchases.values()]
    .filter(one => one.customer === customer && one.kind === "cash-purchase" && one.state === "paid")
    .sort((a, b) => b.paid_at! - a.paid_at! || (a.id < b.id ? 1 : -1))

/** Credit goes back in proportion, the last part whatever was rounded; of what was spent never more than its price. */
function divide(purchase: Purchase, before: number, cents: number) {
  const { customer, price_cents } = purchase
  const { cash } = customer.balances
  const amount = BigInt(cents) * NANOS_PER_CENT
  if (purchase.kind === "cash-load") {
    const from_cash = smaller(amount, cash)
    const token = smaller(amount - from_cash, spendable(customer))
    return { cash: from_cash, token, debt: amount - from_cash - token }
  }
  const gone = Math.min(before, price_cents)
  const going = Math.min(before + cents, price_cents) - gone
  const given = purchase.credit + purchase.bonus
  const upTo = (part: number) => (given * BigInt(part)) / BigInt(price_cents)
  const due = upTo(gone + going) - upTo(gone)
  const token = smaller(due, spendable(customer))
  const spent = smaller(due - token, BigInt(going) * NANOS_PER_CENT)
  const owed = spent + BigInt(cents - going) * NANOS_PER_CENT
  const is_paid_in_cash = purchase.kind === "cash-purchase"
  const from_cash = smaller(owed, is_paid_in_cash ? cash + amount : cash)
  return { token, cash: from_cash, debt: owed - from_cash }
}

function legsOf({ id, purchase, kind, cents, token, cash }: Reversal, debt: bigint): KnownTransfer[] {
  const rule = `stripe:${kind}:${id}`
  const own = purchase.customer.id
  return [
    {
      id: rule,
      from: "system/sales_package",
      to: accountOf(purchase),
      amount: BigInt(cents) * NANOS_PER_CENT,
    },
    { id: `${rule}:token`, from: `${own}/token`, to: "system/issue_package", amount: token },
    { id: `${rule}:cash`, from: `${own}/cash`, to: "system/sales_package", amount: cash },
    { id: `${rule}:debt`, from: "system/debt", to: `${own}/cash_debt`, amount: debt },
  ]
}

/** Gives back what a reversal took, and what was taken for it. */
export function giveBack(oracle: Oracle, reversal: Reversal, now: number): void {
  const before = takenCents(oracle, reversal.purchase) - reversal.cents
  giveOneBack(oracle, reversal, now)
  for (const one of reversal.inner) giveOneBack(oracle, one, now)
  restoreCommission(oracle, reversal, before)
}

function giveOneBack(oracle: Oracle, reversal: Reversal, now: number): void {
  const { purchase } = reversal
  const { customer } = purchase
  const before = takenCents(oracle, purchase) - reversal.cents
  oracle.journal.set(reversal, "state", "returned")
  const debt = smaller(reversal.debt, customer.balances.cash_debt)
  // In the order in which it was taken what a purchase from the Cash Wallet gets back would be missing.
  const back = legsOf(reversal, debt)
    .map(leg => ({ ...leg, id: `${leg.id}:returned`, from: leg.to, to: leg.from }))
    .reverse()
  move(oracle, [...back, ...collectedBack(oracle, reversal, reversal.debt - debt)])
  if (!isLast(purchase, before, reversal.cents)) return
  const ms = vipTaken(oracle, purchase)
  oracle.journal.set(reversal, "vip_ms", reversal.vip_ms - ms)
  moveVip(oracle, customer, { ms, now })
}

/** What was collected comes back as credit as long as credit had paid for debts, else as cash. */
function collectedBack(oracle: Oracle, { id, kind, purchase }: Reversal, amount: bigint): KnownTransfer[] {
  const own = purchase.customer.id
  const rule = `stripe:${kind}:${id}:collected`
  const token = smaller(amount, creditCollected(oracle, own))
  return [
    { id: `${rule}:token:returned`, from: "system/issue_package", to: `${own}/token`, amount: token },
    { id: `${rule}:cash:returned`, from: "system/sales_package", to: `${own}/cash`, amount: amount - token },
  ]
}

function creditCollected({ transfers }: Oracle, customer_id: string): bigint {
  const wallet = `${customer_id}/token`
  let sum = 0n
  for (const { id, from, to, amount } of transfers.values()) {
    if (from === wallet && id.startsWith("debt:")) sum += amount
    if (to === wallet && id.endsWith(":collected:token:returned")) sum -= amount
  }
  return sum
}

const vipTaken = ({ reversals }: Oracle, purchase: Purchase): number =>
  [...reversals.values()].filter(one => one.purchase === purchase).reduce((sum, one) => sum + one.vip_ms, 0)
