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
const LONGEST_TIER = 32
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
  if (service_tier != null && !(typeof service_tier === "string" && service_tier.length <= LONGEST_TIER)) {
    return { field: "service_tier", message: "service_tier must be the name of a tier." }
  }
  if (tools != null && !Array.isArray(tools)) return { field: "tools", message: "tools must be a list." }
  return findStoredReference(body) ?? findUnpricedTool(tools ?? []) ?? findForeignInput(input)
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
  if (body.prompt != null) {
    return { field: "prompt", message: "There are no stored prompts here. Send instructions and input." }
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

/** Tools that the client runs itself, and hosted ones that a rate card prices. */
const PRICED_TOOLS =
  /^(?:function|custom|namespace|tool_search|local_shell|shell|apply_patch|mcp|web_search.*)$/

/** A hosted tool without a price would be the operator's gift. */
function findUnpricedTool(tools: readonly unknown[]): Malformed | undefined {
  const index = tools.findIndex(tool => isJsonObject(tool) && !PRICED_TOOLS.test(String(tool.type)))
  if (index === -1) return undefined
  const type = (tools[index] as JsonObject).type
  return {
    field: `tools[${index}].type`,
    message: `The tool ${JSON.stringify(type)} is not offered here. Leave it out of tools.`,
  }
}

/** What may stand in an input: pictures are measured, references to the operator's stored objects are refused. */
function findForeignInput(input: unknown): Malformed | undefined {
  let found: Malformed | undefined
  visitParts(input, (part, path) => {
    const key = FOREIGN_KEYS.find(one => part[one] != null)
    if (key !== undefined) {
      found ??= {
        field: `${path}.${key}`,
        message: `${key} is not offered here. Send the file's data itself.`,
      }
    }
    if (part.type === "item_reference") {
      found ??= {
        field: path,
        message: "There are no stored items here. Send the item itself.",
        code: "item_not_found",
      }
    }
  })
  return found
}

/** `file_url`: what an upstream would fetch has no size that could be held for. */
const FOREIGN_KEYS = ["file_id", "file_url"]

/** Pictures: a data URL's bytes are not text, and an address has none. */
function measureInlineData(input: unknown): { bytes: number; count: number } {
  const found = { bytes: 0, count: 0 }
  visitParts(input, ({ type, image_url }) => {
    if (type !== "input_image" || typeof image_url !== "string") return
    found.count += 1
    if (image_url.startsWith("data:")) found.bytes += image_url.length
  })
  return found
}

/** Calls `visit` with every item of an input and every part of its content and output. */
function visitParts(input: unknown, visit: (part: JsonObject, path: string) => void): void {
  const walk = (value: unknown, path: string, depth: number): void => {
    if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) walk(element, `${path}[${index}]`, depth)
      return
    }
    if (depth === 0 || !isJsonObject(value)) return
    visit(value, path)
    walk(value.content, `${path}.content`, depth - 1)
    walk(value.output, `${path}.output`, depth - 1)
  }
  walk(input, "input", 3)
}
