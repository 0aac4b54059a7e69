/** Refunds and disputes: what a purchase gave is taken back, down to zero, the rest is owed; and the way back. */
import { extendVip, moveVip } from "../../auth/vip.ts"
import { type NoticeNeeds, notify } from "../../notices/notify.ts"
import { AppError } from "../../platform/errors.ts"
import type { TxQuery } from "../../platform/store.ts"
import { suspendAutoTopup } from "../auto-topup/suspend.ts"
import { getBalances } from "../ledger/accounts.ts"
import {
  addNanos,
  centsToNanos,
  formatUsd,
  minNanos,
  NANOS_PER_CENT,
  type Nanos,
  subtractNanos,
  toNanos,
  ZERO,
} from "../ledger/nanos.ts"
import { post, type Transfer } from "../ledger/post.ts"
import { restoreCommission, reverseCommission } from "../rewards/commission.ts"
import { divideCollected } from "./debt.ts"
import { collectedLegs, type ReversalParts, returnLegs, reversalLegs, toTransfers } from "./purchase-legs.ts"
import { getPurchase, type Purchase } from "./purchases.ts"

/** A row of the book of reversals. */
export interface Reversal {
  id: string
  purchase_id: string
  customer_id: string
  kind: "refund" | "dispute"
  amount_cents: number
  token_nanos: Nanos
  cash_nanos: Nanos
  debt_nanos: Nanos
  /** VIP time that it took, less what came back with its return; those of a purchase add up to what is taken now. */
  vip_ms: number
  state: "taken" | "returned"
  created_at: number
  returned_at: number | null
}

const INSERT = `INSERT INTO reversal (id, purchase_id, customer_id, kind, amount_cents, token_nanos, cash_nanos, debt_nanos,
  vip_ms, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'taken', ?)`
const TAKEN_CENTS = `SELECT coalesce(sum(amount_cents), 0) AS cents FROM reversal WHERE purchase_id = ? AND state = 'taken'`

const findReversal = (q: TxQuery, id: string) => q.get<Reversal>("SELECT * FROM reversal WHERE id = ?", id)

/** What a bank or the operator takes back, in cents, and when, milliseconds. */
interface Told {
  reversal_id: string
  kind: "refund" | "dispute"
  amount_cents: number
  event_at: number
}

/**
 * Takes back a paid purchase's credit in proportion to the amount: from the wallet it went to, then from the other one,
 * the rest (never more than the money) as a debt. Cash that is not there any more bought something: the newest purchases
 * from the Cash Wallet are taken back first. A dispute also stops auto-topup. A repeat answers `taken-before`.
 */
export async function reversePurchase(
  q: TxQuery,
  needs: NoticeNeeds,
  taken: Told & { purchase_id: string },
): Promise<"taken" | "taken-before"> {
  const { reversal_id: id, kind, amount_cents } = taken
  if (await findReversal(q, id)) return "taken-before"
  const purchase = await getPurchase(q, taken.purchase_id)
  if (purchase.state !== "paid")
    throw new AppError("internal", `${purchase.id} is not paid: nothing to reverse`)
  const inner = purchase.kind === "cash-load" ? await takeBought(q, needs, { ...taken, purchase }) : []
  const parts = await take(q, needs, { ...taken, purchase })
  if (kind === "dispute")
    await suspendAutoTopup(q, needs, { customer_id: purchase.customer_id, why: "dispute" })
  await reverseCommission(q, needs, {
    purchase_id: purchase.id,
    reversal_id: id,
    part: { cents: amount_cents, of_cents: purchase.price_cents },
  })
  const bought_cents = inner.reduce((sum, { cents }) => sum + cents, 0)
  await notify(q, needs, noticeOf(purchase, { id, kind, amount_cents, parts, bought_cents }))
  const outer = { ...purchase, purchase_id: purchase.id, reversal_id: id }
  announce(q, needs, { name: "payment-reversed", reversals: [outer, ...inner] })
  return "taken"
}

/** Of each purchase from the Cash Wallet what has not gone back, newest first, until so many cents are reached. */
const BOUGHT = `WITH bought AS (
    SELECT id, paid_at, price_cents - (SELECT coalesce(sum(r.amount_cents), 0) FROM reversal r
      WHERE r.purchase_id = p.id AND r.state = 'taken') AS left_cents
    FROM purchase p WHERE customer_id = ?1 AND kind = 'cash-purchase' AND state = 'paid'),
  line AS (
    SELECT id, left_cents, sum(left_cents) OVER (ORDER BY paid_at DESC, id DESC) - left_cents AS newer_cents
    FROM bought WHERE left_cents > 0)
  SELECT id, min(left_cents, ?2 - newer_cents) AS cents FROM line WHERE newer_cents < ?2 ORDER BY newer_cents`

/** A reversal that another one makes, of a purchase from the Cash Wallet; its id, `<other>:<purchase>`, is never Stripe's. */
interface Inner {
  reversal_id: string
  purchase_id: string
  customer_id: string
  cents: number
}

