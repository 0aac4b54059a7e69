/** A Responses stream that passes to a Responses client as it is, but for the little that the client must see different. */
import type { Passage, Passed } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import { type Batch, eventName, KEEPALIVE_COMMENT, splitEvents } from "../sse.ts"
import { CODEX_KEEPALIVE, completeInsteadOfIncomplete } from "./codex-quirks.ts"
import { differenceOf, echoInEvent } from "./echo.ts"
import { writeFailure } from "./errors.ts"
import { startSniffing } from "./sniff.ts"

const SEALED = "reasoning.encrypted_content"

/**
 * Nothing of a customer is kept upstream: answers are stored here. Without the upstream's store past reasoning can
 * come back only as sealed content, which is therefore asked for.
 */
export function passEdits(body: JsonObject, { reasons }: Passed): JsonObject {
  if (body.store === false) return {}
  if (!reasons) return { store: false }
  const include = Array.isArray(body.include) ? body.include : []
  return { store: false, include: include.includes(SEALED) ? include : [...include, SEALED] }
}

/** OpenAI's members of a Responses body, and the Codex CLI's `client_metadata` (codex-cli-wire 3.2). */
export const PASSED_KEYS: ReadonlySet<string> = new Set([
  "background",
  "client_metadata",
  "context_management",
  "include",
  "input",
  "instructions",
  "max_output_tokens",
  "max_tool_calls",
  "metadata",
  "model",
  "parallel_tool_calls",
  "previous_response_id",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning",
  "safety_identifier",
  "service_tier",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "text",
  "tool_choice",
  "tools",
  "top_logprobs",
  "top_p",
  "truncation",
  "user",
])

export function startPassage(): Passage {
  const sniffer = startSniffing()
  return {
    ...sniffer,
    adapt(batch, start) {
      const is_cut =
        start.is_codex === true && batch.is_end === true && sniffer.sniffed.phase === "incomplete"
      const difference = differenceOf(start)
      return is_cut || difference ? adaptEvents(batch, { is_cut, difference }) : batch.bytes
    },
    fail: (error, start) =>
      writeFailure(error, {
        response_id: sniffer.responseId() ?? start.id,
        created_at: start.created_at,
        sequence_number: sniffer.nextNumber(),
      }),
    keepalive: start => (start.is_codex ? CODEX_KEEPALIVE : KEEPALIVE_COMMENT),
  }
}

interface Adapted {
  /** The batch ends an answer that the Codex CLI must not see as incomplete. */
  is_cut: boolean
  difference: JsonObject | undefined
}

function adaptEvents(batch: Batch, how: Adapted): Uint8Array {
  if (!batch.text.includes('"response"')) return batch.bytes
  return Buffer.concat(splitEvents(batch.text).map(event => adaptEvent(event, how)))
}

/** The events that wrap a response; nothing else of a stream is touched. */
const WRAPPERS = /^response\.(?:created|queued|in_progress|completed|incomplete|failed)$/

function adaptEvent(event: string, { is_cut, difference }: Adapted): Uint8Array {
  const name = eventName(event) ?? ""
  if (!WRAPPERS.test(name)) return Buffer.from(`${event}\n\n`, "latin1")
  const echoed = difference === undefined ? event : echoInEvent(event, difference)
  return name === "response.incomplete" && is_cut
    ? completeInsteadOfIncomplete(echoed)
    : Buffer.from(`${echoed}\n\n`, "latin1")
}
