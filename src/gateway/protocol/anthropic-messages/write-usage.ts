/** Writes token counters as the `usage` of a Messages answer; prices nothing. */
import type { TokenUsage } from "../../../wallet/pricing/usage.ts"
import type { WireUsage } from "./wire.ts"

/**
 * All counters apart: clients add them up, so `input_tokens` must not include cached ones (claude-code-wire 6).
 * The details of output and server tools are said only when there is something to say.
 */
export function writeUsage(usage: TokenUsage): WireUsage {
  const { cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, web_search_count } = usage
  const wire: WireUsage = {
    input_tokens: usage.input_tokens,
    cache_creation_input_tokens: cache_write_5m_tokens + cache_write_1h_tokens,
    cache_read_input_tokens: usage.cache_read_tokens,
    cache_creation: {
      ephemeral_5m_input_tokens: cache_write_5m_tokens,
      ephemeral_1h_input_tokens: cache_write_1h_tokens,
    },
    output_tokens: usage.output_tokens,
  }
  if (reasoning_tokens > 0) wire.output_tokens_details = { thinking_tokens: reasoning_tokens }
  if (web_search_count > 0) wire.server_tool_use = { web_search_requests: web_search_count }
  return wire
}
