/** What the gateway must know of a Responses request before it holds money; the body itself is passed on as it came. */
import { isJsonObject, type JsonObject } from "../json.ts"

/** The facts of a well-formed request. */
export interface Admitted {
  model: string
  is_streamed: boolean
  /** `undefined`: the model's limit counts. */
  max_output_tokens: number | undefined
  /** `default` when none or `auto` was asked. */
  tier: string
  /** Errs high: bytes / 3, pictures apart. */
  estimated_input_tokens: number
}

/** A refusal in the client's words. */
export interface Malformed {
  field: string
  message: string
  code?: string
}

export type Admission = { ok: true; admitted: Admitted } | ({ ok: false } & Malformed)

const BYTES_PER_TOKEN = 3
/** More than any vendor counts for one picture at high detail. */
const TOKENS_PER_IMAGE = 2_500

/** Checks what must be checked before any hold. `bytes` is the size of the body the JSON was read from. */
export function admitRequest(body: unknown, bytes: number): Admission {
  if (!isJsonObject(body)) return refuse("body", "The body must be a JSON object.")
  const problem = findProblem(body)
  if (problem) return { ok: false, ...problem }
  const inline = measureInlineData(body.input)
  const admitted: Admitted = {
    model: body.model as string,
    is_streamed: body.stream === true,
    max_output_tokens: (body.max_output_tokens as number | null | undefined) ?? undefined,
    tier: !body.service_tier || body.service_tier === "auto" ? "default" : (body.service_tier as string),
    estimated_input_tokens:
      Math.ceil((bytes - inline.bytes) / BYTES_PER_TOKEN) + inline.count * TOKENS_PER_IMAGE,
  }
  return { ok: true, admitted }
}

const refuse = (field: string, message: string): Admission => ({ ok: false, field, message })

function findProblem(body: JsonObject): Malformed | undefined {
  const { model, input, stream, max_output_tokens, service_tier, tools } = body
  if (typeof model !== "string" || model === "")
    return { field: "model", message: "model must be the name of a model." }
  const has_input = typeof input === "string" || Array.isArray(input)
  if (!has_input) return { field: "input", message: "input must be a text or a list of items." }
  if (stream != null && typeof stream !== "boolean")
    return { field: "stream", message: "stream must be true or false." }
  if (
    max_output_tokens != null &&
    !(Number.isSafeInteger(max_output_tokens) && (max_output_tokens as number) > 0)
  ) {
    return { field: "max_output_tokens", message: "max_output_tokens must be a whole number above 0." }
  }
  if (service_tier != null && typeof service_tier !== "string") {
    return { field: "service_tier", message: "service_tier must be a text." }
  }
  if (tools != null && !Array.isArray(tools)) return { field: "tools", message: "tools must be a list." }
  return findStoredReference(body)
}

/** Stored objects at the upstream belong to the operator's account: a customer must not reach them. */
function findStoredReference(body: JsonObject): Malformed | undefined {
  if (body.previous_response_id != null) {
    return {
      field: "previous_response_id",
      message: `Previous response with id ${JSON.stringify(body.previous_response_id)} not found. Send the whole history in input.`,
      code: "previous_response_not_found",
    }
  }
  if (body.conversation != null) {
    return {
      field: "conversation",
      message: "There is no such conversation. Send the whole history in input.",
      code: "conversation_not_found",
    }
  }
  if (body.background === true) {
    return {
      field: "background",
      message: "Background responses are not offered here. Use stream: true instead.",
    }
  }
  return undefined
}

/** Pictures that stand in the body as data URLs: their bytes are not text. */
function measureInlineData(input: unknown): { bytes: number; count: number } {
  const found = { bytes: 0, count: 0 }
  const visit = (value: unknown, depth: number): void => {
    if (depth === 0 || typeof value !== "object" || value === null) return
    if (Array.isArray(value)) {
      for (const element of value) visit(element, depth - 1)
      return
    }
    const { type, image_url, content, output } = value as JsonObject
    if (type === "input_image" && typeof image_url === "string" && image_url.startsWith("data:")) {
      found.bytes += image_url.length
      found.count += 1
    }
    visit(content, depth - 1)
    visit(output, depth - 1)
  }
  if (Array.isArray(input)) visit(input, 5)
  return found
}
