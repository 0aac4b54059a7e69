/** Commissions: what a purchase of a brought customer earns its referrer, held, then paid into the Cash Wallet. */
import { type NoticeNeeds, notify } from "../../notices/notify.ts"
import { type Clock, DAY_MS } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Events } from "../../platform/events.ts"
import type { Query, Store, TxQuery } from "../../platform/store.ts"
import { getBalances } from "../ledger/accounts.ts"
import { customerAccount } from "../ledger/chart.ts"
import {
  centsToNanos,
  formatUsd,
  minNanos,
  type Nanos,
  subtractNanos,
  toNanos,
  ZERO,
} from "../ledger/nanos.ts"
import { type PostResult, post, type Transfer } from "../ledger/post.ts"
import { getRule } from "../offers/rules.ts"
import { collectDebt } from "../purchases/debt.ts"
import { countPaying, tierFor } from "./referral-tiers.ts"

/** A paid purchase as far as commissions ask. */
export interface PaidPurchase {
  id: string
  customer_id: string
  price_cents: number
  kind: string
  /** 1 for real money. */
  is_live: 0 | 1
  card_fingerprint: string | null
  paid_at: number
}

interface Commission {
  purchase_id: string
  referrer_id: string
  amount_nanos: Nanos
  reversed_nanos: Nanos
  state: "pending" | "paid" | "refused"
}

/** Credit that Stripe was paid for. A cash load earns nothing yet, and what it buys later was paid for as cash. */
const EARNING_KINDS: ReadonlySet<string> = new Set(["package", "auto-topup"])

const FIND = `SELECT purchase_id, referrer_id, amount_nanos, reversed_nanos, state
  FROM referral_commission WHERE purchase_id = ?`
const INSERT = `INSERT INTO referral_commission
  (purchase_id, referrer_id, customer_id, amount_nanos, reversed_nanos, state, refused_for, due_at, created_at)
  VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?)`

/** States the rule: a purchase earns once. */
const transferId = (purchase_id: string) => `referral:${purchase_id}`

const findCommission = (q: Query, purchase_id: string) => q.get<Commission>(FIND, purchase_id)

/**
 * Writes what a paid purchase earns who brought its customer: a percent of the price by the tier of this moment, held as
 * `referral_pending`; or why it earns nothing. Nothing is written for a customer whom nobody brought, and none once the
 * months of the referral are over: from then on the purchase is no longer the referrer's to know. A repeat does nothing.
 */
export async function recordCommission(
  q: TxQuery,
  needs: { clock: Clock; events: Events },
  purchase: PaidPurchase,
): Promise<void> {
  if (!EARNING_KINDS.has(purchase.kind)) return
  const referral = await q.get<{ referrer_id: string; created_at: number }>(
    "SELECT referrer_id, created_at FROM referral WHERE customer_id = ?",
    purchase.customer_id,
  )
  if (!referral || (await findCommission(q, purchase.id))) return
  const { hold_days, months } = await getRule(q, "referral")
  if (purchase.paid_at >= addMonths(referral.created_at, months)) return
  const { referrer_id } = referral
  const now = needs.clock.now()
  const earned = await earn(q, now, { purchase, referrer_id })
  const is_refused = typeof earned === "string"
  const state = is_refused ? "refused" : "pending"
  await q.run(
    INSERT,
    purchase.id,
    referrer_id,
    purchase.customer_id,
    is_refused ? ZERO : earned,
    state,
    is_refused ? earned : null,
    purchase.paid_at + hold_days * DAY_MS,
    now,
  )
  q.afterCommit(() =>
    needs.events.emit("commission-recorded", { referrer_id, purchase_id: purchase.id, state }),
  )
}

const OWN_CARD = "This was paid with a card that also pays for your own account."

interface Earning {
  purchase: PaidPurchase
  referrer_id: string
}

