/** The Messages protocol as the gateway uses it: both sides in one place, made of this folder's functions. */
import type { AnswerStart, AnswerWriter, ClientCodec, UpstreamCodec } from "../codec.ts"
import { readerOf, textOf, validatorOf } from "../folds.ts"
import type { JsonObject } from "../json.ts"
import { eventText } from "../sse.ts"
import { setTopLevel } from "../top-level.ts"
import { collectMessage } from "./collect.ts"
import type { Writing } from "./draft.ts"
import { errorOf, writeError } from "./errors.ts"
import { PASSED_KEYS, passEdits, startPassage } from "./passage.ts"
import { endReading, readAnswer, readEvents, startReading } from "./read-events.ts"
import { readRequest } from "./read-request.ts"
import { findRefusal } from "./refusals.ts"
import { sniffAnswer } from "./sniff.ts"
import { endValidating, startValidating, validateEvent } from "./validate-events.ts"
import { wholeAnswer } from "./whole-answer.ts"
import type { WireEvent } from "./wire.ts"
import { writeError as endWithError, startWriting, writeEvents, writeKeepalive } from "./write-events.ts"
import { writeRequest } from "./write-request.ts"

export const messagesClient: ClientCodec = {
  readRequest,
  guarded_keys: [
    "model",
    "stream",
    "max_tokens",
    "service_tier",
    "tools",
    "mcp_servers",
    "container",
    "thread",
    "speed",
    "inference_geo",
  ],
  findRefusal,
  startWriting: startWriter,
  collect: collectMessage,
  writeError,
  startValidating: () => validatorOf(startValidating(), validateEvent, endValidating),
}

export const messagesUpstream: UpstreamCodec = {
  path: "/messages",
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

function startWriter(start: AnswerStart): AnswerWriter {
  let state = startWriting(start)
  function send([next, written]: [Writing, WireEvent[]]): string {
    state = next
    return textOf(written, eventText)
  }
  return {
    write: event => send(writeEvents(state, event)),
    fail: error => send(endWithError(state, errorOf(error))),
    keepalive: () => send(writeKeepalive(state)),
  }
}
