/** The way of a request through a door: who asks, what was sent, the call, and every refusal in the client's protocol. */
import { authenticate } from "../auth/guard.ts"
import { AppError } from "../platform/errors.ts"
import { describeError } from "../platform/log.ts"
import { decodeText, parseJson } from "./asked.ts"
import { callModel } from "./call.ts"
import { isCodex } from "./client.ts"
import { DOORS, type Door } from "./door.ts"
import type { GatewayNeeds } from "./exchange.ts"
import { CLIENTS } from "./protocol/codecs.ts"
import { isJsonObject } from "./protocol/json.ts"
import { writeErrorForCodex } from "./protocol/openai-responses/errors.ts"
import { readBody } from "./read-body.ts"
import type { Asked as StoredAsked } from "./stored/expand.ts"
import type { Prepared, StoredNeeds } from "./stored/needs.ts"
import { prepareChat, prepareResponses } from "./stored/prepare.ts"

/** A request as the server hands it over. */
export interface Incoming {
  request: Request
  request_id: string
  /** The network address of the client. */
  address: string
}

export type AnswerNeeds = GatewayNeeds & StoredNeeds

/** Answers a request at a door. Every refusal is in the client's own protocol; money moves only in metering. */
export async function answerAt(door: Door, needs: AnswerNeeds, incoming: Incoming): Promise<Response> {
  try {
    return await answer(door, needs, incoming)
  } catch (thrown) {
    return refuse(door, needs, incoming, thrown)
  }
}

async function answer(door: Door, needs: AnswerNeeds, incoming: Incoming): Promise<Response> {
  const { request, request_id, address } = incoming
  const caller = await authenticate(needs, request, address)
  const leave = needs.key_limits.enter(caller.key_id)
  try {
    const text = decodeText(await readBody(request))
    const body = parseJson(text)
    if (!isJsonObject(body)) {
      throw new AppError("invalid", "The body must be a JSON object.", {
        code: "invalid_request",
        field: "body",
      })
    }
    const { headers, signal: client_left } = request
    const call = { request_id, caller, door, headers, client_left, leave }
    const prepared = await prepare(door, needs, { caller, body })
    if (prepared.answer) return await prepared.answer(call)
    const is_same = prepared.body === body
    return await callModel(needs, { ...call, ...prepared, ...(is_same && { text }) })
  } catch (error) {
    leave()
    throw error
  }
}

/** What the client's own store does for a request before any model is asked. */
async function prepare(door: Door, needs: AnswerNeeds, asked: StoredAsked): Promise<Prepared> {
  switch (door) {
    case DOORS.responses:
      return prepareResponses(needs, asked)
    case DOORS.chat:
      return prepareChat(needs, asked)
    default:
      return { body: asked.body }
  }
}

/** Anything thrown becomes an answer that the client can read; a bug is logged and says nothing of its cause. */
function refuse(
  door: Door,
  needs: AnswerNeeds,
  { request, request_id }: Incoming,
  thrown: unknown,
): Response {
  const error = thrown instanceof AppError ? thrown : bug(needs.log, request_id, thrown)
  const { code = error.reason } = error.detail
  needs.metrics.refused.inc({ reason: error.reason })
  needs.events.emit("request-refused", { reason: error.reason, code })
  const answer = isCodex(door, request.headers)
    ? writeErrorForCodex(error, {
        response_id: door.answerId(request_id),
        created_at: Math.floor(needs.clock.now() / 1000),
      })
    : CLIENTS[door.protocol].writeError(error, request_id)
  return new Response(answer.body, {
    status: answer.status,
    headers: { ...answer.headers, "x-request-id": request_id, "request-id": request_id },
  })
}

function bug(log: GatewayNeeds["log"], request_id: string, thrown: unknown): AppError {
  log.error("request failed by a bug", { request_id, ...describeError(thrown) })
  return new AppError("internal", "Something went wrong on our side. Please report the request id.", {
    extra: { request_id },
  })
}
