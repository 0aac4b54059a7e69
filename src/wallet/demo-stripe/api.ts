/** The API over HTTP: authentication, idempotency, faults, errors in Stripe's shape; what is done is elsewhere. */
import { readBounded } from "../../platform/bounded-body.ts"
import { type Found, findEndpoint } from "./endpoints.ts"
import { expandAnswer } from "./expand.ts"
import type { CallFault, FaultSource } from "./faults.ts"
import { canonicalForm, parseForm } from "./form.ts"
import { type Answer, createIdempotency, type Idempotency } from "./idempotency.ts"
import { type Params, readTexts, refuseUnknown } from "./params.ts"
import { Refusal } from "./refusal.ts"
import { API_VERSION, createId, type World } from "./world.ts"

export interface ApiNeeds {
  world: World
  faults: FaultSource
  secret_key: string
}

const LARGEST_BODY_BYTES = 1024 * 1024
const LARGEST_KEY_COUNT = 20_000
const LONGEST_KEY = 255

interface Incoming {
  method: string
  path: string
  params: Params
  key: string | undefined
  request_id: string
}

/** Answers `/v1/…` as Stripe would. */
export function createApi(needs: ApiNeeds): (request: Request) => Promise<Response> {
  const idempotency = createIdempotency(needs.world.clock, LARGEST_KEY_COUNT)
  return async request => {
    const request_id = createId(needs.world, "req", 14)
    try {
      refuseStranger(request, needs.secret_key)
      const incoming = await readCall(request, request_id)
      const found = findEndpoint(incoming.method, incoming.path) ?? refuseUrl(incoming)
      const fault = needs.faults.drawCall(incoming.method, incoming.path)
      refuseByFault(fault)
      const { answer, is_replayed } = await carryOut(needs.world, idempotency, { incoming, found, fault })
      return sufferAfter(fault) ?? responseOf(answer, { incoming, is_replayed })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return responseOf(refusalAnswer(error, request_id))
    }
  }
}

function refuseStranger(request: Request, secret_key: string): void {
  const [scheme = "", credentials = ""] = (request.headers.get("authorization") ?? "").split(" ")
  const is_basic = scheme.toLowerCase() === "basic"
  const key = is_basic ? atobOrEmpty(credentials).split(":")[0] : credentials
  if (key && hashOf(key) === hashOf(secret_key)) return
  const message = key
    ? `Invalid API Key provided: ${key.slice(0, 8)}${"*".repeat(8)}${key.slice(-4)}`
    : "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer " +
      "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
  throw new Refusal(401, { type: "invalid_request_error", message }, false)
}

/** Comparing hashes takes the same time wherever two keys differ. */
const hashOf = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex")

const atobOrEmpty = (text: string): string => Buffer.from(text, "base64").toString("utf8")

async function readCall(request: Request, request_id: string): Promise<Incoming> {
  const url = new URL(request.url)
  const { method } = request
  const body = method === "POST" ? await readBounded(request, LARGEST_BODY_BYTES) : url.search.slice(1)
  if (body === undefined) {
    throw new Refusal(413, { type: "invalid_request_error", message: "Request is too large." }, false)
  }
  const key = (method === "POST" && request.headers.get("idempotency-key")) || undefined
  if (key && key.length > LONGEST_KEY) {
    const message = `Idempotency keys are at most ${LONGEST_KEY} characters long.`
    throw new Refusal(400, { type: "invalid_request_error", message }, false)
  }
  return { method, path: url.pathname, params: { form: parseForm(body), path: "" }, key, request_id }
}

function refuseUrl({ method, path }: Incoming): never {
  const message =
    `Unrecognized request URL (${method}: ${path}). This demonstration of Stripe knows only the part of the API ` +
    "that CodexAPI uses."
  throw new Refusal(404, { type: "invalid_request_error", message }, false)
}

function refuseByFault(fault: CallFault | undefined): void {
  if (fault?.kind !== "refuse") return
  const too_many =
    "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
  throw fault.status === 429
    ? new Refusal(429, { type: "invalid_request_error", code: "rate_limit", message: too_many }, false)
    : new Refusal(500, UNKNOWN_ERROR, false)
}

const UNKNOWN_ERROR = { type: "api_error", message: "An unknown error occurred" } as const

interface Work {
  incoming: Incoming
  found: Found
  fault: CallFault | undefined
}

/** Does what is asked, once for a key; the same key gets the same answer, errors that were worked for included. */
async function carryOut(
  world: World,
  idempotency: Idempotency,
  { incoming, found, fault }: Work,
): Promise<{ answer: Answer; is_replayed: boolean }> {
  const { method, path, params, key, request_id } = incoming
  const request = { endpoint: `${method} ${path}`, params: canonicalForm(params.form) }
  const kept = key && idempotency.begin(key, request)
  if (kept) return { answer: kept, is_replayed: true }
  if (fault?.kind === "delay") {
    await new Promise<void>(resolve => world.clock.after(fault.delay_ms, resolve))
  }
  let keeps: Answer | undefined
  try {
    const { answer, is_kept } = work(world, found, incoming)
    const is_500_kept = is_kept && fault?.kind === "answer-500" && fault.is_kept
    if (is_kept) keeps = is_500_kept ? unknownError(request_id) : answer
    return { answer, is_replayed: false }
  } finally {
    if (key) idempotency.end(key, keeps)
  }
}

/** Synchronous, so that no other call comes between, and every event knows its cause. */
function work(
  world: World,
  found: Found,
  { params, key, request_id }: Incoming,
): { answer: Answer; is_kept: boolean } {
  world.cause = { id: request_id, idempotency_key: key ?? null }
  try {
    refuseUnknown(params, found.params)
    const expand = readTexts(params, "expand")
    const object = found.endpoint(world, { id: found.id, params })
    const body = JSON.stringify(expandAnswer(world, object, expand), null, 2)
    return { answer: { status: 200, body, request_id }, is_kept: true }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { answer: refusalAnswer(error, request_id), is_kept: error.is_kept }
  } finally {
    world.cause = { id: null, idempotency_key: null }
  }
}

const refusalAnswer = ({ status, body }: Refusal, request_id: string): Answer => ({
  status,
  body: JSON.stringify({ error: { ...body, request_log_url: `demo-stripe:${request_id}` } }, null, 2),
  request_id,
})

const unknownError = (request_id: string): Answer =>
  refusalAnswer(new Refusal(500, UNKNOWN_ERROR, true), request_id)

/** What arrives instead of the answer, though everything was done. */
function sufferAfter(fault: CallFault | undefined): Response | undefined {
  if (fault?.kind === "lose-answer") return brokenResponse()
  if (fault?.kind !== "answer-500") return undefined
  return Response.json({ error: UNKNOWN_ERROR }, { status: 500 })
}

/** A body that fails before its first byte makes Bun reset the connection: the client sees ECONNRESET. */
function brokenResponse(): Response {
  return new Response(new ReadableStream({ start: controller => controller.error(undefined) }))
}

function responseOf(answer: Answer, call?: { incoming: Incoming; is_replayed: boolean }): Response {
  const headers = new Headers({
    "content-type": "application/json",
    "cache-control": "no-cache, no-store",
    "request-id": call?.incoming.request_id ?? answer.request_id,
    "stripe-version": API_VERSION,
  })
  if (call?.incoming.key) {
    headers.set("idempotency-key", call.incoming.key)
    headers.set("original-request", answer.request_id)
  }
  if (call?.is_replayed) headers.set("idempotent-replayed", "true")
  return new Response(answer.body, { status: answer.status, headers })
}
