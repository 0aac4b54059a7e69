/** How refusals look over HTTP: the status of each reason, and RFC 9457 problem documents for our own API. */
import type { AppError, Reason } from "./errors.ts"

const STATUS: Record<Reason, number> = {
  invalid: 400,
  unauthorized: 401,
  payment_required: 402,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported_media: 415,
  unprocessable: 422,
  upgrade_required: 426,
  rate_limited: 429,
  internal: 500,
  upstream: 502,
  unavailable: 503,
}

const TITLE: Record<Reason, string> = {
  invalid: "Invalid request",
  unauthorized: "Not signed in",
  payment_required: "Payment required",
  forbidden: "Not allowed",
  not_found: "Not found",
  conflict: "Conflict",
  too_large: "Too large",
  unsupported_media: "Unsupported media type",
  unprocessable: "Invalid field",
  upgrade_required: "Upgrade required",
  rate_limited: "Too many requests",
  internal: "Internal error",
  upstream: "Upstream error",
  unavailable: "Unavailable",
}

export const statusOf = (reason: Reason): number => STATUS[reason]

/** The `retry-after` header in whole seconds, when the error says when to come back. */
export function retryAfterHeader(error: AppError): Record<string, string> {
  const wait_ms = error.detail.retry_after_ms
  return wait_ms === undefined ? {} : { "retry-after": String(Math.ceil(wait_ms / 1000)) }
}

/** `{ type, title, status, code, detail, requestId, field?, … }` as application/problem+json. */
export function problemResponse(error: AppError, request_id: string): Response {
  const { code = error.reason, field, extra } = error.detail
  const status = statusOf(error.reason)
  const body = {
    type: `urn:codexapi:problem:${code}`,
    title: TITLE[error.reason],
    status,
    code,
    detail: error.message,
    requestId: request_id,
    ...(field === undefined ? {} : { field }),
    ...extra,
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      "x-request-id": request_id,
      ...retryAfterHeader(error),
    },
  })
}
