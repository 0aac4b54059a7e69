/** The state of a Responses stream being written, and the one place that numbers events and items. */
import type { AnswerStart } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import type {
  WireAnnotation,
  WireCustomCall,
  WireEvent,
  WireEventBody,
  WireFunctionCall,
  WireHostedCall,
  WireMessage,
  WireOutputItem,
  WirePartEvent,
  WireReasoning,
  WireSearchCall,
  WireUsage,
} from "./wire.ts"

export interface OpenMessage {
  kind: "message"
  item: WireMessage
  /** The part that is being written; undefined between two texts of one message. */
  part: { text: string; is_refusal: boolean; annotations: WireAnnotation[] } | undefined
}

export interface OpenReasoning {
  kind: "reasoning"
  item: WireReasoning
  part: { of: "summary" | "text"; index: number; text: string } | undefined
}

export interface OpenCall {
  kind: "call"
  item: WireFunctionCall | WireCustomCall | WireSearchCall
  text: string
}

export interface OpenHosted {
  kind: "hosted"
  item: WireHostedCall
}

/** Where a writing stands; made by `startWriting`, never changed in place. */
export interface Writing {
  start: AnswerStart
  sequence: number
  /** The closed items; the open one stands at `output.length`. */
  output: readonly WireOutputItem[]
  open: OpenMessage | OpenReasoning | OpenCall | OpenHosted | undefined
  usage: WireUsage | undefined
  is_started: boolean
  is_ended: boolean
}

/** A writing as it changes during one event, and what it has to send. */
export interface Draft {
  state: Writing
  events: WireEvent[]
}

/** Sends an event with the next number. */
export function emit(draft: Draft, body: WireEventBody): void {
  // `type` first, then the number: the order in which the official stream has them.
  const { type, ...rest } = body
  draft.events.push({ type, sequence_number: draft.state.sequence, ...rest } as WireEvent)
  draft.state.sequence += 1
}

/** Sends an event that belongs to the open item; not by `emit`, whose copy costs as much as the JSON of a delta. */
export function emitInside({ state, events }: Draft, type: WirePartEvent["type"], rest: JsonObject): void {
  const item_id = state.open?.item.id ?? ""
  const output_index = state.output.length
  events.push({ type, sequence_number: state.sequence, item_id, output_index, ...rest })
  state.sequence += 1
}

/** Opens an item at the next place. */
export function addItem(draft: Draft, open: NonNullable<Writing["open"]>): void {
  draft.state.open = open
  emit(draft, {
    type: "response.output_item.added",
    output_index: draft.state.output.length,
    item: open.item,
  })
}

/** Closes the open item in its final form; its place is never used again. */
export function finishItem(draft: Draft, item: WireOutputItem): void {
  emit(draft, { type: "response.output_item.done", output_index: draft.state.output.length, item })
  draft.state.output = [...draft.state.output, item]
  draft.state.open = undefined
}

/** The id of the next item: unique because the response's id is and places are not reused. */
export function nextItemId(draft: Draft, prefix: string): string {
  const { start, output } = draft.state
  return `${prefix}_${start.id.replace(/^resp_/, "")}_${output.length}`
}
