/** Stored responses as their owner sees them now: polled, replayed, cancelled, deleted, listed; no HTTP. */
import { AppError } from "../../platform/errors.ts"
import type { JsonObject } from "../protocol/json.ts"
import type { Item } from "./items.ts"
import type { StoredNeeds, StoreNeeds } from "./needs.ts"
import { deleteObject } from "./objects.ts"
import { type ListAnswer, pageOf, readPage } from "./paging.ts"
import { followRecording, lastStoredNumber, type RecordingKey, readStoredEvents } from "./recording.ts"
import { replayResponse } from "./replay.ts"
import { getResponse, isUnfinished, listInput, type ResponseKey, unknownResponse } from "./responses.ts"
import { failedResponse, INTERRUPTED } from "./run-model.ts"

type PollNeeds = StoreNeeds & Pick<StoredNeeds, "runs">

/** The response as it is now. Throws `not_found` for unknown and foreign ids alike. */
export async function pollResponse(needs: PollNeeds, key: ResponseKey): Promise<JsonObject> {
  return needs.runs.find(key)?.response ?? (await getFinished(needs, key)).response
}

/** What nothing runs for any more is finished, even where the store has no end of it. */
async function getFinished(needs: StoreNeeds, key: ResponseKey) {
  const { object, response } = await getResponse(needs, key)
  const shown = isUnfinished(object.status) ? failedResponse(response, INTERRUPTED) : response
  return { is_background: object.is_background, response: shown }
}

/**
 * The events of a response as text, after the number `starting_after` or from the first (sdk-wire 1: the helper
 * counts from 0); those of one that runs go on live to its end. Throws as `pollResponse`, before anything is sent.
 */
export async function replayEvents(
  needs: PollNeeds,
  key: ResponseKey,
  query: URLSearchParams,
): Promise<AsyncGenerator<string>> {
  const from = readStart(query)
  const run = needs.runs.find(key)
  if (run) return followRecording(needs, run.recording, from)
  const { response } = await getFinished(needs, key)
  const place = { customer_id: key.customer_id, object_id: key.id }
  return (await lastStoredNumber(needs, place)) !== undefined
    ? recorded(needs, place, from)
    : replayResponse(response, from)
}

async function* recorded(needs: StoreNeeds, place: RecordingKey, from: number): AsyncGenerator<string> {
  for await (const { text } of readStoredEvents(needs, place, from)) yield text
}

/** The number of the first event asked for. */
function readStart(query: URLSearchParams): number {
  const after = query.get("starting_after") || "-1"
  if (/^(?:-1|\d{1,9})$/.test(after)) return Number(after) + 1
  throw new AppError("invalid", "starting_after must be the sequence number of an event.", {
    field: "starting_after",
    code: "invalid_value",
  })
}

/**
 * Ends a background response: the upstream is aborted and what was used is settled before this resolves. One that
 * is finished, cancelled or not, stays as it is. Throws `invalid` for a response that did not run in the background.
 */
export async function cancelResponse(needs: PollNeeds, key: ResponseKey): Promise<JsonObject> {
  const run = needs.runs.find(key)
  if (run) {
    run.is_cancelled = true
    run.cancel.abort()
    await run.done.promise
    return run.response
  }
  const { is_background, response } = await getFinished(needs, key)
  if (is_background) return response
  throw new AppError(
    "invalid",
    "Cannot cancel a synchronous response. Only responses created with background=true can be cancelled.",
    { code: "response_not_cancellable", field: "response_id" },
  )
}

/** Deletes a response for good; one that runs is cancelled first. Throws `not_found`. */
export async function deleteResponse(needs: PollNeeds, key: ResponseKey): Promise<JsonObject> {
  if (needs.runs.find(key)) await cancelResponse(needs, key)
  if (!(await deleteObject(needs, { ...key, kind: "response" }))) throw unknownResponse(key.id)
  return { id: key.id, object: "response", deleted: true }
}

/** A page of what the response was given, newest first unless told. */
export async function listInputItems(
  needs: StoreNeeds,
  key: ResponseKey,
  query: URLSearchParams,
): Promise<ListAnswer<Item>> {
  const page = readPage(query, "desc")
  return pageOf(await listInput(needs, key), page)
}
