/** The models that a new catalogue starts with: limits, list prices with their date, other names; data, no logic. */
import type { EnvUpstream } from "../../platform/config.ts"
import type { Rates, TierMultipliers } from "../../wallet/pricing/cost.ts"

export interface SeedModel {
  id: string
  label: string
  description: string
  owned_by: string
  context_window_tokens: number
  max_output_tokens: number
  /** Weakest first; empty when none may be sent. */
  reasoning_efforts: readonly string[]
  input_modalities: readonly string[]
  rates: Rates
  source: string
  /** The cheaper model of the family, itself a seeded one. */
  budget_model_id?: string
  /** The name at each vendor that serves it. */
  names: Readonly<Partial<Record<EnvUpstream["id"], string>>>
  /** Other names that clients send; `*` at the end stands for the rest. */
  aliases: readonly string[]
}

/** USD 10 per 1,000 hosted searches, at OpenAI and at Anthropic. */
const WEB_SEARCH_RATE = 10_000_000_000

/** Limits of the models that Codex CLI 0.142.2 knows; codex-cli-wire 1. */
const CODEX = {
  owned_by: "openai",
  context_window_tokens: 272_000,
  max_output_tokens: 128_000,
  reasoning_efforts: ["low", "medium", "high", "xhigh"],
  input_modalities: ["text", "image"],
}

/** Service tiers without prices of their own. */
const NO_TIERS: TierMultipliers = {}

const OPENAI_SOURCE =
  "OpenAI's public list, developers.openai.com/api/docs/pricing, 2026-11; long-context surcharges not included"
const ANTHROPIC_SOURCE =
  "Anthropic's public list, platform.claude.com/docs/en/about-claude/pricing, 2026-11; long-context surcharges not included"
const DEEPSEEK_SOURCE =
  "DeepSeek's public list, api-docs.deepseek.com/quick_start/pricing, 2026-11-15, at its peak rates; off-peak is half"

/** Micro-USD per 1M tokens. OpenAI bills what it writes to its cache as plain input. */
function openaiRates(
  rates: { input: number; cached: number; output: number },
  priority: [number, number],
): Rates {
  return {
    input_rate: rates.input,
    cache_read_rate: rates.cached,
    cache_write_5m_rate: rates.input,
    cache_write_1h_rate: rates.input,
    output_rate: rates.output,
    web_search_rate: WEB_SEARCH_RATE,
    // `fast` is OpenAI's newer word for priority, and what the Codex CLI's users know it by.
    tier_multipliers: { priority, fast: priority, flex: [1, 2] },
  }
}

/** Micro-USD per 1M tokens. A cache is read at a tenth of the input, written at 1.25 times (5 min) or twice (1 h). */
function anthropicRates(input: number, output: number): Rates {
  return {
    input_rate: input,
    cache_read_rate: input / 10,
    cache_write_5m_rate: (input * 5) / 4,
    cache_write_1h_rate: input * 2,
    output_rate: output,
    web_search_rate: WEB_SEARCH_RATE,
    tier_multipliers: NO_TIERS,
  }
}

/** Micro-USD per 1M tokens. DeepSeek caches by itself and bills no writes. */
function deepseekRates(rates: { input: number; cached: number; output: number }): Rates {
  return { ...openaiRates(rates, [1, 1]), tier_multipliers: NO_TIERS }
}

const openai = (id: string) => ({
  ...CODEX,
  id,
  source: OPENAI_SOURCE,
  names: { openai: id, openrouter: `openai/${id}` },
  // A dated snapshot is the same model at the same price.
  aliases: [`${id}-2*`, `openai/${id}`],
})

/** `dotted` is OpenRouter's name, which writes the version with a dot. */
const anthropic = (id: string, dotted: string) => ({
  owned_by: "anthropic",
  input_modalities: ["text", "image"],
  id,
  source: ANTHROPIC_SOURCE,
  names: { anthropic: id, openrouter: `anthropic/${dotted}` },
  aliases: [...new Set([`${id}-2*`, `anthropic/${id}`, `anthropic/${dotted}`])],
})

/** 1M tokens of context at the plain price; efforts as the CLI passes them through (claude-code-wire 5). */
const LARGE_CLAUDE = {
  context_window_tokens: 1_000_000,
  max_output_tokens: 128_000,
  reasoning_efforts: ["low", "medium", "high", "xhigh", "max"],
}

/**
 * Thinks by a budget of tokens only: it refuses adaptive thinking and knows no effort word (claude-code-wire 5 and 7).
 * So no effort is sent to it; a Messages client's own budget passes through.
 */
const SMALL_CLAUDE = {
  context_window_tokens: 200_000,
  max_output_tokens: 64_000,
  reasoning_efforts: [],
}

