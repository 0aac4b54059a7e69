/** The one pipeline of a model request: read → who asks → model and routes → hold → send → forward → settle. */
import { authenticate } from "../auth/guard.ts"
import type { Caller } from "../auth/keys.ts"
import { AppError } from "../platform/errors.ts"
import type { Log } from "../platform/log.ts"
import { describeError } from "../platform/log.ts"
import { formatUsd } from "../wallet/ledger/nanos.ts"
import { type Opened, openMeter } from "../wallet/metering/meter.ts"
import type { Model, Route } from "./catalog/catalog.ts"
import { orderRoutes } from "./choose-route.ts"
import { identifyClient } from "./client.ts"
import { type Collected, collectAnswer } from "./collect.ts"
import { type Dispatched, dispatch } from "./dispatch.ts"
import { type End, type Exchange, endExchange, type GatewayNeeds, topUp } from "./exchange.ts"
import { startForwarding, streamBody } from "./forward.ts"
import { type Admitted, admitRequest } from "./protocol/openai-responses/admit.ts"
import { type ErrorAnswer, writeError, writeErrorForCodex } from "./protocol/openai-responses/errors.ts"
import { findAmbiguousKey, type Member, scanTopLevel, setValue } from "./protocol/top-level.ts"
import { readBody } from "./read-body.ts"
import { forwardedHeaders } from "./upstream/send.ts"

/** A request as the server hands it over. */
export interface Incoming {
  request: Request
  request_id: string
  /** The network address of the client. */
  address: string
}

export type AnswerNeeds = GatewayNeeds & { log: Log }

/** `POST /v1/responses`. Every refusal is in the client's own protocol; money moves only in metering. */
export async function answerResponses(needs: AnswerNeeds, incoming: Incoming): Promise<Response> {
  try {
    return await answer(needs, incoming)
  } catch (thrown) {
    return refuse(needs, incoming, thrown)
  }
}

async function answer(needs: AnswerNeeds, incoming: Incoming): Promise<Response> {
  const { request, request_id, address } = incoming
  const caller = await authenticate(needs, request, address)
  const leave = needs.key_limits.enter(caller.key_id)
  try {
    const asked = await readAsked(request)
    const model = chooseModel(needs, caller, asked.admitted.model)
    const { value: opened, durable } = await hold(needs, {
      request_id,
      caller,
      model,
      admitted: asked.admitted,
    })
    const abandon = new AbortController()
    const exchange: Exchange = {
      request_id,
      client: identifyClient(request.headers),
      model,
      meter: meterOf(needs, opened),
      attempts: [],
      client_left: abandon.signal,
      leave,
      is_ended: false,
    }
    abortWith(request.signal, abandon)
    const dispatched = send(needs, exchange, { asked, request })
    dispatched.catch(() => {}) // awaited below, unless the hold's commit fails first
    // The call to the upstream is under way; the client sees nothing before the hold is on the disk.
    await durable.catch(error => {
      abandon.abort()
      dispatched.then(hangUp, () => {})
      throw error
    })
    return await deliverOrEnd(needs, exchange, dispatched)
  } catch (error) {
    leave()
    throw error
  }
}

/** Ends the call to the upstream when its answer cannot be used. */
function hangUp(dispatched: Dispatched): void {
  if (dispatched.kind !== "stream") return
  dispatched.connection.abort()
  dispatched.connection.close()
}

function abortWith(signal: AbortSignal, controller: AbortController): void {
  if (signal.aborted) controller.abort()
  else signal.addEventListener("abort", () => controller.abort(), { once: true })
}

/** Whatever goes wrong after the hold is durable, the exchange is ended. */
async function deliverOrEnd(
  needs: AnswerNeeds,
  exchange: Exchange,
  dispatched: Promise<Dispatched>,
): Promise<Response> {
  try {
    return await deliver(needs, exchange, await dispatched)
  } catch (error) {
    if (!exchange.is_ended) await endExchange(needs, exchange, nothingFrom("aborted"))
    throw error
  }
}

/** A request body that may be metered. */
interface Asked {
  text: string
  members: Member[]
  admitted: Admitted
}

