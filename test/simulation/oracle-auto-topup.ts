/** When auto-topup may charge, and what an end of a charge changes, by the oracle's own rules. */
import type { Customer, Oracle } from "./oracle.ts"
import { end, type Purchase } from "./oracle-purchases.ts"
import { MINUTE_MS, OFFERS } from "./setting.ts"
import type { Fate } from "./till.ts"

/** What a customer wants. */
export interface Wish {
  is_enabled: boolean
  threshold: bigint
  package_id: string
  monthly_cap_cents: number
  suspended_for: "card" | "authentication" | "dispute" | null
}

export interface SavedCard {
  payment_method_id: string
  fingerprint: string
  failure_count: number
  /** When the customer gave it. */
  given_at: number
}

export interface AutoTopupJob {
  id: string
  purchase: Purchase
  state: "claimed" | Fate
  created_at: number
}

const LEAST_INTERVAL_MS = 10 * MINUTE_MS
const MOST_FAILURES = 3

const jobsOf = ({ topup_jobs }: Oracle, customer: Customer): AutoTopupJob[] =>
  [...topup_jobs.values()].filter(one => one.purchase.customer === customer)

/** Whether the next charge of a customer may be claimed. */
export function mayClaim(oracle: Oracle, customer: Customer, now: number): boolean {
  const { auto_topup, card, balances } = customer
  if (!auto_topup?.is_enabled || auto_topup.suspended_for !== null || !card) return false
  if (customer.is_frozen || hasDispute(oracle, customer)) return false
  if (balances.token >= auto_topup.threshold) return false
  const jobs = jobsOf(oracle, customer)
  if (jobs.some(one => one.state === "claimed" || now - one.created_at < LEAST_INTERVAL_MS)) return false
  const month = (at: number) => new Date(at).toISOString().slice(0, 7)
  const charged = jobs
    .filter(one => month(one.created_at) === month(now) && one.state === "paid")
    .reduce((sum, one) => sum + one.purchase.price_cents, 0)
  const { price_cents } = OFFERS.find(one => one.id === auto_topup.package_id)!
  return charged + price_cents <= auto_topup.monthly_cap_cents
}

/** Ends a charge, once. */
export function endJob(oracle: Oracle, job: AutoTopupJob, fate: Fate): void {
  if (job.state !== "claimed") return
  const { journal } = oracle
  const { card, auto_topup } = job.purchase.customer
  journal.set(job, "state", fate)
  if (fate === "paid") {
    if (card) journal.set(card, "failure_count", 0)
    return
  }
  end(oracle, job.purchase, "failed")
  if (fate === "declined" && card) journal.set(card, "failure_count", card.failure_count + 1)
  const is_tired = fate === "declined" && card !== undefined && card.failure_count >= MOST_FAILURES
  const suspension = fate === "action-required" ? "authentication" : is_tired ? "card" : undefined
  if (suspension && auto_topup?.suspended_for === null) journal.set(auto_topup, "suspended_for", suspension)
}

/** Makes a card the one to charge, unless a later one is known; a new one gets a new chance. */
export function keepCard({ journal }: Oracle, customer: Customer, card: SavedCard): void {
  const known = customer.card
  const is_later =
    !known ||
    card.given_at > known.given_at ||
    (card.given_at === known.given_at && card.payment_method_id > known.payment_method_id)
  if (!is_later || known?.payment_method_id === card.payment_method_id) return
  journal.set(customer, "card", card)
  const wish = customer.auto_topup
  if (wish && wish.suspended_for !== "dispute") journal.set(wish, "suspended_for", null)
}

/** Whether the customer's bank took money back and has not returned it. */
export const hasDispute = ({ reversals }: Oracle, customer: Customer): boolean =>
  [...reversals.values()].some(
    one => one.purchase.customer === customer && one.kind === "dispute" && one.state === "taken",
  )

/** What the customer turns on may try again. */
export function setWish({ journal }: Oracle, customer: Customer, wish: Omit<Wish, "suspended_for">): void {
  const suspended_for = wish.is_enabled ? null : (customer.auto_topup?.suspended_for ?? null)
  journal.set(customer, "auto_topup", { ...wish, suspended_for })
  if (wish.is_enabled && customer.card) journal.set(customer.card, "failure_count", 0)
}
