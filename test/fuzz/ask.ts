/** Sends one request to the server under the fuzzer and reads its answer to the end, within a limit of real time. */
import type { Received } from "./answer-shape.ts"
import type { FuzzStage } from "./stage.ts"

/** The answer as it came; `hung` when it did not end in time. */
export type Outcome =
  | (Received & { kind: "answered"; request_id: string })
  | { kind: "hung"; bytes: Uint8Array }
  | { kind: "threw"; message: string }

export interface AskOptions {
  /** The client goes away after this many pieces of a streamed answer. */
  leaves_after?: number
  /** Tells the server that the client's connection is gone. */
  hang_up?: AbortController
}

/** No answer of the fuzzer's needs as long; a busy machine gets a little more than the law's five seconds. */
const LONGEST_MS = 10_000

export async function ask({ app }: FuzzStage, request: Request, options: AskOptions = {}): Promise<Outcome> {
  const pieces: Uint8Array[] = []
  const late = Promise.withResolvers<Outcome>()
  const timer = setTimeout(() => late.resolve({ kind: "hung", bytes: Buffer.concat(pieces) }), LONGEST_MS)
  const answered = async (): Promise<Outcome> => {
    try {
      const response = await app.handle(request)
      await readPieces(response, pieces, options)
      return {
        kind: "answered",
        status: response.status,
        content_type: response.headers.get("content-type") ?? "",
        request_id: response.headers.get("x-request-id") ?? "",
        bytes: Buffer.concat(pieces),
      }
    } catch (error) {
      // Nothing may be thrown at a client: this is a finding.
      return {
        kind: "threw",
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }
    }
  }
  const outcome = await Promise.race([answered(), late.promise])
  clearTimeout(timer)
  return outcome
}

async function readPieces(
  response: Response,
  pieces: Uint8Array[],
  { leaves_after, hang_up }: AskOptions,
): Promise<void> {
  const reader = response.body?.getReader()
  if (!reader) return
  for (let count = 0; count !== leaves_after; count++) {
    const { value, done } = await reader.read()
    if (done) return
    pieces.push(typeof value === "string" ? Buffer.from(value) : value)
  }
  hang_up?.abort()
  await reader.cancel()
}
