/** What ends a Chat stream that failed: OpenAI's error object as its last chunk. */
import type { AppError } from "../../../platform/errors.ts"
import { writeError } from "../openai-errors.ts"
import type { UpstreamFailure } from "../sniffed.ts"
import type { WireFailure } from "./wire.ts"

/** The chunk that ends a begun stream with an error of ours; the SDK throws it with these fields (sdk-wire 2). */
export function writeFailure(error: AppError): string {
  return `data: ${writeError(error).body}\n\n`
}

/** The same for an answer that failed at its upstream. */
export function failureChunk({ code, message }: UpstreamFailure): WireFailure {
  return { error: { message, type: TYPES.get(code) ?? "server_error", param: null, code } }
}

/** The error type that goes with a code; anything else is the server's fault. */
const TYPES = new Map<string, string>(
  Object.entries({
    rate_limit_exceeded: "rate_limit_error",
    insufficient_quota: "insufficient_quota",
    context_length_exceeded: "invalid_request_error",
    invalid_prompt: "invalid_request_error",
    invalid_request_error: "invalid_request_error",
  }),
)
