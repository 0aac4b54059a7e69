/** An open call to an upstream: its bytes, its end by silence, and what the stream has said so far. */
import type { Clock } from "../../platform/clock.ts"
import type { Route } from "../catalog/catalog.ts"
import type { Passage } from "../protocol/codec.ts"
import { UPSTREAMS } from "../protocol/codecs.ts"
import { isTerminal, type Sniffed } from "../protocol/sniffed.ts"
import { type Batch, createEventSplitter } from "../protocol/sse.ts"
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

/** An event larger than this is nonsense. */
const LARGEST_EVENT_BYTES = 32 * 1024 * 1024

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
    const connection = openConnection(route, response, { controller, watchdog })
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
  call: { controller: AbortController; watchdog: Watchdog },
): Connection {
  const { controller, watchdog } = call
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

  const readBatch = createBatchReader(readChunk, passage)
  return {
    route,
    response,
    passage,
    sniffed: passage.sniffed,
    read: () => readBatch().catch(explain),
    async readAll(limit) {
      const chunks: Uint8Array[] = []
      const end = await collect(readChunk, limit, chunks).catch(explain)
      return { text: Buffer.concat(chunks).toString("utf8"), end }
    },
    abort: () => controller.abort(CLIENT_LEFT),
    close() {
      watchdog.stop()
      is_closed = true
      for (const act of closing.splice(0)) act()
    },
    onClose(act) {
      if (is_closed) act()
      else closing.push(act)
    },
  }
}

type ReadChunk = () => Promise<Uint8Array | undefined>

/**
 * Gives whole events, sniffed. The end of the answer is a batch of its own, given when it is complete: what comes
 * before it need not wait for it.
 */
function createBatchReader(readChunk: ReadChunk, passage: Passage): () => Promise<Batch | ReadEnd> {
  const splitter = createEventSplitter()
  const ready: Batch[] = []
  let withheld: Batch[] = []

  function take(batch: Batch): void {
    if (isTerminal(passage.sniffed)) {
      ready.push(batch)
      return
    }
    const end_at = passage.note(batch.text)
    if (end_at > 0) ready.push(cut(batch, 0, end_at))
    if (end_at < batch.text.length) withheld.push(cut(batch, end_at, batch.text.length))
    if (isTerminal(passage.sniffed)) release()
  }

  function release(): void {
    ready.push({ ...join(withheld), is_end: true })
    withheld = []
  }

  /** Nothing more will come: an end that lacks only its last events is one all the same. */
  function finish(): void {
    const missing = passage.finish()
    if (withheld.length === 0 || !isTerminal(passage.sniffed)) return
    if (missing !== "") withheld.push({ bytes: Buffer.from(missing, "latin1"), text: missing })
    release()
  }

  return async () => {
    for (;;) {
      const next = ready.shift()
      if (next) return next
      const chunk = await readChunk()
      const batch = chunk ? splitter.push(chunk) : splitter.rest()
      if (batch.bytes.length > 0) take(batch)
      if (!chunk && ready.length === 0) finish()
      if (!chunk && ready.length === 0) return "end"
      if (splitter.pending_bytes() > LARGEST_EVENT_BYTES) return "oversized"
    }
  }
}

const cut = ({ bytes, text }: Batch, from: number, to: number): Batch =>
  from === 0 && to === text.length
    ? { bytes, text }
    : { bytes: bytes.subarray(from, to), text: text.slice(from, to) }

const join = (batches: readonly Batch[]): Batch =>
  batches.length === 1
    ? batches[0]!
    : {
        bytes: Buffer.concat(batches.map(batch => batch.bytes)),
        text: batches.map(batch => batch.text).join(""),
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
