/** Purchases: what a customer ordered, from the order to its end; what a paid one gives is in credit.ts. */
import type { Clock } from "../../platform/clock.ts"
import { AppError } from "../../platform/errors.ts"
import type { Events } from "../../platform/events.ts"
import type { NewId } from "../../platform/ids.ts"
import type { Query, TxQuery } from "../../platform/store.ts"
import { type Nanos, ZERO } from "../ledger/nanos.ts"
import { giveCodeBack, takeCode } from "../offers/codes.ts"
import type { PackageOffer } from "../offers/packages.ts"

export type PurchaseKind = "package" | "cash-load" | "auto-topup" | "cash-purchase" | "plan-payment"
export type PurchaseState = "open" | "paid" | "expired" | "failed" | "mismatch"

/** A row of the order book; amounts in cents of what is paid and in nano-USD of what it gives. */
export interface Purchase {
  id: string
  customer_id: string
  kind: PurchaseKind
  package_id: string | null
  price_cents: number
  credit_nanos: Nanos
  bonus_nanos: Nanos
  vip_days: number
  code: string | null
  state: PurchaseState
  failure: string | null
  /** 1 for real money. */
  is_live: 0 | 1
  stripe_session_id: string | null
  stripe_payment_intent: string | null
  card_fingerprint: string | null
  reference: string | null
  created_at: number
  paid_at: number | null
}

export interface PurchaseNeeds {
  newId: NewId
  clock: Clock
  events: Events
}

/** What is ordered: a package, or an amount of cash. */
export interface Order {
  customer_id: string
  kind: PurchaseKind
  is_live: boolean
  /** Of every kind but a cash load. */
  offer?: PackageOffer | undefined
  /** Of a cash load. */
  price_cents?: number | undefined
  code?: string | undefined
  /** Of a plan payment. */
  reference?: string | undefined
  /** Of a plan payment by one of the operator's payment links: Stripe's payment. */
  intent?: string | undefined
}

const INSERT = `INSERT INTO purchase (id, customer_id, kind, package_id, price_cents, credit_nanos, bonus_nanos, vip_days,
    state, is_live, reference, stripe_payment_intent, created_at)
  VALUES (?, ?, ?, ?, ?, ?, 0, ?, 'open', ?, ?, ?, ?) ON CONFLICT (reference) DO NOTHING`

/**
 * Writes an open purchase and takes one use of its code. Throws what `takeCode` throws, and `conflict` when the
 * reference of a plan payment is known.
 */
export async function openPurchase(q: TxQuery, needs: PurchaseNeeds, order: Order): Promise<Purchase> {
  const { customer_id, kind, offer } = order
  const id = needs.newId("ord")
  const now = needs.clock.now()
  const inserted = await q.run(
    INSERT,
    id,
    customer_id,
    kind,
    offer?.id ?? null,
    offer?.price_cents ?? order.price_cents ?? 0,
    offer?.credit_nanos ?? ZERO,
    offer?.vip_days ?? 0,
    order.is_live ? 1 : 0,
    order.reference ?? null,
    order.intent ?? null,
    now,
  )
  if (inserted !== 1) {
    throw new AppError("conflict", `The reference ${order.reference} is recorded already.`, {
      code: "reference_known",
      field: "reference",
    })
  }
  if (order.code !== undefined && offer) {
    const bonus = await takeCode(q, now, { code: order.code, customer_id, offer, purchase_id: id })
    await q.run(
      "UPDATE purchase SET code = ?, bonus_nanos = ? WHERE id = ?",
      bonus.code,
      bonus.bonus_nanos,
      id,
    )
  }
  q.afterCommit(() => needs.events.emit("purchase-opened", { customer_id, purchase_id: id }))
  return getPurchase(q, id)
}

/**
 * Ends a purchase that brought no money, and gives its code back; a `mismatch` keeps it, because the operator may still
 * credit it with its bonus. Only an open one ends, but something that is paid for one that has ended makes it a
 * `mismatch`, so that the operator sees it. The answer says whether anything changed.
 */
export async function endPurchase(
  q: TxQuery,
  needs: Pick<PurchaseNeeds, "events">,
  end: { purchase_id: string; state: "expired" | "failed" | "mismatch"; failure: string },
): Promise<boolean> {
  const purchase = await getPurchase(q, end.purchase_id)
  const is_seen = purchase.state === "paid" || purchase.state === "mismatch"
  if (is_seen || (purchase.state !== "open" && end.state !== "mismatch")) return false
  await q.run("UPDATE purchase SET state = ?, failure = ? WHERE id = ?", end.state, end.failure, purchase.id)
  if (end.state !== "mismatch") await giveCodeBack(q, purchase.id)
  q.afterCommit(() => {
    const { customer_id, id: purchase_id } = purchase
    needs.events.emit("purchase-ended", { customer_id, purchase_id, state: end.state })
  })
  return true
}

export const findPurchase = (q: Query, id: string): Promise<Purchase | undefined> =>
  q.get<Purchase>("SELECT * FROM purchase WHERE id = ?", id)

/** Throws `not_found`. */
export async function getPurchase(q: Query, id: string): Promise<Purchase> {
  const purchase = await findPurchase(q, id)
  if (!purchase) throw new AppError("not_found", `There is no purchase ${id}.`)
  return purchase
}

export const findPurchaseBySession = (q: Query, session_id: string): Promise<Purchase | undefined> =>
  q.get<Purchase>("SELECT * FROM purchase WHERE stripe_session_id = ?", session_id)

export const findPurchaseByIntent = (q: Query, intent: string): Promise<Purchase | undefined> =>
  q.get<Purchase>("SELECT * FROM purchase WHERE stripe_payment_intent = ?", intent)

/** Notes which Checkout Session pays for a purchase. */
export const setSession = (q: TxQuery, purchase_id: string, session_id: string): Promise<number> =>
  q.run("UPDATE purchase SET stripe_session_id = ? WHERE id = ? AND state = 'open'", session_id, purchase_id)
