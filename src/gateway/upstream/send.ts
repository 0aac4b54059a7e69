/** One call to one upstream: builds the request and hands it to fetch, or to the built-in demo. */
import type { Clock } from "../../platform/clock.ts"
import type { NewId } from "../../platform/ids.ts"
import type { Route } from "../catalog/catalog.ts"
import { answerDemo } from "./demo.ts"

export type Fetch = (input: string, init: RequestInit) => Promise<Response>

export interface SendNeeds {
  fetch: Fetch
  clock: Clock
  newId: NewId
}

/** What is sent. */
export interface UpstreamCall {
  /** Below the upstream's base URL, e.g. `/responses`. */
  path: string
  body: string
  /** Headers of the client that go along; see `forwardedHeaders`. */
  headers: Record<string, string>
  signal: AbortSignal
}

/**
 * Client headers an upstream may see. Not among them: credentials, cookies, and the Codex turn metadata, which
 * names paths and commits of the customer's machine (codex-cli-wire 10.15).
 */
const FORWARDED = ["accept", "openai-beta", "x-codex-turn-state"]

export function forwardedHeaders(headers: Headers): Record<string, string> {
  const forwarded: Record<string, string> = {}
  for (const name of FORWARDED) {
    const value = headers.get(name)
    if (value !== null) forwarded[name] = value
  }
  return forwarded
}

/** Calls the upstream of a route. Rejects when it cannot be reached or the signal aborts. */
export function sendUpstream(needs: SendNeeds, route: Route, call: UpstreamCall): Promise<Response> {
  const { upstream } = route
  const headers: Record<string, string> = {
    ...call.headers,
    "content-type": "application/json",
    // Uncompressed, so that the bytes can be read from the side and passed on as they are.
    "accept-encoding": "identity",
    "user-agent": "codexapi",
  }
  if (upstream.key !== "") headers.authorization = `Bearer ${upstream.key}`
  const init: RequestInit = {
    method: "POST",
    headers,
    body: call.body,
    signal: call.signal,
    redirect: "manual",
  }
  if (upstream.base_url === "demo:") {
    return answerDemo({ ...needs, pause: Bun.sleep }, new Request(`http://demo${call.path}`, init))
  }
  return needs.fetch(upstream.base_url + call.path, init)
}
