/** Which blocks of a Messages request carry a cache mark: at most four, and some when the client set none. */
import type { WireBlock, WireCacheControl, WireRequest } from "./wire.ts"

const MOST_MARKS = 4

/** Anything that can be marked. */
interface Markable {
  cache_control?: WireCacheControl
}

/** Changes the marks of a request that was just made and is still nobody else's. */
export function settleCacheMarks(request: WireRequest): void {
  const tools: Markable[] = request.tools ?? []
  const system: Markable[] = request.system ?? []
  const messages: Markable[] = request.messages.flatMap(({ content }) => content.flatMap(markablesOf))
  const marked = [tools, system, messages].map(group => group.filter(isMarked))
  if (marked.every(group => group.length === 0)) {
    addMarks(request)
    return
  }
  const kept = chooseMarks(marked as [Markable[], Markable[], Markable[]])
  for (const block of marked.flat()) if (!kept.has(block)) delete block.cache_control
  shortenMarks(marked.flat().filter(isMarked))
}

const isMarked = (block: Markable): boolean => block.cache_control !== undefined

function markablesOf(block: WireBlock): Markable[] {
  const inner =
    block.type === "tool_result" && Array.isArray(block.content) ? (block.content as Markable[]) : []
  return [...inner, block as Markable]
}

/**
 * The last mark of the tools and of the system prompt, which all turns share, then the last ones of the messages,
 * where the next turn goes on; what is left goes to earlier system blocks and tools.
 */
function chooseMarks([tools, system, messages]: [Markable[], Markable[], Markable[]]): Set<Markable> {
  const wanted = [
    ...tools.slice(-1),
    ...system.slice(-1),
    ...messages.toReversed(),
    ...system.slice(0, -1).toReversed(),
    ...tools.slice(0, -1).toReversed(),
  ]
  return new Set(wanted.slice(0, MOST_MARKS))
}

/** The upstream refuses an hour after five minutes: from there on marks last five minutes. */
function shortenMarks(marks: readonly Markable[]): void {
  let is_short = false
  for (const mark of marks) {
    is_short ||= mark.cache_control?.ttl === undefined
    if (is_short) mark.cache_control = { type: "ephemeral" }
  }
}

/**
 * For clients whose protocol has no marks (Codex): the end of the system prompt, which covers the tools, or the last
 * tool; and the last two turns of the user, so that this turn finds what the one before has written.
 */
function addMarks(request: WireRequest): void {
  mark(request.system?.at(-1) ?? request.tools?.at(-1))
  const users = request.messages.filter(({ role }) => role === "user").slice(-2)
  for (const { content } of users) mark(content.at(-1) as Markable | undefined)
}

function mark(block: Markable | undefined): void {
  if (block !== undefined) block.cache_control = { type: "ephemeral" }
}
