/** Writes a ModelRequest as the body of POST /responses; equal protocols pass by and never come here. */
import { present } from "../json.ts"
import type { ModelRequest, ReasoningWish, TextFormat, TextPart, ToolChoice } from "../model-request.ts"
import { effortAsked, nearestEffort, type Target } from "../target.ts"
import type { WireRequest } from "./wire.ts"
import { writeItem } from "./write-items.ts"
import { writeTool } from "./write-tools.ts"

/**
 * The body, keys in the order of codex-cli-wire 3.2 and the same bytes for the same request, so that prompt
 * caches hit. `store` is always false: the gateway has its own store, and nothing of a customer stays
 * upstream.
 */
export function writeRequest(request: ModelRequest, target: Target): WireRequest {
  return present({
    model: target.model,
    instructions: writeInstructions(request.instructions),
    input: request.items.flatMap(writeItem),
    tools: request.tools.length === 0 ? undefined : request.tools.flatMap(writeTool),
    tool_choice: request.tool_choice === undefined ? undefined : writeToolChoice(request.tool_choice),
    parallel_tool_calls: request.parallel_tool_calls,
    reasoning: request.reasoning && writeReasoning(request.reasoning, target),
    max_output_tokens: request.max_output_tokens && Math.max(request.max_output_tokens, LEAST_OUTPUT_TOKENS),
    temperature: request.temperature,
    top_p: request.top_p,
    store: false as const,
    stream: request.stream,
    include: writeInclude(request),
    service_tier: request.service_tier,
    prompt_cache_key: request.cache_key,
    text: writeText(request),
    metadata: request.metadata,
  })
}

/** OpenAI refuses a lower limit; Claude Code probes with 1 (claude-code-wire 10). */
const LEAST_OUTPUT_TOKENS = 16

/** Marked parts become one text: the protocol has one string and caches by itself. */
function writeInstructions(parts: TextPart[]): string | undefined {
  return parts.length === 0 ? undefined : parts.map(part => part.text).join("\n\n")
}

function writeToolChoice(choice: ToolChoice): string | { type: string; name?: string } {
  if (typeof choice === "string") return choice
  return choice.tool === "web_search" ? { type: "web_search" } : { type: choice.tool, name: choice.name }
}

/** An effort that the model does not know is replaced by its nearest; a model without efforts gets none. */
function writeReasoning(wish: ReasoningWish, { reasoning_efforts }: Target): WireRequest["reasoning"] {
  const asked = effortAsked(wish)
  return present({ effort: nearestEffort(asked, reasoning_efforts), summary: wish.summary })
}

/** The sources of a search are left out unless asked for; Messages clients show them (claude-code-wire 9). */
function writeInclude(request: ModelRequest): string[] | undefined {
  const include = [
    ...(request.wants_sealed_reasoning ? ["reasoning.encrypted_content"] : []),
    ...(request.tools.some(tool => tool.kind === "web_search") ? ["web_search_call.action.sources"] : []),
  ]
  return include.length === 0 ? undefined : include
}

function writeText(request: ModelRequest): WireRequest["text"] {
  const { text_format, verbosity } = request
  if (text_format === undefined && verbosity === undefined) return undefined
  return present({ format: text_format === undefined ? undefined : writeFormat(text_format), verbosity })
}

function writeFormat(format: TextFormat): { [key: string]: unknown } {
  if (format.kind === "json_object") return { type: "json_object" }
  const { name, description, schema, strict } = format
  return present({ type: "json_schema", name, description, schema, strict })
}
