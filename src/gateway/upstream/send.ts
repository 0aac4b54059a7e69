/** One call to one upstream: builds the request and hands it to fetch, or to the built-in demo. */
import type { Clock } from "../../platform/clock.ts"
import type { Fetch } from "../../platform/fetch.ts"
import type { NewId } from "../../platform/ids.ts"
import type { Route } from "../catalog/catalog.ts"
import { UPSTREAMS } from "../protocol/codecs.ts"
import type { Protocol } from "../protocol/model-request.ts"
import { answerDemo } from "./demo.ts"

export interface SendNeeds {
  fetch: Fetch
  clock: Clock
  newId: NewId
}

/** What is sent. */
export interface UpstreamCall {
  body: string
  /** Headers of the client that go along; see `forwardedHeaders`. */
  headers: Record<string, string>
  signal: AbortSignal
}

/**
 * Client headers that an upstream of the client's own protocol may see. Not among them: credentials, cookies, and the
 * Codex turn metadata, which names paths and commits of the customer's machine (codex-cli-wire 10.15).
 */
const FORWARDED: Record<Protocol, readonly string[]> = {
  "openai-responses": ["accept", "openai-beta", "x-codex-turn-state"],
  "openai-chat": ["accept"],
  "anthropic-messages": ["accept", "anthropic-version", "anthropic-beta"],
}

/** `protocol` is the client's; an upstream of another one gets none of its headers. */
export function forwardedHeaders(headers: Headers, protocol: string, route: Route): Record<string, string> {
  const forwarded: Record<string, string> = {}
  if (route.upstream.protocol !== protocol) return forwarded
  for (const name of FORWARDED[route.upstream.protocol]) {
    const value = headers.get(name)
    if (value !== null) forwarded[name] = value
  }
  return forwarded
}

/** The version that Anthropic's own clients of both generations accept answers of (sdk-wire 3). */
const ANTHROPIC_VERSION = "2023-06-01"

/** How an upstream is told who asks: Anthropic has a header of its own. */
function credentials({ protocol, key }: Route["upstream"]): Record<string, string> {
  if (protocol !== "anthropic-messages") return key === "" ? {} : { authorization: `Bearer ${key}` }
  return { "anthropic-version": ANTHROPIC_VERSION, ...(key === "" ? {} : { "x-api-key": key }) }
}

/** Calls the upstream of a route. Rejects when it cannot be reached or the signal aborts. */
export function sendUpstream(needs: SendNeeds, route: Route, call: UpstreamCall): Promise<Response> {
  const { upstream } = route
  const { path } = UPSTREAMS[upstream.protocol]
  const headers: Record<string, string> = {
    ...credentials(upstream),
    ...call.headers,
    "content-type": "application/json",
    // Uncompressed, so that the bytes can be read from the side and passed on as they are.
    "accept-encoding": "identity",
    "user-agent": "codexapi",
  }
  const init: RequestInit = {
    method: "POST",
    headers,
    body: call.body,
    signal: call.signal,
    redirect: "manual",
  }
  if (upstream.base_url === "demo:") {
    return answerDemo({ ...needs, pause: Bun.sleep }, new Request(`http://demo${path}`, init))
  }
  return needs.fetch(upstream.base_url + path, init)
}
