/** The legacy completions wire as we write it (sdk-wire 2, Completions); clients only, no upstream speaks it. */

/** Our names for why it ended; there are no tools here, so a tool call cannot be said. */
export type WireFinishReason = "stop" | "length" | "content_filter"

export interface WireChoice {
  index: 0
  text: string
  logprobs: null
  finish_reason: WireFinishReason | null
}

/** OpenAI's counters: the input includes what came from a cache. */
export interface WireUsage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details: { cached_tokens: number }
  completion_tokens_details: { reasoning_tokens: number }
}

/** The whole answer, and each chunk of a stream alike. */
export interface WireCompletion {
  id: string
  object: "text_completion"
  created: number
  model: string
  choices: WireChoice[]
  usage?: WireUsage | null
}
