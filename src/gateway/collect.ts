/** A whole answer from a streamed one: for clients that do not stream, when their answer may outgrow its first hold. */
import type { AppError } from "../platform/errors.ts"
import type { Settlement } from "../wallet/metering/receipt.ts"
import { LARGEST_ANSWER_BYTES } from "./dispatch.ts"
import { type Forwarding, finish, nextBytes } from "./forward.ts"
import { wholeAnswer } from "./protocol/openai-responses/whole-answer.ts"
import { failureOf } from "./upstream/failures.ts"

export interface Collected {
  /** The response object as JSON text. */
  text: string
  settlement: Settlement | undefined
}

/**
 * Reads the stream to its end, holding slices on the way, and gives the response that its terminal event carries.
 * `undefined` when the client has left. Throws the error by which we ended the stream: out of credit, cut, silent.
 */
export async function collectAnswer(forwarding: Forwarding): Promise<Collected | undefined> {
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const step = nextBytes(forwarding)
    forwarding.step = step.catch(() => {})
    const bytes = await step
    // The drain has taken over: two readers would take events from each other.
    if (forwarding.has_client_left) return undefined
    if (!bytes) break
    size += bytes.byteLength
    if (size > LARGEST_ANSWER_BYTES) forwarding.connection.abort()
    else chunks.push(bytes)
    if (forwarding.state === "settled") break
  }
  finish(forwarding)
  const error: AppError | undefined = forwarding.error
  if (error) throw error
  const text = wholeAnswer(Buffer.concat(chunks).toString("latin1"))
  // An `error` event ends a stream without a response to give.
  if (text === undefined) throw failureOf(forwarding.connection.sniffed)
  return { text, settlement: forwarding.settlement }
}
