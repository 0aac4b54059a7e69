/** The losses of the Messages protocol: every field dropped on purpose and why; each line is tested. */
import type { Loss } from "../loss.ts"

/** Fields of a client's request that do not reach a ModelRequest. */
export const READ_LOSSES: readonly Loss[] = [
  { field: "top_k", reason: "no other protocol has it" },
  { field: "metadata", reason: "private to the customer; only its session becomes the cache key" },
  { field: "context_management", reason: "Claude Code asks to keep everything (claude-code-wire 9)" },
  { field: "cache_control", reason: "automatic marks are set again by the writer when the client set none" },
  { field: "thinking.display", reason: "only how thinking is shown; `omitted` asks for no summary" },
  { field: "tools[].eager_input_streaming", reason: "arguments are always streamed as they come" },
  {
    field: "tools[].defer_loading",
    reason: "a deferred tool is sent as an ordinary one (claude-code-wire 9)",
  },
  { field: "tools[].input_examples", reason: "no other protocol has them" },
  { field: "messages[].content[].citations", reason: "sources of earlier texts are not asked for again" },
  { field: "messages[].content[].context", reason: "a note on a document that no other protocol has" },
  { field: "messages[].content[].caller", reason: "names a hosted sandbox, which is refused" },
]

/** Fields of a ModelRequest that the Messages wire cannot say. */
export const WRITE_LOSSES: readonly Loss[] = [
  { field: "metadata", reason: "the wire knows only a user id, which is private to the customer" },
  { field: "cache_key", reason: "the upstream caches by marks" },
  { field: "verbosity", reason: "the protocol has no such wish" },
  { field: "summary", reason: "thinking is always shown" },
  { field: "phase", reason: "Codex's word for a kind of text (codex-cli-wire 10.9)" },
  { field: "detail", reason: "the protocol has no detail of images" },
  { field: "json_object", reason: "the protocol has only JSON by schema" },
  { field: "top_p", reason: "beside a temperature or while thinking the upstream refuses it" },
]

/** Steps of an answer that the Messages wire or our events cannot say. */
export const EVENT_LOSSES: readonly Loss[] = [
  { field: "phase", reason: "the protocol has no kinds of text" },
  { field: "namespace", reason: "flattened and restored around this protocol" },
  { field: "content_filter", reason: "written as refusal, the protocol's word for a stopped answer" },
  { field: "hosted-call", reason: "only web searches have blocks here; other hosted work leaves no trace" },
  { field: "citation.start_index", reason: "a citation belongs to its whole block" },
  { field: "reasoning parts", reason: "parts and kinds become one thinking text, with blank lines between" },
  { field: "pause_turn", reason: "read as an ordinary end (claude-code-wire 6)" },
]
