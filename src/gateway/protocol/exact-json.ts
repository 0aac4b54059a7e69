/** Tool arguments as JSON objects without losing digits: numbers that JavaScript would change keep their spelling. */
import { isJsonObject, type JsonObject } from "./json.ts"

/** What TypeScript's library does not declare yet: raw numbers, and the source of a number while parsing. */
const EXACT = JSON as unknown as {
  rawJSON(text: string): unknown
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
}

/** A number that could be spelled in another way than JavaScript would write it. */
const SUSPICIOUS = /\d[.eE]|\d{16}|-0/

/**
 * The object that `text` says, ready for `JSON.stringify`, which gives back every number as it was spelled (Law 6 of
 * gateway.md); spacing and the order of number-like keys mean nothing to a tool. Arguments that are no JSON object
 * are carried as Claude Code itself carries them (claude-code-wire 6, "Invalid JSON in the deltas").
 */
export function parseArguments(text: string): JsonObject {
  if (text.trim() === "") return {}
  try {
    const parsed = SUSPICIOUS.test(text) ? EXACT.parse(text, keepSpelling) : JSON.parse(text)
    if (isJsonObject(parsed)) return parsed
  } catch {
    // Not JSON: a cut call or a model's slip; carried as raw text below.
  }
  return { [UNPARSED]: { raw: text, len: text.length } }
}

const UNPARSED = "__unparsedToolInput"

function keepSpelling(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined || String(value) === source) return value
  return EXACT.rawJSON(source)
}

/** The arguments that an input object stands for: the reverse of `parseArguments`. */
export function argumentsOf(input: JsonObject): string {
  const raw = input[UNPARSED]
  if (Object.keys(input).length === 1 && isJsonObject(raw) && typeof raw.raw === "string") return raw.raw
  return JSON.stringify(input)
}

/**
 * Parses a body whose tool inputs must keep their digits: only numbers that JavaScript cannot hold become raw ones,
 * so that all others are numbers to its readers.
 */
export function parseExactly(text: string): unknown {
  return /\d{16}|\d[eE]/.test(text) ? EXACT.parse(text, keepDigits) : JSON.parse(text)
}

function keepDigits(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== "number" || source === undefined) return value
  return isHeld(value, source) ? value : EXACT.rawJSON(source)
}

/** Whether the number is what its text says: up to 15 digits always are. */
function isHeld(value: number, source: string): boolean {
  if (String(value) === source) return true
  const digits = source
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+/, "")
  return Number.isFinite(value) && digits.length <= 15 && (value !== 0 || digits === "")
}
