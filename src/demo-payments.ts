/** Starts the built-in imitation of Stripe on loopback, so that top-ups can be tried without an account anywhere. */
import type { App } from "./app.ts"
import { createDemoStripe } from "./wallet/demo-stripe/demo-stripe.ts"
import { createStripeAccount } from "./wallet/stripe/account.ts"

/** Of the demo only: nothing outside this process knows or needs them. */
const keyOf = (app: App, prefix: string) => `${prefix}_${Buffer.from(app.random(16)).toString("hex")}`

/** Where the payment page is, under the server's own address. */
export const DEMO_PAGE = "/demo-checkout"

/** Does nothing unless the demo may take payments. `server_url` is where this server listens. */
export function startDemoPayments(app: App, server_url: string): () => Promise<void> {
  if (!app.payments.isDemo()) return async () => {}
  const secret_key = keyOf(app, "sk_test_demo")
  const webhook_secret = keyOf(app, "whsec_demo")
  const demo = createDemoStripe({
    clock: app.clock,
    random: app.random,
    fetch,
    secret_key,
    webhook_secret,
    webhook_url: `${server_url}/api/v1/stripe/webhook`,
    page_url: () => `${app.config.public_url ?? server_url}${DEMO_PAGE}`,
  })
  const listener = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: request => demo.handleApi(request) })
  const config = {
    secret_key,
    webhook_secrets: [webhook_secret],
    base_url: `http://127.0.0.1:${listener.port}`,
  }
  app.payments.useDemo({
    account: createStripeAccount(config, { is_demo: true }),
    handlePage: request => demo.handlePage(request),
  })
  return async () => {
    demo.close()
    await listener.stop(true)
  }
}
