/** The answer of a background response: its events recorded, its end stored; whatever happens, there is an end. */
import { AppError } from "../../platform/errors.ts"
import { describeError } from "../../platform/log.ts"
import { isJsonObject, type JsonObject } from "../protocol/json.ts"
import { createEventSplitter, eventData, splitEvents } from "../protocol/sse.ts"
import type { StoredNeeds } from "./needs.ts"
import { finishObject } from "./objects.ts"
import { closeRecording, flushRecording, numberEvent, packTail, recordEvent } from "./recording.ts"
import { outputOf, responseObject } from "./responses.ts"
import type { Run } from "./runs.ts"

/** Reads the answer to its end and stores it. Never throws. */
export async function runModel(needs: StoredNeeds, run: Run, answer: Promise<Response>): Promise<void> {
  const final = await readAnswer(needs, run, answer).catch((error: unknown) => {
    if (error instanceof AppError) return failedResponse(run.response, refusalOf(error))
    // The pipeline or our own database broke: the run fails, and a poll says so.
    needs.log.error("a background response failed", { id: run.id, ...describeError(error) })
    return failedResponse(run.response, BROKEN)
  })
  try {
    await end(needs, run, run.is_cancelled ? cancelledUnlessDone(final) : final)
  } catch (error) {
    // The store does not take the end: polls of this process and a restart say that it failed.
    needs.log.error("the end of a background response could not be stored", describeError(error))
    run.response = failedResponse(run.response, BROKEN)
    closeWith(run, run.response)
  } finally {
    needs.runs.remove(run)
    run.done.resolve()
  }
}

interface RunError {
  code: string
  message: string
}

const BROKEN: RunError = {
  code: "server_error",
  message: "Something went wrong on our side. Please try again.",
}
const CUT: RunError = {
  code: "server_error",
  message: "The answer ended before it was complete. Please try again.",
}
/** What a run amounts to whose server stopped. */
export const INTERRUPTED: RunError = {
  code: "server_error",
  message: "The server was restarted while this response ran in the background. Please ask again.",
}
const TOO_LARGE: RunError = {
  code: "server_error",
  message: "The answer is larger than what is kept of a response: ask without background, or for less.",
}

/** A response that failed, with what it had. */
export const failedResponse = (response: JsonObject, error: RunError): JsonObject => ({
  ...response,
  status: "failed",
  error,
})

/** What came first counts: an answer that was complete when the cancellation came stays complete. */
const cancelledUnlessDone = (response: JsonObject): JsonObject =>
  response.status === "completed" || response.status === "incomplete"
    ? response
    : { ...response, status: "cancelled", error: null }

/** The final response; the events before its end are recorded on the way. */
async function readAnswer(needs: StoredNeeds, run: Run, coming: Promise<Response>): Promise<JsonObject> {
  const answer = await coming
  const type = answer.headers.get("content-type") ?? ""
  if (!answer.body || !type.includes("text/event-stream")) {
    return failedResponse(run.response, CUT)
  }
  for await (const event of eventsOf(answer.body)) {
    const final = noteEvent(run, event)
    if (final) return final
    await flushRecording(needs, run.recording)
    if (run.recording.stored_chars > needs.config.stored.max_object_bytes) {
      run.cancel.abort()
      return failedResponse({ ...run.response, output: [] }, TOO_LARGE)
    }
  }
  return failedResponse(run.response, CUT)
}

/** A refusal that came after the run was acknowledged. */
const refusalOf = ({ detail, reason, message }: AppError): RunError => ({
  code: detail.code ?? reason,
  message,
})

/** The events of a stream that can be read; comments and what is no JSON object are passed over. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<JsonObject & { type: string }> {
  const splitter = createEventSplitter()
  for await (const chunk of body) yield* readEvents(splitter.push(chunk).text)
  yield* readEvents(splitter.rest().text)
}

function* readEvents(text: string): Generator<JsonObject & { type: string }> {
  for (const event of splitEvents(text)) {
    const parsed = parseEvent(eventData(event))
    if (parsed && typeof parsed.type === "string") yield { ...parsed, type: parsed.type }
  }
}

function parseEvent(data: string): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(data)
    return isJsonObject(parsed) ? parsed : undefined
  } catch {
    // A comment, `[DONE]`, or nonsense: no event.
    return undefined
  }
}

const TERMINAL = /^response\.(?:completed|incomplete|failed)$/

/** Records an event as one of this run; the final response when it is the last. */
function noteEvent(run: Run, event: JsonObject & { type: string }): JsonObject | undefined {
  // Our own `response.created` was the first, and keepalives are no events of a response.
  if (!event.type.startsWith("response.") || event.type === "response.created")
    return readStreamError(run, event)
  if (isJsonObject(event.response)) {
    const response = ownResponse(run, event.response)
    if (TERMINAL.test(event.type)) return withOutput(response, run.response)
    run.response = { ...response, output: run.response.output }
    recordEvent(run.recording, { ...event, response: run.response })
    return undefined
  }
  if (event.type === "response.output_item.done" && isJsonObject(event.item)) {
    run.response = { ...run.response, output: [...outputOf(run.response), event.item] }
  }
  recordEvent(run.recording, event)
  return undefined
}

/** Some upstreams leave the output out of their last event: then the finished items are it. */
const withOutput = (final: JsonObject, { output }: JsonObject): JsonObject =>
  outputOf(final).length > 0 ? final : { ...final, output }

/** `{"type":"error",…}`, flat or nested, ends a stream (sdk-wire 2). */
function readStreamError(run: Run, event: JsonObject & { type: string }): JsonObject | undefined {
  if (event.type !== "error") return undefined
  const { code, message } = isJsonObject(event.error) ? event.error : event
  return failedResponse(run.response, {
    code: typeof code === "string" ? code : BROKEN.code,
    message: typeof message === "string" ? message : BROKEN.message,
  })
}

/** The upstream's response under our id, with what only we know. */
const ownResponse = (run: Run, response: JsonObject): JsonObject => {
  const { id, created_at, previous_response_id, metadata } = run.response
  const own = { id, created_at, previous_response_id, background: true, store: true }
  return { ...response, ...own, metadata: response.metadata ?? metadata }
}

/** Stores the end with the events that are not written yet, then tells the readers: what they see is kept. */
async function end(needs: StoredNeeds, run: Run, final: JsonObject): Promise<void> {
  const kept = await keep(needs, run, final)
  if (kept !== "too-large") return closeWith(run, final)
  const failed = failedResponse({ ...final, output: [] }, TOO_LARGE)
  await keep(needs, run, failed)
  closeWith(run, failed)
}

async function keep(needs: StoredNeeds, run: Run, response: JsonObject) {
  const terminal = numberEvent(run.recording, terminalEvent(response))
  const batch = await packTail(run.recording, [terminal])
  const object = responseObject({ ...run, response, is_background: true })
  const events_bytes = run.recording.stored_chars + batch.packed_chars
  return finishObject(needs, object, { events_bytes, write: batch.write })
}

function closeWith(run: Run, response: JsonObject): void {
  run.response = response
  recordEvent(run.recording, terminalEvent(response))
  closeRecording(run.recording)
}

/** The event that ends the stream. A cancelled response has none of its own: clients look at its status (sdk-wire 2). */
export const terminalEvent = (response: JsonObject) => ({
  type:
    response.status === "completed" || response.status === "incomplete"
      ? `response.${response.status}`
      : "response.failed",
  response,
})
