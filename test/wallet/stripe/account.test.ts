/** The Stripe account: its mode by its key, its address, and what its errors are to our customers. */
import { expect, test } from "bun:test"
import Stripe from "stripe"
import { AppError } from "../../../src/platform/errors.ts"
import {
  createStripeAccount,
  getAccount,
  isMissing,
  toPaymentError,
} from "../../../src/wallet/stripe/account.ts"

const config = { secret_key: "sk_live_1", webhook_secrets: ["whsec_1"], base_url: "https://api.stripe.com" }

test.each([
  ["sk_live_1", false, true],
  ["rk_live_1", false, true],
  ["sk_test_1", false, false],
  ["rk_test_1", false, false],
  ["sk_live_1", true, false],
  ["sk_org_live_test_1", false, true],
])("the key %s, of the demo: %p, is live: %p", (secret_key, is_demo, is_live) => {
  expect(createStripeAccount({ ...config, secret_key }, { is_demo })).toMatchObject({ is_live, is_demo })
})

test("Stripe is asked where the configuration says", async () => {
  const asked: string[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      asked.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get("authorization")}`)
      return Response.json({ object: "list", data: [], has_more: false })
    },
  })
  const base_url = `http://127.0.0.1:${server.port}`
  const { api } = createStripeAccount({ ...config, base_url }, { is_demo: false })
  await api.refunds.list()
  await server.stop(true)
  expect(asked).toEqual(["GET /v1/refunds Bearer sk_live_1"])
})

test("while payments are off, that is what is said", () => {
  expect(() => getAccount({ payments: { find: () => undefined } })).toThrow(
    expect.objectContaining({ reason: "unavailable", detail: { code: "payments_off" } }),
  )
})

const invalid = (error: object) =>
  new Stripe.errors.StripeInvalidRequestError({ type: "invalid_request_error", ...error })

test("an error of Stripe tells customers nothing of the account", () => {
  const canary = "canary: sk_live_1"
  const own = new AppError("conflict", "ours")
  expect(toPaymentError(own)).toBe(own)
  for (const [error, reason, code] of [
    [invalid({ message: canary }), "upstream", "payment_refused"],
    [
      new Stripe.errors.StripeAPIError({ message: canary, type: "api_error" }),
      "unavailable",
      "payments_unavailable",
    ],
    [
      new Stripe.errors.StripeAuthenticationError({ message: canary, type: "invalid_request_error" }),
      "unavailable",
      "payments_unavailable",
    ],
    [new TypeError(canary), "unavailable", "payments_unavailable"],
    ["thrown", "unavailable", "payments_unavailable"],
  ] as const) {
    const told = toPaymentError(error)
    expect([told.reason, told.detail.code]).toEqual([reason, code])
    expect(told.message).not.toContain("canary")
  }
})

test("an object that is not there is told from other refusals", () => {
  expect(isMissing(invalid({ code: "resource_missing" }))).toBe(true)
  expect(isMissing(invalid({ code: "parameter_missing" }))).toBe(false)
  expect(isMissing(new Error("resource_missing"))).toBe(false)
})