/** Posts the commission and gives its amount, or says in words, to the referrer, why there is none. */
async function earn(q: TxQuery, now: number, { purchase, referrer_id }: Earning): Promise<Nanos | string> {
  const { is_enabled, tiers } = await getRule(q, "referral")
  if (!is_enabled) return "The referral club was closed when this was paid."
  // What is paid out can be spent and asked for as money, and a test payment brought none.
  if (purchase.is_live === 0) return "This was a test payment: no money was paid."
  if (await isCardOf(q, referrer_id, purchase.card_fingerprint)) return OWN_CARD
  const { percent } = tierFor(tiers, await countPaying(q, referrer_id))
  const amount = shareOf(centsToNanos(purchase.price_cents), { cents: percent, of_cents: 100 })
  if (amount === ZERO) return "Your tier earned no commission when this was paid."
  const result = await post(q, now, [
    {
      id: transferId(purchase.id),
      group_id: purchase.id,
      kind: "commission",
      from: "system/expense_referral",
      to: customerAccount(referrer_id, "referral_pending"),
      amount_nanos: amount,
      ref: `${percent} % of $${formatUsd(centsToNanos(purchase.price_cents))}`,
      actor: "system",
      event_at: purchase.paid_at,
    },
  ])
  // The buyer's payment must not fail because of who brought them.
  if (result.kind === "limit") return "Your wallets held as much as they may hold when this was paid."
  assertPosted(result, purchase.id)
  return amount
}

const IS_CARD_OF = `SELECT 1 AS found FROM purchase WHERE card_fingerprint = ?2 AND customer_id = ?1
  UNION ALL SELECT 1 FROM saved_card WHERE customer_id = ?1 AND fingerprint = ?2 LIMIT 1`

async function isCardOf(q: Query, customer_id: string, card_fingerprint: string | null): Promise<boolean> {
  if (card_fingerprint === null) return false
  return (await q.get(IS_CARD_OF, customer_id, card_fingerprint)) !== undefined
}

const FIND_CARD = "SELECT card_fingerprint FROM purchase WHERE id = ?"

/** Once more: since it was paid, the referrer may have paid with the same card. */
async function isPaidByReferrer(q: Query, { purchase_id, referrer_id, state }: Commission): Promise<boolean> {
  if (state !== "pending") return false
  const paid = (await q.get<Pick<PaidPurchase, "card_fingerprint">>(FIND_CARD, purchase_id))!
  return isCardOf(q, referrer_id, paid.card_fingerprint)
}

function addMonths(at: number, months: number): number {
  const date = new Date(at)
  return date.setUTCMonth(date.getUTCMonth() + months)
}

/** Rounded up: what is taken back in parts is never less than what was earned. */
function shareOf(amount: Nanos, part: { cents: number; of_cents: number }): Nanos {
  const of = BigInt(part.of_cents)
  return toNanos((BigInt(amount) * BigInt(part.cents) + of - 1n) / of)
}

const leftOf = (commission: Pick<Commission, "amount_nanos" | "reversed_nanos">): Nanos =>
  subtractNanos(commission.amount_nanos, commission.reversed_nanos)

const SET_REVERSED = "UPDATE referral_commission SET reversed_nanos = ? WHERE purchase_id = ?"

/** What a refund or dispute of a purchase takes of its commission. */
const reversalTransferId = ({ purchase_id, reversal_id }: { purchase_id: string; reversal_id: string }) =>
  `${transferId(purchase_id)}:${reversal_id}`

/**
 * Takes back the part of a commission whose purchase was reversed: from what is pending, or once it was paid out from the
 * referrer's cash down to zero. What is not there any more is the operator's loss: it counts as reversed, without a
 * transfer. To be called once for each reversal, whose own row makes sure of that.
 */
