/** What a customer wants of auto-topup: from which balance, which package, and how much a month. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Events } from "../../platform/events.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { centsToNanos, formatUsd, NANOS_PER_CENT, type Nanos, parseUsd } from "../ledger/nanos.ts"
import { findPackage, getOfferedPackage, type PackageOffer } from "../offers/packages.ts"
import { getRule } from "../offers/rules.ts"
import { hasDispute, type Suspension } from "./suspend.ts"

export interface AutoTopup {
  customer_id: string
  is_enabled: 0 | 1
  threshold_nanos: Nanos
  package_id: string
  monthly_cap_cents: number
  suspended_for: Suspension | null
  updated_at: number
}

export const findAutoTopup = (q: Query, customer_id: string): Promise<AutoTopup | undefined> =>
  q.get<AutoTopup>("SELECT * FROM auto_topup WHERE customer_id = ?", customer_id)

/** What a request changes; what is absent stays. Amounts are USD as text. */
export interface AutoTopupChange {
  is_enabled?: boolean | undefined
  threshold_usd?: string | undefined
  package_id?: string | undefined
  monthly_cap_usd?: string | undefined
}

const SET = `INSERT INTO auto_topup
    (customer_id, is_enabled, threshold_nanos, package_id, monthly_cap_cents, suspended_for, updated_at)
  VALUES (?, ?, ?, ?, ?, NULL, ?)
  ON CONFLICT (customer_id) DO UPDATE SET is_enabled = excluded.is_enabled, threshold_nanos = excluded.threshold_nanos,
    package_id = excluded.package_id, monthly_cap_cents = excluded.monthly_cap_cents,
    suspended_for = CASE WHEN ? THEN NULL ELSE suspended_for END, updated_at = excluded.updated_at`

/**
 * Changes the settings. Turning it on again ends a suspension, but not after a dispute; turning it off works always,
 * whatever became of the package. Throws `unprocessable` naming the field, `conflict` for a dispute.
 */
export async function setAutoTopup(
  q: TxQuery,
  needs: { clock: Clock; events: Events },
  { customer_id, change }: { customer_id: string; change: AutoTopupChange },
): Promise<AutoTopup> {
  const before = await findAutoTopup(q, customer_id)
  const is_enabled = change.is_enabled ?? before?.is_enabled === 1
  const offer = await readPackage(q, before, change)
  const cap = await readCap(q, change.monthly_cap_usd, before?.monthly_cap_cents ?? 10 * offer.price_cents)
  const threshold = readThreshold(change.threshold_usd, before?.threshold_nanos ?? centsToNanos(500))
  if (is_enabled && cap < offer.price_cents)
    throw refusal(
      "monthlyCapUsd",
      `must be at least the package's price, $${formatUsd(centsToNanos(offer.price_cents))}`,
    )
  const resumes = change.is_enabled === true
  if (resumes && (await hasDispute(q, customer_id))) throw disputed()
  const now = needs.clock.now()
  await q.run(SET, customer_id, is_enabled ? 1 : 0, threshold, offer.id, cap, now, resumes ? 1 : 0)
  // What the customer turns on again may try its card again.
  if (resumes) await q.run("UPDATE saved_card SET failure_count = 0 WHERE customer_id = ?", customer_id)
  const after = (await findAutoTopup(q, customer_id))!
  if (!before || !isSame(before, after))
    q.afterCommit(() => needs.events.emit("auto-topup-changed", { customer_id }))
  return after
}

const isSame = (before: AutoTopup, after: AutoTopup): boolean =>
  Bun.deepEquals({ ...before, updated_at: 0 }, { ...after, updated_at: 0 })

/** A package that is chosen, or is to be bought from now on, must be offered; one of before may have been withdrawn. */
async function readPackage(
  q: Query,
  before: AutoTopup | undefined,
  change: AutoTopupChange,
): Promise<PackageOffer> {
  const is_chosen = change.package_id !== undefined || change.is_enabled === true
  const kept = before && !is_chosen ? await findPackage(q, before.package_id) : undefined
  if (kept) return kept
  return getOfferedPackage(q, change.package_id ?? before?.package_id ?? (await defaultPackage(q)))
}

/** The cheapest that is offered. */
async function defaultPackage(q: Query): Promise<string> {
  const row = await q.get<{ id: string }>(
    "SELECT id FROM package_offer WHERE is_enabled = 1 AND vip_days = 0 ORDER BY price_cents, id LIMIT 1",
  )
  return row?.id ?? ""
}

const refusal = (field: string, what: string) =>
  new AppError("unprocessable", `${field} ${what}.`, { code: "invalid_amount", field })

function readThreshold(text: string | undefined, otherwise: Nanos): Nanos {
  if (text === undefined) return otherwise
  const amount = parseUsd(text)
  if (amount && amount > 0) return amount
  throw refusal("thresholdUsd", 'must be USD above 0, such as "5.00"')
}

async function readCap(q: Query, text: string | undefined, otherwise: number): Promise<number> {
  const most = (await getRule(q, "auto-topup")).max_monthly_cap_usd
  const limit = parseUsd(most)! / NANOS_PER_CENT
  if (text === undefined) return Math.min(otherwise, limit)
  const amount = parseUsd(text)
  const is_right = amount !== undefined && amount > 0 && amount % NANOS_PER_CENT === 0
  if (is_right && amount / NANOS_PER_CENT <= limit) return amount / NANOS_PER_CENT
  throw refusal("monthlyCapUsd", `must be whole cents above 0 and at most $${most}, such as "100.00"`)
}

const disputed = () =>
  new AppError("conflict", "Automatic top-ups stay off after a disputed payment. Please ask support.", {
    code: "payment_disputed",
    field: "enabled",
  })
