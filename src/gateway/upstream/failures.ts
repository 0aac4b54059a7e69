/** What an upstream's refusal means: whether another route may be tried, and what the customer is told. */

import { AppError } from "../../platform/errors.ts"
import type { Attempt } from "../../wallet/metering/receipt.ts"
import { isOverflow, overflowError } from "../protocol/context-overflow.ts"
import { scrub } from "../protocol/failure.ts"
import { isJsonObject, type JsonObject, stringOf } from "../protocol/json.ts"
import { retryAfterMs } from "./retry-after.ts"

/** An attempt that gave no answer. */
export interface Failure {
  /** For the receipt and the metrics: `status-500`, `unreachable`, `timeout`, `cut` … */
  result: Attempt["result"]
  /** What the customer gets when no other route answers. */
  error: AppError
  /** The request itself is at fault: no other route is tried. */
  is_final: boolean
}

/** Statuses that are about the request, not about the upstream. */
const CLIENT_FAULTS = new Set([400, 413, 415, 422])

/** Reads an upstream's error answer. `body` is its text, at most a few KB; `now` in Unix milliseconds. */
export function readFailure(
  { status, headers }: Pick<Response, "status" | "headers">,
  body: string,
  now: number,
): Failure {
  const result = `status-${status}`
  const said = errorObject(body)
  if (isAccountExhausted(status, said)) return { result, error: accountExhausted(), is_final: false }
  if (CLIENT_FAULTS.has(status)) return { result, error: clientFault(status, said), is_final: true }
  const retry_after_ms = retryAfterMs(headers, now)
  const is_overloaded = status === 529 || OVERLOADED.has(stringOf(said.code) ?? stringOf(said.type) ?? "")
  const error = is_overloaded ? overloaded() : upstreamFault(status)
  return { result, error: withRetry(error, retry_after_ms), is_final: false }
}

/** The operator's account, not the customer's: Anthropic says it with a 400, OpenAI with a 429. */
const isAccountExhausted = (status: number, said: JsonObject): boolean =>
  status === 402 ||
  said.code === "insufficient_quota" ||
  said.type === "insufficient_quota" ||
  /credit balance is too low/i.test(stringOf(said.message) ?? "")

export const unreachable = (): Failure => ({
  result: "unreachable",
  error: new AppError("upstream", "The model's server could not be reached. Try again in a moment.", {
    code: "upstream_unreachable",
  }),
  is_final: false,
})

export const silent = (): Failure => ({
  result: "timeout",
  error: new AppError("upstream", "The model's server did not answer in time. Try again in a moment.", {
    code: "upstream_timeout",
  }),
  is_final: false,
})

export const cutOff = (): Failure => ({
  result: "cut",
  error: new AppError("upstream", "The model's server ended the answer before it was complete. Try again.", {
    code: "upstream_cut",
  }),
  is_final: false,
})

/** The upstream's own words, with what a key or an address in them would give away removed. */
function clientFault(status: number, said: JsonObject): AppError {
  const message = scrub(stringOf(said.message)?.trim() || "The model's server refused the request.")
  const field = stringOf(said.param) || undefined
  const code = stringOf(said.code) || stringOf(said.type) || "invalid_request"
  if (isOverflow(code, message)) return overflowError(message)
  return new AppError(
    status === 413 ? "too_large" : "invalid",
    message,
    field === undefined ? { code } : { code, field },
  )
}

const accountExhausted = () =>
  new AppError(
    "unavailable",
    "The operator's account for this model is exhausted. Please tell the operator.",
    { code: "upstream_quota" },
  )

/** The error with the upstream's own word on when to come back. */
const withRetry = (error: AppError, retry_after_ms: number | undefined): AppError =>
  retry_after_ms === undefined
    ? error
    : new AppError(error.reason, error.message, { ...error.detail, retry_after_ms })

/** How OpenAI and Anthropic call it. */
const OVERLOADED = new Set(["server_is_overloaded", "slow_down", "overloaded_error"])

const overloaded = () =>
  new AppError("upstream", "The model's server is overloaded. Try again in a moment.", {
    code: "server_is_overloaded",
  })

function upstreamFault(status: number): AppError {
  switch (status) {
    case 401:
    case 403:
      return new AppError(
        "unavailable",
        "The operator's access to this model is not working. Please tell the operator.",
        { code: "upstream_access" },
      )
    case 404:
      return new AppError(
        "unavailable",
        "The model's server does not know this model. Please tell the operator.",
        { code: "upstream_model" },
      )
    case 429:
      return new AppError("rate_limited", "The model's server is rate-limiting this service.", {
        code: "upstream_rate_limit",
        retry_after_ms: DEFAULT_RETRY_MS,
      })
    default:
      return new AppError("upstream", `The model's server had an error (${status}). Try again in a moment.`, {
        code: "upstream_error",
      })
  }
}

/** When the upstream does not say for how long. */
const DEFAULT_RETRY_MS = 1_000

function errorObject(body: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(body)
    const error = isJsonObject(parsed) ? (parsed.error ?? parsed) : {}
    return isJsonObject(error) ? error : { message: error }
  } catch {
    // An HTML page of some proxy: nothing in it is for the customer.
    return {}
  }
}
