/** Gives every call of a history exactly one result in the place where strict upstreams want it; invents no content. */
import { chooseName } from "./legal-name.ts"
import type { Item, ToolCallItem, ToolResultItem, ToolSearchResultItem } from "./model-request.ts"

/** What a call without a result gets (an interrupted turn, a cut history). */
export const INTERRUPTED = "The call was interrupted; it has no result."

export interface RepairRules {
  /** The longest call id that the upstream takes. */
  call_id_length: number
  /** Keeps what the model said between its calls there; else its calls come last, as Chat and Messages want it. */
  keeps_order: boolean
}

type Result = ToolResultItem | ToolSearchResultItem

/** What the model said and called before it was answered. */
interface Step {
  said: Item[]
  calls: { item: ToolCallItem; result: Result | undefined }[]
  /** Where the last result of its calls stands; -1 when none has one. */
  last_result: number
}

/**
 * The items in the same order, except that the results of a step stand together behind it, in the order of its calls.
 * Results without a call and second results are dropped; call ids are made legal and unique. The same items give the
 * same repair, and appending to them changes nothing before the last step.
 */
export function repairHistory(items: readonly Item[], rules: RepairRules): Item[] {
  const results = pairResults(items)
  const repaired: Item[] = []
  const ids = new Set<string>()
  let step = emptyStep()
  const close = () => {
    for (const item of writeStep(step, ids, rules)) repaired.push(item)
    step = emptyStep()
  }
  for (const [index, item] of items.entries()) {
    if (isResult(item)) continue
    if (!isOfModel(item) || isAnswered(step, item, index)) close()
    if (!isOfModel(item)) repaired.push(item)
    else addToStep(step, item, results.get(index), items)
  }
  close()
  return repaired
}

const emptyStep = (): Step => ({ said: [], calls: [], last_result: -1 })

const isResult = (item: Item): item is Result =>
  item.kind === "tool-result" || item.kind === "tool-search-result"

const isOfModel = (item: Item): boolean =>
  item.kind === "tool-call" ||
  item.kind === "reasoning" ||
  item.kind === "hosted-call" ||
  (item.kind === "message" && item.role === "assistant")

/**
 * Whether the step is over when `item` comes: its results have come. The Codex CLI puts the output `aborted` between
 * the calls of one step (codex-cli-wire 6.6), so one result alone does not end it.
 */
function isAnswered(step: Step, item: Item, index: number): boolean {
  if (step.calls.length === 0 || step.last_result > index) return false
  return item.kind !== "tool-call" || step.last_result !== -1
}

function addToStep(step: Step, item: Item, result: number | undefined, items: readonly Item[]): void {
  step.said.push(item)
  if (item.kind !== "tool-call") return
  step.calls.push({ item, result: result === undefined ? undefined : (items[result] as Result) })
  step.last_result = Math.max(step.last_result, result ?? -1)
}

/** Calls with one id that no user or system message parts, by index; those before `next` have their result. */
interface Stretch {
  number: number
  calls: number[]
  next: number
}

/** For the index of each call that has a result the result's index. */
function pairResults(items: readonly Item[]): Map<number, number> {
  const pairs = new Map<number, number>()
  const waiting = new Map<string, Stretch[]>()
  let number = 0
  for (const [index, item] of items.entries()) {
    if (item.kind === "tool-call") {
      const stretches = waiting.get(item.call_id) ?? []
      waiting.set(item.call_id, stretches)
      if (stretches.at(-1)?.number === number) stretches.at(-1)!.calls.push(index)
      else stretches.push({ number, calls: [index], next: 0 })
    } else if (isResult(item)) {
      const call = takeNearest(waiting.get(item.call_id) ?? [])
      if (call !== undefined) pairs.set(call, index)
    } else if (!isOfModel(item)) number += 1
  }
  return pairs
}

/** The first unanswered call of the last stretch: with one id twice, results come in the order of their calls. */
function takeNearest(stretches: Stretch[]): number | undefined {
  const last = stretches.at(-1)
  if (last === undefined) return undefined
  const call = last.calls[last.next]
  last.next += 1
  if (last.next >= last.calls.length) stretches.pop()
  return call
}

function writeStep(step: Step, ids: Set<string>, { call_id_length, keeps_order }: RepairRules): Item[] {
  const results: Item[] = []
  const renamed = new Map<Item, ToolCallItem>()
  for (const { item, result } of step.calls) {
    const seed = `${ids.size} ${item.call_id}`
    const call_id = chooseName({ wish: item.call_id, seed, limit: call_id_length }, id => ids.has(id))
    ids.add(call_id)
    renamed.set(item, call_id === item.call_id ? item : { ...item, call_id })
    results.push(resultOf({ ...item, call_id }, result))
  }
  const said = keeps_order ? step.said : step.said.filter(item => !renamed.has(item))
  const calls = keeps_order ? [] : step.calls.map(({ item }) => item)
  return [...[...said, ...calls].map(item => renamed.get(item) ?? item), ...results]
}

/** A call and its result are of one kind: the Codex CLI answers a call of the wrong kind in any (codex-cli-wire 6.6). */
function resultOf({ tool, call_id }: ToolCallItem, result: Result | undefined): Item {
  if (tool === "tool_search") {
    const tools = result?.kind === "tool-search-result" ? result.tools : []
    return { kind: "tool-search-result", call_id, tools }
  }
  if (result === undefined) return { kind: "tool-result", tool, call_id, output: INTERRUPTED, is_error: true }
  if (result.kind === "tool-result") return { ...result, tool, call_id }
  return { kind: "tool-result", tool, call_id, output: `${result.tools.length} tools were found.` }
}