export async function reverseCommission(
  q: TxQuery,
  needs: { clock: Clock },
  reversed: { purchase_id: string; reversal_id: string; part: { cents: number; of_cents: number } },
): Promise<void> {
  const commission = await findCommission(q, reversed.purchase_id)
  if (!commission || commission.state === "refused") return
  const share = minNanos(leftOf(commission), shareOf(commission.amount_nanos, reversed.part))
  if (share === ZERO) return
  await q.run(SET_REVERSED, commission.reversed_nanos + share, commission.purchase_id)
  const account = holderOf(commission)
  const amount_nanos = minNanos(share, (await getBalances(q, commission.referrer_id))[account])
  if (amount_nanos === ZERO) return
  const transfer = {
    id: reversalTransferId(reversed),
    kind: "commission_reversed",
    from: customerAccount(commission.referrer_id, account),
    to: "system/expense_referral",
    amount_nanos,
    ref: reversed.reversal_id,
  }
  const result = await post(q, needs.clock.now(), [aboutOf(needs, commission, transfer)])
  // Frozen cash cannot be taken either.
  if (result.kind !== "frozen") assertPosted(result, commission.purchase_id)
}

/** What of a purchase is taken back now, in cents; one row, because every commission has its purchase. */
const STILL_REVERSED = `SELECT coalesce(sum(r.amount_cents), 0) AS cents, p.price_cents AS of_cents
  FROM purchase p LEFT JOIN reversal r ON r.purchase_id = p.id AND r.state = 'taken' WHERE p.id = ?`
/** What the referrer has given back and not got again; the ids of a commission's transfers begin alike. */
const GIVEN_BACK = `SELECT coalesce(sum(CASE kind WHEN 'commission_reversed' THEN amount_nanos
    WHEN 'commission_restored' THEN -amount_nanos ELSE 0 END), 0) AS nanos
  FROM ledger_transfer WHERE id > ?1 || ':' AND id < ?1 || ';'`

/**
 * Gives back what a reversal took of a commission, because the reversal was returned: to what is pending, or to the cash
 * once it was paid out. What the referrer is without is never more than what is still reversed, whichever of several
 * reversals is returned first. A repeat changes nothing.
 */
export async function restoreCommission(
  q: TxQuery,
  needs: { clock: Clock },
  returned: { purchase_id: string; reversal_id: string },
): Promise<void> {
  const commission = await findCommission(q, returned.purchase_id)
  if (!commission || commission.state === "refused") return
  const part = (await q.get<{ cents: number; of_cents: number }>(STILL_REVERSED, commission.purchase_id))!
  const reversed = minNanos(commission.reversed_nanos, shareOf(commission.amount_nanos, part))
  const given_back = (await q.get<{ nanos: Nanos }>(GIVEN_BACK, transferId(commission.purchase_id)))!.nanos
  const transfer = {
    id: `${reversalTransferId(returned)}:returned`,
    kind: "commission_restored",
    from: "system/expense_referral",
    to: customerAccount(commission.referrer_id, holderOf(commission)),
    amount_nanos: subtractNanos(given_back, reversed),
    ref: returned.reversal_id,
  }
  if (transfer.amount_nanos > 0) {
    const result = await post(q, needs.clock.now(), [aboutOf(needs, commission, transfer)])
    // The buyer's refund must not fail because the referrer's wallets are full: then it stays reversed.
    if (result.kind === "limit") return
    assertPosted(result, commission.purchase_id)
  }
  await q.run(SET_REVERSED, reversed, commission.purchase_id)
}

/** Where a commission is now. */
const holderOf = ({ state }: Commission) => (state === "paid" ? "cash" : "referral_pending")

const aboutOf = (
  needs: { clock: Clock },
  commission: Pick<Commission, "purchase_id">,
  transfer: Pick<Transfer, "id" | "kind" | "from" | "to" | "amount_nanos" | "ref">,
): Transfer => ({
  ...transfer,
  group_id: commission.purchase_id,
  actor: "system",
  event_at: needs.clock.now(),
})

const LARGEST_PAGE = 500
const DUE = `SELECT purchase_id FROM referral_commission WHERE state = 'pending' AND due_at <= ?
  ORDER BY due_at LIMIT ${LARGEST_PAGE}`

