/** What a model call consumed, in disjoint counters; not how any vendor reports it (each protocol's reader says that). */

/** Counts of tokens; all are safe integers ≥ 0. The four input counters and `output_tokens` never overlap. */
export interface TokenUsage {
  /** Input that was neither read from nor written to a cache. */
  input_tokens: number
  cache_read_tokens: number
  cache_write_5m_tokens: number
  cache_write_1h_tokens: number
  /** All output, reasoning included. */
  output_tokens: number
  /** The part of `output_tokens` that was reasoning; informative, not priced apart. */
  reasoning_tokens: number
  /** Hosted web searches. */
  web_search_count: number
}

/** A vendor's report after normalisation; `flag` says why it was doubted and charged at the lower reading. */
export interface ReportedUsage {
  usage: TokenUsage
  flag?: string
  /** The vendor did not tell the output (yet): what was delivered counts, as far as it is more. */
  is_partial?: true
}

/** Nothing consumed. Zero is a report; a missing report is `undefined`, never this. */
export const NO_USAGE: TokenUsage = {
  input_tokens: 0,
  cache_read_tokens: 0,
  cache_write_5m_tokens: 0,
  cache_write_1h_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  web_search_count: 0,
}
