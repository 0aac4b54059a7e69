/** Writes ModelEvents as a stream of text completions; thinking and tool calls say nothing here. */
import type { AppError } from "../../../platform/errors.ts"
import type { AnswerStart, AnswerWriter } from "../codec.ts"
import { errorOfFailure } from "../failure.ts"
import type { ModelEvent, StopReason } from "../model-event.ts"
import { writeFailure } from "../openai-chat/errors.ts"
import { DONE, type WireUsage } from "../openai-chat/wire.ts"
import { writeUsage } from "../openai-chat/write-usage.ts"
import { KEEPALIVE_COMMENT } from "../sse.ts"
import type { WireCompletion, WireFinishReason } from "./wire.ts"

/**
 * Starts a stream. It ends once: with a finish_reason, the usage if the client asked for it, and `[DONE]`, or with the
 * error object that the SDK throws (sdk-wire 2); whatever follows is ignored.
 */
export function startWriter(start: AnswerStart): AnswerWriter {
  const shell = shellOf(start)
  /** With usage shown every other chunk has `usage: null`, as at the original. */
  const chunk = start.shows_usage ? { ...shell, usage: null } : shell
  const { before, after } = aroundText(chunk)
  let usage: WireUsage | undefined
  let is_ended = false

  function fail(error: AppError): string {
    if (is_ended) return ""
    is_ended = true
    return writeFailure(error)
  }

  function finish(stop: StopReason): string {
    is_ended = true
    const last = data({ ...chunk, choices: [choice("", finishReason(stop))] })
    const report = start.shows_usage && usage !== undefined ? data({ ...shell, choices: [], usage }) : ""
    return `${last}${report}data: ${DONE}\n\n`
  }

  return {
    write(event: ModelEvent) {
      if (is_ended) return ""
      switch (event.type) {
        case "text-delta":
          return event.text === "" ? "" : before + JSON.stringify(event.text) + after
        case "usage":
          usage = writeUsage(event.reported.usage)
          return ""
        case "answer-end":
          return finish(event.stop)
        case "answer-failed":
          return fail(errorOfFailure(event))
        default:
          return ""
      }
    },
    fail,
    keepalive: () => (is_ended ? "" : KEEPALIVE_COMMENT),
  }
}

/** What every chunk and the whole answer begin with. */
export function shellOf({ id, created_at, model }: AnswerStart): WireCompletion {
  return { id, object: "text_completion", created: created_at, model, choices: [] }
}

export const choice = (
  text: string,
  finish_reason: WireFinishReason | null,
): WireCompletion["choices"][0] => ({
  text,
  index: 0,
  logprobs: null,
  finish_reason,
})

/** A tool call cannot be said, so it is a stop: the client offered no tools. */
export function finishReason(stop: StopReason): WireFinishReason {
  if (stop === "max_tokens") return "length"
  return stop === "content_filter" || stop === "refusal" ? "content_filter" : "stop"
}

const data = (value: WireCompletion): string => `data: ${JSON.stringify(value)}\n\n`

/** Only the text differs from chunk to chunk: the rest is written once. */
function aroundText(chunk: WireCompletion): { before: string; after: string } {
  const written = data({ ...chunk, choices: [choice("", null)] })
  const mark = '"choices":[{"text":'
  const end = written.indexOf(mark) + mark.length
  return { before: written.slice(0, end), after: written.slice(end + '""'.length) }
}
