/** What a purchase earns who brought its customer, by the oracle's own rules. */
import { type Customer, move, NANOS_PER_CENT, type Oracle, smaller } from "./oracle.ts"
import { collect, type Purchase, type Reversal } from "./oracle-purchases.ts"
import { DAY_MS, HOLD_DAYS, TIERS } from "./setting.ts"

export interface Commission {
  purchase: Purchase
  referrer: Customer
  amount: bigint
  state: "pending" | "paid" | "refused"
  due_at: number
  /** What counts as taken back, and what of that was there to be taken. */
  reversed: bigint
  taken: bigint
}

const leftOf = (commission: Commission): bigint => commission.amount - commission.reversed

/** Only what was paid to Stripe for credit earns; the same card at both is one person. */
export function earnCommission(oracle: Oracle, purchase: Purchase, paid_at: number): void {
  const { kind, customer, price_cents } = purchase
  const { referrer } = customer
  if (!referrer || (kind !== "package" && kind !== "auto-topup")) return
  const is_refused = isOwnCard(oracle, { purchase, referrer })
  const percent = percentOf(oracle, referrer)
  const amount = is_refused ? 0n : roundUp(BigInt(price_cents) * NANOS_PER_CENT * BigInt(percent), 100n)
  const due_at = paid_at + HOLD_DAYS * DAY_MS
  const state = is_refused ? "refused" : "pending"
  oracle.journal.put(oracle.commissions, purchase.id, {
    purchase,
    referrer,
    amount,
    state,
    due_at,
    reversed: 0n,
    taken: 0n,
  })
  const to = `${referrer.id}/referral_pending`
  move(oracle, [{ id: `referral:${purchase.id}`, from: "system/expense_referral", to, amount }])
}

/** Whether the referrer has paid, or left us a card, with that of the purchase. */
const isOwnCard = (oracle: Oracle, { purchase, referrer }: Pick<Commission, "purchase" | "referrer">) =>
  purchase.card !== null && cardsOf(oracle, referrer).has(purchase.card)

/** Every card that a customer has paid with or left with us. */
export function cardsOf({ purchases }: Oracle, customer: Customer): Set<string> {
  const cards = new Set<string>()
  for (const one of purchases.values())
    if (one.customer === customer && one.card !== null) cards.add(one.card)
  if (customer.card) cards.add(customer.card.fingerprint)
  return cards
}

function percentOf({ commissions }: Oracle, referrer: Customer): number {
  const paying = [...commissions.values()].filter(
    one => one.referrer === referrer && one.state !== "refused" && leftOf(one) > 0n,
  )
  const count = new Set(paying.map(one => one.purchase.customer)).size
  return TIERS.findLast(([least]) => least <= count)![1]
}

const roundUp = (amount: bigint, by: bigint) => (amount + by - 1n) / by

const holderOf = ({ state }: Commission) => (state === "paid" ? "cash" : "referral_pending")

/** Takes back the part that a reversal is of the price; what was paid out and spent is not there to be taken. */
export function reverseCommission(oracle: Oracle, { id, purchase, cents }: Reversal): void {
  const commission = oracle.commissions.get(purchase.id)
  if (!commission || commission.state === "refused") return
  const part = roundUp(commission.amount * BigInt(cents), BigInt(purchase.price_cents))
  const counted = smaller(leftOf(commission), part)
  const holder = holderOf(commission)
  const taken = smaller(counted, commission.referrer.balances[holder])
  oracle.journal.set(commission, "reversed", commission.reversed + counted)
  oracle.journal.set(commission, "taken", commission.taken + taken)
  const from = `${commission.referrer.id}/${holder}`
  move(oracle, [{ id: `referral:${purchase.id}:${id}`, from, to: "system/expense_referral", amount: taken }])
}

/** Once a reversal is returned the referrer is without no more than the part that is still reversed. */
export function restoreCommission(oracle: Oracle, { id, purchase }: Reversal, still_cents: number): void {
  const commission = oracle.commissions.get(purchase.id)
  if (!commission || commission.state === "refused") return
  const part = roundUp(commission.amount * BigInt(still_cents), BigInt(purchase.price_cents))
  const reversed = smaller(commission.reversed, part)
  const taken = smaller(commission.taken, reversed)
  const amount = commission.taken - taken
  oracle.journal.set(commission, "reversed", reversed)
  oracle.journal.set(commission, "taken", taken)
  const to = `${commission.referrer.id}/${holderOf(commission)}`
  const rule = `referral:${purchase.id}:${id}:returned`
  move(oracle, [{ id: rule, from: "system/expense_referral", to, amount }])
}

/** The commissions that are due, the earliest first. */
export const listDue = ({ commissions }: Oracle, now: number): Commission[] =>
  [...commissions.values()]
    .filter(one => one.state === "pending" && one.due_at <= now)
    .sort((a, b) => a.due_at - b.due_at)

/** Pays what is left of a commission out, once, unless its card turned out to be the referrer's own. */
export function payOut(oracle: Oracle, commission: Commission): void {
  const { referrer, purchase } = commission
  const amount = leftOf(commission)
  const rule = `referral:${purchase.id}`
  const [from, to] = [`${referrer.id}/referral_pending`, `${referrer.id}/cash`]
  if (isOwnCard(oracle, commission)) {
    oracle.journal.set(commission, "state", "refused")
    move(oracle, [{ id: `${rule}:void`, from, to: "system/expense_referral", amount }])
    return
  }
  oracle.journal.set(commission, "state", "paid")
  if (amount === 0n) return
  move(oracle, [{ id: `${rule}:payout`, from, to, amount }])
  collect(oracle, referrer, rule)
}

/** Whether a payout brings money now. */
export const isPayable = (oracle: Oracle, commission: Commission): boolean =>
  commission.state === "pending" && leftOf(commission) > 0n && !isOwnCard(oracle, commission)
