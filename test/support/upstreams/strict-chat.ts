/** What OpenAI's Chat Completions refuses in a request, as sentences; it judges what is sent, not how well it was meant. */
import type { UpstreamRequest } from "../scripted-upstream.ts"
import { isRecord, type Json, recordsOf, unknownKeys } from "./turn.ts"

const KEYS = [
  ..."model messages tools tool_choice parallel_tool_calls stream stream_options max_tokens n stop seed".split(
    " ",
  ),
  ..."max_completion_tokens temperature top_p reasoning_effort response_format user metadata store".split(
    " ",
  ),
  ..."frequency_penalty presence_penalty logprobs top_logprobs logit_bias service_tier verbosity".split(" "),
  ..."modalities prediction safety_identifier web_search_options prompt_cache_key".split(" "),
]

const MESSAGE_KEYS: Record<string, string[]> = {
  system: ["role", "content", "name"],
  developer: ["role", "content", "name"],
  user: ["role", "content", "name"],
  assistant: ["role", "content", "name", "refusal", "tool_calls", "reasoning_content"],
  tool: ["role", "content", "tool_call_id"],
}

const PART_TYPES: Record<string, string[]> = {
  system: ["text"],
  developer: ["text"],
  user: ["text", "image_url", "file", "input_audio"],
  assistant: ["text", "refusal"],
  tool: ["text"],
}

/** Everything that is wrong with the request. */
export function chatProblems({ body, headers }: UpstreamRequest): string[] {
  if (!body) return ["We could not parse the JSON body of your request."]
  const messages = recordsOf(body.messages)
  return [
    ...(headers.get("x-api-key") || headers.get("anthropic-version") ? ["a foreign vendor's headers"] : []),
    ...unknownKeys(body, "", KEYS),
    ...toolProblems(body),
    ...(messages.length === 0 ? ["messages: must not be empty"] : []),
    ...messages.flatMap((message, index) => messageProblems(message, `messages[${index}]`)),
    ...pairingProblems(messages),
  ]
}

function toolProblems(body: Json): string[] {
  const problems: string[] = []
  const has_tools = Array.isArray(body.tools)
  const tools = recordsOf(body.tools)
  if (has_tools && tools.length === 0) problems.push("Invalid 'tools': empty array. Expected at least 1.")
  if (!has_tools && body.tool_choice !== undefined && body.tool_choice !== "none")
    problems.push(
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    )
  if (!has_tools && body.parallel_tool_calls !== undefined)
    problems.push("'parallel_tool_calls' is only allowed when 'tools' are specified.")
  if (body.stream_options !== undefined && body.stream !== true)
    problems.push("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
  const names = new Set<unknown>()
  for (const [index, tool] of tools.entries()) {
    const at = `tools[${index}]`
    problems.push(...unknownKeys(tool, `${at}.`, ["type", "function"]))
    if (tool.type !== "function" || !isRecord(tool.function)) {
      problems.push(`${at}.type: Invalid value: '${tool.type}'. Supported values are: 'function'.`)
      continue
    }
    const known = ["name", "description", "parameters", "strict"]
    problems.push(
      ...unknownKeys(tool.function, `${at}.function.`, known),
      ...nameProblems(tool.function.name, at),
    )
    if (names.has(tool.function.name)) problems.push(`${at}: Tool names must be unique.`)
    names.add(tool.function.name)
    const schema = tool.function.parameters
    if (schema !== undefined && (!isRecord(schema) || schema.type !== "object"))
      problems.push(`Invalid schema for function '${tool.function.name}': schema must be of type "object"`)
  }
  return problems
}

const nameProblems = (name: unknown, at: string): string[] =>
  typeof name === "string" && /^[a-zA-Z0-9_-]{1,64}$/.test(name)
    ? []
    : [`Invalid '${at}.function.name': '${name}' does not match '^[a-zA-Z0-9_-]{1,64}$'.`]

function messageProblems(message: Json, at: string): string[] {
  const role = String(message.role)
  const known = MESSAGE_KEYS[role]
  if (!known) return [`Invalid value: '${role}' for ${at}.role.`]
  const problems = [...unknownKeys(message, `${at}.`, known), ...contentProblems(message, at)]
  for (const [index, call] of recordsOf(message.tool_calls).entries()) {
    const where = `${at}.tool_calls[${index}]`
    problems.push(...unknownKeys(call, `${where}.`, ["id", "type", "function"]))
    const called = isRecord(call.function) ? call.function : {}
    problems.push(...nameProblems(called.name, where))
    if (typeof call.id !== "string" || call.id === "") problems.push(`${where}.id is missing`)
    if (typeof called.arguments !== "string") problems.push(`${where}.function.arguments must be a string`)
  }
  if (message.tool_calls !== undefined && recordsOf(message.tool_calls).length === 0)
    problems.push(`Invalid '${at}.tool_calls': empty array.`)
  return problems
}

function contentProblems(message: Json, at: string): string[] {
  const { content, role } = message
  if (typeof content === "string") return []
  if (content === null || content === undefined)
    return role === "assistant" && message.tool_calls !== undefined
      ? []
      : [`Invalid value for '${at}.content': expected a string, got null.`]
  if (!Array.isArray(content)) return [`${at}.content: expected a string or an array`]
  if (content.length === 0) return [`Invalid '${at}.content': empty array.`]
  return recordsOf(content).flatMap((part, index) => {
    const where = `${at}.content[${index}]`
    const type = String(part.type)
    if (!PART_TYPES[String(role)]?.includes(type))
      return [`Invalid value: '${type}' in ${where} of a message with role '${role}'.`]
    const known = { text: ["type", "text"], image_url: ["type", "image_url"] }[type]
    return known ? unknownKeys(part, `${where}.`, known) : []
  })
}

/** Each call is answered by the messages right after it, and no message answers anything else. */
function pairingProblems(messages: Json[]): string[] {
  const problems: string[] = []
  let open = new Set<string>()
  const close = () => {
    if (open.size > 0)
      problems.push(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each " +
          `'tool_call_id'. The following did not have response messages: ${[...open].join(", ")}`,
      )
    open = new Set()
  }
  for (const [index, message] of messages.entries()) {
    if (message.role === "tool") {
      if (!open.delete(String(message.tool_call_id)))
        problems.push(
          `messages[${index}]: messages with role 'tool' must be a response to a preceding message with ` +
            `'tool_calls' (${message.tool_call_id}).`,
        )
      continue
    }
    close()
    open = new Set(recordsOf(message.tool_calls).map(call => String(call.id)))
    if (open.size !== recordsOf(message.tool_calls).length)
      problems.push(`messages[${index}]: two calls, one id`)
  }
  close()
  return problems
}
