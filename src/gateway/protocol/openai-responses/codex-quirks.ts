/** What the Codex CLI needs different from other Responses clients; one function per quirk. */
import { isJsonObject } from "../json.ts"
import { encodeEvent, eventText, objectOf } from "../sse.ts"

/**
 * The Codex CLI repeats a `response.incomplete` five times, paying each time (codex-cli-wire 5.4): an answer
 * that reached its length limit is ended as completed instead. `event` is a whole `response.incomplete`.
 */
export function completeInsteadOfIncomplete(event: string): Uint8Array {
  const data = objectOf(event)
  const response = isJsonObject(data.response) ? data.response : {}
  return encodeEvent({
    ...data,
    type: "response.completed",
    response: { ...response, status: "completed", incomplete_details: null },
  } as { type: string })
}

/** A data event that resets the CLI's idle timer; comments do not (codex-cli-wire 5.3). */
export const CODEX_KEEPALIVE = eventText({ type: "keepalive" })
