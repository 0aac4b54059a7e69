/** Finds the route that answers: tries them in order until one has produced its first output. */

import { AppError } from "../platform/errors.ts"
import type { Events } from "../platform/events.ts"
import type { Attempt } from "../wallet/metering/receipt.ts"
import type { ReportedUsage } from "../wallet/pricing/usage.ts"
import type { Route } from "./catalog/catalog.ts"
import { UPSTREAMS } from "./protocol/codecs.ts"
import { parseExactly } from "./protocol/exact-json.ts"
import { errorOfFailure } from "./protocol/failure.ts"
import type { Sniffed } from "./protocol/sniffed.ts"
import type { Batch } from "./protocol/sse.ts"
import type { Release } from "./routing/admission.ts"
import { type Outcome, outcomeOf } from "./routing/outcome.ts"
import type { Routing } from "./routing/routing.ts"
import { CLIENT_LEFT, type Connection, type ConnectNeeds, connect, SILENT } from "./upstream/connection.ts"
import { cutOff, type Failure, readFailure, silent, unreachable } from "./upstream/failures.ts"
import type { Outgoing } from "./upstream/outgoing.ts"

/** What the tries came to. */
export type Dispatched =
  /** A stream whose first output is in the last batch of `head`. */
  | { kind: "stream"; connection: Connection; head: Batch[]; outgoing: Outgoing }
  /** A whole answer. */
  | { kind: "whole"; route: Route; text: string; body: unknown; sniffed: Sniffed; outgoing: Outgoing }
  /** No route answered; `reported` is what the last one used all the same. */
  | { kind: "failed"; failure: Failure; reported: ReportedUsage | undefined; route: Route | undefined }
  /** `reported`: what the upstream said it had used by then. */
  | { kind: "client-left"; reported?: ReportedUsage | undefined; route?: Route }

export interface DispatchNeeds extends ConnectNeeds {
  events: Events
  routing: Routing
}

export interface Dispatch {
  request_id: string
  routes: readonly Route[]
  /** As the client knows it. */
  model: string
  is_streamed: boolean
  /** Whether the client takes a whole answer even when a stream was asked of the upstream. */
  may_be_whole: boolean
  headersFor(route: Route): Record<string, string>
  /** The body for a route, or why the route cannot serve the request; `is_plain` leaves past reasoning out. */
  outgoingFor(route: Route, is_plain: boolean): Outgoing | AppError
  client_left: AbortSignal
  /** The conversation, so that it stays where its prompt is cached; undefined when nothing tells it. */
  sticky_key: string | undefined
  /** First in the queue of an upstream that is full. */
  is_vip: boolean
  /** Every try is added here. */
  attempts: Attempt[]
}

/** How long, and with how much, an upstream may put off its first output: comments and empty chunks cost memory. */
const LONGEST_PRELUDE_MS = 15 * 60_000
const LARGEST_PRELUDE_BYTES = 4 * 1024 * 1024
const LARGEST_ERROR_BYTES = 64 * 1024
/** A whole answer that is larger is given up. */
export const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024

/** A try that gave no answer; `reported` is what it used all the same. */
type Failed = Failure & { kind?: undefined; reported?: ReportedUsage }
type Answered =
  | { kind: "stream"; connection: Connection; head: Batch[] }
  | { kind: "whole"; route: Route; text: string; body: unknown; sniffed: Sniffed }
type Tried = Exclude<Dispatched, { kind: "failed" }> | Failed

/** Tries the routes. Nothing has reached the client when this resolves, so a failed try costs only time. */
export async function dispatch(needs: DispatchNeeds, job: Dispatch): Promise<Dispatched> {
  let last: Failed | undefined
  let last_route: Route | undefined
  for (const [index, route] of job.routes.entries()) {
    const is_last = index === job.routes.length - 1
    const tried = await tryInTurn(needs, route, { job, is_last })
    if (tried === "passed-over") continue
    if (tried.kind !== undefined) return tried
    // A route that cannot carry the request says less than one that was asked.
    if (last && tried.result === "unsuited") continue
    last = tried
    last_route = route
    if (tried.is_final) break
  }
  const failure = last ?? unreachable()
  return { kind: "failed", failure, reported: last?.reported, route: last?.reported && last_route }
}

