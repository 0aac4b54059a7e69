/** Reads the body of POST /v1/messages into a ModelRequest; knows no headers, betas or models. */
import type { ReadRequest } from "../codec.ts"
import { parseObject, present, stringOf } from "../json.ts"
import type { At } from "../json-at.ts"
import {
  asBoolean,
  asCount,
  asList,
  asModel,
  asNumber,
  asObject,
  asString,
  at,
  finishReading,
  optional,
  startAt,
} from "../json-at.ts"
import type { ModelRequest, ReasoningWish, TextFormat, TextPart } from "../model-request.ts"
import { readMessages } from "./read-items.ts"
import { readCacheMark, readTool, readToolChoice } from "./read-tools.ts"

/**
 * Reads a parsed body. Unknown fields are ignored (claude-code-wire 5.9, sdk-wire 5); those dropped on purpose stand
 * in `losses.ts`.
 */
export function readRequest(body: unknown): ReadRequest {
  const root = startAt(body)
  asObject(root)
  return finishReading(root, readBody(root))
}

function readBody(root: At): ModelRequest {
  const model = asModel(at(root, "model"))
  const items = readMessages(at(root, "messages"))
  const tools = optional(at(root, "tools"), here => asList(here, readTool)) ?? []
  const choice = at(root, "tool_choice")
  const max_output_tokens = asCount(at(root, "max_tokens"))
  const reasoning = readReasoning(root, max_output_tokens)
  return present({
    model,
    instructions: readSystem(at(root, "system")),
    items,
    tools,
    tool_choice: optional(choice, here => readToolChoice(here, tools)),
    parallel_tool_calls: at(choice, "disable_parallel_tool_use").value === true ? false : undefined,
    reasoning,
    // Every client of this protocol sends thinking back, signed or not (claude-code-wire 8).
    wants_sealed_reasoning: reasoning && reasoning.effort !== "none" ? (true as const) : undefined,
    max_output_tokens,
    temperature: optional(at(root, "temperature"), asNumber),
    top_p: optional(at(root, "top_p"), asNumber),
    stop: optional(at(root, "stop_sequences"), here => asList(here, asString)),
    text_format: readTextFormat(root),
    stream: optional(at(root, "stream"), asBoolean) ?? false,
    cache_key: sessionOf(at(at(root, "metadata"), "user_id").value),
    service_tier: optional(at(root, "service_tier"), readTier),
  })
}

function readSystem(here: At): TextPart[] {
  if (here.value === undefined || here.value === null || here.value === "") return []
  if (typeof here.value === "string") return [{ kind: "text", text: here.value }]
  return asList(here, block =>
    present({
      kind: "text" as const,
      text: asString(at(block, "text")),
      cache: readCacheMark(at(block, "cache_control")),
    }),
  )
}

/**
 * `disabled` counts more than an effort beside it (claude-code-wire 5.8). A budget that leaves nothing for the answer
 * is clamped, because Qwen Code sends one (sdk-wire 5).
 */
function readReasoning(root: At, max_tokens: number): ReasoningWish | undefined {
  const thinking = at(root, "thinking")
  const config = at(root, "output_config")
  optional(config, asObject)
  const effort = optional(at(config, "effort"), asString)
  if (thinking.value === undefined || thinking.value === null)
    return effort === undefined ? undefined : { effort }
  const type = asString(at(thinking, "type"))
  if (type === "disabled") return { effort: "none" }
  const summary = at(thinking, "display").value === "omitted" ? undefined : "auto"
  if (type !== "enabled") return present({ effort, summary })
  const budget = asNumber(at(thinking, "budget_tokens"))
  return present({ effort, summary, budget_tokens: Math.max(1, Math.min(budget, max_tokens - 1)) })
}

/** Also in its older place, `output_format` (beta structured-outputs-2025-11-13). */
function readTextFormat(root: At): TextFormat | undefined {
  const format = at(at(root, "output_config"), "format")
  return optional(format, readFormat) ?? optional(at(root, "output_format"), readFormat)
}

/** The wire has no name for the schema; other protocols want one. */
function readFormat(here: At): TextFormat | undefined {
  if (asObject(here).type !== "json_schema") return undefined
  return { kind: "json_schema", name: "output", schema: asObject(at(here, "schema")) }
}

function readTier(here: At): string {
  const tier = asString(here)
  return tier === "standard_only" ? "default" : tier
}

/** The session of Claude Code, which all requests of a conversation share; nothing else of the id is carried. */
function sessionOf(user_id: unknown): string | undefined {
  if (typeof user_id !== "string") return undefined
  const parsed = parseObject(user_id)
  if (parsed !== undefined) return stringOf(parsed.session_id) || undefined
  // The form of older clients, `user_…_account__session_<uuid>`, or somebody's own id.
  return /_session_([\w-]{8,64})$/.exec(user_id)?.[1]
}
