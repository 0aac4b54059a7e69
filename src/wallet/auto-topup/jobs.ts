/** One row for each automatic charge: claimed before Stripe is asked, kept until it is known what became of it. */

import { type NoticeNeeds, notify } from "../../notices/notify.ts"
import { MINUTE_MS } from "../../platform/clock.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { findPackage } from "../offers/packages.ts"
import { getRule } from "../offers/rules.ts"
import { endPurchase, openPurchase } from "../purchases/purchases.ts"
import { countCardFailure, resetCardFailures } from "./saved-card.ts"
import type { AutoTopup } from "./settings.ts"
import { hasDispute, type Suspension, suspendAutoTopup } from "./suspend.ts"

export interface AutoTopupJob {
  /** Stripe's idempotency key. */
  id: string
  customer_id: string
  purchase_id: string
  state: "claimed" | "paid" | "declined" | "action-required" | "abandoned"
  failure: string | null
  created_at: number
  ended_at: number | null
}

export const listClaimed = (q: Query): Promise<AutoTopupJob[]> =>
  q.all<AutoTopupJob>("SELECT * FROM auto_topup_job WHERE state = 'claimed' ORDER BY created_at LIMIT 200")

/** Who could be charged: enabled, not suspended, with a card, and below the threshold; not frozen, not blocked. */
const DUE = `auto_topup t JOIN ledger_account a ON a.id = t.customer_id || '/token'
  JOIN saved_card s ON s.customer_id = t.customer_id
  JOIN customer c ON c.id = t.customer_id
  WHERE t.is_enabled = 1 AND t.suspended_for IS NULL AND c.status = 'active' AND a.is_frozen = 0
    AND a.balance_nanos < t.threshold_nanos`
const BELOW = `SELECT t.customer_id FROM ${DUE} AND t.customer_id > ? ORDER BY t.customer_id LIMIT 200`
const IS_DUE = `SELECT t.package_id, t.monthly_cap_cents FROM ${DUE} AND t.customer_id = ?`

/** A page of the customers whose available credit is below their threshold; `after` is the last of the page before. */
export const listBelowThreshold = async (q: Query, after: string): Promise<string[]> =>
  (await q.all<{ customer_id: string }>(BELOW, after)).map(one => one.customer_id)

const INSERT = `INSERT INTO auto_topup_job (id, customer_id, purchase_id, state, created_at)
  VALUES (?, ?, ?, 'claimed', ?)`
const LAST = "SELECT max(created_at) AS at FROM auto_topup_job WHERE customer_id = ?"
/** Everything that was or may have been charged since the month began. */
const CHARGED = `SELECT coalesce(sum(p.price_cents), 0) AS cents FROM auto_topup_job j
  JOIN purchase p ON p.id = j.purchase_id
  WHERE j.customer_id = ? AND j.state IN ('claimed', 'paid') AND j.created_at >= ?`
const CLAIMED = "SELECT 1 AS found FROM auto_topup_job WHERE customer_id = ? AND state = 'claimed'"

/** What auto-topup charged a customer in the calendar month (UTC) of an instant, in cents. */
export async function chargedInMonth(q: Query, customer_id: string, now: number): Promise<number> {
  const day = new Date(now)
  const month = Date.UTC(day.getUTCFullYear(), day.getUTCMonth())
  return (await q.get<{ cents: number }>(CHARGED, customer_id, month))!.cents
}

/** Claims the next charge of a customer, when everything allows it: in one transaction, so that two cannot. */
export async function claimJob(
  q: TxQuery,
  needs: NoticeNeeds,
  { customer_id, is_live }: { customer_id: string; is_live: boolean },
): Promise<AutoTopupJob | undefined> {
  const now = needs.clock.now()
  const wanted = await q.get<Pick<AutoTopup, "package_id" | "monthly_cap_cents">>(IS_DUE, customer_id)
  if (!wanted || (await q.get(CLAIMED, customer_id)) || (await hasDispute(q, customer_id))) return undefined
  const rule = await getRule(q, "auto-topup")
  const last = await q.get<{ at: number | null }>(LAST, customer_id)
  if (last?.at != null && now - last.at < rule.min_interval_minutes * MINUTE_MS) return undefined
  const offer = await findPackage(q, wanted.package_id)
  if (!offer?.is_enabled) return undefined
  if ((await chargedInMonth(q, customer_id, now)) + offer.price_cents > wanted.monthly_cap_cents) {
    await notifyCap(q, needs, customer_id)
    return undefined
  }
  const purchase = await openPurchase(q, needs, { customer_id, kind: "auto-topup", offer, is_live })
  const id = needs.newId("atj")
  await q.run(INSERT, id, customer_id, purchase.id, now)
  return q.get<AutoTopupJob>("SELECT * FROM auto_topup_job WHERE id = ?", id)
}

