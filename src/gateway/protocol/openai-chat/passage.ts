/** A Chat stream that passes to a Chat client as it is, but for the usage that the client did not ask to see. */

import type { Passage, Passed } from "../codec.ts"
import { isJsonObject, type JsonObject } from "../json.ts"
import { endOfEvent, KEEPALIVE_COMMENT, objectOf, renameModel } from "../sse.ts"
import { writeFailure } from "./errors.ts"
import { startSniffing } from "./sniff.ts"

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

/** OpenAI's members of a Chat body, and the sampling and thinking switches of self-hosted servers and DeepSeek. */
export const PASSED_KEYS: ReadonlySet<string> = new Set([
  "audio",
  "chat_template_kwargs",
  "enable_thinking",
  "frequency_penalty",
  "function_call",
  "functions",
  "include_reasoning",
  "logit_bias",
  "logprobs",
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "metadata",
  "min_p",
  "modalities",
  "model",
  "n",
  "parallel_tool_calls",
  "prediction",
  "presence_penalty",
  "prompt_cache_key",
  "prompt_cache_retention",
  "reasoning",
  "reasoning_effort",
  "repetition_penalty",
  "response_format",
  "safety_identifier",
  "seed",
  "service_tier",
  "stop",
  "store",
  "stream",
  "stream_options",
  "temperature",
  "thinking",
  "tool_choice",
  "tools",
  "top_k",
  "top_logprobs",
  "top_p",
  "user",
  "verbosity",
])

/** The gateway always asks for usage (gateway.md, Usage); the client sees it only if it asked too. */
export function startPassage(): Passage {
  return {
    ...startSniffing(),
    adapt(given, start) {
      const batch = start.is_renamed ? renameModel(given, start.model) : given
      if (start.shows_usage) return batch.bytes
      const text = withoutUsage(batch.text)
      return text.length === batch.text.length ? batch.bytes : Buffer.from(text, "latin1")
    },
    fail: error => writeFailure(error),
    keepalive: () => KEEPALIVE_COMMENT,
  }
}

/** A usage report and nothing else (sdk-wire 2); Azure's first chunk has no choices either, but no usage. */
const NO_CHOICES = /"choices"\s*:\s*\[\s*\]/

/**
 * The events of a batch (latin1) without the chunk that only reports usage, for clients that did not ask for it; every
 * other byte stays.
 */
function withoutUsage(text: string): string {
  if (!text.includes('"usage"')) return text
  const has_cr = text.includes("\r")
  const kept: string[] = []
  for (let at = 0; at < text.length; ) {
    const next = endOfEvent(text, at, has_cr)
    const event = text.slice(at, next)
    if (!isUsageOnly(event)) kept.push(event)
    at = next
  }
  return kept.join("")
}

function isUsageOnly(event: string): boolean {
  if (!event.includes('"usage"') || !NO_CHOICES.test(event)) return false
  const { choices, usage, error } = objectOf(event)
  return Array.isArray(choices) && choices.length === 0 && isJsonObject(usage) && error == null
}