async function readAsked(request: Request): Promise<Asked> {
  const bytes = await readBody(request)
  const text = decodeText(bytes)
  const body = parseJson(text)
  const admission = admitRequest(body, bytes.byteLength)
  if (!admission.ok) {
    const { field, message, code = "invalid_request" } = admission
    throw new AppError("invalid", message, { code, field })
  }
  const members = scanTopLevel(text)
  const ambiguous = findAmbiguousKey(members, GUARDED_KEYS)
  if (ambiguous !== undefined) {
    throw new AppError(
      "invalid",
      `${JSON.stringify(ambiguous)} can be read in two ways: send each field once, in lower case.`,
      { field: ambiguous },
    )
  }
  return { text, members, admitted: admission.admitted }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The body as text; what is not UTF-8 could not be passed on byte for byte. */
function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    // The decoder says only that it failed.
    throw new AppError("invalid", "The request body is not valid UTF-8.", {
      code: "invalid_utf8",
      field: "body",
    })
  }
}

/** What is billed and refused by. */
const GUARDED_KEYS = [
  "model",
  "stream",
  "max_output_tokens",
  "service_tier",
  "previous_response_id",
  "conversation",
  "background",
  "prompt",
]

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message : "unreadable"
    throw new AppError("invalid", `The request body is not valid JSON: ${why}`, {
      code: "invalid_json",
      field: "body",
    })
  }
}

function chooseModel(needs: AnswerNeeds, caller: Caller, asked: string): Model {
  const model = needs.catalog.find(asked)
  const is_allowed = caller.models === null || caller.models.includes(asked)
  if (model && is_allowed) return model
  const served = needs.catalog.list().filter(one => caller.models === null || caller.models.includes(one.id))
  const hint = served.length > 0 ? ` Models you can use: ${served.map(one => one.id).join(", ")}.` : ""
  throw new AppError("not_found", `The model ${JSON.stringify(asked)} is not available here.${hint}`, {
    code: "model_not_found",
    field: "model",
  })
}

function hold(
  needs: AnswerNeeds,
  admission: { request_id: string; caller: Caller; model: Model; admitted: Admitted },
) {
  const { caller, model, admitted } = admission
  return openMeter(needs, {
    request_id: admission.request_id,
    customer_id: caller.customer_id,
    key_id: caller.key_id,
    endpoint: "/v1/responses",
    is_streamed: admitted.is_streamed,
    model_asked: admitted.model,
    model_served: model.id,
    rate_card: model.rate_card,
    tier_asked: admitted.tier,
    estimated_input_tokens: admitted.estimated_input_tokens,
    max_output_tokens: Math.min(
      admitted.max_output_tokens ?? model.max_output_tokens,
      model.max_output_tokens,
    ),
  })
}

function meterOf(needs: AnswerNeeds, opened: Opened) {
  if (opened.kind === "open") return opened.meter
  if (opened.kind === "frozen") {
    throw new AppError(
      "forbidden",
      "This wallet is frozen because of a payment dispute. Please contact support.",
      {
        code: "wallet_frozen",
      },
    )
  }
  const { available_nanos, required_nanos, affordable_output_tokens } = opened
  throw new AppError(
    "payment_required",
    `Not enough credit: this request needs $${formatUsd(required_nanos)}, and $${formatUsd(available_nanos)} is available. ${topUp(needs)}.`,
    {
      code: "insufficient_quota",
      extra: {
        available_usd: formatUsd(available_nanos),
        required_usd: formatUsd(required_nanos),
        affordable_output_tokens: Number.isFinite(affordable_output_tokens) ? affordable_output_tokens : null,
      },
    },
  )
}

/**
 * A whole answer that may outgrow its first hold is asked for as a stream, so that credit can be held as it grows;
 * the client gets it whole all the same.
 */
const needsStream = (exchange: Exchange, admitted: Admitted): boolean =>
  admitted.is_streamed || exchange.meter.admission.max_output_tokens > exchange.meter.held_output_tokens

async function send(
  needs: AnswerNeeds,
  exchange: Exchange,
  sent: { asked: Asked; request: Request },
): Promise<Dispatched> {
  const { text, members, admitted } = sent.asked
  const is_streamed = needsStream(exchange, admitted)
  const body =
    is_streamed === admitted.is_streamed ? text : setValue(text, members, { key: "stream", value: true })
  return dispatch(needs, {
    request_id: exchange.request_id,
    routes: orderRoutes(exchange.model.routes, needs.random),
    is_streamed,
    may_be_whole: !admitted.is_streamed,
    path: "/responses",
    headers: forwardedHeaders(sent.request.headers),
    bodyFor: route => bodyFor(route, admitted.model, body),
    client_left: exchange.client_left,
    attempts: exchange.attempts,
  })
}

