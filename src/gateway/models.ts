/** The model list: one body that OpenAI's SDK, Anthropic's SDK and Claude Code, and the Codex CLI can all read. */
import type { Caller } from "../auth/keys.ts"
import { AppError } from "../platform/errors.ts"
import type { Catalog, Model } from "./catalog/catalog.ts"

/** One model as OpenAI (`object`, `created`, `owned_by`) and Anthropic (`type`, `display_name`, `created_at`) show it. */
export function toApiModel(model: Model) {
  return {
    id: model.id,
    object: "model",
    created: Math.floor(model.created_at / 1000),
    owned_by: model.owned_by,
    type: "model",
    display_name: model.label,
    created_at: new Date(model.created_at).toISOString(),
  }
}

/**
 * The models that the caller's key may use; with `client_version` (the Codex CLI sends it) also `models` with Codex's own ModelInfo.
 * Anthropic's fields stand beside OpenAI's (sdk-wire 2 and 3: unknown keys are ignored by both).
 */
export function listModels(
  catalog: Catalog,
  asked: { client_version?: string; caller: Pick<Caller, "models"> },
) {
  const { client_version, caller } = asked
  const models = catalog.list().filter(model => caller.models?.includes(model.id) ?? true)
  const data = models.map(toApiModel)
  return {
    object: "list",
    data,
    has_more: false,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    ...(client_version === undefined ? {} : { models: models.map(toModelInfo) }),
  }
}

/**
 * The model that a URL's path names, percent-encoded, perhaps with slashes. Throws `not_found`, also for one that the
 * caller's key may not use.
 */
export function getModel(catalog: Catalog, asked: { url: string; caller: Pick<Caller, "models"> }) {
  const { url, caller } = asked
  const id = decodeName(new URL(url).pathname.replace(/^\/v1\/models\//, ""))
  const model = catalog.find(id)
  if (!model || !(caller.models?.includes(model.id) ?? true)) {
    throw new AppError(
      "not_found",
      `The model ${JSON.stringify(id)} does not exist. GET /v1/models lists them.`,
      {
        code: "model_not_found",
        field: "model",
      },
    )
  }
  return toApiModel(model)
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    // A broken escape is no model's name.
    return name
  }
}

const EFFORT_DESCRIPTIONS: Record<string, string> = {
  none: "No reasoning",
  minimal: "Least reasoning",
  low: "Fast, with light reasoning",
  medium: "Balanced",
  high: "Deeper reasoning for hard problems",
  xhigh: "The most reasoning",
}

/** How much of a tool's output the CLI sends on. */
const TOOL_OUTPUT_TOKENS = 10_000

const BASE_INSTRUCTIONS = `You are a coding agent working in the user's terminal through the Codex CLI.
Work until the task is done: look at the files before you change them, make the smallest change that is right,
and check it by running what the project offers. Edit files with apply_patch. Never undo work you did not do.
Say briefly what you are about to do, and at the end what you changed and what you could not verify.`

/** Every field that the CLI requires, and those that decide what it offers (codex-cli-wire 2.2). */
function toModelInfo(model: Model) {
  const { reasoning_efforts: efforts } = model
  return {
    slug: model.id,
    display_name: model.label,
    description: model.description,
    supported_reasoning_levels: efforts.map(effort => ({
      effort,
      description: EFFORT_DESCRIPTIONS[effort] ?? effort,
    })),
    default_reasoning_level: efforts.includes("medium") ? "medium" : efforts[0],
    shell_type: "shell_command",
    visibility: "list",
    supported_in_api: true,
    priority: model.priority,
    base_instructions: BASE_INSTRUCTIONS,
    supports_reasoning_summaries: efforts.length > 0,
    support_verbosity: true,
    truncation_policy: { mode: "tokens", limit: TOOL_OUTPUT_TOKENS },
    supports_parallel_tool_calls: true,
    experimental_supported_tools: [],
    apply_patch_tool_type: "freeform",
    supports_search_tool: true,
    input_modalities: model.input_modalities,
    context_window: model.context_window_tokens,
  }
}
