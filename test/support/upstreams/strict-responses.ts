/** What OpenAI's Responses refuses in a request, as sentences; the encrypted content it takes is what it has issued. */
import type { UpstreamRequest } from "../scripted-upstream.ts"
import { type Issued, isRecord, type Json, recordsOf, unknownKeys } from "./turn.ts"

const KEYS = [
  ..."model instructions input tools tool_choice parallel_tool_calls reasoning store stream include".split(
    " ",
  ),
  ..."service_tier prompt_cache_key text client_metadata max_output_tokens temperature top_p metadata".split(
    " ",
  ),
  ..."truncation user safety_identifier previous_response_id max_tool_calls top_logprobs background".split(
    " ",
  ),
  ..."stream_options prompt_cache_retention".split(" "),
]

const ITEM_KEYS: Record<string, string[]> = {
  message: ["type", "id", "role", "content", "status", "phase"],
  reasoning: ["type", "id", "summary", "content", "encrypted_content", "status"],
  function_call: ["type", "id", "call_id", "name", "namespace", "arguments", "status"],
  function_call_output: ["type", "id", "call_id", "output", "status"],
  custom_tool_call: ["type", "id", "call_id", "name", "namespace", "input", "status"],
  custom_tool_call_output: ["type", "id", "call_id", "name", "output", "status"],
  tool_search_call: ["type", "id", "call_id", "execution", "status", "arguments"],
  tool_search_output: ["type", "id", "call_id", "execution", "status", "tools"],
  web_search_call: ["type", "id", "status", "action"],
  compaction: ["type", "id", "encrypted_content"],
}

const ID_PREFIX: Record<string, string> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  custom_tool_call: "ctc",
  web_search_call: "ws",
}

/** Everything that is wrong with the request. */
export function responsesProblems({ body, headers }: UpstreamRequest, issued: Issued): string[] {
  if (!body) return ["We could not parse the JSON body of your request."]
  const items = recordsOf(body.input)
  return [
    ...(headers.get("x-api-key") || headers.get("anthropic-version") ? ["a foreign vendor's headers"] : []),
    ...unknownKeys(body, "Unknown parameter: ", KEYS),
    ...(typeof body.input === "string" || items.length > 0 ? [] : ["Missing required parameter: 'input'."]),
    ...(body.max_output_tokens !== undefined && Number(body.max_output_tokens) < 16
      ? ["Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16."]
      : []),
    ...toolProblems(recordsOf(body.tools)),
    ...items.flatMap((item, index) => itemProblems(item, `input[${index}]`, issued)),
    ...pairingProblems(items),
  ]
}

const TOOL_TYPES = ["function", "custom", "namespace", "tool_search", "web_search", "web_search_preview"]

function toolProblems(tools: Json[]): string[] {
  const names = new Set<unknown>()
  return tools.flatMap((tool, index) => {
    const at = `tools[${index}]`
    const type = String(tool.type)
    if (!TOOL_TYPES.includes(type)) return [`Invalid value: '${type}' for ${at}.type.`]
    if (type === "namespace") return toolProblems(recordsOf(tool.tools))
    if (type !== "function" && type !== "custom") return []
    const problems: string[] = []
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(String(tool.name)))
      problems.push(`Invalid '${at}.name': '${tool.name}' does not match '^[a-zA-Z0-9_-]{1,64}$'.`)
    if (names.has(tool.name)) problems.push(`${at}: two tools are named ${tool.name}`)
    names.add(tool.name)
    const known = ["type", "name", "description", "parameters", "strict", "defer_loading", "format"]
    problems.push(...unknownKeys(tool, `Unknown parameter: ${at}.`, known))
    if (type === "function" && !(isRecord(tool.parameters) && tool.parameters.type === "object"))
      problems.push(`Invalid schema for function '${tool.name}': schema must be of type "object"`)
    return problems
  })
}

