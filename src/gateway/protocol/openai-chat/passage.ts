/** A Chat stream that passes to a Chat client as it is, but for the usage that the client did not ask to see. */

import type { Passage, Passed } from "../codec.ts"
import { isJsonObject, type JsonObject } from "../json.ts"
import { cutAfter, KEEPALIVE_COMMENT, renameModel } from "../sse.ts"
import { writeFailure } from "./errors.ts"
import { startSniffing, withoutUsage } from "./sniff.ts"

/**
 * Usage is always asked for, because it is what is billed; whether the client sees it is its own choice. Completions are
 * stored here, not upstream, and metadata without a store is refused there.
 */
export function passEdits(
  { stream_options, store, metadata }: JsonObject,
  { is_streamed, quirks }: Passed,
): JsonObject {
  const options = isJsonObject(stream_options) ? stream_options : {}
  const asks = is_streamed && options.include_usage !== true && !quirks.has("no-stream-options")
  return {
    ...(asks && { stream_options: { ...options, include_usage: true } }),
    ...(store === true && { store: false }),
    ...(store === true && metadata != null && { metadata: null }),
  }
}

/** The gateway always asks for usage (gateway.md, Usage); the client sees it only if it asked too. */
export function startPassage(): Passage {
  return {
    ...startSniffing(),
    adapt(given, start) {
      // What comes after the end mark is for nobody.
      const cut = given.is_end ? cutAfter(given, given.text.indexOf("[DONE]")) : given
      const batch = start.is_renamed ? renameModel(cut, start.model) : cut
      if (start.shows_usage) return batch.bytes
      const text = withoutUsage(batch.text)
      return text.length === batch.text.length ? batch.bytes : Buffer.from(text, "latin1")
    },
    fail: error => writeFailure(error),
    keepalive: () => KEEPALIVE_COMMENT,
  }
}