/**
 * Pays commissions that are due into the Cash Wallets of their referrers, each in a transaction of its own, and gives how
 * many brought money. One whose card turned out to be the referrer's is refused. A job calls it again and again; what
 * was paid is not paid again.
 */
export async function payDueCommissions(needs: NoticeNeeds & { store: Store }): Promise<number> {
  const due = await needs.store.read.all<{ purchase_id: string }>(DUE, needs.clock.now())
  // One that fails is heard of, and does not keep the others from being paid.
  const paid = await Promise.all(
    due.map(({ purchase_id }) => needs.store.tx(q => payCommission(q, needs, purchase_id))),
  )
  return paid.filter(Boolean).length
}

const SET_PAID = "UPDATE referral_commission SET state = 'paid' WHERE purchase_id = ? AND state = 'pending'"

async function payCommission(q: TxQuery, needs: NoticeNeeds, purchase_id: string): Promise<boolean> {
  const commission = (await findCommission(q, purchase_id))!
  if (await isPaidByReferrer(q, commission)) {
    await refuseCommission(q, needs, { commission, reason: OWN_CARD, actor: "system" })
    return false
  }
  const amount_nanos = leftOf(commission)
  // What was taken back whole ends here too: if it is returned later, it goes to the cash.
  const changed = await q.run(SET_PAID, purchase_id)
  if (changed === 0 || amount_nanos === ZERO) return false
  const { referrer_id } = commission
  const id = `${transferId(purchase_id)}:payout`
  const transfer = {
    id,
    kind: "commission_payout",
    from: customerAccount(referrer_id, "referral_pending"),
    to: customerAccount(referrer_id, "cash"),
    amount_nanos,
    ref: "",
  }
  assertPosted(await post(q, needs.clock.now(), [aboutOf(needs, commission, transfer)]), purchase_id)
  await collectDebt(q, needs, { customer_id: referrer_id, group_id: transferId(purchase_id) })
  const amount = formatUsd(amount_nanos)
  await notify(q, needs, {
    customer_id: referrer_id,
    kind: "reward",
    key: id,
    subject: `Referral commission: $${amount}`,
    body: `A customer you brought has paid, and your commission of $${amount} is in your Cash Wallet.`,
  })
  q.afterCommit(() => needs.events.emit("commission-paid", { referrer_id, purchase_id }))
  return true
}

const SET_REFUSED = "UPDATE referral_commission SET state = 'refused', refused_for = ? WHERE purchase_id = ?"

/** A commission that is not paid out yet, and why it never is, in words to its referrer. */
export interface Refusal {
  commission: Pick<Commission, "purchase_id" | "referrer_id" | "amount_nanos" | "reversed_nanos">
  reason: string
  actor: "system" | "admin:cli"
}

/** Refuses a pending commission, takes what is left of it out of what is pending, and gives how much that was. */
export async function refuseCommission(
  q: TxQuery,
  needs: { clock: Clock; events: Events },
  { commission, reason, actor }: Refusal,
): Promise<Nanos> {
  const { purchase_id, referrer_id } = commission
  await q.run(SET_REFUSED, reason, purchase_id)
  const amount_nanos = leftOf(commission)
  if (amount_nanos > 0) {
    const transfer = {
      id: `${transferId(purchase_id)}:void`,
      kind: "commission_voided",
      from: customerAccount(referrer_id, "referral_pending"),
      to: "system/expense_referral",
      amount_nanos,
      ref: reason,
    }
    const about = aboutOf(needs, commission, transfer)
    assertPosted(await post(q, needs.clock.now(), [{ ...about, actor }]), purchase_id)
  }
  q.afterCommit(() =>
    needs.events.emit("commission-recorded", { referrer_id, purchase_id, state: "refused" }),
  )
  return amount_nanos
}

function assertPosted(result: PostResult, purchase_id: string): void {
  if (result.kind === "posted") return
  const message = `The commission of ${purchase_id} was not posted: ${JSON.stringify(result)}`
  throw new AppError("internal", message)
}
