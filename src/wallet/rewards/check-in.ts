/** The Daily Check-in: once in a UTC day, more for each day of a streak; the streak is read from the claims. */

import { type Static, t } from "elysia"
import { DAY_MS } from "../../platform/clock.ts"
import type { Remember } from "../../platform/idempotency.ts"
import { Time, toIso, Usd } from "../../platform/schema.ts"
import type { Query } from "../../platform/store.ts"
import { getBalances } from "../ledger/accounts.ts"
import { formatUsd, type Nanos } from "../ledger/nanos.ts"
import { getRule } from "../offers/rules.ts"
import { toApiWallet, Wallet } from "../status.ts"
import { assertMayClaim, hashDevice } from "./anti-abuse.ts"
import {
  alreadyClaimed,
  amountOf,
  type ClaimInput,
  type ClaimNeeds,
  claimReward,
  findClaimedAt,
  readMarks,
  readOffer,
  writeClaim,
} from "./claim.ts"
import { OfferView } from "./reward-view.ts"

export const CheckInStatus = t.Object({
  day: t.String({ format: "date", description: "Today, UTC" }),
  amountUsd: Usd,
  streakDays: t.Integer({
    minimum: 0,
    description: "Days in a row up to today's claim, else to yesterday's",
  }),
  schedule: t.Array(t.Object({ day: t.Integer(), amountUsd: Usd }), {
    description: "By day of the streak; the last amount repeats",
  }),
  nextResetAt: Time,
  ...OfferView,
})

export const CheckInClaim = t.Object({
  amountUsd: Usd,
  streakDays: t.Integer({ minimum: 1 }),
  nextResetAt: Time,
  wallet: Wallet,
})

/** Days in a row with a claim, the last of them yesterday. */
const STREAK = `WITH RECURSIVE streak (day, length) AS (
    SELECT date(?2, '-1 day'), 0
    UNION ALL SELECT date(day, '-1 day'), length + 1 FROM streak
      WHERE EXISTS (SELECT 1 FROM reward_claim WHERE id = 'checkin:' || ?1 || ':' || streak.day))
  SELECT max(length) AS length FROM streak`

/** A customer's check-in on the day of now. */
interface Today {
  claim_id: string
  day: string
  claimed_at: number | undefined
  /** Days in a row before today. */
  streak_before: number
  schedule: readonly Nanos[]
  amount_nanos: Nanos
  next_reset_at: number
}

async function readToday(q: Query, now: number, customer_id: string): Promise<Today> {
  const day = toIso(now).slice(0, 10)
  const claim_id = `checkin:${customer_id}:${day}`
  const schedule = (await getRule(q, "check-in")).amounts_usd.map(amountOf)
  const streak_before = (await q.get<{ length: number }>(STREAK, customer_id, day))!.length
  return {
    claim_id,
    day,
    claimed_at: await findClaimedAt(q, claim_id),
    streak_before,
    schedule,
    amount_nanos: schedule[Math.min(streak_before, schedule.length - 1)]!,
    next_reset_at: (Math.floor(now / DAY_MS) + 1) * DAY_MS,
  }
}

const claimantOf = (customer_id: string, today: Today, device_hash: string | null) => ({
  customer_id,
  rule: "check-in" as const,
  slot: today.day,
  device_hash,
})

/** What GET /api/v1/daily-checkin answers; claims nothing. */
export async function getCheckIn(
  needs: ClaimNeeds,
  customer_id: string,
): Promise<Static<typeof CheckInStatus>> {
  const today = await readToday(needs.store.read, needs.clock.now(), customer_id)
  const offer = await readOffer(needs, claimantOf(customer_id, today, null), today.claimed_at)
  return {
    day: today.day,
    amountUsd: formatUsd(today.amount_nanos),
    streakDays: today.streak_before + (offer.hasClaimed ? 1 : 0),
    schedule: today.schedule.map((nanos, index) => ({ day: index + 1, amountUsd: formatUsd(nanos) })),
    nextResetAt: toIso(today.next_reset_at),
    ...offer,
  }
}

/**
 * Claims today's reward. Throws `conflict` with `already_claimed` when today's was claimed, `forbidden` with the reasons,
 * and what Turnstile refuses; then nothing is written.
 */
export function claimCheckIn(
  needs: ClaimNeeds,
  input: ClaimInput,
  remember: Remember<Static<typeof CheckInClaim>>,
): Promise<Static<typeof CheckInClaim>> {
  const { customer_id } = input
  const device_hash = hashDevice(needs, input.device_id)
  return claimReward(needs, input, {
    async readClaimable(q) {
      const today = await readToday(q, needs.clock.now(), customer_id)
      if (today.claimed_at !== undefined) throw claimedToday(today)
      await assertMayClaim(q, needs, claimantOf(customer_id, today, device_hash))
      return today
    },
    async write(q, today) {
      const streak = today.streak_before + 1
      await writeClaim(q, needs, {
        ...claimantOf(customer_id, today, device_hash),
        id: today.claim_id,
        ...(await readMarks(q, needs, customer_id)),
        proof: null,
        amount_nanos: today.amount_nanos,
        ref: `day ${streak} of the streak`,
      })
      return {
        amountUsd: formatUsd(today.amount_nanos),
        streakDays: streak,
        nextResetAt: toIso(today.next_reset_at),
        wallet: toApiWallet(await getBalances(q, customer_id)),
      }
    },
    remember,
  })
}

function claimedToday(today: Today) {
  const nextResetAt = toIso(today.next_reset_at)
  return alreadyClaimed(`Today's check-in was claimed: the next one is from ${nextResetAt} on.`, {
    nextResetAt,
  })
}
