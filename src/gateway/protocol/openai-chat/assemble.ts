/** Puts the chunks of a Chat stream together to the completion they are pieces of; translates nothing. */
import type { JsonObject } from "../json.ts"
import { isJsonObject } from "../json.ts"

/** The members of a chunk that are about its choices; all others are those of the whole. */
const OWN = new Set(["object", "choices", "usage"])

/**
 * The whole completion, all of its choices and whatever vendors add, in the order it came. Texts are joined, ids and
 * types stand once, calls are put together by index.
 */
export function assembleCompletion(chunks: readonly JsonObject[]): JsonObject {
  const head: JsonObject = {}
  const choices = new Map<unknown, Gathered>()
  let usage: unknown
  for (const chunk of chunks) {
    for (const key in chunk) if (!OWN.has(key) && head[key] == null) head[key] = chunk[key]
    usage = chunk.usage ?? usage
    const list = Array.isArray(chunk.choices) ? chunk.choices.filter(isJsonObject) : []
    for (const choice of list) gatherChoice(choices, choice)
  }
  const { id, created, model, ...rest } = head
  const done = [...choices.values()].sort((one, other) => one.index - other.index).map(finished)
  const whole = { id, object: "chat.completion", created, model, choices: done, ...rest }
  return usage === undefined ? whole : { ...whole, usage }
}

interface Gathered {
  index: number
  message: JsonObject
  rest: JsonObject
}

function gatherChoice(choices: Map<unknown, Gathered>, choice: JsonObject): void {
  const index = typeof choice.index === "number" ? choice.index : 0
  const gathered = choices.get(index) ?? { index, message: {}, rest: {} }
  choices.set(index, gathered)
  const { index: _, delta, message, ...rest } = choice
  for (const piece of [delta, message]) if (isJsonObject(piece)) mergeInto(gathered.message, piece)
  const { logprobs, ...others } = rest
  if (isJsonObject(logprobs)) gathered.rest.logprobs = merged(gathered.rest.logprobs, logprobs)
  for (const key in others) if (others[key] != null) gathered.rest[key] = others[key]
}

function finished({ index, message, rest }: Gathered): JsonObject {
  const { role = "assistant", content = null, refusal = null, ...others } = message
  const calls = Array.isArray(others.tool_calls) ? others.tool_calls : []
  if (calls.length > 0) others.tool_calls = calls.map(withoutIndex)
  const { logprobs = null, finish_reason = null, ...more } = rest
  return { index, message: { role, content, refusal, ...others }, logprobs, finish_reason, ...more }
}

function withoutIndex(call: unknown): unknown {
  if (!isJsonObject(call)) return call
  const { index: _, ...rest } = call
  return rest
}

/** Words that stand once, although some upstreams repeat them in every piece. */
const NAMES = new Set(["id", "type", "role", "name"])

function mergeInto(whole: JsonObject, piece: JsonObject): void {
  for (const key in piece) {
    if (key === "__proto__") continue
    if (NAMES.has(key)) whole[key] = whole[key] || piece[key]
    else whole[key] = merged(whole[key], piece[key])
  }
}

/** Texts are joined, lists are continued, objects are merged; what is null says nothing. */
function merged(whole: unknown, piece: unknown): unknown {
  if (piece === null || piece === undefined) return whole ?? null
  if (whole === null || whole === undefined)
    return Array.isArray(piece) ? continued([], piece) : copied(piece)
  if (typeof whole === "string" && typeof piece === "string") return whole + piece
  if (Array.isArray(whole) && Array.isArray(piece)) return continued(whole, piece)
  if (!isJsonObject(whole) || !isJsonObject(piece)) return piece
  mergeInto(whole, piece)
  return whole
}

const copied = (piece: unknown): unknown => (isJsonObject(piece) ? { ...piece } : piece)

/** Elements with an index are pieces of the element with the same index; all others are new. */
function continued(whole: unknown[], pieces: readonly unknown[]): unknown[] {
  for (const piece of pieces) {
    const index = isJsonObject(piece) ? piece.index : undefined
    const known =
      index === undefined ? undefined : whole.find(one => isJsonObject(one) && one.index === index)
    if (isJsonObject(known) && isJsonObject(piece)) mergeInto(known, { ...piece, index: undefined })
    else whole.push(isJsonObject(piece) ? structuredClone(piece) : piece)
  }
  return whole
}
