/** The one pipeline of a model call: choose a model → hold → send → show or collect → settle. */
import type { Caller } from "../auth/keys.ts"
import { type Asked, readAsked } from "./asked.ts"
import { isCodex } from "./client.ts"
import { deliver, nothingFrom, remembers } from "./deliver.ts"
import { type Dispatched, dispatch } from "./dispatch.ts"
import { DOORS, type Door } from "./door.ts"
import { type Exchange, endExchange, type GatewayNeeds, type Recorder } from "./exchange.ts"
import { assertServed, holdCredit } from "./hold.ts"
import { chooseModel } from "./model-choice.ts"
import type { AnswerStart } from "./protocol/codec.ts"
import type { JsonObject } from "./protocol/json.ts"
import { stickyKeyOf } from "./routing/sticky-key.ts"
import { writeOutgoing } from "./upstream/outgoing.ts"
import { forwardedHeaders } from "./upstream/send.ts"

/** One request of an authenticated caller. */
export interface ModelCall {
  request_id: string
  caller: Caller
  door: Door
  /** The client's. */
  headers: Headers
  body: JsonObject
  /** The body as it came, when it was not changed on the way: then it passes byte for byte. */
  text?: string
  /** The client's connection is gone: its answer is read on for the true usage. */
  client_left: AbortSignal
  /** The answer is no longer wanted: the upstream is left now, and what was used is charged. */
  cancelled?: AbortSignal
  /** What the answer says of the request, where the upstream was asked something else (our own store). */
  echo?: JsonObject
  /** Called once the hold is on the disk: the request is accepted, its answer will come. */
  onAdmitted?: () => void
  /** Keeps the answer, as the client sees it, before the client sees its end. */
  recorder?: Recorder
  /** Gives back the key's place; called whatever happens, and again without effect. */
  leave(): void
}

/** Runs a call; the answer is what the client gets. Throws AppError before anything was sent. Settles in every case. */
export async function callModel(needs: GatewayNeeds, call: ModelCall): Promise<Response> {
  try {
    return await run(needs, call)
  } catch (error) {
    call.leave()
    throw error
  }
}

async function run(needs: GatewayNeeds, call: ModelCall): Promise<Response> {
  const asked = readAsked(call.door, call.text ?? JSON.stringify(call.body), call.body)
  const model = chooseModel(needs, call.caller, asked.admitted.model)
  const is_vip = (call.caller.vip_until ?? 0) > needs.clock.now()
  assertServed(model, { tier: asked.admitted.tier, is_vip })
  const { meter, durable } = await holdCredit(needs, call, { asked, model })
  const abandon = new AbortController()
  const exchange: Exchange = {
    request_id: call.request_id,
    door: call.door,
    start: startOf(needs, call, asked),
    model,
    meter,
    attempts: [],
    client_left: abandon.signal,
    cancelled: call.cancelled,
    leave: call.leave,
    is_ended: false,
    notes: [],
    is_tier_sent: true,
    asked_body: asked.body,
    recorder: call.recorder,
  }
  abortWith(call.client_left, abandon)
  const dispatched = send(needs, exchange, { call, asked, is_vip })
  dispatched.catch(() => {}) // awaited below, unless the hold's commit fails first
  // The call to the upstream is under way; the client sees nothing before the hold is on the disk.
  await durable.catch(error => {
    abandon.abort()
    dispatched.then(hangUp, () => {})
    throw error
  })
  call.onAdmitted?.()
  return deliverOrEnd(needs, exchange, dispatched)
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
  needs: GatewayNeeds,
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

/** How the answer introduces itself; its id is made from the request's, which is unique. */
function startOf(needs: GatewayNeeds, call: ModelCall, { body, admitted }: Asked): AnswerStart {
  const { door, request_id, echo } = call
  const is_codex = isCodex(door, call.headers)
  const wants_usage = (body.stream_options as { include_usage?: unknown } | undefined)?.include_usage
  return {
    id: door.answerId(request_id),
    created_at: Math.floor(needs.clock.now() / 1000),
    model: admitted.model,
    ...(echo && { echo }),
    ...(is_codex && { is_codex }),
    ...(wants_usage === true && { shows_usage: true }),
  }
}

/**
 * A whole answer that may outgrow its first hold is asked for as a stream, so that credit can be held as it grows;
 * the client gets it whole all the same.
 */
const needsStream = ({ meter }: Exchange): boolean =>
  meter.admission.is_streamed || meter.admission.max_output_tokens > meter.held_output_tokens

function send(
  needs: GatewayNeeds,
  exchange: Exchange,
  { call, asked, is_vip }: { call: ModelCall; asked: Asked; is_vip: boolean },
): Promise<Dispatched> {
  const { model, door } = exchange
  const is_streamed = needsStream(exchange)
  const { caller, headers } = call
  const { customer_id } = caller
  // A model with one route needs no key to find it again.
  const sticky_key =
    model.routes.length > 1
      ? stickyKeyOf({ customer_id, model_id: model.id, headers, body: asked.body })
      : undefined
  const gone = call.cancelled ? AbortSignal.any([exchange.client_left, call.cancelled]) : exchange.client_left
  return dispatch(needs, {
    request_id: exchange.request_id,
    routes: needs.routing.order({ routes: model.routes, sticky_key, is_vip }),
    sticky_key,
    is_vip,
    model: asked.admitted.model,
    is_streamed,
    may_be_whole: !asked.admitted.is_streamed,
    headersFor: route => forwardedHeaders(headers, door.protocol, route),
    outgoingFor(route, is_plain) {
      const recalled = remembers(exchange, route) ? recall(needs, caller, asked) : asked
      return writeOutgoing({ door, asked: recalled, model, route, is_streamed, is_plain })
    },
    client_left: gone,
    attempts: exchange.attempts,
  })
}

/** The request with the thinking that its client left out. */
function recall(needs: GatewayNeeds, { customer_id }: Caller, asked: Asked): Asked {
  const body = needs.reasoning_memory.recall(customer_id, asked.body)
  return body === asked.body ? asked : readAsked(DOORS.chat, JSON.stringify(body), body)
}
