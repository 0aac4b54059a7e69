/** Writes token counters as the `usage` of a Responses answer; prices nothing. */
import type { TokenUsage } from "../../../wallet/pricing/usage.ts"
import type { WireUsage } from "./wire.ts"

/**
 * Input on this wire includes what came from or went to a cache, else Codex compacts too late (codex-cli-wire
 * 10.13); both detail objects are always whole (codex-cli-wire 4.1).
 */
export function writeUsage(usage: TokenUsage): WireUsage {
  const written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
  const input = usage.input_tokens + usage.cache_read_tokens + written
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: usage.cache_read_tokens },
    output_tokens: usage.output_tokens,
    output_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
    total_tokens: input + usage.output_tokens,
  }
}
