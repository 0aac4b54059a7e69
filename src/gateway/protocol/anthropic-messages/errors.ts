/** Refusals and failures in the form that Claude Code and Anthropic's SDKs read, and upstream errors in OpenAI's codes. */
import type { AppError } from "../../../platform/errors.ts"
import { retryAfterHeader, statusOf } from "../../../platform/problem.ts"
import type { ErrorAnswer } from "../codec.ts"
import { isJsonObject, type JsonObject, stringOf } from "../json.ts"
import type { UpstreamFailure } from "../sniffed.ts"

/**
 * The error as JSON with the status by which Claude Code does the right thing (claude-code-wire 7): 529 for
 * "unavailable" and an overloaded upstream, because its third one makes the client fall back; 400 for a conflict, because a 409 is repeated ten
 * times; a 401 is told not to be repeated. The header `request-id` is the pipeline's.
 */
export function writeError(error: AppError, request_id?: string): ErrorAnswer {
  const { extra } = error.detail
  const body = {
    type: "error",
    error: { type: typeOf(error), message: messageOf(error), ...extra },
    request_id: request_id ?? null,
  }
  return {
    status: httpStatusOf(error),
    headers: { "content-type": "application/json", ...retryAfterHeader(error), ...noRetryHeader(error) },
    body: JSON.stringify(body),
  }
}

/** What goes into an `error` event for an error of ours. */
export function errorOf(error: AppError): { type: string; message: string } {
  return { type: typeOf(error), message: messageOf(error) }
}

const isOverloaded = (error: AppError): boolean => error.detail.code === "server_is_overloaded"

const isOverflow = (error: AppError): boolean => error.detail.code === "context_length_exceeded"

function httpStatusOf(error: AppError): number {
  if (isOverflow(error)) return 400
  if (isOverloaded(error)) return 529
  switch (error.reason) {
    case "unavailable":
      return 529
    case "unprocessable":
    case "conflict":
      return 400
    default:
      return statusOf(error.reason)
  }
}

/** Claude Code repeats a 401 for three minutes unless it is told not to (claude-code-wire 7). */
function noRetryHeader(error: AppError): Record<string, string> {
  return error.reason === "unauthorized" ? { "x-should-retry": "false" } : {}
}

function typeOf(error: AppError): string {
  if (isOverflow(error)) return "invalid_request_error"
  switch (error.reason) {
    case "unauthorized":
      return "authentication_error"
    case "payment_required":
      return "billing_error"
    case "forbidden":
      return "permission_error"
    case "not_found":
      return "not_found_error"
    case "too_large":
      return "request_too_large"
    case "rate_limited":
      return "rate_limit_error"
    case "unavailable":
      return "overloaded_error"
    case "internal":
    case "upstream":
      return isOverloaded(error) ? "overloaded_error" : "api_error"
    default:
      return "invalid_request_error"
  }
}

/** Claude Code compacts only on these words and parses the two numbers (claude-code-wire 7). */
function messageOf(error: AppError): string {
  if (!isOverflow(error)) return error.message
  const { tokens, maximum } = error.detail.extra ?? {}
  const has_numbers = typeof tokens === "number" && typeof maximum === "number"
  return has_numbers ? `${TOO_LONG}: ${tokens} tokens > ${maximum} maximum` : asTooLong(error.message)
}

const TOO_LONG = "prompt is too long"

const asTooLong = (message: string): string =>
  message.includes(TOO_LONG) ? message : `${TOO_LONG}: ${message}`

const EVENT_TYPES: { [code: string]: string } = {
  server_is_overloaded: "overloaded_error",
  slow_down: "overloaded_error",
  rate_limit_exceeded: "rate_limit_error",
  context_length_exceeded: "invalid_request_error",
  invalid_prompt: "invalid_request_error",
  insufficient_quota: "billing_error",
}

/** The error of an `error` event for a failure in OpenAI's codes. */
export function writeFailure({ code, message }: UpstreamFailure): { type: string; message: string } {
  const type = Object.hasOwn(EVENT_TYPES, code) ? EVENT_TYPES[code]! : "api_error"
  return { type, message: code === "context_length_exceeded" ? asTooLong(message) : message }
}

/** How Anthropic says that a prompt does not fit (claude-code-wire 7). */
const OVERFLOW = /prompt is too long|exceed context limit|exceeds? the (?:maximum )?context/i

/** An upstream's error object in OpenAI's codes (codex-cli-wire 5.2); also for an answer with an error status. */
export function readError(error: unknown): UpstreamFailure {
  const raw: JsonObject = isJsonObject(error) ? error : {}
  const message = stringOf(raw.message) || "The upstream failed without saying why."
  if (OVERFLOW.test(message)) return { code: "context_length_exceeded", message }
  switch (raw.type) {
    case "overloaded_error":
      return { code: "server_is_overloaded", message }
    case "rate_limit_error":
      return { code: "rate_limit_exceeded", message }
    case "invalid_request_error":
    case "request_too_large":
      return { code: "invalid_prompt", message }
    default:
      return { code: "server_error", message }
  }
}
