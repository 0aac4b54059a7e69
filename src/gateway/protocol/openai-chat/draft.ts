/** The state of a Chat stream being written, and the one place that makes its chunks. */

import type { TokenUsage } from "../../../wallet/pricing/usage.ts"
import type { AnswerStart } from "../codec.ts"
import type { FinishReason, WireChunk, WireDelta, WireEvent } from "./wire.ts"

/** Where a writing stands; made by `startWriting`, never changed in place. */
export interface Writing {
  start: AnswerStart
  /** The role stands in the first delta. */
  has_role: boolean
  is_ended: boolean
  call_count: number
  /** The kind of the open call. */
  tool: "function" | "custom"
  /** `refusal` in a refusal, `summary:0` in such a part of a thinking; undefined elsewhere. */
  part: string | undefined
  /** How long the text of earlier blocks and of the open one is: citations count from the start of the message. */
  before_length: number
  text_length: number
  usage: TokenUsage | undefined
}

/** A writing as it changes during one event, and what it has to send. */
export interface Draft {
  state: Writing
  events: WireEvent[]
}

/** Sends a delta. The first has the role, else the SDK's helper throws `missing role for choice 0` (sdk-wire 2). */
export function emitDelta(draft: Draft, delta: WireDelta): void {
  draft.events.push(chunkOf(draft, withRole(draft, delta), null))
}

/** Sends the one chunk with a finish_reason. */
export function emitFinish(draft: Draft, reason: FinishReason): void {
  draft.events.push(chunkOf(draft, withRole(draft, {}), reason))
}

/** `content` stands in the first delta even when there is none yet, as at the original service. */
function withRole(draft: Draft, delta: WireDelta): WireDelta {
  if (draft.state.has_role) return delta
  draft.state.has_role = true
  return { role: "assistant", content: null, ...delta }
}

function chunkOf(draft: Draft, delta: WireDelta, finish_reason: FinishReason | null): WireChunk {
  const { id, created_at, model } = draft.state.start
  const choices: WireChunk["choices"] = [{ index: 0, delta, finish_reason }]
  return { id, object: "chat.completion.chunk", created: created_at, model, choices }
}
