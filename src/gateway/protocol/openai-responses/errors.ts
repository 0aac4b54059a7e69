/** Refusals in the form that OpenAI's clients read, and in the one form that the Codex CLI shows once and in full. */
import type { AppError } from "../../../platform/errors.ts"
import { retryAfterHeader, statusOf } from "../../../platform/problem.ts"
import type { ErrorAnswer } from "../codec.ts"
import { eventText } from "../sse.ts"

/** OpenAI's error object. */
interface ErrorBody {
  error: { message: string; type: string; code: string; param: string | null }
}

/** The error as JSON with its HTTP status: what SDKs turn into their exceptions (sdk-wire 2). */
export function writeError(error: AppError): ErrorAnswer {
  const { code = error.reason, field = null, extra } = error.detail
  const body: ErrorBody = {
    error: { message: error.message, type: typeOf(error), code, param: field, ...extra },
  }
  return {
    status: statusOf(error.reason),
    headers: { "content-type": "application/json", ...retryAfterHeader(error) },
    body: JSON.stringify(body),
  }
}

/**
 * The error as a stream that has failed, status 200. The Codex CLI repeats 402, 403, 404 and 413 six times and
 * 5xx thirty times, and prints a 400 as raw JSON; a `response.failed` it prints once, in our words
 * (codex-cli-wire 5.1, 5.2). Only 401 keeps its status, because edge proxies and operators watch for it.
 */
export function writeErrorForCodex(
  error: AppError,
  failed: { response_id: string; created_at: number },
): ErrorAnswer {
  if (error.reason === "unauthorized") return writeError(error)
  const created = {
    type: "response.created",
    sequence_number: 0,
    response: shell(failed.response_id, failed.created_at, "in_progress"),
  }
  const body = eventText(created) + writeFailure(error, { ...failed, sequence_number: 1 })
  return { status: 200, headers: { "content-type": "text/event-stream", "cache-control": "no-cache" }, body }
}

/** The event that ends a begun stream with an error, for every client: never a clean end (gateway.md, Streams). */
export function writeFailure(
  error: AppError,
  failed: { response_id: string; created_at: number; sequence_number: number },
): string {
  const event = {
    type: "response.failed",
    sequence_number: failed.sequence_number,
    response: {
      ...shell(failed.response_id, failed.created_at, "failed"),
      error: failureOfError(error),
    },
  }
  return eventText(event)
}

const shell = (id: string, created_at: number, status: string) => ({
  id,
  object: "response",
  created_at,
  status,
  error: null,
  incomplete_details: null,
  output: [],
  usage: null,
})

/** The error as it stands in a failed response. `created_at` of its neighbours is in Unix seconds. */
export const failureOfError = (error: AppError): { code: string; message: string } => ({
  code: streamCode(error),
  message: streamMessage(error),
})

/**
 * `invalid_prompt` is printed verbatim and not repeated; `rate_limit_exceeded` is repeated after the time in its
 * message; anything else is repeated five times with a growing pause (codex-cli-wire 5.2).
 */
function streamCode(error: AppError): string {
  if (error.detail.code === "context_length_exceeded") return "context_length_exceeded"
  switch (error.reason) {
    case "rate_limited":
      return "rate_limit_exceeded"
    case "upstream":
    case "internal":
      return "server_error"
    default:
      return "invalid_prompt"
  }
}

function streamMessage(error: AppError): string {
  const wait_ms = error.detail.retry_after_ms
  if (error.reason !== "rate_limited" || wait_ms === undefined) return error.message
  return `${error.message} Please try again in ${Math.max(1, Math.ceil(wait_ms / 1000))}s.`
}

function typeOf(error: AppError): string {
  switch (error.reason) {
    case "payment_required":
      return "insufficient_quota"
    case "rate_limited":
      return "rate_limit_error"
    case "internal":
    case "upstream":
    case "unavailable":
      return "server_error"
    default:
      return "invalid_request_error"
  }
}
