/** Reads the body of POST /responses into a ModelRequest; knows no headers, stored responses or models. */
import type { ReadRequest } from "../codec.ts"
import { isJsonObject, present } from "../json.ts"
import type { At } from "../json-at.ts"
import {
  asBoolean,
  asCount,
  asList,
  asModel,
  asNumber,
  asObject,
  asString,
  asTexts,
  at,
  finishReading,
  optional,
  refuse,
  startAt,
} from "../json-at.ts"
import type { ModelRequest, ReasoningWish, TextFormat, TextPart, ToolChoice } from "../model-request.ts"
import { readInput } from "./read-items.ts"
import { readTool } from "./read-tools.ts"

/**
 * Reads a parsed body. Unknown fields are ignored (sdk-wire 5); those dropped on purpose stand in
 * `losses.ts`.
 */
export function readRequest(body: unknown): ReadRequest {
  const root = startAt(body)
  asObject(root)
  return finishReading(root, readBody(root))
}

function readBody(root: At): ModelRequest {
  const text = at(root, "text")
  optional(text, asObject)
  return present({
    model: asModel(at(root, "model")),
    instructions: readInstructions(at(root, "instructions")),
    items: readInput(at(root, "input")),
    tools: optional(at(root, "tools"), here => asList(here, readTool)) ?? [],
    tool_choice: optional(at(root, "tool_choice"), readToolChoice),
    parallel_tool_calls: optional(at(root, "parallel_tool_calls"), asBoolean),
    reasoning: optional(at(root, "reasoning"), readReasoning),
    wants_sealed_reasoning: readInclude(at(root, "include")),
    max_output_tokens: optional(at(root, "max_output_tokens"), asCount),
    temperature: optional(at(root, "temperature"), asNumber),
    top_p: optional(at(root, "top_p"), asNumber),
    text_format: optional(at(text, "format"), readTextFormat),
    verbosity: optional(at(text, "verbosity"), asString),
    stream: optional(at(root, "stream"), asBoolean) ?? false,
    cache_key: optional(at(root, "prompt_cache_key"), asString),
    service_tier: optional(at(root, "service_tier"), asString),
    metadata: optional(at(root, "metadata"), asTexts),
  })
}

function readInstructions(here: At): TextPart[] {
  const text = optional(here, asString)
  return text === undefined || text === "" ? [] : [{ kind: "text", text }]
}

/** Only `reasoning.encrypted_content` means something to other protocols; the other values ask for extras. */
function readInclude(here: At): true | undefined {
  const wishes = optional(here, list => asList(list, asString)) ?? []
  return wishes.includes("reasoning.encrypted_content") ? true : undefined
}

/** Any effort word passes (codex-cli-wire 10.10); `null` was already taken as absent. */
function readReasoning(here: At): ReasoningWish | undefined {
  asObject(here)
  const wish: ReasoningWish = present({
    effort: optional(at(here, "effort"), asString),
    summary: optional(at(here, "summary"), asString) ?? optional(at(here, "generate_summary"), asString),
  })
  return Object.keys(wish).length === 0 ? undefined : wish
}

function readToolChoice(here: At): ToolChoice {
  const choice = here.value
  if (choice === "auto" || choice === "none" || choice === "required") return choice
  if (!isJsonObject(choice)) {
    refuse(here, "expected auto, none, required or a tool")
    return "auto"
  }
  if (choice.type === "function" || choice.type === "custom") {
    return { tool: choice.type, name: asString(at(here, "name")) }
  }
  if (typeof choice.type === "string" && choice.type.startsWith("web_search")) return { tool: "web_search" }
  // A choice among several or of a hosted tool is softened, not refused: no other protocol can say it.
  return choice.mode === "required" ? "required" : "auto"
}

function readTextFormat(here: At): TextFormat | undefined {
  const format = asObject(here)
  if (format.type === "json_object") return { kind: "json_object" }
  if (format.type !== "json_schema") return undefined
  return present({
    kind: "json_schema" as const,
    name: asString(at(here, "name")),
    description: optional(at(here, "description"), asString),
    schema: asObject(at(here, "schema")),
    strict: optional(at(here, "strict"), asBoolean),
  })
}
