/** A small server with the stored-object routes, two customers, and a model in the test's hand behind the real seam. */
import { Elysia } from "elysia"
import { createCustomer } from "../../../src/auth/customers.ts"
import { createKeyLimits } from "../../../src/auth/key-limits.ts"
import { type Caller, createKey, createKeyRing } from "../../../src/auth/keys.ts"
import { createVault } from "../../../src/auth/vault.ts"
import type { ModelCall } from "../../../src/gateway/call.ts"
import { DOORS } from "../../../src/gateway/door.ts"
import type { JsonObject } from "../../../src/gateway/protocol/json.ts"
import { eventText } from "../../../src/gateway/protocol/sse.ts"
import type { Prepared, StoredNeeds } from "../../../src/gateway/stored/needs.ts"
import { prepareChat, prepareResponses } from "../../../src/gateway/stored/prepare.ts"
import { eventsOfResponse } from "../../../src/gateway/stored/replay.ts"
import { storedRoutes } from "../../../src/gateway/stored/routes.ts"
import { createRuns } from "../../../src/gateway/stored/runs.ts"
import { tokenRoutes } from "../../../src/gateway/tokens/routes.ts"
import type { StoredLimits } from "../../../src/platform/config.ts"
import { AppError } from "../../../src/platform/errors.ts"
import { createNewId } from "../../../src/platform/ids.ts"
import { createLog } from "../../../src/platform/log.ts"
import { statusOf } from "../../../src/platform/problem.ts"
import { createRateLimit } from "../../../src/platform/rate-limit.ts"
import { createTasks } from "../../../src/platform/tasks.ts"
import { createTestClock, type TestClock } from "../../support/clock.ts"
import { PASSWORD_HASH } from "../../support/password.ts"
import { createTestRandom } from "../../support/random.ts"
import { openTestStore } from "../../support/store.ts"

export const DAY_MS = 86_400_000

/** Answers one call of the model. */
export type Answer = (call: ModelCall) => Response | Promise<Response>

export interface Customer {
  caller: Caller
  key: string
}

export interface Scene {
  needs: StoredNeeds
  clock: TestClock
  logs: string[]
  mine: Customer
  other: Customer
  /** Every call that reached the model. */
  calls: ModelCall[]
  /** Answers for the calls to come; without one the model says "hello". */
  play(...answers: Answer[]): void
  /** As `mine`, or the key's owner; the answer's JSON. */
  ask(method: string, path: string, body?: unknown, key?: string): Promise<Asked>
  /** The same, as it comes. */
  send(method: string, path: string, body?: unknown, key?: string | null): Promise<Response>
  /** Stores a response of `mine` as the door does, and gives it as the client saw it. */
  create(body: JsonObject, by?: Customer): Promise<JsonObject & { id: string }>
}

export interface Asked {
  status: number
  body: Record<string, unknown> & { data: (JsonObject & { id: string })[]; error: JsonObject }
}

const LIMITS: StoredLimits = {
  max_age_ms: 30 * DAY_MS,
  max_object_bytes: 4 * 1024 * 1024,
  max_customer_bytes: 256 * 1024 * 1024,
  max_customer_count: 10_000,
}

