/** What a scripted model says, in words that no protocol owns; each wire of this folder says it as its vendor does. */
import type { UpstreamRequest } from "../scripted-upstream.ts"

export const PROTOCOLS = ["openai-responses", "openai-chat", "anthropic-messages"] as const
export type Protocol = (typeof PROTOCOLS)[number]

export type Json = Record<string, unknown>

/** `input` is the whole prompt with what was `cached` and what was `written` to the cache; `output` includes `reasoning`. */
export interface Counts {
  input: number
  cached?: number
  written?: number
  output: number
  reasoning?: number
}

export type Part =
  | { kind: "text"; text: string }
  /** `seal` is the signature or the encrypted content; a fresh one unless told. Chat has none. */
  | { kind: "reasoning"; text: string; seal?: string }
  /** A string goes out as it is, an object as JSON. */
  | { kind: "call"; id: string; tool: string; namespace?: string; arguments: object | string }
  /** A call of a tool whose input is bare text; a one-string function where there are no such tools. */
  | { kind: "freeform"; id: string; tool: string; input: string }
  | { kind: "tool-search"; id: string; query: string }
  /** The vendor's own search; a Chat model has none and leaves it out. */
  | { kind: "web-search"; query: string; results: { title: string; url: string }[] }

/** Refused before anything was said, in the vendor's own words and status. */
export interface Refusal {
  kind: "context-overflow" | "rate-limit" | "overloaded" | "server-error" | "unauthorized" | "invalid"
  message?: string
  retry_after_seconds?: number
}

/** Broken off in mid-stream: before any of the text was sent, or after some of it. */
export interface Break {
  after: "nothing" | "some"
  how: "error" | "end" | "reset" | "silence"
}

export interface Turn {
  parts: Part[]
  counts?: Counts
  /** `end` means tool use whenever there is a call. */
  stop?: "end" | "length"
  refusal?: Refusal
  break?: Break
  /** How the bytes look; all vendors' readers must take any of these. */
  form?: { is_crlf?: true; is_without_done?: true; bytes_per_chunk?: number }
  /** Pieces each text and each argument is cut into; 4 unless told. */
  pieces?: number
  gap_ms?: number
}

/** What one upstream has handed out and takes back; nothing else is accepted. */
export interface Issued {
  seals: Set<string>
}

/** One vendor's protocol: how it says a turn, and what it refuses. */
export interface Wire {
  path: string
  /** The parts are complete: every reasoning has its seal. Throws a sentence when a tool was not offered. */
  frames(turn: Turn, request: Json): string[]
  whole(turn: Turn, request: Json): Json
  failureFrame(message: string): string
  refusal(refusal: Refusal): { status: number; json: Json }
  /** Everything the original would refuse in this request, each as one sentence; none when it is right. */
  problems(request: UpstreamRequest, issued: Issued): string[]
}

export const DEFAULT_COUNTS: Counts = { input: 14_000, cached: 12_000, output: 300, reasoning: 100 }

/** One message and nothing else. */
export function says(text: string, counts?: Counts): Turn {
  return { parts: [{ kind: "text", text }], ...(counts ? { counts } : {}) }
}

/** One call of a function, after any parts given with it. */
export function calls(id: string, tool: string, args: object | string, ...before: Part[]): Turn {
  return { parts: [...before, { kind: "call", id, tool, arguments: args }] }
}

/** The exact text of a call's arguments. */
export function argumentsOf(part: { arguments: object | string }): string {
  return typeof part.arguments === "string" ? part.arguments : JSON.stringify(part.arguments)
}

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** The records of a list; nothing of anything else. */
export function recordsOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}

export function freshId(prefix: string): string {
  return `${prefix}${crypto.randomUUID().replaceAll("-", "")}`
}

/** Cuts a text into at most `count` pieces, never inside a character. */
export function cutText(text: string, count = 4): string[] {
  const characters = [...text]
  const size = Math.max(1, Math.ceil(characters.length / count))
  const pieces: string[] = []
  for (let at = 0; at < characters.length; at += size) pieces.push(characters.slice(at, at + size).join(""))
  return pieces
}

/** The keys of a record that are not in the list, each as a vendor would complain about it. */
export function unknownKeys(record: Json, at: string, known: readonly string[]): string[] {
  return Object.keys(record)
    .filter(key => !known.includes(key))
    .map(key => `${at}${key}: Extra inputs are not permitted`)
}

/** What a flat upstream calls the tool the script means; it must have been offered. */
export function offeredName(names: string[], wanted: { tool: string; namespace?: string }): string {
  const { tool, namespace } = wanted
  const exact = namespace ? [`${namespace}__${tool}`, `${namespace}.${tool}`, namespace + tool] : [tool]
  const found =
    names.find(name => exact.includes(name)) ?? names.find(name => namespace && name.endsWith(tool))
  if (found) return found
  throw new Error(`the script calls ${namespace ?? ""} ${tool}, which was not offered: ${names.join(", ")}`)
}

/** The arguments of a one-string function, by the name its only parameter has in the schema that was offered. */
export function wrapFreeform(schema: unknown, input: string): string {
  const properties = isRecord(schema) && isRecord(schema.properties) ? Object.keys(schema.properties) : []
  const [name] = properties
  if (properties.length !== 1 || !name)
    throw new Error(`a freeform tool must be one string upstream: ${JSON.stringify(schema)}`)
  return JSON.stringify({ [name]: input })
}
