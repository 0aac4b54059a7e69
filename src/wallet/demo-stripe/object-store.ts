/** The objects of the demonstration Stripe, in memory and bounded; the oldest that have ended go first. */
import type Stripe from "stripe"

/** An event as it goes over the wire; the package's own type is a union of hundreds. */
export interface EventObject {
  id: string
  object: "event"
  api_version: string
  created: number
  data: { object: AnyObject; previous_attributes?: Record<string, unknown> }
  livemode: boolean
  pending_webhooks: number
  request: { id: string | null; idempotency_key: string | null }
  type: string
}

/** What is stored, by the member `object`. */
export interface Kinds {
  customer: Stripe.Customer
  "checkout.session": Stripe.Checkout.Session
  payment_intent: Stripe.PaymentIntent
  setup_intent: Stripe.SetupIntent
  payment_method: Stripe.PaymentMethod
  charge: Stripe.Charge
  refund: Stripe.Refund
  dispute: Stripe.Dispute
  balance_transaction: Stripe.BalanceTransaction
  event: EventObject
}

export type Kind = keyof Kinds
export type AnyObject = Kinds[Kind]

export interface ObjectStore {
  /** Keeps a new object and answers it; changes are made in place from then on. */
  add<O extends AnyObject>(object: O): O
  /** An object of any kind by its id. */
  find(id: string): AnyObject | undefined
  /** All objects of a kind by id, oldest first. */
  all<K extends Kind>(kind: K): ReadonlyMap<string, Kinds[K]>
}

const KINDS: readonly Kind[] = [
  "customer",
  "checkout.session",
  "payment_intent",
  "setup_intent",
  "payment_method",
  "charge",
  "refund",
  "dispute",
  "balance_transaction",
  "event",
]

/** Above `largest_count` objects a tenth goes: the oldest that ended, then the oldest. */
export function createObjectStore(largest_count: number): ObjectStore {
  const by_id = new Map<string, AnyObject>()
  const by_kind = new Map<Kind, Map<string, AnyObject>>(KINDS.map(kind => [kind, new Map()]))

  function forget(object: AnyObject): void {
    by_id.delete(object.id)
    by_kind.get(object.object)!.delete(object.id)
  }

  function shrink(): void {
    const target = Math.floor(largest_count * 0.9)
    for (const isGoing of [hasEnded, () => true]) {
      for (const object of by_id.values()) {
        if (by_id.size <= target) return
        if (isGoing(object)) forget(object)
      }
    }
  }

  return {
    add(object) {
      by_id.set(object.id, object)
      by_kind.get(object.object)!.set(object.id, object)
      if (by_id.size > largest_count) shrink()
      return object
    },
    find: id => by_id.get(id),
    all<K extends Kind>(kind: K) {
      // The map of a kind holds objects of this kind only: `add` files them by their own member `object`.
      return by_kind.get(kind) as unknown as ReadonlyMap<string, Kinds[K]>
    },
  }
}

/** Whether nothing can happen to the object any more that Stripe would do by itself. */
export function hasEnded(object: AnyObject): boolean {
  switch (object.object) {
    case "customer":
      return false
    case "payment_method":
      return object.customer === null
    case "checkout.session":
      return object.status !== "open"
    case "payment_intent":
    case "setup_intent":
      return object.status === "succeeded" || object.status === "canceled"
    case "dispute":
      return object.status === "won" || object.status === "lost"
    default:
      return true
  }
}
