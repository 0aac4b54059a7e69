/** Writes token counters as the `usage` of a completion; prices nothing. */
import type { TokenUsage } from "../../../wallet/pricing/usage.ts"
import type { WireUsage } from "./wire.ts"

/** The prompt's count includes what came from or went to a cache, as OpenAI counts. */
export function writeUsage(usage: TokenUsage): WireUsage {
  const written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
  const prompt = usage.input_tokens + usage.cache_read_tokens + written
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output_tokens,
    total_tokens: prompt + usage.output_tokens,
    prompt_tokens_details: { cached_tokens: usage.cache_read_tokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
  }
}
