/** What an empty catalogue starts with: models, prices from the vendors' public lists, routes. */
import type { Clock } from "../../platform/clock.ts"
import type { EnvUpstream } from "../../platform/config.ts"
import type { NewId } from "../../platform/ids.ts"
import type { Store, TxQuery } from "../../platform/store.ts"
import { addRateCard } from "../../wallet/pricing/rate-cards.ts"

interface SeedModel {
  id: string
  label: string
  description: string
  /** USD per 1M tokens × 1,000,000: input, cached input, output. */
  rates: [input: number, cached: number, output: number]
}

const EFFORTS = ["low", "medium", "high", "xhigh"]
/** Context of the models that Codex CLI 0.142.2 knows; codex-cli-wire 1. */
const CONTEXT_WINDOW_TOKENS = 272_000
const MAX_OUTPUT_TOKENS = 128_000
/** USD 10 per 1,000 hosted searches. */
const WEB_SEARCH_RATE = 10_000_000_000
const SOURCE = "Seeded list price in USD, 2026-11; check it against your vendor's list"

const MODELS: readonly SeedModel[] = [
  {
    id: "gpt-5.5",
    label: "GPT-5.5",
    description: "Frontier coding model.",
    rates: [5_000_000, 500_000, 30_000_000],
  },
  {
    id: "gpt-5.4",
    label: "GPT-5.4",
    description: "Strong everyday coding model.",
    rates: [2_500_000, 250_000, 15_000_000],
  },
  {
    id: "gpt-5.4-mini",
    label: "GPT-5.4 mini",
    description: "Small, fast and cheap.",
    rates: [750_000, 75_000, 4_500_000],
  },
  {
    id: "gpt-5.3-codex",
    label: "GPT-5.3 Codex",
    description: "Tuned for the Codex CLI.",
    rates: [1_750_000, 175_000, 14_000_000],
  },
]

/** Protocol of each vendor that the environment can name. */
const PROTOCOLS: Record<EnvUpstream["id"], string> = {
  openai: "openai-responses",
  openrouter: "openai-responses",
  anthropic: "anthropic-messages",
  deepseek: "openai-chat",
}

/** Vendors that serve the seeded models, with the name they give them. */
const UPSTREAM_MODEL: Partial<Record<EnvUpstream["id"], (model: string) => string>> = {
  openai: model => model,
  openrouter: model => `openai/${model}`,
}

interface SeedNeeds {
  store: Store
  clock: Clock
  newId: NewId
}

/** Seeds models and prices into an empty catalogue; does nothing to any other. */
export async function seedModels(needs: SeedNeeds): Promise<void> {
  await needs.store.tx(async q => {
    const hasModels = await q.get("SELECT 1 AS found FROM model LIMIT 1")
    if (!hasModels) await insertModels(q, needs)
  })
}

/**
 * Brings the upstreams of the environment into the database: address and variable name always, routes only when
 * the upstream is new. Keys are never stored. Only the server does this: a command may run in another environment.
 */
export async function seedUpstreams(needs: SeedNeeds, upstreams: readonly EnvUpstream[]): Promise<void> {
  await needs.store.tx(async q => {
    for (const upstream of upstreams) await seedUpstream(q, needs, upstream)
  })
}

async function insertModels(q: TxQuery, needs: SeedNeeds): Promise<void> {
  const now = needs.clock.now()
  for (const [index, seed] of MODELS.entries()) {
    await q.run(
      `INSERT INTO model (id, label, description, owned_by, context_window_tokens, max_output_tokens,
         reasoning_efforts, input_modalities, priority, is_enabled, created_at)
       VALUES (?, ?, ?, 'openai', ?, ?, ?, ?, ?, 1, ?)`,
      seed.id,
      seed.label,
      seed.description,
      CONTEXT_WINDOW_TOKENS,
      MAX_OUTPUT_TOKENS,
      JSON.stringify(EFFORTS),
      JSON.stringify(["text", "image"]),
      index + 1,
      now,
    )
    const [input_rate, cache_read_rate, output_rate] = seed.rates
    await addRateCard(
      q,
      { newId: needs.newId, now },
      {
        model_id: seed.id,
        input_rate,
        cache_read_rate,
        cache_write_5m_rate: input_rate,
        cache_write_1h_rate: input_rate,
        output_rate,
        web_search_rate: WEB_SEARCH_RATE,
        tier_multipliers: { priority: [2, 1], flex: [1, 2] },
        source: SOURCE,
      },
    )
  }
}

async function seedUpstream(q: TxQuery, needs: SeedNeeds, upstream: EnvUpstream): Promise<void> {
  const now = needs.clock.now()
  const stored = await q.get<{ base_url: string; key_env: string | null }>(
    "SELECT base_url, key_env FROM upstream WHERE id = ?",
    upstream.id,
  )
  if (stored) {
    // An upstream that the operator took over by a command is his: his key must not go to another address.
    if (stored.key_env !== upstream.key_env || stored.base_url === upstream.base_url) return
    await q.run("UPDATE upstream SET base_url = ? WHERE id = ?", upstream.base_url, upstream.id)
    return
  }
  await q.run(
    `INSERT INTO upstream (id, protocol, base_url, key_env, is_enabled, created_at) VALUES (?, ?, ?, ?, 1, ?)`,
    upstream.id,
    PROTOCOLS[upstream.id],
    upstream.base_url,
    upstream.key_env,
    now,
  )
  const nameOf = UPSTREAM_MODEL[upstream.id]
  if (!nameOf) return
  for (const model of MODELS) {
    await q.run(
      `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at)
       SELECT ?, id, ?, ?, ?, 1, 1, ? FROM model WHERE id = ?`,
      needs.newId("rt"),
      upstream.id,
      nameOf(model.id),
      upstream.id === "openai" ? 0 : 1,
      now,
      model.id,
    )
  }
}