export async function openScene(limits: Partial<StoredLimits> = {}): Promise<Scene> {
  const clock = createTestClock()
  const random = createTestRandom()
  const logs: string[] = []
  const log = createLog("info", line => logs.push(line))
  const store = openTestStore("main")
  const vault = createVault("a secret of the tests, 32 letters or more", random)
  const newId = createNewId({ clock, random })
  const calls: ModelCall[] = []
  const script: Answer[] = []
  const needs: StoredNeeds = {
    cache: openTestStore("cache"),
    clock,
    config: { stored: { ...LIMITS, ...limits } },
    keys: createKeyRing({ store, vault, clock }),
    failure_limit: createRateLimit(clock, { burst: 60, per_minute: 30 }),
    vault,
    newId,
    tasks: createTasks(error => logs.push(String(error))),
    log,
    key_limits: createKeyLimits(clock, { concurrency: 100, requests_per_minute: 100_000 }),
    runs: createRuns(),
    async callModel(call) {
      calls.push(call)
      return (script.shift() ?? saying("hello"))(call)
    },
  }
  const makeCustomer = (email: string): Promise<Customer> =>
    store.tx(async q => {
      const { id: customer_id } = await createCustomer(
        q,
        { clock, newId, events: { emit: () => {}, listen: () => () => {} } } as never,
        { email, password_hash: PASSWORD_HASH },
      )
      const key = await createKey(
        q,
        { vault, random, newId, clock },
        { customer_id, kind: "user", name: "k" },
      )
      const caller = {
        customer_id,
        key_id: key.id,
        key_kind: "user",
        models: null,
        expires_at: null,
      } as Caller
      return { caller, key: key.token }
    })
  const mine = await makeCustomer("mine@example.com")
  const other = await makeCustomer("other@example.com")
  const server = openServer(needs)
  const send: Scene["send"] = async (method, path, body, key = mine.key) =>
    server.handle(
      new Request(`http://localhost${path}`, {
        method,
        headers: {
          "content-type": "application/json",
          ...(key !== null && { authorization: `Bearer ${key}` }),
        },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    )
  return {
    needs,
    clock,
    logs,
    mine,
    other,
    calls,
    play: (...answers) => void script.push(...answers),
    send,
    async ask(method, path, body, key) {
      const answer = await send(method, path, body, key)
      return { status: answer.status, body: (await answer.json()) as Asked["body"] }
    },
    async create(body, by = mine) {
      clock.advance(1)
      const answer = await send("POST", "/v1/responses", { model: "gpt-5.5", ...body }, by.key)
      if (!answer.ok) throw new Error(await answer.text())
      return (await answer.json()) as JsonObject & { id: string }
    },
  }
}

/** The door of the pipeline, as short as it can be: prepare, call, record. */
export function openServer(needs: StoredNeeds) {
  const answer = async (request: Request, door: "responses" | "chat"): Promise<Response> => {
    const caller = (await needs.keys.find(request.headers.get("authorization")!.slice(7)))!
    const body = (await request.json()) as JsonObject
    const prepare = door === "responses" ? prepareResponses : prepareChat
    const prepared: Prepared = await prepare(needs, { caller, body })
    const request_id = needs.newId("req")
    const { headers, signal: client_left } = request
    const call = { request_id, caller, door: DOORS[door], headers, client_left, leave: () => {} }
    if (prepared.answer) return prepared.answer(call)
    const answered = await needs.callModel({ ...call, body: prepared.body })
    await prepared.recorder?.record((await answered.clone().json()) as JsonObject)
    return answered
  }
  return new Elysia()
    .onRequest(({ set }) => {
      set.headers["x-request-id"] = needs.newId("req")
    })
    .onError(({ error }) => {
      const cause = error instanceof Error && error.cause instanceof AppError ? error.cause : error
      if (!(cause instanceof AppError)) return Response.json({ bug: String(error) }, { status: 500 })
      const { code = cause.reason, field = null } = cause.detail
      const shown = { message: cause.message, code, param: field }
      return Response.json({ error: shown }, { status: statusOf(cause.reason) })
    })
    .post("/v1/responses", ({ request }) => answer(request, "responses"), { parse: "none" })
    .post("/v1/chat/completions", ({ request }) => answer(request, "chat"), { parse: "none" })
    .use(tokenRoutes(needs))
    .use(storedRoutes(needs))
}

const USAGE = {
  input_tokens: 10,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 15,
}

/** A whole response with these output items. */
export const responseWith = (call: ModelCall, output: JsonObject[]): JsonObject & { id: string } => ({
  id: call.door.answerId(call.request_id),
  object: "response",
  created_at: 1_767_323_045,
  status: "completed",
  error: null,
  incomplete_details: null,
  model: call.body.model,
  output,
  usage: USAGE,
})

/** A message item of the assistant; its id is made from the text. */
export const messageOf = (text: string, id = `msg_${text.replaceAll(/\W/g, "_")}`): JsonObject => ({
  type: "message",
  id,
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text, annotations: [] }],
})

/** Answers with these items, streamed when asked so. */
export const giving =
  (...output: JsonObject[]): Answer =>
  call => {
    call.onAdmitted?.()
    const response = responseWith(call, output)
    return call.body.stream === true ? streamOf(eventsOfResponse(response)) : Response.json(response)
  }

/** Answers with one message, in the protocol of the door. */
export const saying =
  (text: string): Answer =>
  call =>
    call.door.protocol === "openai-chat"
      ? Response.json(completionOf(call, text))
      : giving(messageOf(text))(call)

const completionOf = (call: ModelCall, text: string) => ({
  id: call.door.answerId(call.request_id),
  object: "chat.completion",
  created: 1_767_323_045,
  model: call.body.model,
  choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
})

export function streamOf(events: Iterable<JsonObject & { type: string }>): Response {
  let text = ""
  for (const event of events) text += eventText(event)
  return new Response(text, { headers: { "content-type": "text/event-stream" } })
}

/** A streamed answer in the test's hand: events are pushed one by one, `end` closes it; a cancellation breaks it. */
export function openAnswer() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const keep = (one: ReadableStreamDefaultController<Uint8Array>): void => {
    controller = one
  }
  const asked = Promise.withResolvers<ModelCall>()
  const cancelled = Promise.withResolvers<void>()
  const answer: Answer = call => {
    call.onAdmitted?.()
    const stream = new ReadableStream<Uint8Array>({ start: keep })
    call.cancelled?.addEventListener("abort", () => {
      controller?.error(new Error("aborted"))
      cancelled.resolve()
    })
    asked.resolve(call)
    return new Response(stream, { headers: { "content-type": "text/event-stream" } })
  }
  return {
    answer,
    asked: asked.promise,
    cancelled: cancelled.promise,
    push: (...events: (JsonObject & { type: string })[]) => {
      for (const event of events) controller?.enqueue(new TextEncoder().encode(eventText(event)))
    },
    end: () => controller?.close(),
  }
}

/** The events of a stream, parsed. */
export const readEvents = (text: string): (JsonObject & { type: string; sequence_number: number })[] =>
  text
    .split("\n")
    .filter(line => line.startsWith("data: "))
    .map(line => JSON.parse(line.slice(6)))

/** A response of `mine` as a poll sees it. */
export const poll = async (scene: Scene, id: string) => (await scene.ask("GET", `/v1/responses/${id}`)).body

/** The whole stream of a response from a number on, parsed. */
export async function replay(scene: Scene, id: string, query = "") {
  const answer = await scene.send("GET", `/v1/responses/${id}?stream=true${query}`)
  return readEvents(await answer.text())
}
