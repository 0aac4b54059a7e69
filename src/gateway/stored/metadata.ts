/** The metadata of stored objects: up to sixteen pairs of short texts (OpenAI's limits). */
import { AppError } from "../../platform/errors.ts"
import { isJsonObject } from "../protocol/json.ts"

const MOST_PAIRS = 16
const LONGEST_KEY = 64
const LONGEST_VALUE = 512

/** The pairs of a request's `metadata`; none when it is absent or null. Throws `invalid` naming the pair. */
export function readMetadata(value: unknown): Record<string, string> {
  if (value == null) return {}
  if (!isJsonObject(value)) throw invalid("metadata", "metadata must be an object whose values are texts.")
  const pairs = Object.entries(value)
  if (pairs.length > MOST_PAIRS) throw invalid("metadata", `metadata may have at most ${MOST_PAIRS} pairs.`)
  for (const [key, text] of pairs) assertPair(key, text)
  return value as Record<string, string>
}

function assertPair(key: string, text: unknown): void {
  if (key.length > LONGEST_KEY) {
    throw invalid("metadata", `The keys of metadata may have at most ${LONGEST_KEY} characters.`)
  }
  if (typeof text !== "string" || text.length > LONGEST_VALUE) {
    throw invalid(`metadata.${key}`, `metadata.${key} must be a text of at most ${LONGEST_VALUE} characters.`)
  }
}

const invalid = (field: string, message: string) =>
  new AppError("invalid", message, { field, code: "invalid_metadata" })
