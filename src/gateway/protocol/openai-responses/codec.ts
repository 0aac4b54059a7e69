/** The Responses protocol as the gateway uses it: both sides in one place, made of this folder's functions. */
import type { AnswerStart, AnswerWriter, ClientCodec, UpstreamCodec } from "../codec.ts"
import { errorOfFailure } from "../failure.ts"
import { readerOf, textOf, validatorOf } from "../folds.ts"
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"
import { writeError } from "../openai-errors.ts"
import { eventText, KEEPALIVE_COMMENT } from "../sse.ts"
import { setTopLevel } from "../top-level.ts"
import { CODEX_KEEPALIVE } from "./codex-quirks.ts"
import { collectResponse } from "./collect.ts"
import { differenceOf } from "./echo.ts"
import { failureOfError } from "./errors.ts"
import { PASSED_KEYS, passEdits, startPassage } from "./passage.ts"
import { endReading, readAnswer, readEvents, startReading } from "./read-events.ts"
import { readRequest } from "./read-request.ts"
import { findRefusal } from "./refusals.ts"
import { sniffAnswer } from "./sniff.ts"
import { endValidating, startValidating, type Validation, validateEvent } from "./validate-events.ts"
import { wholeAnswer } from "./whole-answer.ts"
import { startWriting, writeEvents } from "./write-events.ts"
import { writeRequest } from "./write-request.ts"

export const responsesClient: ClientCodec = {
  readRequest,
  guarded_keys: [
    "model",
    "stream",
    "max_output_tokens",
    "service_tier",
    "previous_response_id",
    "conversation",
    "background",
    "prompt",
    "store",
  ],
  findRefusal,
  startWriting: startWriter,
  collect(start, events) {
    const response = collectResponse(start, events)
    if (response.status === "failed") throw errorOfFailure(response.error ?? undefined)
    return response as unknown as JsonObject
  },
  writeError,
  startValidating: () => validatorOf(startValidating(), noteEvent, endValidating),
}

export const responsesUpstream: UpstreamCodec = {
  path: "/responses",
  writeRequest: (request, target) => writeRequest(request, target) as unknown as JsonObject,
  passed_keys: PASSED_KEYS,
  passEdits,
  startReading: () => readerOf(startReading(), readEvents, endReading),
  readAnswer,
  startPassage,
  sniffAnswer,
  adaptAnswer: (text, start) => setTopLevel(text, differenceOf(start) ?? {}),
  wholeAnswer,
}

/** The keepalive that Codex counts stands outside of the protocol's numbers. */
function noteEvent(state: Validation, name: string | undefined, data: unknown): Validation {
  return name === "keepalive" || !isJsonObject(data) ? state : validateEvent(state, data)
}

function startWriter(start: AnswerStart): AnswerWriter {
  let state = startWriting(start)
  function write(event: Parameters<AnswerWriter["write"]>[0]): string {
    const [next, written] = writeEvents(state, event)
    state = next
    return textOf(written, eventText)
  }
  return {
    write,
    fail: error => write({ type: "answer-failed", ...failureOfError(error) }),
    keepalive: () => (start.is_codex ? CODEX_KEEPALIVE : KEEPALIVE_COMMENT),
  }
}
