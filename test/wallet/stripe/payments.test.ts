/** Which account takes payments: Stripe, its imitation, or none; chosen anew at each question. */
import { expect, test } from "bun:test"
import { createStripeAccount } from "../../../src/wallet/stripe/account.ts"
import { createPayments } from "../../../src/wallet/stripe/payments.ts"

const stripe = { secret_key: "sk_live_1", webhook_secrets: [], base_url: "https://api.stripe.com" }
const demo = {
  account: createStripeAccount({ ...stripe, secret_key: "sk_test_demo" }, { is_demo: true }),
  handlePage: async () => new Response(),
}

test.each([
  ["auto", true, false, "stripe"],
  ["auto", true, true, "stripe"],
  ["auto", false, false, "demo"],
  ["auto", false, true, "off"],
  ["stripe", true, false, "stripe"],
  ["demo", true, true, "demo"],
  ["demo", false, false, "demo"],
  ["off", true, false, "off"],
  ["off", false, false, "off"],
] as const)(
  "payments %s, with a Stripe key: %p, with real models: %p: %s",
  (payments, has_key, has_models, taken_by) => {
    const config = { payments, stripe: has_key ? stripe : undefined, demo: "auto" } as const
    const chosen = createPayments({ config, hasUpstream: () => has_models })
    chosen.useDemo(demo)
    const account = chosen.find()
    const found = account ? (account.is_demo ? "demo" : "stripe") : "off"
    expect(found).toBe(taken_by)
    expect([chosen.isDemo(), chosen.findDemo()]).toEqual([
      taken_by === "demo",
      taken_by === "demo" ? demo : undefined,
    ])
    // A live key and the demo never meet: neither's money is the other's.
    if (account) expect(account.is_live).toBe(taken_by === "stripe")
  },
)

test("an upstream that is added switches the demo off at once", () => {
  let has_models = false
  const config = { payments: "auto", stripe: undefined, demo: "auto" } as const
  const payments = createPayments({ config, hasUpstream: () => has_models })
  expect(payments.find()).toBeUndefined()
  payments.useDemo(demo)
  expect(payments.find()).toBe(demo.account)
  has_models = true
  expect([payments.find(), payments.findDemo(), payments.isDemo()]).toEqual([undefined, undefined, false])
})

test("where the demo may not answer, it takes no payments", () => {
  const config = { payments: "auto", stripe: undefined, demo: "off" } as const
  expect(createPayments({ config, hasUpstream: () => false }).isDemo()).toBe(false)
})
