/** What Anthropic's Messages refuses in a request, as sentences; the signatures it takes are those it has issued. */
import type { UpstreamRequest } from "../scripted-upstream.ts"
import { type Issued, isRecord, type Json, recordsOf, unknownKeys } from "./turn.ts"

const KEYS = [
  ..."model messages system tools tool_choice metadata max_tokens thinking temperature top_p top_k".split(
    " ",
  ),
  ..."stop_sequences stream output_config context_management service_tier cache_control container".split(" "),
]

const BLOCK_KEYS: Record<string, string[]> = {
  text: ["type", "text", "cache_control", "citations"],
  image: ["type", "source", "cache_control"],
  document: ["type", "source", "title", "context", "citations", "cache_control"],
  thinking: ["type", "thinking", "signature"],
  redacted_thinking: ["type", "data"],
  tool_use: ["type", "id", "name", "input", "cache_control", "caller"],
  tool_result: ["type", "tool_use_id", "content", "is_error", "cache_control"],
  server_tool_use: ["type", "id", "name", "input", "cache_control", "caller"],
  web_search_tool_result: ["type", "tool_use_id", "content", "cache_control", "caller"],
  tool_reference: ["type", "tool_name", "cache_control"],
}

const TOOL_KEYS = [
  ..."type name description input_schema cache_control strict eager_input_streaming defer_loading".split(" "),
  ..."allowed_domains blocked_domains max_uses user_location".split(" "),
]

/** Everything that is wrong with the request. */
export function messagesProblems({ body, headers }: UpstreamRequest, issued: Issued): string[] {
  if (!body) return ["The request body is not valid JSON"]
  const messages = recordsOf(body.messages)
  const may_speak_as_system = (headers.get("anthropic-beta") ?? "").includes("mid-conversation-system")
  const spoken = messages.filter(({ role }) => role !== "system")
  return [
    ...(headers.get("anthropic-version") ? [] : ["anthropic-version: header is required"]),
    ...unknownKeys(body, "", KEYS),
    ...(Number.isInteger(body.max_tokens) && Number(body.max_tokens) > 0
      ? []
      : ["max_tokens: Field required"]),
    ...thinkingProblems(body, spoken),
    ...toolProblems(body, messages),
    ...blockProblems(recordsOf(body.system), "system", issued),
    ...messages.flatMap((message, index) => {
      const at = `messages.${index}`
      if (message.role === "system" && !may_speak_as_system)
        return [`${at}: Unexpected role "system". The Messages API accepts a top-level \`system\` parameter`]
      return messageProblems(message, at, issued)
    }),
    ...orderProblems(spoken),
    ...pairingProblems(spoken),
    ...cacheProblems(body),
  ]
}

function thinkingProblems(body: Json, spoken: Json[]): string[] {
  const thinking = isRecord(body.thinking) ? body.thinking : { type: "disabled" }
  const problems: string[] = []
  if (!["enabled", "disabled", "adaptive"].includes(String(thinking.type)))
    problems.push(`thinking.type: Input should be 'adaptive', 'enabled' or 'disabled'`)
  if (thinking.type === "disabled") return problems
  const budget = Number(thinking.budget_tokens)
  if (thinking.type === "enabled" && !(budget >= 1024))
    problems.push("thinking.enabled.budget_tokens: >= 1024")
  if (thinking.type === "enabled" && budget >= Number(body.max_tokens))
    problems.push("`max_tokens` must be greater than `thinking.budget_tokens`")
  if (body.temperature !== undefined && body.temperature !== 1)
    problems.push("`temperature` may only be set to 1 when thinking is enabled")
  const choice = isRecord(body.tool_choice) ? body.tool_choice.type : undefined
  if (choice === "any" || choice === "tool")
    problems.push("Thinking may not be enabled when tool_choice forces tool use.")
  return thinking.type === "enabled" ? [...problems, ...loopProblems(spoken)] : problems
}

/** Within a tool loop the last assistant message begins with its thinking. */
function loopProblems(spoken: Json[]): string[] {
  const last = spoken.at(-1)
  const before = blocksOf(spoken.at(-2))
  const is_loop = blocksOf(last).some(block => block.type === "tool_result")
  if (!is_loop || /thinking$/.test(String(before[0]?.type))) return []
  return [
    `messages.${spoken.length - 2}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found ` +
      `\`${before[0]?.type}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block`,
  ]
}

function toolProblems(body: Json, messages: Json[]): string[] {
  const tools = recordsOf(body.tools)
  const problems: string[] = []
  const names = new Set<unknown>()
  for (const [index, tool] of tools.entries()) {
    const at = `tools.${index}`
    problems.push(...unknownKeys(tool, `${at}.`, TOOL_KEYS))
    if (typeof tool.name !== "string" || !/^[a-zA-Z0-9_-]{1,128}$/.test(tool.name))
      problems.push(`${at}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$' (${tool.name})`)
    if (names.has(tool.name)) problems.push("tools: Tool names must be unique.")
    names.add(tool.name)
    const is_own = tool.type === undefined || tool.type === "custom"
    if (is_own && (!isRecord(tool.input_schema) || tool.input_schema.type !== "object"))
      problems.push(`${at}.custom.input_schema.type: Field required`)
    if (!is_own && !/^web_search_\d{8}$/.test(String(tool.type))) problems.push(`${at}.type: ${tool.type}`)
  }
  const has_history = messages.some(message => blocksOf(message).some(({ type }) => type === "tool_use"))
  if (has_history && tools.length === 0)
    problems.push("Requests which include `tool_use` or `tool_result` blocks must define tools")
  if (tools.length === 0 && isRecord(body.tool_choice) && body.tool_choice.type !== "none")
    problems.push("tool_choice: may only be specified while providing tools.")
  return problems
}

