/** The sweeper: catches what webhook and confirm both missed, by asking Stripe about open purchases and late events. */
import type Stripe from "stripe"
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../platform/clock.ts"
import { describeError, type Log } from "../../platform/log.ts"
import { readSetting, writeSetting } from "../../platform/settings.ts"
import { endPurchase } from "../purchases/purchases.ts"
import type { StripeAccount } from "./account.ts"
import { type FulfilNeeds, fulfilSession } from "./fulfil.ts"
import { EVENT_TYPES, handleEvent } from "./webhook.ts"

export interface SweepNeeds extends FulfilNeeds {
  log: Log
}

/** A purchase is asked about when it is this old: the confirm endpoint is usually faster. */
const YOUNG_MS = MINUTE_MS
/** A purchase that never got a session is given up after this. */
const LOST_MS = HOUR_MS
/** Events are asked for again for this long, because Stripe lists them in the order they happened, not arrived. */
const OVERLAP_MS = HOUR_MS
/** Stripe keeps events for 30 days. */
const FIRST_LOOK_MS = DAY_MS
/** What fails is asked for again for as long as Stripe repeats its webhooks: one event must not pin the look for ever. */
const LONGEST_TRY_MS = 3 * DAY_MS
const MOST_PER_PASS = 200

/** One pass: open purchases, then events. What fails is logged and tried again in the next pass. */
export async function sweepPayments(needs: SweepNeeds): Promise<void> {
  const account = needs.payments.find()
  if (!account) return
  await sweepPurchases(needs, account)
  await sweepEvents(needs, account)
}

interface OpenPurchase {
  id: string
  stripe_session_id: string | null
  created_at: number
}

const OPEN = `SELECT id, stripe_session_id, created_at FROM purchase
  WHERE state = 'open' AND kind IN ('package', 'cash-load') AND is_live = ? AND created_at <= ?
    AND (created_at, id) > (?, ?)
  ORDER BY created_at, id LIMIT ${MOST_PER_PASS}`

/** Where the next pass goes on, so that many pages which nobody pays do not keep it from the others. */
const PLACE = "stripe-sweep-place"
const START = "0 "

async function listOpen({ store, clock }: SweepNeeds, account: StripeAccount): Promise<OpenPurchase[]> {
  const place = (await readSetting(store.read, PLACE)) ?? START
  const [at = "", id = ""] = place.split(" ")
  const is_live = account.is_live ? 1 : 0
  const open = await store.read.all<OpenPurchase>(OPEN, is_live, clock.now() - YOUNG_MS, Number(at), id)
  const last = open.length < MOST_PER_PASS ? undefined : open.at(-1)
  const next = last ? `${last.created_at} ${last.id}` : START
  if (next !== place) await store.tx(q => writeSetting(q, PLACE, next))
  return open
}

async function sweepPurchases(needs: SweepNeeds, account: StripeAccount): Promise<void> {
  const now = needs.clock.now()
  for (const { id, stripe_session_id, created_at } of await listOpen(needs, account)) {
    try {
      if (stripe_session_id !== null) await fulfilSession(needs, stripe_session_id)
      else if (now - created_at > LOST_MS) await giveUp(needs, id)
    } catch (error) {
      needs.log.warn("a purchase could not be looked up", { purchase_id: id, ...describeError(error) })
    }
  }
}

const giveUp = (needs: SweepNeeds, purchase_id: string) =>
  needs.store.tx(q =>
    endPurchase(q, needs, { purchase_id, state: "failed", failure: "the payment service gave no page" }),
  )

async function sweepEvents(needs: SweepNeeds, account: StripeAccount): Promise<void> {
  const key = `stripe-events-until:${account.is_live ? "live" : "test"}`
  const now = needs.clock.now()
  const until = Number((await readSetting(needs.store.read, key)) ?? now - FIRST_LOOK_MS)
  const since = Math.floor((until - OVERLAP_MS) / 1000)
  let failed_at = Number.POSITIVE_INFINITY
  for (const event of await listNewEvents(account, since)) {
    try {
      await handleEvent(needs, event)
    } catch (error) {
      failed_at = Math.min(failed_at, event.created * 1000)
      needs.log.warn("an event could not be handled", { event_id: event.id, ...describeError(error) })
    }
  }
  // What failed stays within the next pass's look.
  const next = Math.max(Math.min(now, failed_at), now - LONGEST_TRY_MS)
  await needs.store.tx(q => writeSetting(q, key, String(next)))
}

/** Events since an instant (seconds) that this process has not handled, oldest first: a payment before its refund. */
async function listNewEvents(account: StripeAccount, since: number): Promise<Stripe.Event[]> {
  const { api, handled_events } = account
  for (const [id, created] of handled_events) if (created < since) handled_events.delete(id)
  const events: Stripe.Event[] = []
  const asked = { types: [...EVENT_TYPES], created: { gte: since }, limit: 100 }
  for await (const event of api.events.list(asked)) if (!handled_events.has(event.id)) events.push(event)
  return events.reverse()
}
