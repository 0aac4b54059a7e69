/** What a start of the server makes of what the last one left: expired objects go, interrupted runs have failed. */
import { deleteExpired } from "./limits.ts"
import type { StoreNeeds } from "./needs.ts"
import { finishObject } from "./objects.ts"
import { lastStoredNumber, numberEvent, packTail, startRecording } from "./recording.ts"
import { findResponse, type ResponseKey, responseObject } from "./responses.ts"
import { failedResponse, INTERRUPTED, terminalEvent } from "./run-model.ts"

/** Brings the stored objects in order before the first request. The answer: how many runs were interrupted. */
export async function recoverStored(needs: StoreNeeds): Promise<number> {
  await deleteExpired(needs)
  const interrupted = await needs.cache.read.all<ResponseKey>(
    "SELECT customer_id, id FROM stored_object WHERE status IN ('queued', 'in_progress')",
  )
  for (const key of interrupted) await failInterrupted(needs, key)
  return interrupted.length
}

/** The response has failed, and its recorded stream, as far as it was kept, ends so. */
async function failInterrupted(needs: StoreNeeds, key: ResponseKey): Promise<void> {
  const stored = await findResponse(needs, key)
  if (!stored) return
  const { object, input } = stored
  const response = failedResponse(stored.response, INTERRUPTED)
  const last = await lastStoredNumber(needs, { customer_id: key.customer_id, object_id: key.id })
  const recording = { ...startRecording(key.customer_id, key.id), tail_number: (last ?? -1) + 1 }
  const batch = await packTail(recording, [numberEvent(recording, terminalEvent(response))])
  const { previous_id } = object
  await finishObject(
    needs,
    responseObject({ customer_id: key.customer_id, response, input, previous_id, is_background: true }),
    // A stream that was not kept has no end of its own: it is made from the response when it is asked for.
    last === undefined
      ? { events_bytes: 0, write: async () => {} }
      : { events_bytes: batch.packed_chars, write: batch.write },
  )
}
