/** Reads unknown JSON of a client and remembers the path of everything malformed; knows no protocol. */
import type { JsonObject } from "./json.ts"
import { isJsonObject } from "./json.ts"

/** One malformed field: its path in the client's own words, such as `input[2].call_id`. */
export interface Problem {
  field: string
  message: string
}

/** A value, where it stands, and the list that all readers of one request share. */
export interface At {
  value: unknown
  path: string
  problems: Problem[]
}

/** The start of a reading. */
export function startAt(value: unknown): At {
  return { value, path: "", problems: [] }
}

/** The member `key` of an object, or undefined-valued when it has none. */
export function at(parent: At, key: string): At {
  const value = isJsonObject(parent.value) ? parent.value[key] : undefined
  return { value, path: parent.path === "" ? key : `${parent.path}.${key}`, problems: parent.problems }
}

/** Notes that this value is malformed. */
export function refuse(here: At, message: string): void {
  here.problems.push({ field: here.path === "" ? "body" : here.path, message })
}

/** The string here; notes a problem and gives "" when there is none. */
export function asString(here: At): string {
  if (typeof here.value === "string") return here.value
  refuse(here, `expected a string, got ${nameOf(here.value)}`)
  return ""
}

/** The finite number here. */
export function asNumber(here: At): number {
  if (typeof here.value === "number" && Number.isFinite(here.value)) return here.value
  refuse(here, `expected a number, got ${nameOf(here.value)}`)
  return 0
}

/** The boolean here. */
export function asBoolean(here: At): boolean {
  if (typeof here.value === "boolean") return here.value
  refuse(here, `expected a boolean, got ${nameOf(here.value)}`)
  return false
}

/** The object here. */
export function asObject(here: At): JsonObject {
  if (isJsonObject(here.value)) return here.value
  refuse(here, `expected an object, got ${nameOf(here.value)}`)
  return {}
}

/** The elements of the list here, each read by `read`. */
export function asList<T>(here: At, read: (element: At) => T): T[] {
  if (!Array.isArray(here.value)) {
    refuse(here, `expected a list, got ${nameOf(here.value)}`)
    return []
  }
  return here.value.map((value, index) =>
    read({ value, path: `${here.path}[${index}]`, problems: here.problems }),
  )
}

/** What `read` gives, or undefined when the value is absent or null: clients send null for "not set". */
export function optional<T>(here: At, read: (here: At) => T): T | undefined {
  return here.value === undefined || here.value === null ? undefined : read(here)
}

/** The name of a model here. */
export function asModel(here: At): string {
  const model = asString(here)
  if (here.value === "") refuse(here, "expected the name of a model, got an empty string")
  return model
}

/** The whole number here, at least 1. */
export function asCount(here: At): number {
  const count = asNumber(here)
  if (!Number.isSafeInteger(count) || count < 1) refuse(here, "expected a whole number above 0")
  return count
}

/** The object of texts here. */
export function asTexts(here: At): { [key: string]: string } {
  return Object.fromEntries(Object.keys(asObject(here)).map(key => [key, asString(at(here, key))]))
}

/** The texts that end an answer, as OpenAI's clients say them: one, or a list; undefined when the list is empty. */
export function asStops(here: At): string[] | undefined {
  const stops = typeof here.value === "string" ? [here.value] : asList(here, asString)
  if (stops.includes("")) refuse(here, "expected texts that are not empty")
  return stops.length === 0 ? undefined : stops
}

/** What was read, or the first problem of a reading that began at `root`. */
export function finishReading<T>(
  { problems: [problem] }: At,
  request: T,
): { ok: true; request: T } | ({ ok: false } & Problem) {
  return problem === undefined ? { ok: true, request } : { ok: false, ...problem }
}

function nameOf(value: unknown): string {
  if (value === undefined) return "nothing"
  if (value === null) return "null"
  return Array.isArray(value) ? "a list" : `a ${typeof value}`
}
