/** Token counts in each client's own form; complete, adding up, and comparable with a receipt. */
import { expectEqual, expectThat } from "./finding.ts"
import { numberAt } from "./probe.ts"

/** Counters as every receipt has them: cached input apart. */
export interface Counters {
  input_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
  output_tokens: number
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** Complete objects: the Codex CLI fails the turn when a member is missing (codex-cli-wire 4.1). */
export function readResponsesUsage(usage: unknown): Counters {
  const cached = numberAt(usage, "input_tokens_details.cached_tokens")
  expectThat(isCount(cached), "usage.input_tokens_details.cached_tokens", usage)
  const reasoning = numberAt(usage, "output_tokens_details.reasoning_tokens")
  expectThat(isCount(reasoning), "usage.output_tokens_details.reasoning_tokens", usage)
  return readSums(usage, { input: "input_tokens", output: "output_tokens", cached, reasoning })
}

/** Details may be missing where the server counts no cache and no reasoning. */
export function readChatUsage(usage: unknown): Counters {
  const cached = numberAt(usage, "prompt_tokens_details.cached_tokens") || 0
  const reasoning = numberAt(usage, "completion_tokens_details.reasoning_tokens") || 0
  return readSums(usage, { input: "prompt_tokens", output: "completion_tokens", cached, reasoning })
}

function readSums(
  usage: unknown,
  names: { input: string; output: string; cached: number; reasoning: number },
): Counters {
  const [input, output] = [numberAt(usage, names.input), numberAt(usage, names.output)]
  expectThat(isCount(input) && isCount(output), `usage.${names.input} and usage.${names.output}`, usage)
  expectEqual("usage.total_tokens", numberAt(usage, "total_tokens"), input + output)
  expectThat(names.cached <= input, "no more cached input than input", usage)
  expectThat(names.reasoning <= output, "no more reasoning than output", usage)
  const cache = { cache_read_tokens: names.cached, cache_write_tokens: 0 }
  return { input_tokens: input - names.cached, ...cache, output_tokens: output }
}

/** Anthropic's input does not include cached tokens (claude-code-wire 6). */
export function readMessagesUsage(usage: unknown): Counters {
  const counters = {
    input_tokens: numberAt(usage, "input_tokens"),
    cache_read_tokens: numberAt(usage, "cache_read_input_tokens") || 0,
    cache_write_tokens: numberAt(usage, "cache_creation_input_tokens") || 0,
    output_tokens: numberAt(usage, "output_tokens"),
  }
  expectThat(Object.values(counters).every(isCount), "counts of input and output", usage)
  return counters
}
