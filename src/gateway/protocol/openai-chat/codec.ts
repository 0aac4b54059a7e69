/** The Chat protocol as the gateway uses it: both sides in one place, made of this folder's functions. */
import type { AnswerReader, AnswerStart, AnswerWriter, ClientCodec, UpstreamCodec } from "../codec.ts"
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"
import { KEEPALIVE_COMMENT } from "../sse.ts"
import { setTopLevel } from "../top-level.ts"
import { collectCompletion } from "./collect.ts"
import { writeError, writeFailure } from "./errors.ts"
import { PASSED_KEYS, passEdits, startPassage } from "./passage.ts"
import { endReading, readAnswer, readEvents, startReading } from "./read-events.ts"
import { readRequest } from "./read-request.ts"
import { findRefusal } from "./refusals.ts"
import { sniffAnswer } from "./sniff.ts"
import { endValidating, startValidating, validateEvent } from "./validate-events.ts"
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
  startValidating() {
    let state = startValidating()
    return {
      note(_name, data) {
        if (data === DONE || isJsonObject(data)) state = validateEvent(state, data)
      },
      end: () => endValidating(state),
    }
  },
}

export const chatUpstream: UpstreamCodec = {
  path: "/chat/completions",
  writeRequest: (request, target) => writeRequest(request, target) as unknown as JsonObject,
  passed_keys: PASSED_KEYS,
  passEdits,
  startReading: startReader,
  readAnswer,
  startPassage,
  sniffAnswer,
  adaptAnswer: (text, { is_renamed, model }) => (is_renamed ? setTopLevel(text, { model }) : text),
  wholeAnswer,
}

function startReader(): AnswerReader {
  let state = startReading()
  return {
    read(wire) {
      const [next, events] = readEvents(state, wire)
      state = next
      return events
    },
    end() {
      const events = endReading(state)
      state = { ...state, is_ended: true }
      return events
    },
  }
}

function startWriter(start: AnswerStart): AnswerWriter {
  let state = startWriting(start)
  return {
    write(event) {
      const [next, written] = writeEvents(state, event)
      state = next
      return written.length === 1 ? eventText(written[0]!) : written.map(eventText).join("")
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
