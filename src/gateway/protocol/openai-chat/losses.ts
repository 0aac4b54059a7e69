/** The losses of the Chat protocol: every field dropped on purpose and why; each line is tested. */
import type { Loss } from "../loss.ts"

/** Fields of a client's request that do not reach a ModelRequest. */
export const READ_LOSSES: readonly Loss[] = [
  { field: "store", reason: "answered by the gateway's own store" },
  { field: "user", reason: "private to the customer" },
  { field: "safety_identifier", reason: "private to the customer" },
  { field: "seed", reason: "no other protocol can be asked for the same sample" },
  { field: "frequency_penalty", reason: "other protocols do not have it" },
  { field: "presence_penalty", reason: "other protocols do not have it" },
  { field: "logit_bias", reason: "tokens of one vendor are not those of another" },
  { field: "top_logprobs", reason: "says nothing without logprobs, which only Chat upstreams can do" },
  { field: "prompt_cache_retention", reason: "a price decision of the operator" },
  { field: "stream_options", reason: "about the form of the answer: the gateway reads it" },
  { field: "messages[].name", reason: "other protocols have no names of speakers" },
  { field: "messages[].reasoning_details", reason: "sealed by a vendor behind another gateway" },
]

/** Fields of a ModelRequest that our Chat requests do not say. */
export const WRITE_LOSSES: readonly Loss[] = [
  { field: "verbosity", reason: "known to one vendor, refused by strict others (codex-cli-wire 10.11)" },
  { field: "cache_key", reason: "known to one vendor, refused by strict others (codex-cli-wire 10.11)" },
  { field: "service_tier", reason: "known to one vendor, refused by strict others (codex-cli-wire 10.11)" },
  { field: "metadata", reason: "private to the customer" },
  { field: "wants_sealed_reasoning", reason: "the protocol seals no reasoning" },
  { field: "reasoning.summary", reason: "the protocol has no summaries" },
  { field: "web_search", reason: "compatible upstreams have no hosted search" },
  { field: "hosted-call", reason: "work of another upstream's server (codex-cli-wire 10.4)" },
  { field: "sealed", reason: "goes back only to the upstream that made it" },
  { field: "phase", reason: "optional both ways (codex-cli-wire 10.9)" },
  { field: "is_error", reason: "a failed tool says so in its output text" },
  { field: "refusal", reason: "goes back as text: compatible upstreams do not know the part" },
  { field: "cache", reason: "the protocol has no cache marks; it caches prefixes by itself" },
]

/** Steps of an answer that the Chat wire or our events cannot say. */
export const EVENT_LOSSES: readonly Loss[] = [
  { field: "stop_sequence", reason: "written as stop; the protocol does not name the sequence" },
  { field: "stop-refusal", reason: "written as stop; the refusal itself is a refusal delta" },
  { field: "hosted-call", reason: "the protocol has no form for it" },
  { field: "sealed", reason: "the protocol has no form for it" },
  { field: "namespace", reason: "Chat clients have no namespaces" },
  { field: "is_cut", reason: "visible as the finish_reason length" },
  { field: "cache_write_5m_tokens", reason: "written as part of prompt_tokens" },
  { field: "web_search_count", reason: "the protocol does not count searches" },
  { field: "logprobs", reason: "read and dropped" },
]
