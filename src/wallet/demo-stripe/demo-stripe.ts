/** A demonstration of Stripe, in memory: its API, its payment page and its webhooks; no money ever moves. */
import type { Clock } from "../../platform/clock.ts"
import type { Random } from "../../platform/ids.ts"
import { createApi } from "./api.ts"
import { type Control, createControl } from "./control.ts"
import { createFaults } from "./faults.ts"
import { createObjectStore } from "./object-store.ts"
import { answerPage } from "./page.ts"
import { createWebhooks, type PostRequest } from "./webhooks.ts"
import type { World } from "./world.ts"

export interface DemoStripeOptions {
  clock: Clock
  random: Random
  /** Posts events to `webhook_url`. */
  fetch: PostRequest
  secret_key: string
  webhook_secret: string
  /** Where events are posted, signed; without it they are only listed by `/v1/events`. */
  webhook_url?: string | undefined
  /** `livemode` of every object; false unless said. */
  is_live?: boolean
  /** The address of the payment page; a session's is `<page_url>/<session id>`. */
  page_url(): string
  /** Events wait for `control.deliverPending` instead of going out by themselves. */
  is_delivery_by_hand?: boolean
  /** How many objects are kept; 50,000 unless said. */
  largest_object_count?: number
}

export interface DemoStripe {
  /** Answers `/v1/…`, with Stripe's authentication, form bodies, error shape and idempotency keys. */
  handleApi(request: Request): Promise<Response>
  /** Answers `<page_url>/<session id>`. */
  handlePage(request: Request): Promise<Response>
  control: Control
  /** Stops every timer; what waits is forgotten. */
  close(): void
}

const LARGEST_OBJECT_COUNT = 50_000

export function createDemoStripe(options: DemoStripeOptions): DemoStripe {
  const { clock, random, fetch, secret_key, webhook_secret, webhook_url } = options
  const [a = 0, b = 0, c = 0] = random(3)
  const faults = createFaults(a + b * 2 ** 8 + c * 2 ** 16)
  const webhooks = createWebhooks({
    clock,
    fetch,
    faults,
    webhook_url,
    webhook_secret,
    is_by_hand: options.is_delivery_by_hand ?? false,
  })
  const world: World = {
    clock,
    random,
    is_live: options.is_live ?? false,
    page_url: options.page_url,
    objects: createObjectStore(options.largest_object_count ?? LARGEST_OBJECT_COUNT),
    cause: { id: null, idempotency_key: null },
    publish: webhooks.publish,
    is_delivered: webhook_url !== undefined,
    cards: new WeakMap(),
    authenticated: new WeakSet(),
    spent: new WeakSet(),
    details: new WeakMap(),
    session_of: new WeakMap(),
    return_urls: new WeakMap(),
  }
  return {
    handleApi: createApi({ world, faults, secret_key }),
    handlePage: request => answerPage(world, request),
    control: createControl(world, { faults, webhooks }),
    close() {
      webhooks.close()
      for (const session of world.objects.all("checkout.session").values()) {
        world.details.get(session)?.cancelExpiry()
      }
    },
  }
}
