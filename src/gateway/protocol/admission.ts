/** What the gateway must know of a request before it holds money, whatever its protocol; sends nothing. */
import type { ClientCodec, Refusal } from "./codec.ts"
import { isJsonObject } from "./json.ts"
import type { CacheMark, Item, ModelRequest, Part } from "./model-request.ts"

/** The facts of a well-formed request. */
export interface Admitted {
  request: ModelRequest
  model: string
  is_streamed: boolean
  /** `undefined`: the model's limit counts. */
  max_output_tokens: number | undefined
  /** `default` when none or `auto` was asked. */
  tier: string
  /** Errs high: bytes / 3, pictures apart. */
  estimated_input_tokens: number
  /** The longest cache that the client marked parts for; writing one costs more than the input itself. */
  cache_write: CacheMark | undefined
}

export type Admission = { ok: true; admitted: Admitted } | ({ ok: false } & Refusal)

const BYTES_PER_TOKEN = 3
const LONGEST_TIER = 32
/** More than any vendor counts for one picture at high detail. */
const TOKENS_PER_IMAGE = 2_500
/** Words for the price that everybody pays (OpenAI's and Anthropic's). */
const PLAIN_TIERS = new Set(["", "auto", "default", "standard", "standard_only"])

/** Checks what must be checked before any hold. `bytes` is the size of the body the JSON was read from. */
export function admitRequest(codec: ClientCodec, body: unknown, bytes: number): Admission {
  const read = codec.readRequest(body)
  if (!read.ok) return read
  const refusal = isJsonObject(body) ? codec.findRefusal?.(body) : undefined
  if (refusal) return { ok: false, ...refusal }
  const { request } = read
  const tier = request.service_tier ?? "auto"
  if (tier.length > LONGEST_TIER) {
    return { ok: false, field: "service_tier", message: "service_tier must be the name of a tier." }
  }
  const pictures = measurePictures(request)
  const admitted: Admitted = {
    request,
    model: request.model,
    is_streamed: request.stream,
    max_output_tokens: request.max_output_tokens,
    tier: PLAIN_TIERS.has(tier) ? "default" : tier,
    estimated_input_tokens:
      Math.ceil((bytes - pictures.bytes) / BYTES_PER_TOKEN) + pictures.count * TOKENS_PER_IMAGE,
    cache_write: longestMark(request),
  }
  return { ok: true, admitted }
}

function longestMark({ instructions, items, tools }: ModelRequest): CacheMark | undefined {
  const marks = [...instructions, ...items.flatMap(partsOf), ...tools].flatMap(marked =>
    "cache" in marked && marked.cache !== undefined ? [marked.cache] : [],
  )
  return marks.includes("1h") ? "1h" : marks[0]
}

/** What of an item can carry a mark. */
function partsOf(item: Item): (Item | Part)[] {
  if (item.kind === "message") return item.parts
  return item.kind === "tool-result" && typeof item.output !== "string" ? [item, ...item.output] : [item]
}

/** Pictures: a data URL's bytes are not text, and an address has none. */
function measurePictures({ items }: ModelRequest): { bytes: number; count: number } {
  const found = { bytes: 0, count: 0 }
  for (const item of items) {
    if (item.kind === "message") measureParts(item.parts, found)
    else if (item.kind === "tool-result" && typeof item.output !== "string") measureParts(item.output, found)
  }
  return found
}

function measureParts(parts: readonly Part[], found: { bytes: number; count: number }): void {
  for (const part of parts) {
    if (part.kind !== "image") continue
    found.count += 1
    if (part.url?.startsWith("data:")) found.bytes += part.url.length
  }
}
