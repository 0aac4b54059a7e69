/** Writes a ModelRequest as the body of POST /chat/completions; equal protocols pass by and never come here. */
import type { JsonObject } from "../json.ts"
import { present } from "../json.ts"
import type { ModelRequest, ReasoningWish, TextFormat, ToolChoice } from "../model-request.ts"
import { effortAsked, nearestEffort, type Target } from "../target.ts"
import type { WireRequest, WireTool } from "./wire.ts"
import { writeMessages } from "./write-messages.ts"
import { writeTool } from "./write-tools.ts"

/**
 * The body, keys always in one order and the same bytes for the same request, so that prompt caches hit. Only what
 * every Chat upstream knows is said (codex-cli-wire 10.11); the rest stands in `losses.ts`.
 */
export function writeRequest(request: ModelRequest, target: Target): WireRequest {
  const { quirks } = target
  const tools = request.tools.flatMap(tool => writeTool(tool, target))
  // Without tools both of these are refused by strict upstreams.
  const has_tools = tools.length > 0
  const is_parallel = quirks.has("no-parallel-tools") ? undefined : request.parallel_tool_calls
  return present({
    model: target.model,
    messages: writeMessages(request, target),
    tools: has_tools ? tools : undefined,
    tool_choice: has_tools ? writeToolChoice(request.tool_choice, tools) : undefined,
    parallel_tool_calls: has_tools ? is_parallel : undefined,
    response_format: request.text_format && writeFormat(request.text_format),
    reasoning_effort: request.reasoning && writeEffort(request.reasoning, target),
    ...writeLimit(request, target),
    temperature: request.temperature,
    top_p: request.top_p,
    stop: request.stop,
    stream: request.stream,
    stream_options:
      request.stream && !quirks.has("no-stream-options") ? { include_usage: true as const } : undefined,
  })
}

/** A choice of a tool that was left out is no choice: the request must not fail because of it. */
function writeToolChoice(
  choice: ToolChoice | undefined,
  tools: readonly WireTool[],
): WireRequest["tool_choice"] {
  if (choice === undefined || typeof choice === "string") return choice
  if (choice.tool === "web_search") return undefined
  const { name } = choice
  const is_there = tools.some(tool => tool.function.name === name)
  return is_there ? { type: "function", function: { name } } : undefined
}

function writeFormat(format: TextFormat): JsonObject {
  if (format.kind === "json_object") return { type: "json_object" }
  const { name, description, schema, strict } = format
  return { type: "json_schema", json_schema: present({ name, description, schema, strict }) }
}

/** Quirk no-reasoning-effort. "none" has no neighbour: the nearest word would switch thinking on. */
function writeEffort(wish: ReasoningWish, { quirks, reasoning_efforts: known }: Target): string | undefined {
  if (quirks.has("no-reasoning-effort") || known.length === 0) return undefined
  const asked = effortAsked(wish)
  if (asked === "none") return known.includes("none") ? "none" : undefined
  const thinking = known.filter(word => word !== "none")
  return thinking.length === 0 ? undefined : nearestEffort(asked, thinking)
}

/** Quirks needs-max-tokens and max-completion-tokens: whether a limit must be said, and by which name. */
function writeLimit(
  { max_output_tokens: asked }: ModelRequest,
  { quirks, max_output_tokens: most }: Target,
): Pick<WireRequest, "max_tokens" | "max_completion_tokens"> {
  const limit = asked ?? (quirks.has("needs-max-tokens") ? most : undefined)
  if (limit === undefined) return {}
  return quirks.has("max-completion-tokens") ? { max_completion_tokens: limit } : { max_tokens: limit }
}