/** Efforts: medium is taken and means high, its default (api-docs.deepseek.com/guides/thinking_mode). */
const deepseek = (id: string) => ({
  owned_by: "deepseek",
  context_window_tokens: 1_000_000,
  max_output_tokens: 384_000,
  reasoning_efforts: ["low", "medium", "high", "max"],
  input_modalities: ["text"],
  id,
  source: DEEPSEEK_SOURCE,
  aliases: [`deepseek/${id}`],
})

/** In the order of lists. */
export const SEED_MODELS: readonly SeedModel[] = [
  {
    ...openai("gpt-5.5"),
    label: "GPT-5.5",
    description: "Frontier coding model.",
    // Priority is 2.5 times the price, unlike its siblings: openai.com/api-priority-processing, 2026-11.
    rates: openaiRates({ input: 5_000_000, cached: 500_000, output: 30_000_000 }, [5, 2]),
    budget_model_id: "gpt-5.4-mini",
  },
  {
    ...openai("gpt-5.4"),
    label: "GPT-5.4",
    description: "Strong everyday coding model.",
    rates: openaiRates({ input: 2_500_000, cached: 250_000, output: 15_000_000 }, [2, 1]),
    budget_model_id: "gpt-5.4-mini",
  },
  {
    ...openai("gpt-5.4-mini"),
    label: "GPT-5.4 mini",
    description: "Small, fast and cheap.",
    rates: openaiRates({ input: 750_000, cached: 75_000, output: 4_500_000 }, [2, 1]),
  },
  {
    ...openai("gpt-5.3-codex"),
    label: "GPT-5.3 Codex",
    description: "Tuned for the Codex CLI.",
    rates: openaiRates({ input: 1_750_000, cached: 175_000, output: 14_000_000 }, [2, 1]),
    budget_model_id: "gpt-5.4-mini",
  },
  {
    ...anthropic("claude-opus-4-8", "claude-opus-4.8"),
    ...LARGE_CLAUDE,
    label: "Claude Opus 4.8",
    description: "Claude Code's default model.",
    rates: anthropicRates(5_000_000, 25_000_000),
    budget_model_id: "claude-sonnet-5",
  },
  {
    ...anthropic("claude-sonnet-5", "claude-sonnet-5"),
    ...LARGE_CLAUDE,
    label: "Claude Sonnet 5",
    description: "Speed and intelligence in balance.",
    rates: anthropicRates(2_000_000, 10_000_000),
    budget_model_id: "claude-haiku-4-5",
  },
  {
    ...anthropic("claude-haiku-4-5", "claude-haiku-4.5"),
    ...SMALL_CLAUDE,
    label: "Claude Haiku 4.5",
    description: "Small and fast; Claude Code's model for errands.",
    rates: anthropicRates(1_000_000, 5_000_000),
    aliases: [
      ...anthropic("claude-haiku-4-5", "claude-haiku-4.5").aliases,
      // Claude Code asks for its small model by whatever name its version knows (claude-code-wire 5).
      "claude-haiku-*",
      "claude-3-5-haiku-*",
    ],
  },
  {
    ...anthropic("claude-fable-5", "claude-fable-5"),
    ...LARGE_CLAUDE,
    label: "Claude Fable 5",
    description: "The most capable Claude, for long and hard work.",
    rates: anthropicRates(10_000_000, 50_000_000),
    budget_model_id: "claude-sonnet-5",
  },
  {
    ...anthropic("claude-sonnet-4-5", "claude-sonnet-4.5"),
    ...SMALL_CLAUDE,
    label: "Claude Sonnet 4.5",
    description: "The Sonnet before.",
    rates: anthropicRates(3_000_000, 15_000_000),
    budget_model_id: "claude-haiku-4-5",
  },
  {
    ...deepseek("deepseek-v4-pro"),
    label: "DeepSeek V4 Pro",
    description: "Strong open-weight reasoning model.",
    rates: deepseekRates({ input: 1_320_000, cached: 44_000, output: 3_960_000 }),
    names: { deepseek: "deepseek-v4-pro", openrouter: "deepseek/deepseek-v4-pro" },
    budget_model_id: "deepseek-flash",
  },
  {
    ...deepseek("deepseek-flash"),
    label: "DeepSeek Flash",
    description: "Very cheap; served as DeepSeek V4.1 Flash.",
    rates: deepseekRates({ input: 300_000, cached: 6_000, output: 1_200_000 }),
    names: { deepseek: "deepseek-flash" },
    // The vendor serves its older names by this model, at this price.
    aliases: [
      ...deepseek("deepseek-flash").aliases,
      "deepseek-v4-flash",
      "deepseek-chat",
      "deepseek-reasoner",
    ],
  },
]
