/** The demonstration Stripe on loopback with the official package in front of it, and a webhook that records. */
import Stripe from "stripe"
import { createDemoStripe, type DemoStripeOptions } from "../../../src/wallet/demo-stripe/demo-stripe.ts"
import { createTestClock } from "../../support/clock.ts"
import { createTestRandom } from "../../support/random.ts"

export const SECRET_KEY = "sk_test_demo"
export const WEBHOOK_SECRET = "whsec_demo"

/** One request that reached the webhook. */
export interface Received {
  body: string
  signature: string
  type: string
  id: string
}

export function openStage(options: Partial<DemoStripeOptions> = {}) {
  const clock = createTestClock()
  const received: Received[] = []
  /** Statuses of the webhook's next answers; 200 when there is none. */
  const answers: number[] = []
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: serve })
  const base_url = `http://127.0.0.1:${server.port}`
  const demo = createDemoStripe({
    clock,
    random: createTestRandom(),
    fetch,
    secret_key: SECRET_KEY,
    webhook_secret: WEBHOOK_SECRET,
    webhook_url: `${base_url}/webhook`,
    page_url: () => `${base_url}/demo-checkout`,
    ...options,
  })

  async function serve(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith("/v1/")) return demo.handleApi(request)
    if (pathname.startsWith("/demo-checkout/")) return demo.handlePage(request)
    if (pathname !== "/webhook") return new Response(`arrived at ${pathname}`)
    const body = await request.text()
    const { type, id } = JSON.parse(body)
    received.push({ body, signature: request.headers.get("stripe-signature") ?? "", type, id })
    return new Response(null, { status: answers.shift() ?? 200 })
  }

  const stripe = new Stripe(SECRET_KEY, {
    host: "127.0.0.1",
    port: server.port!,
    protocol: "http",
    maxNetworkRetries: 0,
    telemetry: false,
  })

  return {
    clock,
    demo,
    control: demo.control,
    stripe,
    base_url,
    received,
    answers,
    /** Types of all events, in order. */
    eventTypes: () => [...demo.control.objects.events.values()].map(event => event.type),
    async [Symbol.asyncDispose]() {
      demo.close()
      await server.stop(true)
    },
  }
}

export type Stage = ReturnType<typeof openStage>

/** Parameters of a session that buys one thing. */
export const purchase = (
  change: Partial<Stripe.Checkout.SessionCreateParams> = {},
  cents = 1000,
): Stripe.Checkout.SessionCreateParams => ({
  mode: "payment",
  line_items: [
    {
      quantity: 1,
      price_data: { currency: "usd", unit_amount: cents, product_data: { name: "Token credit" } },
    },
  ],
  success_url: "https://example.com/done?session={CHECKOUT_SESSION_ID}",
  cancel_url: "https://example.com/cancelled",
  ...change,
})

/** A paid session, its intent and its charge. */
export async function payOnce(
  stage: Stage,
  change: Partial<Stripe.Checkout.SessionCreateParams> = {},
  cents = 1000,
) {
  const opened = await stage.stripe.checkout.sessions.create(purchase(change, cents))
  await stage.control.pay(opened.id, { card: "pays", email: "ada@example.com" })
  const session = await stage.stripe.checkout.sessions.retrieve(opened.id)
  const intent = await stage.stripe.paymentIntents.retrieve(String(session.payment_intent))
  return { session, intent, charge_id: String(intent.latest_charge) }
}

/** The error of a call that must fail. */
export async function errorOf(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error
    throw error
  }
  throw new Error("the call succeeded")
}

/** A call without the package: to see what goes over the wire. */
export const rawCall = (stage: Stage, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${stage.base_url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${SECRET_KEY}`, ...(init.headers as Record<string, string>) },
  })

/** The member `error` of an answer. */
export const errorIn = async (answer: Response): Promise<Record<string, string>> =>
  ((await answer.json()) as { error: Record<string, string> }).error
