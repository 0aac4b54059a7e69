/** Background responses: a model call that outlives its request, recorded as it goes; what becomes of it is `run-model.ts`. */

import { AppError } from "../../platform/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import { type Item, namedItems } from "./items.ts"
import type { PreparedCall, StoredNeeds } from "./needs.ts"
import { deleteObject, putObject } from "./objects.ts"
import { followRecording, recordEvent, startRecording } from "./recording.ts"
import { eventStream } from "./replay.ts"
import { responseObject } from "./responses.ts"
import { runModel } from "./run-model.ts"
import type { Run } from "./runs.ts"

/** What the store has to know beside the call. */
interface Own {
  /** The client's own input, references replaced. */
  input: Item[]
  previous_id: string | undefined
}

/**
 * Starts the run and answers at once: the queued response, or its events as they come when the client streams.
 * Throws what the pipeline refuses (no credit, unknown model), `rate_limited` beyond the customer's number of runs,
 * `too_large` when the input alone is more than may be stored; then nothing is kept.
 */
export async function startBackground(needs: StoredNeeds, call: PreparedCall, own: Own): Promise<Response> {
  const run = openRun(needs, call, own)
  needs.runs.add(run)
  try {
    await keepQueued(needs, run)
    const admitted = Promise.withResolvers<void>()
    const answer = needs.callModel({
      ...call,
      body: { ...call.body, stream: true, store: false },
      // Whoever asked may leave: the run goes on.
      client_left: new AbortController().signal,
      cancelled: run.cancel.signal,
      onAdmitted: admitted.resolve,
    })
    await admission(needs, answer, admitted.promise)
    const queued = run.response
    needs.tasks.track(runModel(needs, run, answer))
    if (call.body.stream === true) return eventStream(followRecording(needs, run.recording, 0))
    return Response.json(queued)
  } catch (error) {
    await forget(needs, run)
    throw error
  }
}

function openRun(needs: StoredNeeds, call: PreparedCall, own: Own): Run {
  const { customer_id } = call.caller
  // The pipeline names its answer by the request too (door.ts): then every id inside it agrees.
  const id = call.door.answerId(call.request_id)
  const response = queuedResponse(needs, id, call.body, own.previous_id)
  const recording = startRecording(customer_id, id)
  // The numbers that a reader sees begin with these two, whenever the upstream's first event comes.
  recordEvent(recording, { type: "response.created", response })
  recordEvent(recording, { type: "response.queued", response })
  return {
    customer_id,
    id,
    response,
    input: namedItems(own.input, needs.newId),
    previous_id: own.previous_id,
    recording,
    is_cancelled: false,
    cancel: new AbortController(),
    done: Promise.withResolvers(),
  }
}

/** Members of a request that the API shows again, with what stands there when the client left them out. */
const ECHOED: JsonObject = {
  instructions: null,
  max_output_tokens: null,
  metadata: {},
  parallel_tool_calls: true,
  reasoning: null,
  service_tier: "auto",
  temperature: null,
  text: { format: { type: "text" } },
  tool_choice: "auto",
  tools: [],
  top_p: null,
  truncation: "disabled",
  user: null,
}

/** The whole response object before there is an answer; `output` is a list at all times (sdk-wire 2). */
function queuedResponse(
  needs: StoredNeeds,
  id: string,
  body: JsonObject,
  previous_id: string | undefined,
): JsonObject {
  const echo = Object.entries(ECHOED).map(([key, value]) => [key, body[key] ?? value])
  return {
    id,
    object: "response",
    created_at: Math.floor(needs.clock.now() / 1000),
    status: "queued",
    background: true,
    error: null,
    incomplete_details: null,
    model: body.model,
    output: [],
    previous_response_id: previous_id ?? null,
    store: true,
    usage: null,
    ...Object.fromEntries(echo),
  }
}

async function keepQueued(needs: StoredNeeds, run: Run): Promise<void> {
  const kept = await putObject(needs, responseObject({ ...run, is_background: true }))
  if (kept === "stored") return
  throw new AppError(
    "too_large",
    `The input is larger than the ${needs.config.stored.max_object_bytes} bytes that are kept of a response: leave background out.`,
    { code: "request_too_large", field: "input" },
  )
}

async function forget(needs: StoredNeeds, run: Run): Promise<void> {
  needs.runs.remove(run)
  run.done.resolve()
  await deleteObject(needs, { customer_id: run.customer_id, id: run.id, kind: "response" })
}

/** A call that is neither admitted nor refused after this long is answered as queued; a refusal then fails the run. */
const LONGEST_ADMISSION_MS = 1_000

/** Waits until the call is admitted. Throws its refusal. */
async function admission(
  needs: StoredNeeds,
  answer: Promise<Response>,
  admitted: Promise<void>,
): Promise<void> {
  const patience = Promise.withResolvers<void>()
  const stop = needs.clock.after(LONGEST_ADMISSION_MS, patience.resolve)
  try {
    await Promise.race([admitted, answer, patience.promise])
  } finally {
    stop()
  }
}
