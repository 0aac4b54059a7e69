/** Makes turns legal for the upstream: order inside a turn, answered calls, a user first and last; invents no content. */
import type { WireBlock, WireToolResult, WireToolUse, WireTurn } from "./wire.ts"

/** Said where the wire needs a turn of the user and there is none (an answer that was cut, codex-cli-wire 10.7). */
const CONTINUE: WireBlock = { type: "text", text: "Continue." }

/**
 * A history is repaired before it comes here; what is left over still never makes an illegal request: a result without
 * its call becomes text, a call without its result gets one that says so.
 */
export function orderTurns(turns: readonly WireTurn[]): WireTurn[] {
  const framed = frame(turns)
  return framed.map((turn, place) => {
    if (turn.role === "assistant") return { role: turn.role, content: orderStep(turn.content) }
    return { role: turn.role, content: orderResults(turn.content, callsOf(framed[place - 1])) }
  })
}

function frame(turns: readonly WireTurn[]): WireTurn[] {
  const framed = [...turns]
  if (framed[0]?.role !== "user") framed.unshift({ role: "user", content: [CONTINUE] })
  const last = framed.at(-1)
  if (last?.role !== "assistant") return framed
  // Calls are answered by the turn that follows them; everything else is asked to go on.
  return [...framed, { role: "user", content: callsOf(last).length > 0 ? [] : [CONTINUE] }]
}

const isCall = (block: WireBlock): block is WireToolUse => block.type === "tool_use"
const isResult = (block: WireBlock): block is WireToolResult => block.type === "tool_result"
const isThinking = ({ type }: WireBlock): boolean => type === "thinking" || type === "redacted_thinking"

const callsOf = (turn: WireTurn | undefined): WireToolUse[] => turn?.content.filter(isCall) ?? []

/**
 * Thinking first, calls last. Thinking that stands between texts or searches stays there when the step begins with
 * thinking: the upstream checks that its own order came back.
 */
function orderStep(content: readonly WireBlock[]): WireBlock[] {
  // A second call with the same id cannot be answered: the upstream refuses it, clients replay only the first.
  const all = content.filter(isCall)
  const calls = all.filter((call, at) => all.findIndex(({ id }) => id === call.id) === at)
  const rest = content.filter(block => !isCall(block))
  if (rest[0] === undefined || isThinking(rest[0])) return [...rest, ...calls]
  return [...rest.filter(isThinking), ...rest.filter(block => !isThinking(block)), ...calls]
}

/** Results first and in the order of their calls (gateway.md, Tools). */
function orderResults(content: readonly WireBlock[], calls: readonly WireToolUse[]): WireBlock[] {
  const results = new Map<string, WireToolResult>()
  const rest: WireBlock[] = []
  const asked = new Set(calls.map(call => call.id))
  for (const block of content) {
    if (!isResult(block)) rest.push(block)
    else if (asked.has(block.tool_use_id) && !results.has(block.tool_use_id))
      results.set(block.tool_use_id, block)
    else rest.push(...asText(block))
  }
  return [...[...asked].map(id => results.get(id) ?? missingResult(id)), ...rest]
}

function missingResult(tool_use_id: string): WireToolResult {
  return { type: "tool_result", tool_use_id, content: "The tool gave no result.", is_error: true }
}

function asText({ tool_use_id, content }: WireToolResult): WireBlock[] {
  const said = `Result of the tool call ${tool_use_id}:`
  if (typeof content === "string") return [{ type: "text", text: `${said}\n${content}` }]
  return [{ type: "text", text: said }, ...content]
}
