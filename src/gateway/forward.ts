/** An upstream's stream, batch by batch: credit is held as it grows, it is settled at its end; what of it shows is the outlet's. */
import { AppError } from "../platform/errors.ts"
import { extendMeter, needsNextSlice } from "../wallet/metering/meter.ts"
import type { EndReason, Settlement } from "../wallet/metering/receipt.ts"
import type { ReportedUsage } from "../wallet/pricing/usage.ts"
import { type Exchange, endExchange, estimateTokens, type GatewayNeeds, topUp } from "./exchange.ts"
import type { Outlet } from "./outlet.ts"
import { isTerminal, type Sniffed } from "./protocol/sniffed.ts"
import type { Batch } from "./protocol/sse.ts"
import type { Connection, ReadEnd } from "./upstream/connection.ts"
import { cutOff, silent } from "./upstream/failures.ts"
import type { Watchdog } from "./upstream/watchdog.ts"

/** After this much silence the client gets a keepalive; Codex gives up after 300 s (codex-cli-wire 5.3). */
const KEEPALIVE_MS = 15_000
const SILENCE = Symbol("silence")
/** A client that left: its answer is read to the end for the true usage, within these bounds (money.md). */
const LONGEST_DRAIN_MS = 120_000
/** How long an upstream may keep its connection open after the terminal event. */
const LINGER_MS = 1_000

/** A stream on its way to the client. It ends its exchange in every way a stream can end, exactly once. */
export interface Forwarding {
  needs: GatewayNeeds
  exchange: Exchange
  connection: Connection
  outlet: Outlet
  /** What was read before the stream could be handed over. */
  waiting: Batch[]
  first_output_ms: number
  /** `open` → `settled` (the charge is durable) → `closed` (the last byte is out). */
  state: "open" | "settled" | "closed"
  has_client_left: boolean
  /** The step under way; a drain waits for it. */
  step: Promise<unknown>
  keepalive: Keepalive
  /** A batch is in the outlet, and its bytes are not out. */
  is_writing: boolean
  /** When the last batch came, and what the silences before it count as. */
  batch_at: number
  silent_tokens: number
  /** Runs from the terminal event to the end of the connection. */
  linger?: Watchdog
  /** Why the stream was ended by us, when it was. */
  error?: AppError
  settlement?: Settlement | undefined
}

/** Takes over a stream whose first output has come. */
export function startForwarding(
  needs: GatewayNeeds,
  exchange: Exchange,
  stream: { connection: Connection; head: Batch[]; outlet: Outlet },
): Forwarding {
  const forwarding: Forwarding = {
    needs,
    exchange,
    connection: stream.connection,
    outlet: stream.outlet,
    waiting: [...stream.head],
    first_output_ms: needs.clock.now() - exchange.meter.started_at,
    state: "open",
    has_client_left: false,
    step: Promise.resolve(),
    is_writing: false,
    batch_at: exchange.meter.started_at,
    silent_tokens: 0,
    keepalive: startKeepalive(needs),
  }
  const onLeave = () => needs.tasks.track(drain(forwarding))
  exchange.client_left.addEventListener("abort", onLeave, { once: true })
  if (exchange.client_left.aborted) onLeave()
  const onCancel = () => forwarding.connection.abort()
  exchange.cancelled?.addEventListener("abort", onCancel, { once: true })
  if (exchange.cancelled?.aborted) onCancel()
  return forwarding
}

/**
 * The body of a streamed answer: batch after batch until the end, or until the client has left and the drain
 * takes over. An async generator is the cheapest body that Bun sends: a pull or direct stream costs 8 to 10 µs more.
 */
export async function* streamBody(forwarding: Forwarding): AsyncGenerator<Uint8Array> {
  const { keepalive, outlet, needs } = forwarding
  try {
    for (;;) {
      forwarding.is_writing = false
      const step = nextBytes(forwarding)
      forwarding.step = step.catch(() => {})
      let bytes = await keepalive.watch(step)
      while (bytes === SILENCE) {
        // What was written and waits for the books comes first: a keepalive stands where the stream stands then.
        if (!forwarding.is_writing) yield outlet.keepalive()
        bytes = await keepalive.watch(step)
      }
      if (!bytes || forwarding.has_client_left) return
      if (bytes.length > 0) yield bytes
    }
  } finally {
    // Bun ends the generator when the socket is gone, sometimes before the request's signal says so.
    if (forwarding.state === "open") needs.tasks.track(drain(forwarding))
    else finish(forwarding)
  }
}

/** Lets go of the upstream and the timers; doing it again changes nothing. */
export function finish(forwarding: Forwarding): void {
  if (forwarding.state === "closed") return
  forwarding.connection.abort()
  close(forwarding)
}

/** Reads one batch, accounts for it, and gives the bytes for the client; `undefined` when nothing more comes. */
export async function nextBytes(forwarding: Forwarding): Promise<Uint8Array | undefined> {
  const { connection, outlet, waiting } = forwarding
  if (forwarding.state === "closed") return undefined
  const batch = waiting.shift() ?? (await connection.read())
  forwarding.keepalive.touch()
  if (forwarding.state === "settled") return typeof batch === "string" ? close(forwarding) : NOTHING
  if (typeof batch === "string") return breakOff(forwarding, batch)
  const { sniffed } = connection
  const bytes = outlet.write(batch)
  forwarding.is_writing = true
  if (batch.is_end) {
    // The client sees the end only when the charge is durable: a complete answer is always paid for.
    await settle(forwarding, sniffed.phase as EndReason)
    await outlet.afterEnd?.()
    forwarding.linger = forwarding.needs.watch.start(LINGER_MS, () => connection.abort())
    return bytes
  }
  if (waiting.length > 0) return bytes
  noteSilence(forwarding)
  const consumed = estimateTokens(sniffed.output_bytes) + forwarding.silent_tokens
  if (await holdFor(forwarding, consumed)) return bytes
  const failure = await endByError(forwarding, "out-of-credit", outOfCredit(forwarding))
  return Buffer.concat([bytes, failure])
}

