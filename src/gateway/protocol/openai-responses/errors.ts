/** Refusals in the one form that the Codex CLI shows once and in full, the ends of failed streams, and upstream errors. */
import type { AppError } from "../../../platform/errors.ts"
import type { ErrorAnswer } from "../codec.ts"
import { type JsonObject, stringOf } from "../json.ts"
import { writeError } from "../openai-errors.ts"
import type { UpstreamFailure } from "../sniffed.ts"
import { eventText } from "../sse.ts"

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

/**
 * What an upstream says when it fails, in OpenAI's codes: the `error` of a response or a body, or the flat event `error`
 * itself (sdk-wire 2). A code where there is one, else the type, unless that is only the event's own.
 */
export function readFailure(error: JsonObject): UpstreamFailure {
  const word = stringOf(error.code) || stringOf(error.type) || "error"
  const message = stringOf(error.message) || "The upstream failed without saying why."
  return { code: CODES.get(word) ?? word, message }
}

const CODES = new Map<string, string>(
  Object.entries({
    error: "server_error",
    rate_limit_error: "rate_limit_exceeded",
  }),
)
