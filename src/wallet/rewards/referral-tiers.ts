/** The tiers of the referral club: which percent a referrer has reached. */
import type { Query } from "../../platform/store.ts"
import type { Rules } from "../offers/rules.ts"

export type Tier = Rules["referral"]["tiers"][number]

/** Whoever paid something that was neither refused nor taken back whole. */
const PAYING = `SELECT count(DISTINCT customer_id) AS count FROM referral_commission
  WHERE referrer_id = ? AND state <> 'refused' AND reversed_nanos < amount_nanos`

/** How many of the customers that a referrer brought pay: what tiers count, because bringing alone costs nothing. */
export const countPaying = async (q: Query, referrer_id: string): Promise<number> =>
  (await q.get<{ count: number }>(PAYING, referrer_id))!.count

/** The highest tier for so many paying customers; the rule's first one is for none. */
export const tierFor = (tiers: readonly Tier[], paying_count: number): Tier =>
  tiers.findLast(tier => tier.min_customers <= paying_count)!
