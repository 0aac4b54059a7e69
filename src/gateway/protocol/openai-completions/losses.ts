/** The losses of the legacy completions protocol: every field dropped on purpose and why; each line is tested. */
import type { Loss } from "../loss.ts"

/** Fields of a client's request that do not reach a ModelRequest. */
export const READ_LOSSES: readonly Loss[] = [
  { field: "user", reason: "private to the customer" },
  { field: "seed", reason: "no upstream promises the same answer twice" },
  { field: "frequency_penalty", reason: "the newer protocols do not know it" },
  { field: "presence_penalty", reason: "the newer protocols do not know it" },
  { field: "logit_bias", reason: "names tokens of one vendor's vocabulary" },
]

/** Steps of an answer that the wire cannot say. */
export const EVENT_LOSSES: readonly Loss[] = [
  { field: "reasoning", reason: "the answer is its text" },
  { field: "tool-call", reason: "the protocol has no tools, so none are offered" },
  { field: "hosted-call", reason: "the protocol has no tools, so none are offered" },
  { field: "text-citation", reason: "the answer is its text" },
  { field: "is_refusal", reason: "a refusal is text; the finish_reason tells" },
  { field: "stop_sequence", reason: "finish_reason is stop, whichever text it was" },
]
