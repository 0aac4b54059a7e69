/** A small correct server of another vendor on loopback, which a test breaks in one place; answers nothing real. */
import type { Door } from "../../src/conformance/case.ts"
import {
  chatChunks,
  completionChunks,
  messageEvents,
  responseEvents,
  type Said,
  wholeChat,
  wholeCompletion,
  wholeMessage,
  wholeResponse,
} from "./stub-answers.ts"

type Body = Record<string, unknown>

/** An answer before it is sent; a test may change any of it. */
export interface StubAnswer {
  status: number
  headers: Record<string, string>
  /** A JSON body. */
  json?: Body
  /** A stream instead: events or chunks. */
  events?: Body[]
  /** Whether the events have `event:` lines, and whether `[DONE]` ends them. */
  is_named?: boolean
  ends_done?: boolean
  /** Sent as it is instead of both. */
  text?: string
}

export interface StubAsk {
  method: string
  path: string
  query: URLSearchParams
  headers: Headers
  body: Body | undefined
}

export interface StubServer extends AsyncDisposable {
  url: string
  asked: StubAsk[]
}

export const STUB_KEY = "sk-stub"
export const STUB_MODEL = "stub-1"

/** Changes an answer in place or gives another. */
export type Change = (answer: StubAnswer, ask: StubAsk) => StubAnswer | undefined

/** Starts the stub; `routes` are asked first, `change` breaks what was answered. */
export function startStub(
  change: Change = () => undefined,
  routes: (ask: StubAsk) => StubAnswer | undefined = () => undefined,
): StubServer {
  const asked: StubAsk[] = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname: path, searchParams: query } = new URL(request.url)
      const { method, headers } = request
      const ask: StubAsk = { method, path, query, headers, body: parse(await request.text()) }
      asked.push(ask)
      const answer = routes(ask) ?? answerAsk(ask, asked.length)
      return responseOf(change(answer, ask) ?? answer)
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  }
}

function parse(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : undefined
  } catch {
    // Not JSON: refused as a body that is no object.
    return undefined
  }
}

function responseOf({ status, headers, json, events, is_named, ends_done, text }: StubAnswer): Response {
  const type = events ? "text/event-stream" : "application/json"
  const lines = events?.map(event => {
    const name = is_named ? `event: ${event.type}\n` : ""
    return `${name}data: ${JSON.stringify(event)}\n\n`
  })
  const stream = lines && lines.join("") + (ends_done ? "data: [DONE]\n\n" : "")
  const body = text ?? stream ?? (json === undefined ? null : JSON.stringify(json))
  return new Response(body, { status, headers: { "content-type": type, ...headers } })
}

const ok = (json: Body): StubAnswer => ({ status: 200, headers: {}, json })

/** A refusal in the shape of the path's protocol. */
export function refusal(
  path: string,
  status: number,
  field: string | null,
  code: string | null = null,
): StubAnswer {
  const message = field === null ? "Not here." : `${field}: not as it should be.`
  if (!path.startsWith("/v1/messages")) {
    const error = { message, type: "invalid_request_error", param: field, code }
    return { status, headers: {}, json: { error } }
  }
  const types: Record<number, string> = { 401: "authentication_error", 404: "not_found_error" }
  const error = { type: types[status] ?? "invalid_request_error", message }
  return { status, headers: { "request-id": crypto.randomUUID() }, json: { type: "error", error } }
}

function answerAsk(ask: StubAsk, serial: number): StubAnswer {
  const { method, path, headers } = ask
  if (path === "/") return ok({})
  const key = headers.get("authorization")?.replace("Bearer ", "") ?? headers.get("x-api-key")
  if (key !== STUB_KEY) return refusal(path, 401, null)
  if (path.startsWith("/v1/models")) return answerModels(path)
  if (path === "/v1/messages/count_tokens")
    return ok({ input_tokens: JSON.stringify(ask.body?.messages ?? "").length })
  const writer = method === "POST" ? WRITERS[path as Door] : undefined
  if (writer === undefined) return refusal(path, 404, null)
  const wrong = findWrong(path as Door, ask.body)
  if (wrong !== undefined) return refusal(path, 400, wrong)
  const body = ask.body!
  if (body.model === "no-such-model") return refusal(path, 404, "model", "model_not_found")
  if (body.previous_response_id !== undefined)
    return refusal(path, 400, "previous_response_id", "previous_response_not_found")
  const is_call = body.tool_choice !== undefined
  return writer({ model: String(body.model), is_call, serial, ...countTokens(body) }, body)
}

