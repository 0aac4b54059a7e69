/** Writes ModelEvents as a Responses stream in the full order of sdk-wire 2; sends nothing itself. */
import type { AnswerStart } from "../codec.ts"
import { present } from "../json.ts"
import type { ModelEvent, StopReason } from "../model-event.ts"
import type { Draft, Writing } from "./draft.ts"
import { emit } from "./draft.ts"
import type { WireEvent, WireResponse } from "./wire.ts"
import { closeCall, closeHosted, closeOpen, openCall, openHosted, writeArguments } from "./write-calls.ts"
import { addCitation, closeText, openText, writeText } from "./write-message.ts"
import { closeReasoning, openReasoning, writeReasoning } from "./write-reasoning.ts"
import { writeUsage } from "./write-usage.ts"

/**
 * The start of an answer. Item ids are made from the response's id, so the same events give the same bytes.
 */
export function startWriting(start: AnswerStart): Writing {
  return {
    start,
    sequence: 0,
    output: [],
    open: undefined,
    usage: undefined,
    is_started: false,
    is_ended: false,
  }
}

/**
 * Folds one event. Exactly one terminal event is ever written; whatever follows it is ignored. An answer that
 * does not begin with `answer-start` is begun here, so that an early failure still reaches the client whole.
 */
export function writeEvents(state: Writing, event: ModelEvent): [Writing, WireEvent[]] {
  if (state.is_ended) return [state, []]
  const draft: Draft = { state: { ...state }, events: [] }
  begin(draft)
  writeOne(draft, event)
  return [draft.state, draft.events]
}

function begin(draft: Draft): void {
  if (draft.state.is_started) return
  draft.state.is_started = true
  emit(draft, { type: "response.created", response: responseOf(draft.state, "in_progress") })
  emit(draft, { type: "response.in_progress", response: responseOf(draft.state, "in_progress") })
}

function writeOne(draft: Draft, event: ModelEvent): void {
  switch (event.type) {
    case "answer-start":
      break
    case "text-start":
      openText(draft, event)
      break
    case "text-delta":
      writeText(draft, event.text)
      break
    case "text-citation":
      addCitation(draft, event.citation)
      break
    case "text-end":
      closeText(draft)
      break
    case "reasoning-start":
      openReasoning(draft)
      break
    case "reasoning-delta":
      writeReasoning(draft, event)
      break
    case "reasoning-end":
      closeReasoning(draft, event.sealed)
      break
    case "tool-call-start":
      openCall(draft, event)
      break
    case "tool-call-delta":
      writeArguments(draft, event.text)
      break
    case "tool-call-end":
      closeCall(draft, event.is_cut === true)
      break
    case "hosted-call-start":
      openHosted(draft, event.call_type)
      break
    case "hosted-call-end":
      closeHosted(draft, event.raw)
      break
    case "usage":
      draft.state.usage = writeUsage(event.reported.usage)
      break
    case "answer-end":
      end(draft, event.stop)
      break
    case "answer-failed":
      fail(draft, event)
      break
  }
}

/**
 * Codex repeats an incomplete response five times and each is paid for (codex-cli-wire 5.4), so it gets
 * `completed`; other clients are told what cut the answer.
 */
function end(draft: Draft, stop: StopReason): void {
  const is_cut = (stop === "max_tokens" || stop === "content_filter") && !draft.state.start.is_codex
  closeOpen(draft, is_cut ? "incomplete" : "completed")
  draft.state.is_ended = true
  if (!is_cut) {
    emit(draft, { type: "response.completed", response: responseOf(draft.state, "completed") })
    return
  }
  const reason = stop === "content_filter" ? "content_filter" : "max_output_tokens"
  const response = { ...responseOf(draft.state, "incomplete"), incomplete_details: { reason } as const }
  emit(draft, { type: "response.incomplete", response })
}

/** An unfinished item stays unfinished: Codex keeps finished ones in its history (codex-cli-wire 5.3). */
function fail(draft: Draft, { code, message }: { code: string; message: string }): void {
  draft.state.is_ended = true
  const response = { ...responseOf(draft.state, "failed"), error: { code, message } }
  emit(draft, { type: "response.failed", response })
}

/**
 * Without a report `usage` is null while running and left out at the end: `{}` would fail Codex's turn (4.1).
 */
function responseOf(state: Writing, status: WireResponse["status"]): WireResponse {
  const { id, created_at, model, echo } = state.start
  const usage = status === "in_progress" ? null : state.usage
  return {
    ...echo,
    ...present({ id, object: "response" as const, created_at: created_at, status, model, usage }),
    error: null,
    incomplete_details: null,
    output: [...state.output],
  }
}
