/** The state of a Messages stream being written, and the one place that numbers its blocks. */
import { NO_USAGE, type TokenUsage } from "../../../wallet/pricing/usage.ts"
import type { AnswerStart } from "../codec.ts"
import type { WireDelta, WireEvent, WireStartBlock, WireUsage } from "./wire.ts"
import { writeUsage } from "./write-usage.ts"

/** The kind of the open block on the wire. */
type Open = "text" | "thinking" | "tool_use"

/** Where a writing stands; made by `startWriting`, never changed in place. */
export interface Writing {
  start: AnswerStart
  is_started: boolean
  is_ended: boolean
  open: Open | undefined
  /** The place of the open block, or of the next one. */
  index: number
  /** The part of the reasoning that is being written; "" before the first. */
  part: string
  /** The open call takes free text: it is written as one JSON string. */
  is_custom: boolean
  is_refusal: boolean
  has_call: boolean
  usage: TokenUsage | undefined
}

/** A writing as it changes during one event, and what it has to send. */
export interface Draft {
  state: Writing
  events: WireEvent[]
}

/** The first event, with the counters that are known by now; the true ones follow in `message_delta`. */
export function begin(draft: Draft): void {
  const { state } = draft
  if (state.is_started) return
  state.is_started = true
  const { id, model } = state.start
  const message = { id, type: "message" as const, role: "assistant" as const, model, content: [] }
  const stop = { stop_reason: null, stop_sequence: null }
  draft.events.push({ type: "message_start", message: { ...message, ...stop, usage: usageOf(state) } })
}

/** Both places of usage must be there in any case (sdk-wire 3, Stream). */
export function usageOf(state: Writing): WireUsage {
  return writeUsage(state.usage ?? NO_USAGE)
}

/** Opens a block of a kind that takes deltas; the one before it is closed. */
export function openBlock(draft: Draft, content_block: WireStartBlock & { type: Open }): void {
  const { state } = draft
  begin(draft)
  closeBlock(draft)
  state.open = content_block.type
  draft.events.push({ type: "content_block_start", index: state.index, content_block })
}

/** A block that is whole in its start (redacted thinking, hosted search), with what it says after that. */
export function writeWholeBlock(draft: Draft, content_block: WireStartBlock, delta?: WireDelta): void {
  begin(draft)
  closeBlock(draft)
  const { index } = draft.state
  draft.events.push({ type: "content_block_start", index, content_block })
  if (delta !== undefined) addDelta(draft, delta)
  draft.events.push({ type: "content_block_stop", index })
  draft.state.index += 1
}

/** A piece of the open block. */
export function addDelta(draft: Draft, delta: WireDelta): void {
  draft.events.push({ type: "content_block_delta", index: draft.state.index, delta })
}

/** Closes the open block; its place is never used again. */
export function closeBlock(draft: Draft): void {
  const { state } = draft
  if (state.open === undefined) return
  draft.events.push({ type: "content_block_stop", index: state.index })
  state.open = undefined
  state.index += 1
}
