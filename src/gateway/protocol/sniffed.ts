/** What is known of an upstream's answer while its bytes go by, whatever its protocol; no wire format. */
import type { ReportedUsage } from "../../wallet/pricing/usage.ts"

/** How far a stream is. `prelude`: nothing has come that a client could act on, another route may still be tried. */
export type Phase = "prelude" | "output" | "completed" | "incomplete" | "failed"

/** The error that ended an answer, in OpenAI's codes (codex-cli-wire 5.2). */
export interface UpstreamFailure {
  code: string
  message: string
}

export interface Sniffed {
  phase: Phase
  /** Bytes of text, reasoning and tool arguments delivered so far. */
  output_bytes: number
  /** Hosted searches that have ended: what is charged for them when nothing is reported. */
  web_search_count: number
  /** The last report counts; hosted searches are part of it. */
  reported: ReportedUsage | undefined
  tier_served: string | undefined
  failure: UpstreamFailure | undefined
  /** In the text that was noted last: the index after the event that completed the end of the answer. */
  end_at?: number
}

/**
 * Reads a stream from the side. The end of an answer may take several events (Chat: finish_reason, usage, `[DONE]`;
 * Messages: message_delta, message_stop): from the first of them on nothing may be sent before the charge is durable.
 */
export interface Sniffer {
  readonly sniffed: Sniffed
  /**
   * Notes whole events (latin1, one character per byte). The answer is the index at which the end of the answer
   * begins: the text's length while it has not come, 0 when it began in an earlier text. `phase` is terminal as soon
   * as the end is complete; what comes after it is not believed.
   */
  note(text: string): number
  /**
   * The stream is over: an end that is complete but for its last events counts (Chat without `[DONE]`). The answer is
   * the events that the upstream left out.
   */
  finish(): string
}

/** How an answer ended. */
export type EndPhase = Exclude<Phase, "prelude" | "output">

export const isTerminal = (sniffed: Sniffed): sniffed is Sniffed & { phase: EndPhase } =>
  sniffed.phase !== "prelude" && sniffed.phase !== "output"
