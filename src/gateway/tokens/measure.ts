/** What of a request is read as tokens: its texts, its pictures, its files; not how many tokens a text has. */
import { isJsonObject, type JsonObject, stringOf } from "../protocol/json.ts"

export interface Measured {
  /** Every text, in order. */
  texts: string[]
  /** Tokens that do not come from texts: pictures, files, sealed thinking, the frame of each message. */
  fixed_tokens: number
}

/** What a picture costs at most: OpenAI counts 85 to 1,105 at usual sizes, Anthropic up to about 1,600. */
const TOKENS_PER_IMAGE = 1_600
/** A PDF page is 1,500 to 3,000 tokens of text and a picture, and seldom less than 50 KB of base64. */
const FILE_CHARS_PER_TOKEN = 12
const TOKENS_PER_FILE = 1_600
/** Sealed thinking is base64 of what was thought, compressed or not. */
const SEALED_CHARS_PER_TOKEN = 4
/** Role and marks around a message or an item. */
const TOKENS_PER_MESSAGE = 4

/** Says nothing to the model. */
const SILENT = new Set([
  "id",
  "type",
  "role",
  "status",
  "call_id",
  "tool_use_id",
  "tool_call_id",
  "cache_control",
  "detail",
])
const SEALED = new Set(["encrypted_content", "signature"])
const IMAGES = new Set(["input_image", "image", "image_url"])
const FILES = new Set(["input_file", "file", "document"])

/** Measures values of a request, such as its input and its instructions. */
export function measure(values: readonly unknown[]): Measured {
  const measured: Measured = { texts: [], fixed_tokens: 0 }
  for (const value of values) walk(measured, value, 0)
  return measured
}

/** Tools are given to the model with their schemas, about as their JSON stands. */
export function measureTools(measured: Measured, tools: unknown): Measured {
  if (Array.isArray(tools)) for (const tool of tools) measured.texts.push(JSON.stringify(tool))
  return measured
}

/** Nothing that a client has to say lies deeper; what does is not read. */
const DEEPEST = 32

function walk(measured: Measured, value: unknown, depth: number): void {
  if (typeof value === "string") measured.texts.push(value)
  else if (typeof value === "number" || typeof value === "boolean") measured.texts.push(String(value))
  else if (depth > DEEPEST) return
  else if (Array.isArray(value)) for (const element of value) walk(measured, element, depth + 1)
  else if (isJsonObject(value)) walkObject(measured, value, depth)
}

function walkObject(measured: Measured, value: JsonObject, depth: number): void {
  const type = stringOf(value.type) ?? ""
  if (IMAGES.has(type)) {
    measured.fixed_tokens += TOKENS_PER_IMAGE
    return
  }
  if (FILES.has(type)) {
    measured.fixed_tokens += TOKENS_PER_FILE + Math.ceil(JSON.stringify(value).length / FILE_CHARS_PER_TOKEN)
    return
  }
  if (typeof value.role === "string" || depth === 1) measured.fixed_tokens += TOKENS_PER_MESSAGE
  for (const [key, member] of Object.entries(value)) {
    if (SILENT.has(key)) continue
    if (!SEALED.has(key)) walk(measured, member, depth + 1)
    else measured.fixed_tokens += Math.ceil((stringOf(member) ?? "").length / SEALED_CHARS_PER_TOKEN)
  }
}
