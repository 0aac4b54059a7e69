/** An open call to an upstream: its bytes, its end by silence, and what the stream has said so far. */
import type { Clock } from "../../platform/clock.ts"
import type { Route } from "../catalog/catalog.ts"
import type { Passage } from "../protocol/codec.ts"
import { UPSTREAMS } from "../protocol/codecs.ts"
import type { Sniffed } from "../protocol/sniffed.ts"
import type { Batch } from "../protocol/sse.ts"
import { createBatchReader, type ReadChunk } from "./batch-reader.ts"
import { type SendNeeds, sendUpstream, type UpstreamCall } from "./send.ts"
import type { Watch, Watchdog } from "./watchdog.ts"

/** Why reading stopped. */
export type ReadEnd = "end" | "cut" | "timeout" | "oversized"

export interface Connection {
  route: Route
  response: Response
  passage: Passage
  sniffed: Sniffed
  /** The next batch of whole events, already sniffed; or why there is none. */
  read(): Promise<Batch | ReadEnd>
  /** The whole body as text, at most `limit` bytes, and how it ended. For answers that are no stream. */
  readAll(limit: number): Promise<{ text: string; end: ReadEnd }>
  /** Ends the call to the upstream. */
  abort(): void
  /** Gives up the timer; the connection is done with. */
  close(): void
  /** Calls `act` when the connection is done with: once, at once when it already is. */
  onClose(act: () => void): void
}

export interface ConnectNeeds extends SendNeeds {
  clock: Clock
  /** Ends what is silent. */
  watch: Watch
  /** Every open connection, so that a shutdown can end them. */
  connections: Set<{ abort(): void }>
  config: { upstream_timeout_ms: number }
}

/** Between the first event of an answer's end and the last there is nothing to think about. */
const LONGEST_END_MS = 10_000

/**
 * Sends the call. `client_left` aborts it until the connection is handed over to the answer.
 * Rejects with `SILENT` when nothing came in time, with fetch's own error when it cannot be reached.
 */
export async function connect(
  needs: ConnectNeeds,
  route: Route,
  call: Omit<UpstreamCall, "signal"> & { client_left: AbortSignal },
): Promise<Connection> {
  const controller = new AbortController()
  const watchdog = needs.watch.start(needs.config.upstream_timeout_ms, () => controller.abort(SILENT))
  const leave = () => controller.abort(CLIENT_LEFT)
  if (call.client_left.aborted) leave()
  call.client_left.addEventListener("abort", leave, { once: true })
  try {
    const response = await sendUpstream(needs, route, { ...call, signal: controller.signal })
    watchdog.touch()
    const connection = openConnection(route, response, { controller, watchdog, watch: needs.watch })
    return register(needs.connections, connection)
  } catch (error) {
    watchdog.stop()
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    // From here on, whoever reads decides what a client that leaves means.
    call.client_left.removeEventListener("abort", leave)
  }
}

/** Keeps the connection in the set of open ones until it is closed. */
function register(connections: ConnectNeeds["connections"], connection: Connection): Connection {
  connections.add(connection)
  const { close } = connection
  connection.close = () => {
    close()
    connections.delete(connection)
  }
  return connection
}

/** Abort reasons, told apart by identity. */
export const SILENT = new Error("the upstream was silent")
export const CLIENT_LEFT = new Error("the client left")

function openConnection(
  route: Route,
  response: Response,
  call: { controller: AbortController; watchdog: Watchdog; watch: Watch },
): Connection {
  const { controller, watchdog, watch } = call
  const passage = UPSTREAMS[route.upstream.protocol].startPassage()
  const reader = response.body?.getReader()
  let is_done = reader === undefined
  let is_closed = false
  const closing: (() => void)[] = []

  async function readChunk(): Promise<Uint8Array | undefined> {
    if (is_done) return undefined
    const { value, done } = await reader!.read()
    watchdog.touch()
    is_done = done
    return value
  }

  /** A reset, or our own abort by silence: either way nothing more will come. */
  const explain = (): ReadEnd => {
    is_done = true
    return controller.signal.reason === SILENT ? "timeout" : "cut"
  }

  const batches = createBatchReader(readChunk, passage)
  /** Runs from the beginning of an answer's end: its last events come at once, or are made up for. */
  let ending: Watchdog | undefined

  async function readBatch(): Promise<Batch | ReadEnd> {
    try {
      return await batches.next(() => {
        ending ??= watch.start(LONGEST_END_MS, () => controller.abort(CLIENT_LEFT))
      })
    } catch {
      return batches.finish() ?? explain()
    }
  }

  return {
    route,
    response,
    passage,
    sniffed: passage.sniffed,
    read: readBatch,
    async readAll(limit) {
      const chunks: Uint8Array[] = []
      const end = await collect(readChunk, limit, chunks).catch(explain)
      return { text: Buffer.concat(chunks).toString("utf8"), end }
    },
    abort: () => controller.abort(CLIENT_LEFT),
    close() {
      watchdog.stop()
      ending?.stop()
      is_closed = true
      for (const act of closing.splice(0)) act()
    },
    onClose(act) {
      if (is_closed) act()
      else closing.push(act)
    },
  }
}

async function collect(readChunk: ReadChunk, limit: number, chunks: Uint8Array[]): Promise<ReadEnd> {
  let size = 0
  for (;;) {
    const chunk = await readChunk()
    if (!chunk) return "end"
    size += chunk.byteLength
    if (size > limit) return "oversized"
    chunks.push(chunk)
  }
}
