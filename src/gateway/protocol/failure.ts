/** What an upstream's error means for the client, in words that give nothing of the operator away. */
import { AppError } from "../../platform/errors.ts"
import { isOverflow, overflowError } from "./context-overflow.ts"
import type { UpstreamFailure } from "./sniffed.ts"

/** Codes that are about the request: another route would say the same. */
const CLIENT_FAULT_CODES = new Set(["invalid_prompt", "cyber_policy", "invalid_request_error"])

const LARGEST_MESSAGE = 600

/** The error that an answer ended with, in the upstream's words, scrubbed. */
export function errorOfFailure(failure: UpstreamFailure | undefined): AppError {
  const code = failure?.code ?? "server_error"
  const message = scrub(failure?.message.trim() || "The model's server ended the answer with an error.")
  if (isOverflow(code, message)) return overflowError(message)
  if (CLIENT_FAULT_CODES.has(code)) return new AppError("invalid", message, { code })
  return new AppError(code === "rate_limit_exceeded" ? "rate_limited" : "upstream", message, { code })
}

/** A message without addresses, keys and account names. */
export const scrub = (message: string): string =>
  message
    .slice(0, LARGEST_MESSAGE)
    .replace(/https?:\/\/\S+/g, "[address]")
    .replace(/\b(?:sk|key|org|proj)[-_][A-Za-z0-9_*-]{4,}/g, "[redacted]")
    .replace(/\b(?:api[-_ ]?key|token|secret)(?:\s*[=:]\s*|\s+)["']?(?=\S*\d)[^\s"',;]{6,}/gi, "[redacted]")