/** Waits for a place at the route's upstream, tries it, and tells routing how that went. */
async function tryInTurn(
  needs: DispatchNeeds,
  route: Route,
  { job, is_last }: { job: Dispatch; is_last: boolean },
): Promise<Tried | "passed-over"> {
  const { sticky_key, is_vip, client_left } = job
  const asked_at = needs.clock.now()
  const begun = needs.routing.begin(route, { sticky_key, is_last })
  if (!begun) return "passed-over"
  let release: Release
  try {
    release = await needs.routing.admit(route.upstream, { is_vip, signal: client_left })
  } catch (error) {
    begun.end({ kind: "unasked" })
    if (!(error instanceof AppError)) return { kind: "client-left" }
    noteAttempt(job, route, { result: "saturated", duration_ms: needs.clock.now() - asked_at })
    return { result: "saturated", error, is_final: false }
  }
  const started_at = needs.clock.now()
  try {
    const tried = await tryTwice(needs, route, job)
    begun.end(outcomeOfTry(tried, needs.clock.now() - started_at))
    // An answer that streams keeps its place until its connection is done with.
    if (tried.kind === "stream") tried.connection.onClose(release)
    else release()
    return tried
  } catch (bug) {
    // Neither the probe nor the place may be lost with it.
    begun.end({ kind: "unasked" })
    release()
    throw bug
  }
}

function outcomeOfTry(tried: Tried, first_output_ms: number): Outcome {
  switch (tried.kind) {
    case undefined:
      return tried.result === "unsuited" ? { kind: "unasked" } : outcomeOf(tried)
    case "client-left":
      return { kind: "client-left" }
    case "stream":
      return { kind: "answered", first_output_ms }
    case "whole":
      return { kind: "answered", first_output_ms: null }
  }
}

/** A refusal of past reasoning (a seal of another account, or of yesterday's key) is tried once without it. */
async function tryTwice(needs: DispatchNeeds, route: Route, job: Dispatch): Promise<Tried> {
  const tried = await tryOnce(needs, route, { job, is_plain: false })
  if (tried.kind !== undefined || !isSealRefused(tried)) return tried
  return tryOnce(needs, route, { job, is_plain: true })
}

/** In the words of OpenAI (`invalid_encrypted_content`) and Anthropic (claude-code-wire 7). */
const isSealRefused = ({ result, error }: Failure): boolean =>
  result === "status-400" &&
  /encrypted_content|`signature` in `thinking`|`?thinking`? blocks?/i.test(
    `${error.detail.code} ${error.message}`,
  )

async function tryOnce(
  needs: DispatchNeeds,
  route: Route,
  attempt: { job: Dispatch; is_plain: boolean },
): Promise<Tried> {
  const { job } = attempt
  const started_at = needs.clock.now()
  const tried = await tryRoute(needs, route, attempt)
  const result =
    tried.kind === undefined ? tried.result : tried.kind === "client-left" ? tried.kind : "answered"
  const reported = "reported" in tried ? tried.reported : undefined
  noteAttempt(job, route, {
    result,
    duration_ms: needs.clock.now() - started_at,
    ...(reported && { usage: reported.usage }),
  })
  if (tried.kind === undefined) {
    const { request_id } = job
    const place = { route_id: route.id, upstream_id: route.upstream.id }
    needs.events.emit("route-failed", { request_id, ...place, failure: result })
  }
  return tried
}

function noteAttempt(job: Dispatch, route: Route, attempt: Omit<Attempt, "route_id" | "upstream_id">): void {
  job.attempts.push({ route_id: route.id, upstream_id: route.upstream.id, ...attempt })
}