/**
 * Whether a charge that was claimed may still be made: nobody turned it off, chose another package or lowered the limit,
 * no dispute opened, and the credit is still too low.
 */
export async function isStillDue(
  q: Query,
  { customer_id, package_id, now }: { customer_id: string; package_id: string | null; now: number },
): Promise<boolean> {
  const wanted = await q.get<Pick<AutoTopup, "package_id" | "monthly_cap_cents">>(IS_DUE, customer_id)
  if (wanted?.package_id !== package_id || (await hasDispute(q, customer_id))) return false
  return (await chargedInMonth(q, customer_id, now)) <= wanted.monthly_cap_cents
}

const notifyCap = (q: TxQuery, needs: NoticeNeeds, customer_id: string) =>
  notify(q, needs, {
    customer_id,
    kind: "auto-topup",
    key: `auto-topup-cap:${customer_id}:${new Date(needs.clock.now()).toISOString().slice(0, 7)}`,
    subject: "Automatic top-up reached your monthly limit",
    body: "Your balance is low, but another automatic top-up would exceed the monthly limit that you set. Top up yourself, or raise the limit.",
  })

const END = `UPDATE auto_topup_job SET state = ?, failure = ?, ended_at = ? WHERE id = ? AND state = 'claimed'`

/** The charge succeeded and its purchase is credited. */
export async function endPaid(q: TxQuery, needs: NoticeNeeds, job: AutoTopupJob): Promise<void> {
  if ((await q.run(END, "paid", null, needs.clock.now(), job.id)) !== 1) return
  await resetCardFailures(q, job.customer_id)
  announce(q, needs, job, "paid")
}

/** Why a charge failed, for the customer and for what happens next. */
export interface JobFailure {
  state: "declined" | "action-required" | "abandoned"
  /** In words. */
  failure: string
  /** Where the customer can pay in person, when the bank insists. */
  link?: string | undefined
}

/**
 * The charge failed for good: its purchase ends, the customer hears of it, and the card is not tried again after the
 * third failure in a row, or at once when its bank wants to see the customer.
 */
export async function endFailed(
  q: TxQuery,
  needs: NoticeNeeds,
  { job, state, failure, link }: JobFailure & { job: AutoTopupJob },
): Promise<void> {
  if ((await q.run(END, state, failure, needs.clock.now(), job.id)) !== 1) return
  await endPurchase(q, needs, { purchase_id: job.purchase_id, state: "failed", failure })
  const suspension = state === "abandoned" ? undefined : await suspensionOf(q, job, state)
  if (suspension) await suspendAutoTopup(q, needs, { customer_id: job.customer_id, why: suspension })
  await notify(q, needs, noticeOf(job, { state, failure, link }, suspension))
  announce(q, needs, job, state)
}

async function suspensionOf(
  q: TxQuery,
  job: AutoTopupJob,
  state: "declined" | "action-required",
): Promise<Exclude<Suspension, "dispute"> | undefined> {
  if (state === "action-required") return "authentication"
  const { max_failures } = await getRule(q, "auto-topup")
  return (await countCardFailure(q, job.customer_id)) >= max_failures ? "card" : undefined
}

function noticeOf(
  job: AutoTopupJob,
  { state, failure, link }: JobFailure,
  suspension: Exclude<Suspension, "dispute"> | undefined,
) {
  const page = link ? `at ${link} (within a day)` : "with a checkout that saves the card"
  const next = {
    authentication: `Pay once in person ${page}: the card is saved again. Automatic top-ups are off until then.`,
    card: "It failed too often: automatic top-ups are off until you save another card or turn them on again.",
    none: state === "abandoned" ? "It is tried again once it is due." : "It is tried again later.",
  }[suspension ?? "none"]
  return {
    customer_id: job.customer_id,
    kind: "auto-topup" as const,
    key: `auto-topup:${job.id}`,
    subject: "Your automatic top-up failed",
    body: `${failure} ${next}`,
  }
}

const announce = (q: TxQuery, needs: NoticeNeeds, job: AutoTopupJob, state: string) =>
  q.afterCommit(() =>
    needs.events.emit("auto-topup-ended", { customer_id: job.customer_id, job_id: job.id, state }),
  )
