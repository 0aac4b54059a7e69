/** A Messages stream that passes to a Messages client as it is, but for the name of the model. */
import type { Passage } from "../codec.ts"
import { isJsonObject, type JsonObject } from "../json.ts"
import { eventText, renameModel } from "../sse.ts"
import { errorOf } from "./errors.ts"
import { startSniffing } from "./sniff.ts"
import { emptyDelta } from "./write-events.ts"
import { SMALLEST_BUDGET } from "./write-thinking.ts"

/**
 * Values of a passing body that must change: a thinking budget that leaves no room for an answer, which Qwen Code
 * sends and the upstream refuses (sdk-wire 5).
 */
export function passEdits(body: JsonObject): JsonObject {
  const { thinking, max_tokens } = body
  if (!isJsonObject(thinking) || typeof max_tokens !== "number") return {}
  const { budget_tokens } = thinking
  if (typeof budget_tokens !== "number" || budget_tokens < max_tokens) return {}
  const has_room = max_tokens > SMALLEST_BUDGET
  return { thinking: has_room ? { ...thinking, budget_tokens: max_tokens - 1 } : { type: "disabled" } }
}

const HAS_DELTAS = new Set(["text", "thinking", "tool_use"])

/** Anthropic's members of a Messages body. */
export const PASSED_KEYS: ReadonlySet<string> = new Set([
  "cache_control",
  "context_management",
  "max_tokens",
  "messages",
  "metadata",
  "model",
  "output_config",
  "output_format",
  "service_tier",
  "stop_sequences",
  "stream",
  "system",
  "temperature",
  "thinking",
  "tool_choice",
  "tools",
  "top_k",
  "top_p",
])

/**
 * The keepalive is an empty delta of the open block, which Claude Code counts (claude-code-wire 6). Between blocks
 * only a ping is legal: a block of ours would take the place of the upstream's next one.
 */
export function startPassage(): Passage {
  const sniffer = startSniffing()
  return {
    ...sniffer,
    adapt(batch, start) {
      const is_start = start.is_renamed && batch.text.includes("message_start")
      return is_start ? renameModel(batch, start.model).bytes : batch.bytes
    },
    fail: error => eventText({ type: "error", error: errorOf(error) } as { type: string }),
    keepalive() {
      const open = sniffer.openBlock()
      if (open === undefined || !HAS_DELTAS.has(open.type)) return eventText({ type: "ping" })
      const { index, type } = open
      return eventText({ type: "content_block_delta", index, delta: emptyDelta(type) } as { type: string })
    },
  }
}
