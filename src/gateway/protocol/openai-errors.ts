/** Refusals as OpenAI's clients read them, in all of its protocols; not what ends a stream that has begun. */
import type { AppError } from "../../platform/errors.ts"
import { retryAfterHeader, statusOf } from "../../platform/problem.ts"
import type { ErrorAnswer } from "./codec.ts"

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
