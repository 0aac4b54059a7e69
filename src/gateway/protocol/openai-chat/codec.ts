/** The Chat protocol as the gateway uses it: both sides in one place, made of this folder's functions. */
import type { AnswerStart, AnswerWriter, ClientCodec, UpstreamCodec } from "../codec.ts"
import { readerOf, textOf, validatorOf } from "../folds.ts"
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"
import { writeError } from "../openai-errors.ts"
import { KEEPALIVE_COMMENT } from "../sse.ts"
import { setTopLevel } from "../top-level.ts"
import { collectCompletion } from "./collect.ts"
import { writeFailure } from "./errors.ts"
import { PASSED_KEYS, passEdits, startPassage } from "./passage.ts"
import { endReading, readAnswer, readEvents, startReading } from "./read-events.ts"
import { readRequest } from "./read-request.ts"
import { findRefusal } from "./refusals.ts"
import { sniffAnswer } from "./sniff.ts"
import { endValidating, startValidating, type Validation, validateEvent } from "./validate-events.ts"
import { wholeAnswer } from "./whole-answer.ts"
import { DONE, type WireEvent } from "./wire.ts"
import { startWriting, writeEvents } from "./write-events.ts"
import { writeRequest } from "./write-request.ts"

export const chatClient: ClientCodec = {
  readRequest,
  guarded_keys: [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "service_tier",
    "tools",
    "messages",
    "store",
  ],
  findRefusal,
  startWriting: startWriter,
  collect: collectCompletion,
  writeError,
  startValidating: () => validatorOf(startValidating(), noteEvent, endValidating),
}

export const chatUpstream: UpstreamCodec = {
  path: "/chat/completions",
  writeRequest: (request, target) => writeRequest(request, target) as unknown as JsonObject,
  passed_keys: PASSED_KEYS,
  passEdits,
  startReading: () => readerOf(startReading(), readEvents, endReading),
  readAnswer,
  startPassage,
  sniffAnswer,
  adaptAnswer: (text, { is_renamed, model }) => (is_renamed ? setTopLevel(text, { model }) : text),
  wholeAnswer,
}

/** Nothing but chunks and `[DONE]` counts; the names of events mean nothing here. */
function noteEvent(state: Validation, _name: string | undefined, data: unknown): Validation {
  return data === DONE || isJsonObject(data) ? validateEvent(state, data) : state
}

function startWriter(start: AnswerStart): AnswerWriter {
  let state = startWriting(start)
  return {
    write(event) {
      const [next, written] = writeEvents(state, event)
      state = next
      return textOf(written, eventText)
    },
    fail(error) {
      if (state.is_ended) return ""
      state = { ...state, is_ended: true }
      return writeFailure(error)
    },
    keepalive: () => KEEPALIVE_COMMENT,
  }
}

/** Only `data:` lines: this protocol names no events (sdk-wire 2). */
const eventText = (event: WireEvent): string =>
  event === DONE ? `data: ${DONE}\n\n` : `data: ${JSON.stringify(event)}\n\n`
