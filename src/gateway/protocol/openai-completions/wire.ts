/** The legacy completions wire as we write it (sdk-wire 2, Completions); clients only, no upstream speaks it. */
import type { WireUsage } from "../openai-chat/wire.ts"

/** Our names for why it ended; there are no tools here, so a tool call cannot be said. */
export type WireFinishReason = "stop" | "length" | "content_filter"

export interface WireChoice {
  index: 0
  text: string
  logprobs: null
  finish_reason: WireFinishReason | null
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
