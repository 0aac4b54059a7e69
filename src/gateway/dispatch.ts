/** Finds the route that answers: tries them in order until one has produced its first output. */

import type { Events } from "../platform/events.ts"
import type { Attempt } from "../wallet/metering/receipt.ts"
import type { ReportedUsage } from "../wallet/pricing/usage.ts"
import type { Route } from "./catalog/catalog.ts"
import { type Sniffed, sniffAnswer } from "./protocol/openai-responses/sniff.ts"
import type { Batch } from "./protocol/sse.ts"
import { CLIENT_LEFT, type Connection, type ConnectNeeds, connect, SILENT } from "./upstream/connection.ts"
import { cutOff, type Failure, failureOf, readFailure, silent, unreachable } from "./upstream/failures.ts"

/** What the tries came to. */
export type Dispatched =
  /** A stream whose first output is in the last batch of `head`. */
  | { kind: "stream"; connection: Connection; head: Batch[] }
  /** A whole answer. */
  | { kind: "whole"; route: Route; text: string; sniffed: Sniffed }
  /** No route answered; `reported` is what the last one used all the same. */
  | { kind: "failed"; failure: Failure; reported: ReportedUsage | undefined; route: Route | undefined }
  | { kind: "client-left" }

export interface DispatchNeeds extends ConnectNeeds {
  events: Events
}

export interface Dispatch {
  request_id: string
  routes: readonly Route[]
  is_streamed: boolean
  /** Whether the client takes a whole answer even when a stream was asked of the upstream. */
  may_be_whole: boolean
  path: string
  headers: Record<string, string>
  /** The body for a route: the client's own, but for the model's name. */
  bodyFor(route: Route): string
  client_left: AbortSignal
  /** Every try is added here. */
  attempts: Attempt[]
}

const LARGEST_ERROR_BYTES = 64 * 1024
/** A whole answer that is larger is given up. */
export const LARGEST_ANSWER_BYTES = 64 * 1024 * 1024

type Tried =
  | Exclude<Dispatched, { kind: "failed" }>
  | (Failure & { kind?: undefined; reported?: ReportedUsage })

/** Tries the routes. Nothing has reached the client when this resolves, so a failed try costs only time. */
export async function dispatch(needs: DispatchNeeds, job: Dispatch): Promise<Dispatched> {
  let last: Tried | undefined
  let last_route: Route | undefined
  for (const route of job.routes) {
    last_route = route
    const started_at = needs.clock.now()
    const tried = await tryRoute(needs, route, job)
    const result =
      tried.kind === undefined ? tried.result : tried.kind === "client-left" ? tried.kind : "answered"
    job.attempts.push({
      route_id: route.id,
      upstream_id: route.upstream.id,
      result,
      duration_ms: needs.clock.now() - started_at,
    })
    if (tried.kind !== undefined) return tried
    last = tried
    const { request_id } = job
    needs.events.emit("route-failed", {
      request_id,
      route_id: route.id,
      upstream_id: route.upstream.id,
      failure: result,
    })
    if (tried.is_final) break
  }
  const failure = last as Failure & { reported?: ReportedUsage }
  return { kind: "failed", failure, reported: failure.reported, route: failure.reported && last_route }
}

async function tryRoute(needs: DispatchNeeds, route: Route, job: Dispatch): Promise<Tried> {
  const { path, headers, client_left } = job
  let connection: Connection
  try {
    connection = await connect(needs, route, { path, headers, client_left, body: job.bodyFor(route) })
  } catch (error) {
    if (error === CLIENT_LEFT) return { kind: "client-left" }
    return error === SILENT ? silent() : unreachable()
  }
  const leave = () => connection.abort()
  client_left.addEventListener("abort", leave, { once: true })
  const tried = await readFirst(connection, job)
  client_left.removeEventListener("abort", leave)
  if (tried.kind !== "stream") connection.close()
  return client_left.aborted && tried.kind === undefined ? { kind: "client-left" } : tried
}

async function readFirst(connection: Connection, job: Dispatch): Promise<Tried> {
  const { response } = connection
  if (response.status !== 200) {
    const { text } = await connection.readAll(LARGEST_ERROR_BYTES)
    return readFailure(response.status, response.headers, text)
  }
  // Some upstreams answer whole whatever was asked.
  const is_whole = response.headers.get("content-type")?.includes("application/json") ?? false
  return job.is_streamed && !(is_whole && job.may_be_whole) ? readHead(connection) : readWhole(connection)
}

/** Reads until the stream has said something a client could act on, or has ended without. */
async function readHead(connection: Connection): Promise<Tried> {
  const head: Batch[] = []
  const { sniffed } = connection
  for (;;) {
    const batch = await connection.read()
    if (typeof batch === "string") {
      connection.abort()
      return batch === "timeout" ? silent() : cutOff()
    }
    head.push(batch)
    if (sniffed.phase === "failed" && sniffed.output_bytes === 0) return failedBeforeOutput(sniffed)
    if (sniffed.phase !== "prelude") return { kind: "stream", connection, head }
  }
}

function failedBeforeOutput(sniffed: Sniffed): Tried {
  const error = failureOf(sniffed)
  const failure = {
    result: `failed-${error.detail.code?.slice(0, 40)}`,
    error,
    is_final: error.reason === "invalid",
  }
  return sniffed.reported ? { ...failure, reported: sniffed.reported } : failure
}

async function readWhole(connection: Connection): Promise<Tried> {
  const { text, end } = await connection.readAll(LARGEST_ANSWER_BYTES)
  if (end !== "end") return end === "timeout" ? silent() : cutOff()
  const sniffed = sniffAnswer(parseJson(text))
  // Neither an answer nor an error: nothing that could be charged.
  if (!sniffed) return cutOff()
  if (sniffed.phase === "failed" && sniffed.output_bytes === 0) return failedBeforeOutput(sniffed)
  return { kind: "whole", route: connection.route, text, sniffed }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: the caller sees that it is no answer.
    return undefined
  }
}
