/** What becomes of a dispatched call: its answer on the way to the client, and its end in the books. */
import { AppError } from "../platform/errors.ts"
import { formatUsd } from "../wallet/ledger/nanos.ts"
import type { Route } from "./catalog/catalog.ts"
import { type Collected, collectAnswer, openCollector } from "./collect.ts"
import type { Dispatched } from "./dispatch.ts"
import { type End, type Exchange, endExchange, type GatewayNeeds } from "./exchange.ts"
import { startForwarding, streamBody } from "./forward.ts"
import { keepAnswer, parseObject } from "./keep-answer.ts"
import { answerMap, type Outlet, openOutlet, type Passing } from "./outlet.ts"
import type { AnswerStart } from "./protocol/codec.ts"
import { CLIENTS, UPSTREAMS } from "./protocol/codecs.ts"
import { echoOf } from "./protocol/openai-responses/echo.ts"
import { rememberStream } from "./reasoning-memory.ts"
import { checkSome } from "./stream-check.ts"
import type { Outgoing } from "./upstream/outgoing.ts"

/** Answers the client; whatever happens, the exchange is ended. Throws the error of a call that nobody answered. */
export async function deliver(
  needs: GatewayNeeds,
  exchange: Exchange,
  dispatched: Dispatched,
): Promise<Response> {
  switch (dispatched.kind) {
    case "stream":
      return deliverStream(needs, exchange, dispatched)
    case "whole":
      return deliverWhole(needs, exchange, dispatched)
    case "client-left": {
      const { route, reported } = dispatched
      const end_reason = exchange.cancelled?.aborted ? "cancelled" : "client-left"
      await endExchange(needs, exchange, { ...nothingFrom(end_reason), route: reported && route, reported })
      return clientGone()
    }
    case "failed": {
      const { failure, reported, route } = dispatched
      const end_reason = UNANSWERED[failure.result] ?? "refused-upstream"
      await endExchange(needs, exchange, { ...nothingFrom(end_reason), reported, route })
      throw withCounts(failure.error, exchange)
    }
  }
}

async function deliverStream(
  needs: GatewayNeeds,
  exchange: Exchange,
  stream: Extract<Dispatched, { kind: "stream" }>,
): Promise<Response> {
  const { connection, outgoing } = stream
  const start = startFor(exchange, connection.route, outgoing.is_passed)
  const passing = { door: exchange.door, start, connection, outgoing }
  noteRoute(exchange, outgoing)
  const headers = answerHeaders(exchange)
  if (!exchange.meter.admission.is_streamed) {
    const collector = openCollector(passing)
    const collected = await collectAnswer(
      startForwarding(needs, exchange, { ...stream, outlet: collector }),
      collector,
    )
    if (!collected) return clientGone()
    rememberWhole(needs, exchange, { route: connection.route, body: parseObject(collected.text) })
    await record(exchange, collected.text)
    return wholeResponse(answerHeaders(exchange), collected)
  }
  const forwarding = startForwarding(needs, exchange, {
    ...stream,
    outlet: openShown(needs, exchange, passing),
  })
  const turn_state = connection.response.headers.get("x-codex-turn-state")
  if (turn_state !== null) headers["x-codex-turn-state"] = turn_state
  headers["content-type"] = "text/event-stream"
  headers["cache-control"] = "no-cache"
  return new Response(streamBody(forwarding), { headers })
}

/** What the books must know of how the request went to the route that answered. */
function noteRoute(exchange: Exchange, { notes, is_tier_sent }: Outgoing): void {
  exchange.notes = [...notes]
  exchange.is_tier_sent = is_tier_sent
}

/** The outlet of a stream with whoever else reads along. */
function openShown(needs: GatewayNeeds, exchange: Exchange, passing: Passing): Outlet {
  const { door, request_id, recorder, meter } = exchange
  const { protocol } = door
  const shown = checkSome(needs, openOutlet(passing), { protocol, request_id })
  const kept = recorder ? keepAnswer(shown, recorder, protocol) : shown
  return remembers(exchange, passing.connection.route)
    ? rememberStream(needs.reasoning_memory, meter.admission.customer_id, kept)
    : kept
}

/** Chat clients do not send thinking back, which such an upstream wants for its next turn. */
export const remembers = ({ door }: Exchange, { upstream }: Route): boolean =>
  door.protocol === "openai-chat" && upstream.quirks.has("reasoning-content")

