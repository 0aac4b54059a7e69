/** The one error that domains throw; it knows no HTTP (server.ts maps it). */

/** Why something was refused. */
export type Reason =
  | "invalid"
  | "unprocessable"
  | "unauthorized"
  | "payment_required"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "too_large"
  | "unsupported_media"
  | "upgrade_required"
  | "rate_limited"
  | "upstream"
  | "unavailable"
  | "internal"

/** What the reader of the error may need beside the message. */
export interface ErrorDetail {
  /** Machine-readable name of the case, e.g. `model_not_found`; the reason when absent. */
  code?: string
  /** The field of the request that is wrong, in the client's own notation. */
  field?: string
  /** After how long a repeat may succeed. */
  retry_after_ms?: number
  /** Further members of the problem document, e.g. amounts. */
  extra?: Record<string, unknown>
}

/** A refusal with a message that tells the reader what to do next. */
export class AppError extends Error {
  override readonly name = "AppError"
  constructor(
    readonly reason: Reason,
    message: string,
    readonly detail: ErrorDetail = {},
  ) {
    super(message)
  }
}
