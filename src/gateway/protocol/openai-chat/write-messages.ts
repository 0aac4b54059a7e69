/** Writes instructions and items as `messages` of a Chat request; the request around it is write-request's. */
import type { Item, MessageItem, ModelRequest } from "../model-request.ts"
import type { Target } from "../target.ts"
import type { WireMessage } from "./wire.ts"
import { joinTexts, writeContent, writeParts } from "./write-parts.ts"
import { isStepItem, resultMessages, type Step, type StepItem, writeStep } from "./write-steps.ts"

/**
 * The messages: one system message first, then the items in their order, but each tool result directly behind the
 * step that called for it, because that is where strict upstreams want it (codex-cli-wire 10.6).
 */
export function writeMessages({ instructions, items }: ModelRequest, target: Target): WireMessage[] {
  const first = items.findIndex(item => !isInstruction(item))
  const leading = items.slice(0, first === -1 ? items.length : first)
  const system = [
    joinTexts(writeParts(instructions, target)),
    ...leading.map(item => (item.kind === "message" ? joinTexts(writeParts(item.parts, target)) : "")),
  ]
  const text = system.filter(each => each !== "").join("\n\n")
  const messages = writeItems(items.slice(leading.length), target)
  return text === "" ? messages : [{ role: "system", content: text }, ...messages]
}

function isInstruction(item: Item): boolean {
  return item.kind === "message" && (item.role === "system" || item.role === "developer")
}

function writeItems(items: readonly Item[], target: Target): WireMessage[] {
  const answered = pairResults(items)
  const messages: WireMessage[] = []
  let step: StepItem[] = []
  const endStep = () => {
    if (step.length > 0) messages.push(...writeStep({ items: step, results: answered.results }, target))
    step = []
  }
  for (const item of items) {
    if (isStepItem(item)) step.push(item)
    else if (isSaid(item) || (item.kind === "tool-result" && !answered.paired.has(item))) {
      endStep()
      messages.push(...writeSaid(item, target))
    } else if (item.kind === "tool-result") endStep()
  }
  endStep()
  return messages
}

const isSaid = (item: Item): item is MessageItem => item.kind === "message"

interface Answered {
  results: Step["results"]
  /** The results that stand behind their call. */
  paired: ReadonlySet<Item>
}

/** Each call's result: the first one after it with its id that no earlier call has. */
function pairResults(items: readonly Item[]): Answered {
  const results: Answered["results"] = new Map()
  const waiting = new Map<string, (Item & { kind: "tool-call" })[]>()
  const paired = new Set<Item>()
  for (const item of items) {
    if (item.kind === "tool-call" && item.tool === "function") {
      waiting.set(item.call_id, [...(waiting.get(item.call_id) ?? []), item])
    } else if (item.kind === "tool-result") {
      const call = waiting.get(item.call_id)?.shift()
      if (call === undefined) continue
      results.set(call, item)
      paired.add(item)
    }
  }
  return { results, paired }
}

/** A user or later system message, or a result whose call is not in the history. */
function writeSaid(item: Item, target: Target): WireMessage[] {
  if (item.kind === "tool-result") return item.tool === "function" ? resultMessages([item], target) : []
  if (item.kind !== "message") return []
  const parts = writeParts(item.parts, target)
  if (parts.length === 0) return []
  if (item.role === "user") return [{ role: "user", content: writeContent(parts) }]
  const content = joinTexts(parts)
  if (content === "") return []
  return [target.quirks.has("system-first") ? asUserText(content) : { role: "system", content }]
}

/** Quirk system-first: the mark says that these are not the user's words. */
function asUserText(text: string): WireMessage {
  return { role: "user", content: `<system>\n${text}\n</system>` }
}