/** The more is asked the more is counted; a small limit is heeded. */
export function countTokens(body: Body) {
  const asked = JSON.stringify(body.input ?? body.messages ?? body.prompt)
  const is_cut = Number(body.max_output_tokens ?? body.max_completion_tokens ?? body.max_tokens ?? 64) < 64
  return { input_tokens: asked.length, output_tokens: is_cut ? 3 : 5, is_cut }
}

function answerModels(path: string): StubAnswer {
  const created = 1_760_000_000
  const model = { id: STUB_MODEL, object: "model", created, owned_by: "stub" }
  if (path === "/v1/models") return ok({ object: "list", data: [model] })
  const name = decodeURIComponent(path.slice("/v1/models/".length))
  return name === STUB_MODEL ? ok(model) : refusal(path, 404, name, "model_not_found")
}

const asksUsage = (body: Body): boolean => (body.stream_options as Body | undefined)?.include_usage === true

const streamed = (events: Body[], framing: Partial<StubAnswer>): StubAnswer => ({
  status: 200,
  headers: {},
  events,
  ...framing,
})

const NAMED = { is_named: true }
const CHUNKED = { ends_done: true }

const WRITERS: Record<Door, (said: Said, body: Body) => StubAnswer> = {
  "/v1/responses": (said, body) =>
    body.stream === true ? streamed(responseEvents(said), NAMED) : ok(wholeResponse(said)),
  "/v1/chat/completions": (said, body) =>
    body.stream === true ? streamed(chatChunks(said, asksUsage(body)), CHUNKED) : ok(wholeChat(said)),
  "/v1/completions": (said, body) =>
    body.stream === true
      ? streamed(completionChunks(said, asksUsage(body)), CHUNKED)
      : ok(wholeCompletion(said)),
  "/v1/messages": (said, body) => {
    const answer = body.stream === true ? streamed(messageEvents(said), NAMED) : ok(wholeMessage(said))
    return { ...answer, headers: { "request-id": `req_${said.serial}` } }
  },
}

const isLimit = (value: unknown): boolean =>
  value === undefined || (Number.isInteger(value) && Number(value) > 0)

/** The first field of a body that is not as its protocol wants it. */
function findWrong(door: Door, body: Body | undefined): string | undefined {
  if (body === undefined) return "body"
  const { model, stream, tools, n } = body
  if (typeof model !== "string" || model === "") return "model"
  if (stream !== undefined && typeof stream !== "boolean") return "stream"
  if (tools !== undefined && !Array.isArray(tools)) return "tools"
  if (n !== undefined) return "n"
  const limit = ["max_tokens", "max_output_tokens", "max_completion_tokens"].find(
    name => !isLimit(body[name]),
  )
  if (limit !== undefined) return limit
  if (door === "/v1/messages" && body.max_tokens === undefined) return "max_tokens"
  return findWrongPrompt(door, body)
}

function findWrongPrompt(door: Door, { input, prompt, messages }: Body): string | undefined {
  if (door === "/v1/responses") return typeof input === "string" || Array.isArray(input) ? undefined : "input"
  if (door === "/v1/completions")
    return typeof prompt === "string" || Array.isArray(prompt) ? undefined : "prompt"
  if (!Array.isArray(messages) || messages.length === 0) return "messages"
  const index = messages.findIndex(
    one => !["system", "user", "assistant", "tool"].includes(one.role) || typeof one.content === "number",
  )
  return index === -1 ? undefined : `messages[${index}]`
}
