/** The losses of the Responses protocol: every field dropped on purpose and why; each line is tested. */
import type { Loss } from "../loss.ts"

/** Fields of a client's request that do not reach a ModelRequest. */
export const READ_LOSSES: readonly Loss[] = [
  { field: "store", reason: "answered by the gateway's own store" },
  { field: "previous_response_id", reason: "expanded into items by the gateway's own store" },
  { field: "conversation", reason: "expanded into items by the gateway's own store" },
  { field: "background", reason: "answered by the gateway's own store" },
  { field: "client_metadata", reason: "private to the customer: paths, commit hashes (codex-cli-wire 3.1)" },
  { field: "user", reason: "private to the customer" },
  { field: "safety_identifier", reason: "private to the customer" },
  { field: "truncation", reason: "no other protocol can be asked to cut the history" },
  { field: "top_logprobs", reason: "answers carry no log probabilities between protocols" },
  { field: "max_tool_calls", reason: "bounds hosted tools, which other upstreams do not have" },
  { field: "prompt_cache_retention", reason: "a price decision of the operator" },
  { field: "stream_options", reason: "asks for obfuscation padding, which we never add" },
  { field: "input[].id", reason: "names an item in a store; the conversation is carried whole" },
  {
    field: "input[].internal_chat_message_metadata_passthrough",
    reason: "private to the Codex CLI (capture 08)",
  },
  { field: "reasoning.context", reason: "a switch of one upstream (codex-cli-wire 2.2 use_responses_lite)" },
]

/** Fields of a ModelRequest that the Responses wire cannot say. */
export const WRITE_LOSSES: readonly Loss[] = [
  { field: "stop", reason: "the protocol has no stop sequences" },
  { field: "cache", reason: "the protocol has no cache marks; it caches prefixes by itself" },
  { field: "is_error", reason: "a failed tool says so in its output text (codex-cli-wire 6.4)" },
  { field: "is_redacted", reason: "sealed reasoning is always opaque here" },
]

/** Steps of an answer that the Responses wire or our events cannot say. */
export const EVENT_LOSSES: readonly Loss[] = [
  { field: "stop_sequence", reason: "written as completed; the protocol does not name the reason" },
  { field: "refusal", reason: "the stop reason is not named; the refusal itself is a content part" },
  { field: "cache_write_5m_tokens", reason: "written as part of input_tokens" },
  { field: "web_search_count", reason: "visible as web_search_call items, not as a counter" },
  { field: "logprobs", reason: "read and dropped; written as an empty list" },
  { field: "annotations", reason: "only url_citation is carried" },
]
