/** An imitation of Stripe outside of the executable: its API and its payment pages at one address, in real time. */
import { systemClock } from "../../src/platform/clock.ts"
import { createDemoStripe, type DemoStripe } from "../../src/wallet/demo-stripe/demo-stripe.ts"

const SECRET_KEY = "sk_test_canary_0123456789abcdef"
const WEBHOOK_SECRET = "whsec_canary_0123456789abcdef"

export interface FakeStripe extends AsyncDisposable {
  stripe: DemoStripe
  /** What a server needs to use it. */
  env: Record<string, string>
}

/** Starts it on a free port; `originOf` says, when an event is due, where the server is that hears it. */
export function startFakeStripe(originOf: () => string | undefined): FakeStripe {
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: request =>
      new URL(request.url).pathname.startsWith("/pay/")
        ? stripe.handlePage(request)
        : stripe.handleApi(request),
  })
  const url = `http://127.0.0.1:${listener.port}`
  const stripe = createDemoStripe({
    clock: systemClock,
    random: size => crypto.getRandomValues(new Uint8Array(size)),
    fetch: (address, init) => fetch(originOf() + new URL(address).pathname, init),
    secret_key: SECRET_KEY,
    webhook_secret: WEBHOOK_SECRET,
    webhook_url: "http://server/api/v1/stripe/webhook",
    page_url: () => `${url}/pay`,
  })
  return {
    stripe,
    env: { STRIPE_SECRET_KEY: SECRET_KEY, STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET, STRIPE_BASE_URL: url },
    async [Symbol.asyncDispose]() {
      stripe.close()
      await listener.stop(true)
    },
  }
}