async function tryRoute(
  needs: DispatchNeeds,
  route: Route,
  { job, is_plain }: { job: Dispatch; is_plain: boolean },
): Promise<Tried> {
  const { client_left } = job
  const outgoing = job.outgoingFor(route, is_plain)
  if (outgoing instanceof AppError) return { result: "unsuited", error: outgoing, is_final: false }
  let connection: Connection
  try {
    const call = { headers: job.headersFor(route), client_left, body: outgoing.text }
    connection = await connect(needs, route, call)
  } catch (error) {
    if (error === CLIENT_LEFT) return { kind: "client-left" }
    return error === SILENT ? silent() : unreachable()
  }
  const leave = () => connection.abort()
  client_left.addEventListener("abort", leave, { once: true })
  const tried = await readFirst(needs, connection, job)
  client_left.removeEventListener("abort", leave)
  if (tried.kind !== "stream") connection.close()
  if (tried.kind === undefined) {
    const { reported } = connection.sniffed
    return client_left.aborted ? { kind: "client-left", reported, route } : inPublic(tried, route, job)
  }
  return { ...tried, outgoing }
}

/** The customer knows the model by the catalogue's name. */
function inPublic(failed: Failed, route: Route, { model }: Dispatch): Failed {
  const { reason, message, detail } = failed.error
  if (route.upstream_model === model || !message.includes(route.upstream_model)) return failed
  return { ...failed, error: new AppError(reason, message.replaceAll(route.upstream_model, model), detail) }
}

async function readFirst(
  needs: DispatchNeeds,
  connection: Connection,
  job: Dispatch,
): Promise<Answered | Failed> {
  const { response } = connection
  if (response.status !== 200) {
    const { text } = await connection.readAll(LARGEST_ERROR_BYTES)
    return readFailure(response, text, needs.clock.now())
  }
  // Some upstreams answer whole whatever was asked.
  const is_whole = response.headers.get("content-type")?.includes("application/json") ?? false
  return job.is_streamed && !(is_whole && job.may_be_whole)
    ? readHead(needs, connection)
    : readWhole(connection)
}

/** Reads until the stream has said something a client could act on, or has ended without. */
async function readHead({ clock }: DispatchNeeds, connection: Connection): Promise<Answered | Failed> {
  const head: Batch[] = []
  const { sniffed } = connection
  const until = clock.now() + LONGEST_PRELUDE_MS
  let size = 0
  for (;;) {
    const batch = await connection.read()
    if (typeof batch === "string") {
      connection.abort()
      return batch === "timeout" ? silent() : cutOff()
    }
    head.push(batch)
    size += batch.bytes.length
    if (size > LARGEST_PRELUDE_BYTES || clock.now() > until) {
      connection.abort()
      return clock.now() > until ? silent() : cutOff()
    }
    if (sniffed.phase === "failed" && sniffed.output_bytes === 0) return failedBeforeOutput(sniffed)
    if (sniffed.phase !== "prelude") return { kind: "stream", connection, head }
  }
}

function failedBeforeOutput(sniffed: Sniffed): Failed {
  const error = errorOfFailure(sniffed.failure)
  const failure = {
    result: `failed-${error.detail.code?.slice(0, 40)}`,
    error,
    is_final: error.reason === "invalid",
  }
  return sniffed.reported ? { ...failure, reported: sniffed.reported } : failure
}

async function readWhole(connection: Connection): Promise<Answered | Failed> {
  const { text, end } = await connection.readAll(LARGEST_ANSWER_BYTES)
  if (end !== "end") return end === "timeout" ? silent() : cutOff()
  const body = parseJson(text)
  const sniffed = UPSTREAMS[connection.route.upstream.protocol].sniffAnswer(body)
  // Neither an answer nor an error: nothing that could be charged.
  if (!sniffed) return cutOff()
  if (sniffed.phase === "failed" && sniffed.output_bytes === 0) return failedBeforeOutput(sniffed)
  return { kind: "whole", route: connection.route, text, body, sniffed }
}

function parseJson(text: string): unknown {
  try {
    return parseExactly(text)
  } catch {
    // Not JSON: the caller sees that it is no answer.
    return undefined
  }
}
