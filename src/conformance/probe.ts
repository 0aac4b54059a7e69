/** The black box's client: HTTP on a base URL with a key, bounded in time and number; knows no protocol. */
import { isJsonObject, type JsonObject } from "../gateway/protocol/json.ts"
import { VERSION } from "../platform/version.ts"
import { fail, notApplicable } from "./finding.ts"

/** The server under test, and what all cases share. */
export interface Target {
  /** Without a slash at the end and without `/v1`. */
  base_url: string
  key: string
  model: string
  /** It is this gateway: nothing it promises may be missing. */
  is_ours: boolean
  /** Calls made so far. */
  call_count: number
}

export interface Ask {
  /** POST with a body, else GET. */
  method?: string
  /** Text and bytes go as they are, anything else as JSON. */
  body?: unknown
  /** Replace those of the key, when they name one of its headers. */
  headers?: Record<string, string>
  /** How the key is sent; `none` sends none. Bearer unless told. */
  auth?: "bearer" | "x-api-key" | "none"
}

export interface Answer {
  /** What was asked, e.g. `POST /v1/responses`. */
  asked: string
  status: number
  headers: Headers
  bytes: Uint8Array
  text: string
}

/** What a case asks through. */
export interface Probe {
  target: Readonly<Target>
  /** One request; fails the case when no answer comes. */
  ask(path: string, ask?: Ask): Promise<Answer>
}

/** A run never asks more than this, whatever its cases do. */
const MOST_CALLS = 1_000
/** A server that is busy is not a wrong one: its 429 is waited out once, within this. */
const LONGEST_WAIT_MS = 15_000

/** A probe for one case; everything it asks ends with the signal. */
export function createProbe(target: Target, signal: AbortSignal): Probe {
  async function ask(path: string, request: Ask = {}): Promise<Answer> {
    const answer = await askOnce(target, { path, request, signal })
    const wait_ms = 1000 * Number(answer.headers.get("retry-after") ?? Number.NaN)
    if (answer.status !== 429 || !(wait_ms <= LONGEST_WAIT_MS)) return answer
    await Bun.sleep(wait_ms)
    return askOnce(target, { path, request, signal })
  }
  return { target, ask }
}

async function askOnce(
  target: Target,
  { path, request, signal }: { path: string; request: Ask; signal: AbortSignal },
): Promise<Answer> {
  const { body, method = body === undefined ? "GET" : "POST" } = request
  const asked = `${method} ${path}`
  if (++target.call_count > MOST_CALLS) fail(`${asked}: this run has made ${MOST_CALLS} calls; no more`)
  try {
    const response = await fetch(`${target.base_url}${path}`, {
      method,
      headers: headersOf(target, request),
      ...(body !== undefined && { body: bodyOf(body) }),
      redirect: "manual",
      signal,
    })
    const bytes = new Uint8Array(await response.arrayBuffer())
    const text = new TextDecoder().decode(bytes)
    return { asked, status: response.status, headers: response.headers, bytes, text }
  } catch (error) {
    // No answer, a cut one or a silent one: that is what this case found.
    return fail(`${asked}: no whole answer came (${error instanceof Error ? error.message : error})`)
  }
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === "string") return body
  return body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body)
}

function headersOf(target: Target, { body, headers, auth = "bearer" }: Ask): Headers {
  const all = new Headers({ "user-agent": `codexapi-conformance/${VERSION}` })
  if (auth === "bearer") all.set("authorization", `Bearer ${target.key}`)
  if (auth === "x-api-key") all.set("x-api-key", target.key)
  if (body !== undefined) all.set("content-type", "application/json")
  for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value)
  return all
}

/** Ends the case where another vendor's server says that it has no such thing; ours must have it. */
export function expectOffered({ target }: Probe, { asked, status }: Answer): void {
  if (!target.is_ours && [404, 405, 501].includes(status))
    notApplicable(`${asked} is not offered (${status})`)
}

/** The answer's body as a JSON object; fails when it is none. */
export function objectOf(answer: Answer): JsonObject {
  const value = parseJson(answer.text)
  if (isJsonObject(value)) return value
  return fail(`${answer.asked}: expected a JSON object; came ${answer.status} ${answer.text.slice(0, 200)}`)
}

/** Parsed JSON; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whoever asks says what was expected instead.
    return undefined
  }
}

/** The value at a path such as `choices.0.message.content`; undefined when there is none. */
export function valueAt(value: unknown, path: string): unknown {
  let found = value
  for (const key of path.split(".")) {
    if (typeof found !== "object" || found === null) return undefined
    found = (found as JsonObject)[key]
  }
  return found
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, path: string): unknown[] {
  const found = valueAt(value, path)
  return Array.isArray(found) ? found : []
}

/** The text at a path; empty when there is none. */
export function textAt(value: unknown, path: string): string {
  const found = valueAt(value, path)
  return typeof found === "string" ? found : ""
}

/** The number at a path; NaN when there is none. */
export function numberAt(value: unknown, path: string): number {
  const found = valueAt(value, path)
  return typeof found === "number" ? found : Number.NaN
}
