/** What an upstream's refusal means: whether another route may be tried, and what the customer is told. */

import { AppError } from "../../platform/errors.ts"
import type { Attempt } from "../../wallet/metering/receipt.ts"
import { isJsonObject, stringOf } from "../protocol/json.ts"
import type { Sniffed } from "../protocol/openai-responses/sniff.ts"

/** An attempt that gave no answer. */
export interface Failure {
  /** For the receipt and the metrics: `status-500`, `unreachable`, `timeout`, `cut` … */
  result: Attempt["result"]
  /** What the customer gets when no other route answers. */
  error: AppError
  /** The request itself is at fault: no other route is tried. */
  is_final: boolean
}

const LARGEST_MESSAGE = 600
/** Statuses that are about the request, not about the upstream. */
const CLIENT_FAULTS = new Set([400, 413, 415, 422])

/** Reads an upstream's error answer. `body` is its text, at most a few KB. */
export function readFailure(status: number, headers: Headers, body: string): Failure {
  const result = `status-${status}`
  if (CLIENT_FAULTS.has(status)) return { result, error: clientFault(status, body), is_final: true }
  return { result, error: upstreamFault(status, headers), is_final: false }
}

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
function clientFault(status: number, body: string): AppError {
  const error = errorObject(body)
  const message = scrub(stringOf(error.message) ?? "The model's server refused the request.")
  const field = stringOf(error.param)
  const code = stringOf(error.code) ?? stringOf(error.type) ?? "invalid_request"
  return new AppError(
    status === 413 ? "too_large" : "invalid",
    message,
    field === undefined ? { code } : { code, field },
  )
}

function upstreamFault(status: number, headers: Headers): AppError {
  switch (status) {
    case 401:
    case 403:
      return new AppError(
        "unavailable",
        "The operator's access to this model is not working. Please tell the operator.",
        {
          code: "upstream_access",
        },
      )
    case 402:
      return new AppError(
        "unavailable",
        "The operator's account for this model is exhausted. Please tell the operator.",
        {
          code: "upstream_quota",
        },
      )
    case 404:
      return new AppError(
        "unavailable",
        "The model's server does not know this model. Please tell the operator.",
        {
          code: "upstream_model",
        },
      )
    case 429:
      return new AppError("rate_limited", "The model's server is rate-limiting this service.", {
        code: "upstream_rate_limit",
        retry_after_ms: retryAfterMs(headers),
      })
    default:
      return new AppError("upstream", `The model's server had an error (${status}). Try again in a moment.`, {
        code: "upstream_error",
      })
  }
}

const DEFAULT_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000

/** From `retry-after-ms` or `retry-after` in seconds. */
function retryAfterMs(headers: Headers): number {
  const exact = Number(headers.get("retry-after-ms") ?? Number.NaN)
  const seconds = Number(headers.get("retry-after") ?? Number.NaN)
  const wait = Number.isFinite(exact) ? exact : seconds * 1000
  return Number.isFinite(wait) && wait > 0 ? Math.min(wait, LONGEST_RETRY_MS) : DEFAULT_RETRY_MS
}

function errorObject(body: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body)
    const error = isJsonObject(parsed) ? (parsed.error ?? parsed) : {}
    return isJsonObject(error) ? error : { message: error }
  } catch {
    // An HTML page of some proxy: nothing in it is for the customer.
    return {}
  }
}

/** Codes that are about the request: another route would say the same. */
const CLIENT_FAULT_CODES = new Set([
  "context_length_exceeded",
  "invalid_prompt",
  "cyber_policy",
  "invalid_request_error",
])

/** The error that a stream ended with, in the upstream's words, scrubbed. */
export function failureOf({ failure }: Sniffed): AppError {
  const code = failure?.code ?? "server_error"
  const message = scrub(failure?.message ?? "The model's server ended the answer with an error.")
  const is_fault = CLIENT_FAULT_CODES.has(code)
  return new AppError(
    is_fault ? "invalid" : code === "rate_limit_exceeded" ? "rate_limited" : "upstream",
    message,
    { code },
  )
}

const scrub = (message: string): string =>
  message
    .slice(0, LARGEST_MESSAGE)
    .replace(/https?:\/\/\S+/g, "[address]")
    .replace(/\b(?:sk|key|org|proj)[-_][A-Za-z0-9_*-]{6,}/g, "[redacted]")