/** The client's own body, but for the model's name where the upstream has another. */
function bodyFor(route: Route, model: string, body: string): string {
  if (route.upstream_model === model) return body
  return setValue(body, scanTopLevel(body), { key: "model", value: route.upstream_model })
}

async function deliver(needs: AnswerNeeds, exchange: Exchange, dispatched: Dispatched): Promise<Response> {
  const headers = answerHeaders(exchange)
  switch (dispatched.kind) {
    case "stream": {
      const forwarding = startForwarding(needs, exchange, dispatched)
      if (!exchange.meter.admission.is_streamed) {
        const collected = await collectAnswer(forwarding)
        return collected ? wholeResponse(headers, collected) : clientGone()
      }
      const turn_state = dispatched.connection.response.headers.get("x-codex-turn-state")
      if (turn_state !== null) headers["x-codex-turn-state"] = turn_state
      headers["content-type"] = "text/event-stream"
      headers["cache-control"] = "no-cache"
      return new Response(streamBody(forwarding), { headers })
    }
    case "whole": {
      const { route, text, sniffed } = dispatched
      const { reported, output_bytes, tier_served, phase } = sniffed
      const end_reason = phase as "completed" | "incomplete" | "failed"
      const first_output_ms = needs.clock.now() - exchange.meter.started_at
      const end: End = { end_reason, route, reported, output_bytes, tier_served, first_output_ms }
      return wholeResponse(headers, { text, settlement: await endExchange(needs, exchange, end) })
    }
    case "client-left":
      await endExchange(needs, exchange, nothingFrom("client-left"))
      return clientGone()
    case "failed": {
      const { failure, reported, route } = dispatched
      const end_reason = UNANSWERED[failure.result] ?? "refused-upstream"
      await endExchange(needs, exchange, { ...nothingFrom(end_reason), reported, route })
      throw failure.error
    }
  }
}

function wholeResponse(headers: Record<string, string>, { text, settlement }: Collected): Response {
  if (settlement) headers["x-codexapi-cost-usd"] = formatUsd(BigInt(settlement.cost_nanos))
  return new Response(text, { headers: { ...headers, "content-type": "application/json" } })
}

/** How a request ends that no upstream answered, by what the last try came to. */
const UNANSWERED: Record<string, End["end_reason"]> = {
  unreachable: "unreachable",
  timeout: "timeout",
  cut: "cut",
}

const nothingFrom = (end_reason: End["end_reason"]): End => ({
  end_reason,
  route: undefined,
  reported: undefined,
  output_bytes: 0,
  tier_served: undefined,
  first_output_ms: undefined,
})

/** Nobody reads it; logs of proxies know the number. */
const clientGone = () => new Response(null, { status: 499 })

function answerHeaders(exchange: Exchange): Record<string, string> {
  const { request_id, model } = exchange
  return { "x-request-id": request_id, "x-codexapi-request-id": request_id, "x-codexapi-model": model.id }
}

/** Anything thrown becomes an answer that the client can read; a bug is logged and says nothing of its cause. */
function refuse(needs: AnswerNeeds, incoming: Incoming, thrown: unknown): Response {
  const { request, request_id } = incoming
  const error = thrown instanceof AppError ? thrown : bug(needs.log, request_id, thrown)
  const { code = error.reason } = error.detail
  needs.metrics.refused.inc({ reason: error.reason })
  needs.events.emit("request-refused", { reason: error.reason, code })
  const answer: ErrorAnswer =
    identifyClient(request.headers) === "codex"
      ? writeErrorForCodex(error, { response_id: request_id, created_at: needs.clock.now() })
      : writeError(error)
  return new Response(answer.body, {
    status: answer.status,
    headers: { ...answer.headers, "x-request-id": request_id },
  })
}

function bug(log: Log, request_id: string, thrown: unknown): AppError {
  log.error("request failed by a bug", { request_id, ...describeError(thrown) })
  return new AppError("internal", "Something went wrong on our side. Please report the request id.", {
    extra: { request_id },
  })
}
