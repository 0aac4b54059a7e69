/** Who may claim which reward, by the oracle's own rules. */
import { type Customer, move, type Oracle } from "./oracle.ts"
import { cardsOf } from "./oracle-commissions.ts"
import { CHECKIN_NANOS, DAY_MS, SHARE_NANOS } from "./setting.ts"

export interface Claim {
  id: string
  customer: Customer
  rule: "check-in" | "share"
  slot: string
  device: string | null
  card: string | null
  proof: string | null
  amount: bigint
}

/** Who claims what, where. */
export interface Wanted {
  customer: Customer
  rule: "check-in" | "share"
  device: string | null
  /** The post of a share. */
  proof: string | null
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

export const checkInId = (customer: Customer, at: number): string => `checkin:${customer.id}:${dayOf(at)}`

/** The claim that comes of it now, or why there is none. */
export function claimFor(oracle: Oracle, now: number, wanted: Wanted): { refusal: string } | Claim {
  const { customer, rule, device, proof } = wanted
  const is_share = rule === "share"
  const id = is_share ? `share:${customer.id}` : checkInId(customer, now)
  const slot = is_share ? "" : dayOf(now)
  if (oracle.claims.has(id)) return { refusal: "already_claimed" }
  const others = [...oracle.claims.values()].filter(
    one => one.rule === rule && one.slot === slot && one.customer !== customer,
  )
  if (others.some(one => mailboxOf(one.customer) === mailboxOf(customer))) return { refusal: "mailbox_used" }
  if (device !== null && others.some(one => one.device === device)) return { refusal: "device_used" }
  const mine = cardsOf(oracle, customer)
  const isMine = (card: string | null) => card !== null && mine.has(card)
  if (
    others.some(
      one =>
        isMine(one.card) ||
        [...cardsOf(oracle, one.customer)].some(
          card => mine.has(card) && hasPaidWith(oracle, one.customer, card),
        ),
    )
  )
    return { refusal: "card_used" }
  if (is_share && [...oracle.claims.values()].some(one => one.rule === rule && one.proof === proof))
    return { refusal: "post_already_claimed" }
  const amount = is_share
    ? SHARE_NANOS
    : CHECKIN_NANOS[Math.min(streakBefore(oracle, customer, now), CHECKIN_NANOS.length - 1)]!
  return { id, customer, rule, slot, device, card: ownCard(oracle, customer), proof, amount }
}

const mailboxOf = ({ email }: Customer): string => email.replace(/\+.*@/, "@")

/** A card that was only left with us tells nothing yet: it must have paid. */
const hasPaidWith = ({ purchases }: Oracle, customer: Customer, card: string): boolean =>
  [...purchases.values()].some(one => one.customer === customer && one.card === card)

/** The card left with us, else the one that paid the newest order. */
function ownCard({ purchases }: Oracle, customer: Customer): string | null {
  if (customer.card) return customer.card.fingerprint
  const paid = [...purchases.values()].filter(one => one.customer === customer && one.card !== null)
  return paid.sort((a, b) => (a.id < b.id ? 1 : -1))[0]?.card ?? null
}

/** Days in a row with a claim, the last of them yesterday. */
function streakBefore({ claims }: Oracle, customer: Customer, now: number): number {
  let days = 0
  while (claims.has(checkInId(customer, now - (days + 1) * DAY_MS))) days += 1
  return days
}

/** Gives the reward. */
export function reward(oracle: Oracle, claim: Claim): void {
  const { id, customer, amount } = claim
  oracle.journal.put(oracle.claims, id, claim)
  const from = claim.rule === "share" ? "system/issue_share" : "system/issue_checkin"
  move(oracle, [{ id, from, to: `${customer.id}/token`, amount }])
}
