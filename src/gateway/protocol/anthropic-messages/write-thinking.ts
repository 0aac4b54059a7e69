/** Writes how much the model is to think; what it thought before is write-items'. */
import type { ReasoningWish } from "../model-request.ts"
import { nearestEffort, type Target } from "../target.ts"
import type { WireThinking, WireTurn } from "./wire.ts"

/** The two places of the wish on the wire. */
export interface Thinking {
  thinking?: WireThinking
  effort?: string
}

/** The upstream's lower bound of a budget. */
export const SMALLEST_BUDGET = 1024

interface Circumstances {
  max_tokens: number
  /** The client wants a call in any case. */
  is_forced: boolean
  turns: readonly WireTurn[]
}

/**
 * A budget is sent as such, an effort as adaptive thinking, "none" switches off; nothing is sent for a model that does
 * not reason, or when nothing was wished. The upstream refuses thinking beside a forced call: the call counts more.
 */
export function writeThinking(
  wish: ReasoningWish | undefined,
  target: Target,
  circumstances: Circumstances,
): Thinking {
  const efforts = target.reasoning_efforts.filter(effort => effort !== "none")
  if (wish === undefined || efforts.length === 0) return {}
  if (wish.effort === "none") return OFF
  const effort = nearestEffort(wish.effort, efforts)
  const said = effort === undefined || !efforts.includes(effort) ? {} : { effort }
  if (circumstances.is_forced) return { ...OFF, ...said }
  if (wish.budget_tokens === undefined) return { thinking: { type: "adaptive" }, ...said }
  return { thinking: writeBudget(wish.budget_tokens, circumstances), ...said }
}

const OFF: Thinking = { thinking: { type: "disabled" } }

/** A budget lies below max_tokens (sdk-wire 5); with one, a running turn must begin with thinking of this upstream. */
function writeBudget(wanted: number, { max_tokens, turns }: Circumstances): WireThinking {
  const budget_tokens = Math.min(Math.max(wanted, SMALLEST_BUDGET), max_tokens - 1)
  if (budget_tokens < SMALLEST_BUDGET || isInForeignTurn(turns)) return { type: "disabled" }
  return { type: "enabled", budget_tokens }
}

/** Whether the results at the end answer a step that does not begin with sealed thinking. */
function isInForeignTurn(turns: readonly WireTurn[]): boolean {
  const step = turns.at(-2)?.content ?? []
  const type = step[0]?.type
  return step.some(block => block.type === "tool_use") && type !== "thinking" && type !== "redacted_thinking"
}

/** Whether the model will think: then it takes no temperature and no top_p. */
export const isThinking = ({ thinking }: Thinking): boolean =>
  thinking !== undefined && thinking.type !== "disabled"
