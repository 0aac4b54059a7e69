/** Sends thinking back to the upstream that made it and to no other; what nobody can read is dropped, the turn goes on. */
import type { Item, Protocol, ReasoningItem } from "./model-request.ts"
import { unwrapSealed, wrapSealed } from "./sealed.ts"
import type { Target } from "./target.ts"

/** Marks a redacted block inside our seal, because not every client can say `is_redacted`. */
const REDACTED = "redacted:"

/** A sealed end of a reasoning block as a client of another protocol keeps it; `sealed` absent: only who thought. */
export function sealForClient(origin: string, end: { sealed?: string; is_redacted?: true }): string {
  const blob = end.sealed ?? ""
  return wrapSealed({ origin, blob: end.is_redacted ? REDACTED + blob : blob })
}

/** The items with the target's own thinking unsealed and all foreign thinking left out. */
export function stripReasoning(items: readonly Item[], from: Protocol, target: Target): Item[] {
  return items.flatMap((item): Item[] => {
    if (item.kind === "reasoning") return stripItem(item, from, target)
    if (item.kind !== "hosted-call" || item.results === undefined) return [item]
    const results = item.results.map(({ sealed, ...page }) => {
      const own = sealed === undefined ? undefined : unseal(sealed, from, target)
      return own === undefined || own === "" ? page : { ...page, sealed: own }
    })
    return [{ ...item, results }]
  })
}

function stripItem(item: ReasoningItem, from: Protocol, target: Target): ReasoningItem[] {
  const { sealed, ...open } = item
  if (sealed === undefined || sealed === "") return keepsText(open, target) ? [open] : []
  const blob = unseal(sealed, from, target)
  if (blob === undefined) return []
  if (blob === sealed) return [item]
  const moved = inOwnWords(open, target)
  if (blob === "") return keepsText(moved, target) ? [moved] : []
  if (!blob.startsWith(REDACTED)) return [{ ...moved, sealed: blob }]
  return [{ ...moved, sealed: blob.slice(REDACTED.length), is_redacted: true }]
}

/** The blob as its maker knows it; undefined when the target is not its maker. Unwrapped, it is the protocol's own. */
function unseal(sealed: string, from: Protocol, target: Target): string | undefined {
  const wrapped = unwrapSealed(sealed)
  if (wrapped === undefined) return from === target.protocol ? sealed : undefined
  return wrapped.origin === target.upstream_id ? wrapped.blob : undefined
}

/** Thinking that nothing vouches for is read only by who asks for it as text (DeepSeek). */
const keepsText = ({ text }: ReasoningItem, { quirks }: Target): boolean =>
  quirks.has("reasoning-content") && text.some(part => part !== "")

/**
 * Clients keep thinking where their protocol has a place for it: the Codex CLI as a summary, Claude Code as thinking.
 * It goes back where the target made it, in one piece: a signature is over the whole.
 */
function inOwnWords(item: ReasoningItem, target: Target): ReasoningItem {
  const said = [...item.summary, ...item.text].join("")
  const parts = said === "" ? [] : [said]
  const is_summary = target.protocol === "openai-responses"
  return { ...item, summary: is_summary ? parts : [], text: is_summary ? [] : parts }
}
