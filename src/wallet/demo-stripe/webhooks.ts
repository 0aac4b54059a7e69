/** Delivers events to our webhook, signed as Stripe signs them: at least once, in no sure order, with retries. */
import type { Clock } from "../../platform/clock.ts"
import type { FaultSource } from "./faults.ts"
import type { EventObject } from "./object-store.ts"

export type PostRequest = (url: string, init: RequestInit) => Promise<Response>

export interface WebhookNeeds {
  clock: Clock
  fetch: PostRequest
  faults: FaultSource
  webhook_url: string | undefined
  webhook_secret: string
  /** Events wait for `deliverPending` only. */
  is_by_hand: boolean
}

export interface Webhooks {
  publish(event: EventObject): void
  /** Sends what waits, once each, and answers how many requests that were. */
  deliverPending(): Promise<number>
  close(): void
}

interface Delivery {
  event: EventObject
  attempt: number
  /** Lower goes first. */
  place: number
  /** When it goes by itself. */
  due_at: number
  /** Before that it does not go at all. */
  not_before: number
  cancel(): void
}

/** Waits before a repeat; after the last one the event is in the list only. Stripe repeats for three days. */
const RETRY_DELAYS_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000, 21_600_000]
const TIMEOUT_MS = 20_000
const LARGEST_QUEUE = 50_000
/** How far a reordered event may move. */
const REORDER_PLACES = 8
const REORDER_MS = 1_000

export function createWebhooks(needs: WebhookNeeds): Webhooks {
  const { clock, webhook_url } = needs
  const queue = new Set<Delivery>()
  const under_way = new Set<Promise<void>>()
  let next_place = 0

  function enqueue(delivery: Omit<Delivery, "cancel">): void {
    const waiting: Delivery = { ...delivery, cancel: () => {} }
    queue.add(waiting)
    if (!needs.is_by_hand) {
      const wait_ms = Math.max(0, delivery.due_at - clock.now())
      waiting.cancel = clock.after(wait_ms, () => {
        if (queue.delete(waiting)) void follow(send(waiting))
      })
    }
    for (const oldest of queue) {
      if (queue.size <= LARGEST_QUEUE) break
      drop(oldest)
    }
  }

  function drop(delivery: Delivery): void {
    delivery.cancel()
    queue.delete(delivery)
  }

  async function follow(sending: Promise<void>): Promise<void> {
    under_way.add(sending)
    await sending
    under_way.delete(sending)
  }

  function publish(event: EventObject): void {
    if (!webhook_url) return
    const places = () => {
      next_place += 1
      return next_place
    }
    for (const delivery of drawDeliveries(needs, event, places)) enqueue(delivery)
  }

  async function send(delivery: Delivery): Promise<void> {
    if (await isAccepted(needs, delivery.event)) {
      delivery.event.pending_webhooks = 0
      return
    }
    const wait_ms = RETRY_DELAYS_MS[delivery.attempt]
    if (wait_ms === undefined) return
    const now = clock.now()
    enqueue({ ...delivery, attempt: delivery.attempt + 1, due_at: now + wait_ms, not_before: now })
  }

  return {
    publish,
    async deliverPending() {
      const now = clock.now()
      const batch = [...queue].filter(delivery => delivery.not_before <= now)
      batch.sort((a, b) => a.place - b.place)
      for (const delivery of batch) drop(delivery)
      for (const delivery of batch) await follow(send(delivery))
      await Promise.all(under_way)
      return batch.length
    },
    close() {
      for (const delivery of queue) drop(delivery)
    },
  }
}

/** How often an event is sent, when, and after which others: once and in order unless faults were asked for. */
function drawDeliveries(
  { clock, faults }: WebhookNeeds,
  event: EventObject,
  nextPlace: () => number,
): Omit<Delivery, "cancel">[] {
  const drawn = faults.drawDelivery(event.type)
  if (drawn.some(fault => fault.kind === "lose")) return []
  let copies = 1
  let delay_ms = 0
  for (const fault of drawn) {
    if (fault.kind === "duplicate") copies += fault.count
    if (fault.kind === "delay") delay_ms += fault.delay_ms
  }
  const is_moved = drawn.some(fault => fault.kind === "reorder")
  const not_before = clock.now() + delay_ms
  return Array.from({ length: copies }, () => {
    const moved = is_moved ? faults.chance() : 0
    return {
      event,
      attempt: 0,
      place: nextPlace() + (is_moved ? (moved * 2 - 1) * REORDER_PLACES : 0),
      due_at: not_before + moved * REORDER_MS,
      not_before,
    }
  })
}

/** One POST; anything but a 2xx in time is a refusal. */
async function isAccepted(needs: WebhookNeeds, event: EventObject): Promise<boolean> {
  const body = JSON.stringify(event, null, 2)
  const abort = new AbortController()
  const cancelTimeout = needs.clock.after(TIMEOUT_MS, () => abort.abort())
  try {
    const response = await needs.fetch(needs.webhook_url!, {
      method: "POST",
      headers: {
        "content-type": "application/json; charset=utf-8",
        "stripe-signature": signatureOf(body, needs.webhook_secret, Math.floor(needs.clock.now() / 1000)),
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
      },
      body,
      redirect: "manual",
      signal: abort.signal,
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    // Nobody listens, or the answer did not come: Stripe tries again later.
    return false
  } finally {
    cancelTimeout()
  }
}

/** The header `stripe-signature`; source: https://docs.stripe.com/webhooks/signature. */
export function signatureOf(body: string, secret: string, at_s: number): string {
  const digest = new Bun.CryptoHasher("sha256", secret).update(`${at_s}.${body}`).digest("hex")
  return `t=${at_s},v1=${digest}`
}