function itemProblems(item: Json, at: string, issued: Issued): string[] {
  const type = String(item.type ?? "message")
  const known = ITEM_KEYS[type]
  if (!known) return [`Invalid value: '${type}' for ${at}.type.`]
  const problems = unknownKeys(item, `Unknown parameter: ${at}.`, known)
  const prefix = ID_PREFIX[type]
  if (typeof item.id === "string" && prefix && !item.id.startsWith(prefix))
    problems.push(`Invalid '${at}.id': '${item.id}'. Expected an ID that begins with '${prefix}'.`)
  if (type === "message") problems.push(...messageProblems(item, at))
  if (type === "reasoning" || type === "compaction") problems.push(...sealProblems(item, at, issued))
  if (type === "function_call" && typeof item.arguments !== "string")
    problems.push(`${at}.arguments: a string`)
  if (type === "function_call" && !/^[a-zA-Z0-9_-]{1,64}$/.test(String(item.name)))
    problems.push(`Invalid '${at}.name': '${item.name}'`)
  if (type.endsWith("_output") && item.call_id === undefined) problems.push(`${at}.call_id is missing`)
  if (Array.isArray(item.output)) problems.push(...partProblems(item.output, `${at}.output`, INPUT_PARTS))
  return problems
}

const INPUT_PARTS = ["input_text", "input_image", "input_file"]

function messageProblems(item: Json, at: string): string[] {
  const { role, content } = item
  if (!["user", "assistant", "system", "developer"].includes(String(role))) return [`${at}.role: '${role}'`]
  if (typeof content === "string") return []
  if (!Array.isArray(content)) return [`${at}.content: expected a string or an array`]
  return partProblems(
    content,
    `${at}.content`,
    role === "assistant" ? ["output_text", "refusal"] : INPUT_PARTS,
  )
}

function partProblems(parts: unknown[], at: string, types: string[]): string[] {
  const known = ["type", "text", "annotations", "logprobs", "refusal", "image_url", "detail", "file_id"]
  return recordsOf(parts).flatMap((part, index) => {
    const where = `${at}[${index}]`
    if (!types.includes(String(part.type))) return [`Invalid value: '${part.type}' for ${where}.type.`]
    if (part.type === "input_file") return []
    const is_picture = part.type === "input_image"
    const url =
      is_picture && (typeof part.image_url !== "string" || !/^(data:image\/|https?:)/.test(part.image_url))
    return [
      ...unknownKeys(part, `Unknown parameter: ${where}.`, known),
      ...(url ? [`${where}.image_url: no URL`] : []),
    ]
  })
}

function sealProblems(item: Json, at: string, issued: Issued): string[] {
  if (item.type === "reasoning" && !Array.isArray(item.summary))
    return [`Missing required parameter: '${at}.summary'.`]
  const sealed = item.encrypted_content
  if (sealed === undefined || sealed === null)
    return item.id === undefined ? [] : [`Item with id '${item.id}' not found. Items are not persisted.`]
  return issued.seals.has(String(sealed))
    ? []
    : [
        `The encrypted content ${String(sealed).slice(0, 12)}... could not be verified. (invalid_encrypted_content)`,
      ]
}

const CALLS = ["function_call", "custom_tool_call", "tool_search_call"]

/** Every call has its output, of its own kind, somewhere after it, and the reverse. */
function pairingProblems(items: Json[]): string[] {
  const problems: string[] = []
  const open = new Map<unknown, string>()
  for (const item of items) {
    const type = String(item.type)
    if (CALLS.includes(type)) open.set(item.call_id, type)
    if (!type.endsWith("_output")) continue
    const wanted = type === "tool_search_output" ? "tool_search_call" : type.replace(/_output$/, "")
    if (open.get(item.call_id) !== wanted)
      problems.push(
        `No tool call found for ${wanted.replace(/_/g, " ")} output with call_id ${item.call_id}.`,
      )
    open.delete(item.call_id)
  }
  for (const [id, type] of open) problems.push(`No tool output found for ${type.replace(/_/g, " ")} ${id}.`)
  return problems
}
