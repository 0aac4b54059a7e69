/** Writes token counters as the `usage` of a Chat answer; prices nothing. */
import type { TokenUsage } from "../../../wallet/pricing/usage.ts"
import { writeUsage as writeResponsesUsage } from "../openai-responses/write-usage.ts"
import type { WireUsage } from "./wire.ts"

/** As Responses counts, under Chat's names: input includes what came from or went to a cache. */
export function writeUsage(usage: TokenUsage): WireUsage {
  const counted = writeResponsesUsage(usage)
  return {
    prompt_tokens: counted.input_tokens,
    completion_tokens: counted.output_tokens,
    total_tokens: counted.total_tokens,
    prompt_tokens_details: counted.input_tokens_details,
    completion_tokens_details: counted.output_tokens_details,
  }
}
