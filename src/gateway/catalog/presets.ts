/** Named kinds of upstream: what an operator would otherwise have to know of a vendor or a server; no keys, no prices. */
import { type EnvUpstream, VENDORS } from "../../platform/config.ts"
import type { Protocol } from "../protocol/model-request.ts"
import type { Quirk } from "../protocol/target.ts"
import { SEED_MODELS } from "./seed-models.ts"

export interface Preset {
  summary: string
  protocol: Protocol
  /** `undefined`: only the operator knows it. */
  base_url: string | undefined
  quirks: readonly Quirk[]
  /** The seeded models that it serves, with the names they have there; empty for servers that run anything. */
  models: Readonly<Record<string, string>>
  /** Tier of its routes: 0 for who makes the models, 1 for who resells them. */
  tier: number
}

export const PRESET_NAMES = [
  "openai",
  "anthropic",
  "deepseek",
  "openrouter",
  "compatible",
  "vllm",
  "llama-cpp",
  "ollama",
] as const
export type PresetName = (typeof PRESET_NAMES)[number]

const addressOf = (vendor: EnvUpstream["id"]): string | undefined =>
  VENDORS.find(one => one.id === vendor)?.base_url

/** The seeded models that name this vendor, with their names there. */
function modelsOf(vendor: EnvUpstream["id"]): Record<string, string> {
  const named = SEED_MODELS.flatMap(model => {
    const name = model.names[vendor]
    return name === undefined ? [] : [[model.id, name] as const]
  })
  return Object.fromEntries(named)
}

/**
 * Servers that run open models behind `/v1/chat/completions`. Many chat templates refuse a system message that is
 * not the first (Qwen's, Mistral's), and none of these servers searches the web.
 */
const LOCAL = {
  protocol: "openai-chat",
  quirks: ["system-first", "no-web-search"],
  models: {},
  tier: 0,
} as const satisfies Partial<Preset>

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  openai: {
    summary: "OpenAI, by its Responses API",
    protocol: "openai-responses",
    base_url: addressOf("openai"),
    quirks: [],
    models: modelsOf("openai"),
    tier: 0,
  },
  anthropic: {
    summary: "Anthropic, by its Messages API",
    protocol: "anthropic-messages",
    base_url: addressOf("anthropic"),
    quirks: [],
    models: modelsOf("anthropic"),
    tier: 0,
  },
  /**
   * Chat Completions is the API that its documentation is written for. In thinking mode it answers 400 to a turn
   * with tool calls that comes back without its reasoning_content (api-docs.deepseek.com/guides/thinking_mode).
   * deepseek-v4-pro takes no pictures, and hosted search is an API of its own (…/quick_start/pricing, 2026-11-15).
   */
  deepseek: {
    summary: "DeepSeek, by its Chat Completions API",
    protocol: "openai-chat",
    base_url: addressOf("deepseek"),
    quirks: ["reasoning-content", "no-images", "no-web-search"],
    models: modelsOf("deepseek"),
    tier: 0,
  },
  /**
   * Responses, not Chat Completions: the Codex CLI then passes through byte for byte, and sealed reasoning survives
   * between turns. It is a beta and keeps nothing (openrouter.ai/docs/api_reference/responses/overview); neither
   * matters here, because what is stored is stored by us.
   */
  openrouter: {
    summary: "OpenRouter, by its Responses API",
    protocol: "openai-responses",
    base_url: addressOf("openrouter"),
    quirks: [],
    models: modelsOf("openrouter"),
    tier: 1,
  },
  compatible: { ...LOCAL, summary: "Any server with a Chat Completions API", base_url: undefined },
  vllm: { ...LOCAL, summary: "vLLM", base_url: "http://127.0.0.1:8000/v1" },
  "llama-cpp": { ...LOCAL, summary: "llama.cpp's llama-server", base_url: "http://127.0.0.1:8080/v1" },
  ollama: { ...LOCAL, summary: "Ollama", base_url: "http://127.0.0.1:11434/v1" },
}
