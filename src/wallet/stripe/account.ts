/** The operator's Stripe account as the server uses it: the official client, its mode, and whether payments are on. */
import Stripe from "stripe"
import type { StripeConfig } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"

/** Stripe, or the demo's imitation of it. */
export interface StripeAccount {
  api: Stripe
  /** Whether its payments are real money. */
  is_live: boolean
  /** Whether it is the built-in imitation. */
  is_demo: boolean
  webhook_secrets: readonly string[]
  /** Events that were handled, with when they happened (seconds): the sweeper does not ask about them again. */
  handled_events: Map<string, number>
}

export interface PaymentNeeds {
  payments: Payments
}

export interface Payments {
  /** The account to pay with now; `undefined` while payments are off. */
  find(): StripeAccount | undefined
}

/** Throws `unavailable` while payments are off. */
export function getAccount(needs: PaymentNeeds): StripeAccount {
  const account = needs.payments.find()
  if (account) return account
  throw new AppError(
    "unavailable",
    "This server takes no payments yet. Please ask its operator for credit.",
    {
      code: "payments_off",
    },
  )
}

/** Whether a secret key moves real money: everything but Stripe's test mode. */
export const isLiveKey = (secret_key: string): boolean => !/^(?:sk|rk)_test_/.test(secret_key)

/** How long Stripe may take for an answer; its client tries a lost one again, with the same idempotency key. */
const TIMEOUT_MS = 20_000
const REPEATS = 2

/** A client of Stripe's API at the configured address. */
export function createStripeAccount(config: StripeConfig, options: { is_demo: boolean }): StripeAccount {
  const { hostname, port, protocol } = new URL(config.base_url)
  const is_tls = protocol === "https:"
  const api = new Stripe(config.secret_key, {
    host: hostname,
    port: port || (is_tls ? 443 : 80),
    protocol: is_tls ? "https" : "http",
    timeout: TIMEOUT_MS,
    maxNetworkRetries: REPEATS,
    telemetry: false,
    httpClient: Stripe.createFetchHttpClient(),
  })
  const { is_demo } = options
  const is_live = !is_demo && isLiveKey(config.secret_key)
  return { api, is_live, is_demo, webhook_secrets: config.webhook_secrets, handled_events: new Map() }
}

/** What Stripe refused, or that it could not be asked, as our own error. */
export function toPaymentError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "url_invalid") {
    const field = error.param === "cancel_url" ? "cancelUrl" : "successUrl"
    return new AppError(
      "unprocessable",
      `The payment service does not accept ${field}: give another address.`,
      {
        code: "invalid_url",
        field,
      },
    )
  }
  if (error instanceof Stripe.errors.StripeInvalidRequestError)
    return new AppError("upstream", "The payment service refused this payment. Please tell the operator.", {
      code: "payment_refused",
    })
  return new AppError("unavailable", "The payment service does not answer. Nothing was charged; try again.", {
    code: "payments_unavailable",
    retry_after_ms: 30_000,
  })
}

/** Whether Stripe says that there is no such object (in this mode). */
export const isMissing = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing"
