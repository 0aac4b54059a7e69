/** The state of a Chat stream being read; what changes it stands in the readers. */
import type { ModelEvent, StopReason } from "../model-event.ts"
import type { Line } from "../open-blocks.ts"
import { leave, speak } from "../open-blocks.ts"

export type SaidKind = "text" | "refusal" | "reasoning"

export interface Call {
  key: string
  /** The upstream's own index; undefined when it gives none. */
  place: number | undefined
  /** The upstream's own id, maybe none. */
  id: string | undefined
  tool: "function" | "custom"
  name: string
  /** Its arguments so far. */
  sent: string
  is_started: boolean
  is_closed: boolean
}

/** Where a reading stands; made by `startReading`, never changed in place. */
export interface Reading {
  id: string | undefined
  is_started: boolean
  is_ended: boolean
  /** Why the model stopped, once it has. */
  stop: StopReason | undefined
  /** The last report as it came. */
  usage: unknown
  /** The open text, refusal or thinking. */
  said: { kind: SaidKind; key: string } | undefined
  block_count: number
  /** All calls, closed ones too: what comes late for them is not a new call. */
  calls: readonly Call[]
  line: Line
}

/** A reading as it changes during one chunk, and what it has to say. */
export interface Draft {
  state: Reading
  events: ModelEvent[]
}

/** A name for the next block, in order. */
export function nextKey(draft: Draft): string {
  draft.state.block_count += 1
  return String(draft.state.block_count)
}

/** Says something of a block; it waits while another block is open. */
export function sayInLine(draft: Draft, key: string, said: readonly ModelEvent[]): void {
  const [line, events] = speak(draft.state.line, key, said)
  draft.state.line = line
  draft.events.push(...events)
}

/** Ends a block; the ones that waited for it speak. */
export function leaveLine(draft: Draft, key: string): void {
  const [line, events] = leave(draft.state.line, key)
  draft.state.line = line
  draft.events.push(...events)
}

/** Ends the open text, refusal or thinking, if there is one. */
export function closeSaid(draft: Draft): void {
  const { said } = draft.state
  if (said === undefined) return
  sayInLine(draft, said.key, [{ type: said.kind === "reasoning" ? "reasoning-end" : "text-end" }])
  leaveLine(draft, said.key)
  draft.state.said = undefined
}
