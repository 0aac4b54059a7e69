/** What every part of the demonstration Stripe works on: its objects, its clock, and what lies beside an object. */
import type Stripe from "stripe"
import type { Clock } from "../../platform/clock.ts"
import type { Random } from "../../platform/ids.ts"
import type { AnyObject, EventObject, Kind, Kinds, ObjectStore } from "./object-store.ts"
import { refuseMissing } from "./refusal.ts"
import type { TestCard } from "./test-cards.ts"

/** The version that stripe 23.1.0 pins (esm/apiVersion.js). */
export const API_VERSION = "2026-10-28.endive"

/** What a session was created with and does not show, for its payment to come. */
export interface SessionDetails {
  line_items: LineItem[]
  description: string | null
  metadata: Record<string, string>
  setup_future_usage: "on_session" | "off_session" | null
  receipt_email: string | null
  statement_descriptor: string | null
  statement_descriptor_suffix: string | null
  /** Stops the timer that would expire the session. */
  cancelExpiry(): void
}

/** An item on the wire, where decimals are texts (the package reads them as its own Decimal). */
export interface LineItem {
  id: string
  object: "item"
  amount_total: number
  currency: string
  description: string
  quantity: number
  [member: string]: unknown
}

/** Which call of the API makes what happens happen; none for what a person does on the page. */
export interface Cause {
  id: string | null
  idempotency_key: string | null
}

export interface World {
  clock: Clock
  random: Random
  is_live: boolean
  page_url(): string
  objects: ObjectStore
  /** Set while a call of the API is carried out, which is synchronous. */
  cause: Cause
  /** Takes an event that was just made. */
  publish(event: EventObject): void
  is_delivered: boolean
  /** Kept beside the objects, and forgotten with them. */
  cards: WeakMap<Stripe.PaymentMethod, TestCard>
  /** Methods that were authenticated when they were set up. */
  authenticated: WeakSet<Stripe.PaymentMethod>
  /** Methods that were used or detached, and cannot be used again. */
  spent: WeakSet<Stripe.PaymentMethod>
  details: WeakMap<Stripe.Checkout.Session, SessionDetails>
  session_of: WeakMap<Stripe.PaymentIntent | Stripe.SetupIntent, Stripe.Checkout.Session>
  return_urls: WeakMap<Stripe.PaymentIntent, string>
}

/** Seconds since 1970, as Stripe counts. */
export const nowOf = (world: Pick<World, "clock">): number => Math.floor(world.clock.now() / 1000)

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/** An id such as `pi_3Nf…`: 24 characters after the prefix. */
export function createId(world: Pick<World, "random">, prefix: string, size = 24): string {
  const bytes = world.random(size)
  return `${prefix}_${Array.from(bytes, byte => ALPHABET[byte % ALPHABET.length]).join("")}`
}

/** An object that was just made, copied as it is now, told to whoever listens. */
export function emit(
  world: World,
  type: string,
  object: AnyObject,
  previous?: Record<string, unknown>,
): void {
  const event: EventObject = {
    id: createId(world, "evt"),
    object: "event",
    api_version: API_VERSION,
    created: nowOf(world),
    data: { object: structuredClone(object), ...(previous && { previous_attributes: previous }) },
    livemode: world.is_live,
    pending_webhooks: world.is_delivered ? 1 : 0,
    request: { ...world.cause },
    type,
  }
  world.objects.add(event)
  world.publish(event)
}

/** An object of a kind; refused with 404, or with 400 and the parameter's name when a parameter gave the id. */
export function getObject<K extends Kind>(world: World, kind: K, id: string, param?: string): Kinds[K] {
  const object = world.objects.all(kind).get(id)
  if (object) return object
  const in_path = new Map<Kind, string>([
    ["payment_intent", "intent"],
    ["checkout.session", "session"],
  ])
  const noun = NOUNS.get(kind) ?? kind
  return refuseMissing(
    noun,
    id,
    param ? { param, status: 400 } : { param: in_path.get(kind) ?? "id", status: 404 },
  )
}

/** How Stripe's messages call a kind: `No such PaymentMethod: 'pm_…'`. */
const NOUNS = new Map<Kind, string>([["payment_method", "PaymentMethod"]])

/** The id in a member that may be expanded in other people's copies; ours are ids. */
export const idOf = (value: string | { id: string } | null | undefined): string | null =>
  typeof value === "object" && value !== null ? value.id : (value ?? null)