function blocksOf(message: Json | undefined): Json[] {
  if (typeof message?.content === "string") return [{ type: "text", text: message.content }]
  return recordsOf(message?.content)
}

function messageProblems(message: Json, at: string, issued: Issued): string[] {
  const problems = unknownKeys(message, `${at}.`, ["role", "content"])
  if (!["user", "assistant", "system"].includes(String(message.role)))
    problems.push(`${at}.role: ${message.role}`)
  const blocks = blocksOf(message)
  if (blocks.length === 0) problems.push(`${at}: all messages must have non-empty content`)
  const own = ["thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"]
  for (const { type } of blocks) {
    if (own.includes(String(type)) !== (message.role === "assistant") && type !== "text")
      problems.push(`${at}: \`${type}\` blocks are not permitted in ${message.role} messages`)
  }
  return [...problems, ...blockProblems(blocks, `${at}.content`, issued)]
}

function blockProblems(blocks: Json[], at: string, issued: Issued): string[] {
  return blocks.flatMap((block, index) => {
    const where = `${at}.${index}`
    const known = BLOCK_KEYS[String(block.type)]
    if (!known)
      return [
        `${where}: Input tag '${block.type}' found using 'type' does not match any of the expected tags`,
      ]
    const problems = unknownKeys(block, `${where}.${block.type}.`, known)
    if (block.type === "text" && !String(block.text ?? ""))
      problems.push(`${where}: text content blocks must be non-empty`)
    if (block.type === "thinking" && !issued.seals.has(String(block.signature)))
      problems.push(`${where}: Invalid \`signature\` in \`thinking\` block`)
    if (block.type === "tool_use") problems.push(...useProblems(block, where))
    if (block.type === "tool_result" && Array.isArray(block.content))
      problems.push(...blockProblems(recordsOf(block.content), `${where}.tool_result.content`, issued))
    if (block.type === "image") problems.push(...imageProblems(block, where))
    return problems
  })
}

function useProblems(block: Json, at: string): string[] {
  const problems: string[] = []
  if (!/^[a-zA-Z0-9_-]+$/.test(String(block.id))) problems.push(`${at}.tool_use.id: ${block.id}`)
  if (!/^[a-zA-Z0-9_-]{1,200}$/.test(String(block.name))) problems.push(`${at}.tool_use.name: ${block.name}`)
  if (!isRecord(block.input)) problems.push(`${at}.tool_use.input: Input should be a valid dictionary`)
  return problems
}

function imageProblems({ source }: Json, at: string): string[] {
  if (!isRecord(source)) return [`${at}.image.source: Field required`]
  if (source.type === "url") return []
  const is_right = source.type === "base64" && /^image\/(png|jpeg|gif|webp)$/.test(String(source.media_type))
  return is_right && /^[A-Za-z0-9+/]+=*$/.test(String(source.data)) ? [] : [`${at}.image.source: invalid`]
}

function orderProblems(spoken: Json[]): string[] {
  if (spoken.length === 0) return ["messages: at least one message is required"]
  const problems: string[] = []
  if (spoken[0]?.role !== "user") problems.push('messages: first message must use the "user" role')
  if (spoken.at(-1)?.role !== "user")
    problems.push(
      "This model does not support assistant message prefill. The conversation must end with a user message.",
    )
  for (const [index, { role }] of spoken.entries())
    if (role === spoken[index + 1]?.role)
      problems.push(`messages: roles must alternate, but found multiple "${role}" roles in a row`)
  return problems
}

/** All results of a turn stand at the head of the next user message. */
function pairingProblems(spoken: Json[]): string[] {
  const problems: string[] = []
  const seen = new Set<unknown>()
  for (const [index, message] of spoken.entries()) {
    const asked = blocksOf(spoken[index - 1]).filter(block => block.type === "tool_use")
    const answers = blocksOf(message).filter(block => block.type === "tool_result")
    const ids = answers.map(block => block.tool_use_id)
    const missing = message.role === "user" ? asked.filter(({ id }) => !ids.includes(id)) : []
    if (missing.length > 0)
      problems.push(
        `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
          missing.map(({ id }) => id).join(", "),
      )
    for (const id of ids)
      if (!asked.some(use => use.id === id))
        problems.push(`messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}`)
    if (new Set(ids).size !== ids.length)
      problems.push(`messages.${index}: each tool_use must have a single result`)
    if (answers.some((_, place) => blocksOf(message)[place]?.type !== "tool_result"))
      problems.push(`messages.${index}: tool_result blocks must come first in the content`)
    for (const { type, id } of blocksOf(message)) {
      if (type === "tool_use" && seen.has(id))
        problems.push(`messages.${index}: \`tool_use\` ids must be unique`)
      if (type === "tool_use") seen.add(id)
    }
  }
  return problems
}

function cacheProblems(body: Json): string[] {
  const count = JSON.stringify(body).split('"cache_control":{').length - 1
  return count > 4 ? [`A maximum of 4 blocks with cache_control may be provided. Found ${count}.`] : []
}