/** Takes back what the missing part of a cash load bought, so that its cash is there again. */
async function takeBought(
  q: TxQuery,
  needs: NoticeNeeds,
  outer: Told & { purchase: Purchase },
): Promise<Inner[]> {
  const { customer_id } = outer.purchase
  const { cash } = await getBalances(q, customer_id)
  const missing_cents = Math.ceil((centsToNanos(outer.amount_cents) - cash) / NANOS_PER_CENT)
  const bought = await q.all<{ id: string; cents: number }>(BOUGHT, customer_id, missing_cents)
  const inner: Inner[] = []
  for (const { id: purchase_id, cents } of bought) {
    const reversal_id = `${outer.reversal_id}:${purchase_id}`
    const purchase = await getPurchase(q, purchase_id)
    await take(q, needs, { ...outer, reversal_id, amount_cents: cents, purchase })
    inner.push({ reversal_id, purchase_id, customer_id, cents })
  }
  return inner
}

interface Announcement {
  name: "payment-reversed" | "reversal-returned"
  reversals: readonly Pick<Inner, "reversal_id" | "purchase_id" | "customer_id">[]
}

function announce(q: TxQuery, { events }: NoticeNeeds, { name, reversals }: Announcement): void {
  for (const { customer_id, purchase_id, reversal_id } of reversals)
    q.afterCommit(() => events.emit(name, { customer_id, purchase_id, reversal_id }))
}

/** Writes one reversal and moves its money and VIP time; gives how the money was divided. */
async function take(
  q: TxQuery,
  needs: NoticeNeeds,
  taken: Told & { purchase: Purchase },
): Promise<ReversalParts> {
  const { reversal_id: id, purchase, kind, amount_cents } = taken
  const { customer_id, id: purchase_id, vip_days } = purchase
  const before = (await q.get<{ cents: number }>(TAKEN_CENTS, purchase_id))!.cents
  const parts = await divide(q, purchase, { before, amount_cents })
  const takes_vip = vip_days > 0 && completes(purchase, { before, amount_cents })
  const vip_ms = takes_vip ? Math.abs(await extendVip(q, needs, { customer_id, vip_days: -vip_days })) : 0
  const now = needs.clock.now()
  await q.run(
    INSERT,
    id,
    purchase_id,
    customer_id,
    kind,
    amount_cents,
    parts.token,
    parts.cash,
    parts.debt,
    vip_ms,
    now,
  )
  const about = { purchase_id, ref: id, actor: "stripe", event_at: taken.event_at }
  await postAll(q, now, toTransfers(reversalLegs(purchase, { id, kind }, parts), about))
  return parts
}

interface Amounts {
  /** Cents that other reversals took. */
  before: number
  amount_cents: number
}

/** Whether this reversal is the one with which the whole price has gone back. */
const completes = (purchase: Purchase, { before, amount_cents }: Amounts): boolean =>
  before < purchase.price_cents && before + amount_cents >= purchase.price_cents

/** What all reversals up to so many cents take of the credit: the last one takes the rest, whatever was rounded. */
const shareOf = (purchase: Purchase, cents: number): bigint => {
  const part = BigInt(Math.min(cents, purchase.price_cents))
  return (
    ((BigInt(purchase.credit_nanos) + BigInt(purchase.bonus_nanos)) * part) / BigInt(purchase.price_cents)
  )
}

/**
 * A bank may take more than is left of the price (a dispute of everything after a refund of a part): the excess is owed.
 */
async function divide(
  q: TxQuery,
  purchase: Purchase,
  { before, amount_cents }: Amounts,
): Promise<ReversalParts> {
  const balances = await getBalances(q, purchase.customer_id)
  const free = balances.is_frozen ? ZERO : balances.token
  const amount = centsToNanos(amount_cents)
  if (purchase.kind === "cash-load") {
    const cash = minNanos(amount, balances.cash)
    const token = minNanos(subtractNanos(amount, cash), free)
    return { amount, cash, token, debt: subtractNanos(subtractNanos(amount, cash), token) }
  }
  const credit = toNanos(shareOf(purchase, before + amount_cents) - shareOf(purchase, before))
  const left_cents = Math.max(0, purchase.price_cents - before)
  const excess = centsToNanos(Math.max(0, amount_cents - left_cents))
  const token = minNanos(credit, free)
  const spent = minNanos(subtractNanos(credit, token), subtractNanos(amount, excess))
  const owed = addNanos(spent, excess)
  // What was paid from the Cash Wallet comes back there, and counts.
  const back = purchase.kind === "cash-purchase" ? amount : ZERO
  const cash = minNanos(owed, addNanos(balances.cash, back))
  return { amount, token, cash, debt: subtractNanos(owed, cash) }
}

const WAY_BACK = `UPDATE reversal SET state = 'returned', vip_ms = vip_ms - ?, returned_at = ? WHERE id = ? AND state = 'taken'`
const TAKEN_VIP = "SELECT coalesce(sum(vip_ms), 0) AS ms FROM reversal WHERE purchase_id = ?"
const INNER = "SELECT * FROM reversal WHERE id > ?1 || ':' AND id < ?1 || ';' AND state = 'taken' ORDER BY id"

