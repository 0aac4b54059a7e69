/** What a model answers, piece by piece, in our own words for all protocols; no wire format. */
import type { ReportedUsage } from "../../wallet/pricing/usage.ts"
import type { JsonObject } from "./json.ts"
import type { SearchResult, ToolKind } from "./model-request.ts"

/**
 * Why the model stopped. "tool_call" exactly when the answer holds a client tool call and the model was not
 * cut; "max_tokens" and "content_filter" cut the answer; "stop_sequence" and "refusal" are "end" where a
 * protocol cannot say them.
 */
export type StopReason = "end" | "tool_call" | "max_tokens" | "content_filter" | "stop_sequence" | "refusal"

/** A source that the text cites, in characters of the text block it stands in. */
export interface Citation {
  url: string
  title?: string
  start_index?: number
  end_index?: number
}

/**
 * One step of an answer. Law of every legal sequence: `answer-start` first, `answer-end` or `answer-failed`
 * last and once; between them blocks (text, reasoning, tool call, hosted call) that never overlap, so that a
 * delta needs no address: it belongs to the open block. Readers whose wire overlaps put blocks in line with
 * `open-blocks.ts`.
 */
export type ModelEvent =
  | { type: "answer-start"; id?: string; model?: string }
  | { type: "text-start"; phase?: string; is_refusal?: true }
  | { type: "text-delta"; text: string }
  | { type: "text-citation"; citation: Citation }
  | { type: "text-end" }
  | { type: "reasoning-start" }
  /** `index` counts the parts of this block and kind from 0; all deltas of a part stand together. */
  | { type: "reasoning-delta"; of: "summary" | "text"; index: number; text: string }
  /** `sealed` as in ReasoningItem. */
  | { type: "reasoning-end"; sealed?: string; is_redacted?: true }
  | { type: "tool-call-start"; tool: ToolKind; call_id: string; name: string; namespace?: string }
  | { type: "tool-call-delta"; text: string }
  /** `is_cut`: the upstream stopped before the arguments were complete. */
  | { type: "tool-call-end"; is_cut?: true }
  | { type: "hosted-call-start"; call_type: string }
  /** `raw` as in HostedCallItem. */
  | { type: "hosted-call-end"; raw: JsonObject & { type: string }; results?: SearchResult[] }
  /** Cumulative: the last report counts. */
  | { type: "usage"; reported: ReportedUsage }
  | { type: "answer-end"; stop: StopReason; stop_sequence?: string }
  /** `code` in OpenAI's words (codex-cli-wire 5.2); `message` is for the person at the client. */
  | { type: "answer-failed"; code: string; message: string }
