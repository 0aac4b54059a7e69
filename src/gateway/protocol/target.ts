/** What a writer of upstream requests must know of the upstream; set in the catalogue, no addresses, no keys. */
import type { Protocol, ReasoningWish } from "./model-request.ts"

/** What an upstream needs different from its protocol's plain form, by name; each is one function with a fixture. */
export const QUIRKS = {
  "reasoning-content": "past thinking goes back as reasoning_content of its message (DeepSeek)",
  "no-reasoning-effort": "does not know reasoning_effort",
  "strict-tool-schemas": "takes only tool schemas of type object with properties, without $schema",
  "no-parallel-tools":
    "takes one tool call per turn: parallel calls of the history become turns of their own",
  "needs-max-tokens": "refuses a request without a limit of output tokens",
  "max-completion-tokens": "wants max_completion_tokens instead of max_tokens",
  "no-stream-options": "does not know stream_options",
  "system-first": "takes a system message only as the first: later ones become user text",
  "no-images": "takes text only: pictures are replaced by a note",
  "no-web-search": "has no hosted web search although its protocol has",
} as const

export type Quirk = keyof typeof QUIRKS

export interface Target {
  protocol: Protocol
  /** The upstream's id: the origin of the reasoning that it seals. */
  upstream_id: string
  /** The model's name at the upstream. */
  model: string
  quirks: ReadonlySet<Quirk>
  /** The longest tool name that it takes. */
  tool_name_length: number
  /** The model's limit: sent where a limit is needed and the client set none. */
  max_output_tokens: number
  /** The effort words that the model knows, weakest first; empty when it does not reason. */
  reasoning_efforts: readonly string[]
}

/** Every effort word that is known, weakest first (codex-cli-wire 1, claude-code-wire 5). */
const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"]

/**
 * The model's own word that is nearest to the asked one, the stronger of two; an unknown word and a model of unknown
 * efforts pass as they are: never reject (codex-cli-wire 10.10).
 */
export function nearestEffort(asked: string | undefined, known: readonly string[]): string | undefined {
  if (asked === undefined || known.length === 0 || known.includes(asked)) return asked
  const wanted = EFFORTS.indexOf(asked)
  if (wanted === -1) return asked
  const distance = (word: string) => Math.abs(EFFORTS.indexOf(word) - wanted)
  return [...known].reduce((best, word) => (distance(word) <= distance(best) ? word : best))
}

/** The effort that a wish amounts to, in the client's word; a thinking budget is one, too. */
export function effortAsked({ effort, budget_tokens }: ReasoningWish): string | undefined {
  return effort ?? (budget_tokens === undefined ? undefined : effortOf(budget_tokens))
}

/** Anthropic's thinking budget as an effort; bounds near the budgets that Claude Code sends for its own levels. */
function effortOf(budget_tokens: number): string {
  if (budget_tokens <= 4096) return "low"
  return budget_tokens <= 16_384 ? "medium" : "high"
}