/**
 * Gives back exactly what a reversal took, because the refund failed or the dispute was won, with what was taken back for
 * it; a debt that was collected in the meantime comes back to the wallets that paid it. A repeat answers `returned-before`.
 */
export async function returnReversal(
  q: TxQuery,
  needs: NoticeNeeds,
  returned: { reversal_id: string; event_at: number },
): Promise<"returned" | "returned-before" | "unknown"> {
  const { event_at } = returned
  const reversal = await findReversal(q, returned.reversal_id)
  if (!reversal) return "unknown"
  if (reversal.state === "returned") return "returned-before"
  await giveBack(q, needs, { reversal, event_at })
  // Its cash is there again, and pays for what it had bought.
  const inner = await q.all<Reversal>(INNER, reversal.id)
  for (const one of inner) await giveBack(q, needs, { reversal: one, event_at })
  await restoreCommission(q, needs, { purchase_id: reversal.purchase_id, reversal_id: reversal.id })
  const amount = formatUsd(centsToNanos(reversal.amount_cents))
  await notify(q, needs, {
    customer_id: reversal.customer_id,
    kind: reversal.kind,
    key: `returned:${reversal.id}`,
    subject: `Your $${amount} ${reversal.kind} was undone`,
    body: `The ${reversal.kind} ${reversal.id} of $${amount} was undone, and what it had taken is yours again.`,
  })
  const reversals = [reversal, ...inner].map(one => ({ ...one, reversal_id: one.id }))
  announce(q, needs, { name: "reversal-returned", reversals })
  return "returned"
}

/** Moves the money and VIP time of one reversal back. */
async function giveBack(
  q: TxQuery,
  needs: NoticeNeeds,
  { reversal, event_at }: { reversal: Reversal; event_at: number },
): Promise<void> {
  const { customer_id, id: reversal_id, purchase_id } = reversal
  const purchase = await getPurchase(q, purchase_id)
  const { cents } = (await q.get<{ cents: number }>(TAKEN_CENTS, purchase_id))!
  const gives_vip = completes(purchase, { ...reversal, before: cents - reversal.amount_cents })
  const vip_ms = gives_vip ? (await q.get<{ ms: number }>(TAKEN_VIP, purchase_id))!.ms : 0
  const now = needs.clock.now()
  await q.run(WAY_BACK, vip_ms, now, reversal_id)
  const about = { purchase_id, ref: reversal_id, actor: "stripe", event_at }
  await postAll(q, now, toTransfers(await wayBack(q, purchase, reversal), about))
  if (vip_ms > 0) await moveVip(q, needs, { customer_id, ms: vip_ms })
}

async function wayBack(q: TxQuery, purchase: Purchase, reversal: Reversal) {
  const { customer_id } = purchase
  const { cash_debt } = await getBalances(q, customer_id)
  const debt = minNanos(reversal.debt_nanos, cash_debt)
  const collected = subtractNanos(reversal.debt_nanos, debt)
  const parts: ReversalParts = {
    amount: centsToNanos(reversal.amount_cents),
    token: reversal.token_nanos,
    cash: reversal.cash_nanos,
    debt,
  }
  return [
    ...returnLegs(reversalLegs(purchase, reversal, parts)),
    ...collectedLegs(purchase, reversal, await divideCollected(q, { customer_id, nanos: collected })),
  ]
}

async function postAll(q: TxQuery, now: number, transfers: readonly Transfer[]): Promise<void> {
  const posted = await post(q, now, transfers)
  if (posted.kind !== "posted")
    throw new AppError("internal", `${transfers[0]?.id} was not posted: ${JSON.stringify(posted)}`)
}

function noticeOf(
  purchase: Purchase,
  taken: Pick<Told, "kind" | "amount_cents"> & { id: string; parts: ReversalParts; bought_cents: number },
) {
  const { kind, parts, bought_cents } = taken
  const amount = formatUsd(centsToNanos(taken.amount_cents))
  const from = [
    parts.token > 0 ? `$${formatUsd(parts.token)} of Token Wallet credit` : "",
    parts.cash > 0 ? `$${formatUsd(parts.cash)} of your Cash Wallet` : "",
  ].filter(Boolean)
  const bought =
    bought_cents > 0
      ? ` $${formatUsd(centsToNanos(bought_cents))} of it you had spent from your Cash Wallet: what that bought was taken back first.`
      : ""
  const took = from.length > 0 ? ` It took back ${from.join(" and ")}.` : ""
  const owed =
    parts.debt > 0 ? ` You owe $${formatUsd(parts.debt)}, which your next payment covers first.` : ""
  const stopped = kind === "dispute" ? " Automatic top-ups are off while it is open." : ""
  return {
    customer_id: purchase.customer_id,
    kind,
    key: `reversal:${taken.id}`,
    subject: kind === "refund" ? `Refund of $${amount}` : `Your bank disputes a payment of $${amount}`,
    body: `The ${kind} ${taken.id} of purchase ${purchase.id} is $${amount}.${bought}${took}${owed}${stopped}`,
  }
}