/** What an upstream says after the end of its answer is for nobody. */
const NOTHING = new Uint8Array(0)

/** A silent model is thinking: hidden reasoning is consumed at about this pace, and shows only in the final usage. */
const SILENT_TOKENS_PER_SECOND = 50
const SHORTEST_SILENCE_MS = 2_000

/** Counts a silence as consumed output, for holding credit only: nothing is charged by it. */
function noteSilence(forwarding: Forwarding): void {
  const now = forwarding.needs.clock.now()
  const silent_ms = now - forwarding.batch_at
  forwarding.batch_at = now
  if (silent_ms < SHORTEST_SILENCE_MS) return
  forwarding.silent_tokens += Math.ceil((silent_ms / 1000) * SILENT_TOKENS_PER_SECOND)
}

/**
 * Holds what the delivered output makes due; false when the credit does not cover it. For a client that left
 * nothing more is held: its answer is read as far as the hold reaches.
 */
async function holdFor(forwarding: Forwarding, delivered: number): Promise<boolean> {
  const { needs, exchange, has_client_left } = forwarding
  const { meter } = exchange
  if (has_client_left) return !needsNextSlice(meter, delivered) || delivered < meter.held_output_tokens
  while (needsNextSlice(meter, delivered)) {
    if ((await extendMeter(needs, meter, delivered)) === "refused") return false
  }
  return true
}

/** The upstream stopped without a terminal event: an honest error, never a clean end. */
function breakOff(forwarding: Forwarding, why: ReadEnd): Promise<Uint8Array> {
  if (forwarding.exchange.cancelled?.aborted) return endByError(forwarding, "cancelled", cancelled())
  return why === "timeout"
    ? endByError(forwarding, "timeout", silent().error)
    : endByError(forwarding, "cut", cutOff().error)
}

const cancelled = () => new AppError("conflict", "The response was cancelled.", { code: "cancelled" })

/** Ends the stream ourselves; gives the event that tells the client. */
async function endByError(
  forwarding: Forwarding,
  end_reason: EndReason,
  error: AppError,
): Promise<Uint8Array> {
  forwarding.error = error
  forwarding.connection.abort()
  await settle(forwarding, end_reason)
  close(forwarding)
  return forwarding.outlet.fail(error)
}

async function settle(forwarding: Forwarding, end_reason: EndReason): Promise<void> {
  const { needs, exchange, connection, first_output_ms } = forwarding
  const { output_bytes, web_search_count, tier_served } = connection.sniffed
  const reported = usageOf(connection.sniffed)
  forwarding.state = "settled"
  forwarding.settlement = await endExchange(needs, exchange, {
    end_reason: forwarding.has_client_left ? "client-left" : end_reason,
    route: connection.route,
    reported,
    output_bytes,
    web_search_count,
    tier_served,
    first_output_ms,
  })
}

/** What the upstream reported. Messages tells the input at the start, the output only at the end. */
function usageOf(sniffed: Sniffed): ReportedUsage | undefined {
  const { reported } = sniffed
  if (!reported || isTerminal(sniffed)) return reported
  return {
    ...reported,
    is_partial: true,
    flag: reported.flag ?? "the answer ended early: output by what was delivered",
  }
}

function close(forwarding: Forwarding): undefined {
  forwarding.state = "closed"
  forwarding.connection.close()
  forwarding.keepalive.stop()
  forwarding.linger?.stop()
}

/** The client is gone: reads on for the usage, or gives up at once when too many do. */
async function drain(forwarding: Forwarding): Promise<void> {
  const { needs, connection, exchange } = forwarding
  if (forwarding.has_client_left || forwarding.state === "closed") return
  forwarding.has_client_left = true
  const leave = needs.drains.enter(exchange.meter.admission.customer_id)
  if (!leave) connection.abort()
  const giveUp = needs.clock.after(LONGEST_DRAIN_MS, () => connection.abort())
  try {
    await forwarding.step
    while (forwarding.state === "open") await nextBytes(forwarding)
  } finally {
    giveUp()
    leave?.()
    connection.abort()
    close(forwarding)
  }
}

function outOfCredit({ needs, exchange }: Forwarding): AppError {
  return new AppError(
    "payment_required",
    `Your credit ran out during this answer: it ends here, and what was produced is charged. ${topUp(needs)} and continue.`,
    { code: "insufficient_quota", extra: { request_id: exchange.request_id } },
  )
}

interface Keepalive {
  /** The step's result, or `SILENCE` when nothing came for a while: then watch it again. */
  watch<T>(step: Promise<T>): Promise<T | typeof SILENCE>
  touch(): void
  stop(): void
}

function startKeepalive(needs: GatewayNeeds): Keepalive {
  let onSilence = () => {}
  const again = () => needs.watch.start(KEEPALIVE_MS, wake)
  let watchdog = again()
  function wake(): void {
    watchdog = again()
    onSilence()
  }
  return {
    watch: step =>
      new Promise((resolve, reject) => {
        onSilence = () => resolve(SILENCE)
        step.then(resolve, reject)
      }),
    touch: () => watchdog.touch(),
    stop: () => watchdog.stop(),
  }
}
