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

function nameOf(value: unknown): string {
  if (value === undefined) return "nothing"
  if (value === null) return "null"
  return Array.isArray(value) ? "a list" : `a ${typeof value}`
}