async function deliverWhole(
  needs: GatewayNeeds,
  exchange: Exchange,
  whole: Extract<Dispatched, { kind: "whole" }>,
): Promise<Response> {
  const { route, sniffed, outgoing } = whole
  const { reported, output_bytes, web_search_count, tier_served, phase } = sniffed
  noteRoute(exchange, outgoing)
  const end_reason = phase as "completed" | "incomplete" | "failed"
  const first_output_ms = needs.clock.now() - exchange.meter.started_at
  const counts = { reported, output_bytes, web_search_count }
  const end: End = { end_reason, route, ...counts, tier_served, first_output_ms }
  const settlement = await endExchange(needs, exchange, end)
  rememberWhole(needs, exchange, whole)
  const text = wholeText(exchange, whole)
  await record(exchange, text)
  return wholeResponse(answerHeaders(exchange), { text, settlement })
}

function rememberWhole(
  needs: GatewayNeeds,
  exchange: Exchange,
  { route, body }: { route: Route; body: unknown },
): void {
  if (!remembers(exchange, route)) return
  const events = UPSTREAMS[route.upstream.protocol].readAnswer(body)
  needs.reasoning_memory.remember(exchange.meter.admission.customer_id, events)
}

async function record({ recorder }: Exchange, text: string): Promise<void> {
  const answer = recorder && parseObject(text)
  if (answer) await recorder.record(answer)
}

/** A whole answer in the client's protocol. */
function wholeText(
  exchange: Exchange,
  { route, text, body, outgoing }: Extract<Dispatched, { kind: "whole" }>,
) {
  const { door } = exchange
  const upstream = UPSTREAMS[route.upstream.protocol]
  const start = startFor(exchange, route, outgoing.is_passed)
  if (outgoing.is_passed) return upstream.adaptAnswer(text, start)
  const map = answerMap(door, { route }, outgoing)
  return JSON.stringify(CLIENTS[door.protocol].collect(start, map.map(upstream.readAnswer(body))))
}

/**
 * How the answer of a route introduces itself: a translated one shows the whole request again, one that passes only
 * what its upstream was not told.
 */
function startFor({ start, door, asked_body }: Exchange, route: Route, is_passed: boolean): AnswerStart {
  if (is_passed) return route.upstream_model === start.model ? start : { ...start, is_renamed: true }
  if (door.protocol !== "openai-responses") return start
  return { ...start, echo: { ...echoOf(asked_body), ...start.echo } }
}

function wholeResponse(headers: Record<string, string>, { text, settlement }: Collected): Response {
  if (settlement) headers["x-codexapi-cost-usd"] = formatUsd(BigInt(settlement.cost_nanos))
  return new Response(text, { headers: { ...headers, "content-type": "application/json" } })
}

/**
 * Claude Code compacts on two numbers (claude-code-wire 7); where the upstream said none, they are the catalogue's
 * window and our estimate, which errs high.
 */
function withCounts(error: AppError, { model, meter }: Exchange): AppError {
  const { code, extra } = error.detail
  if (code !== "context_length_exceeded" || extra?.tokens !== undefined) return error
  const maximum = model.context_window_tokens
  const tokens = Math.max(maximum + 1, meter.admission.estimated_input_tokens)
  return new AppError(error.reason, error.message, { ...error.detail, extra: { tokens, maximum } })
}

/** How a request ends that no upstream answered, by what the last try came to. */
const UNANSWERED: Record<string, End["end_reason"]> = {
  unreachable: "unreachable",
  timeout: "timeout",
  cut: "cut",
}

/** The end of an exchange that delivered nothing. */
export const nothingFrom = (end_reason: End["end_reason"]): End => ({
  end_reason,
  route: undefined,
  reported: undefined,
  output_bytes: 0,
  tier_served: undefined,
  first_output_ms: undefined,
})

/** Nobody reads it; logs of proxies know the number. */
const clientGone = () => new Response(null, { status: 499 })

function answerHeaders({ request_id, model, notes }: Exchange): Record<string, string> {
  return {
    "x-request-id": request_id,
    "request-id": request_id,
    "x-codexapi-request-id": request_id,
    "x-codexapi-model": model.id,
    ...(notes.length > 0 && { "x-codexapi-notes": notes.join("; ") }),
  }
}
