/** What a catalogue starts with, and what a newer version adds to it; never what the operator changed or removed. */

import type { Clock } from "../../platform/clock.ts"
import type { EnvUpstream } from "../../platform/config.ts"
import type { NewId } from "../../platform/ids.ts"
import { readSetting, writeSetting } from "../../platform/settings.ts"
import type { Store, TxQuery } from "../../platform/store.ts"
import { addRateCard } from "../../wallet/pricing/rate-cards.ts"
import { PRESETS } from "./presets.ts"
import { addPresetRoutes } from "./routes.ts"
import { SEED_MODELS, type SeedModel } from "./seed-models.ts"

/** Raised whenever `SEED_MODELS` has something new. */
const SEED_VERSION = 2
const SETTING = "catalog_seed"

interface SeedNeeds {
  store: Store
  clock: Clock
  newId: NewId
}

/**
 * Adds the models, prices and other names that this version knows and the database never had. The price list is
 * append-only and so remembers every model there ever was: one that the operator removed does not come back.
 */
export async function seedModels(needs: SeedNeeds): Promise<void> {
  if (Number((await readSetting(needs.store.read, SETTING)) ?? 0) >= SEED_VERSION) return
  await needs.store.tx(async q => {
    for (const [index, seed] of SEED_MODELS.entries()) {
      if (!(await isKnown(q, seed.id))) await insertModel(q, needs, { seed, priority: index + 1 })
    }
    for (const seed of SEED_MODELS) await addDetails(q, needs, seed)
    await writeSetting(q, SETTING, String(SEED_VERSION))
  })
}

/**
 * Brings the upstreams of the environment into the database: address and variable name always, quirks and routes
 * only when the upstream is new. Keys are never stored. Only the server does this: a command may run in another
 * environment.
 */
export async function seedUpstreams(needs: SeedNeeds, upstreams: readonly EnvUpstream[]): Promise<void> {
  await needs.store.tx(async q => {
    for (const upstream of upstreams) await seedUpstream(q, needs, upstream)
  })
}

async function isKnown(q: TxQuery, model_id: string): Promise<boolean> {
  const found = await q.get(
    "SELECT 1 AS found FROM model WHERE id = ?1 UNION ALL SELECT 1 FROM rate_card WHERE model_id = ?1 LIMIT 1",
    model_id,
  )
  return found !== undefined
}

async function insertModel(
  q: TxQuery,
  needs: SeedNeeds,
  { seed, priority }: { seed: SeedModel; priority: number },
): Promise<void> {
  const now = needs.clock.now()
  await q.run(
    `INSERT INTO model (id, label, description, owned_by, context_window_tokens, max_output_tokens,
       reasoning_efforts, input_modalities, priority, is_enabled, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)`,
    seed.id,
    seed.label,
    seed.description,
    seed.owned_by,
    seed.context_window_tokens,
    seed.max_output_tokens,
    JSON.stringify(seed.reasoning_efforts),
    JSON.stringify(seed.input_modalities),
    priority,
    now,
  )
  const card = { ...seed.rates, model_id: seed.id, source: `${SEEDED}${seed.source}` }
  await addRateCard(q, { newId: needs.newId, now }, card)
}

const SEEDED = "Seeded list price in USD; check it against your contract. "

/** Other names and the budget model: for what is there, and where the operator has said nothing. */
async function addDetails(q: TxQuery, needs: SeedNeeds, seed: SeedModel): Promise<void> {
  for (const alias of seed.aliases) {
    await q.run(
      `INSERT INTO model_alias (alias, model_id, created_at) SELECT ?1, id, ?3 FROM model WHERE id = ?2
       ON CONFLICT (alias) DO NOTHING`,
      alias,
      seed.id,
      needs.clock.now(),
    )
  }
  if (seed.budget_model_id === undefined) return
  await q.run(
    `UPDATE model SET budget_model_id = ?2 WHERE id = ?1 AND budget_model_id IS NULL
       AND EXISTS (SELECT 1 FROM model AS cheaper WHERE cheaper.id = ?2)`,
    seed.id,
    seed.budget_model_id,
  )
}

async function seedUpstream(q: TxQuery, needs: SeedNeeds, upstream: EnvUpstream): Promise<void> {
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
  const preset = PRESETS[upstream.id]
  await q.run(
    `INSERT INTO upstream (id, protocol, base_url, key_env, quirks, is_enabled, created_at)
     VALUES (?, ?, ?, ?, ?, 1, ?)`,
    upstream.id,
    preset.protocol,
    upstream.base_url,
    upstream.key_env,
    JSON.stringify(preset.quirks),
    needs.clock.now(),
  )
  await addPresetRoutes(
    q,
    { newId: needs.newId, now: needs.clock.now() },
    { upstream_id: upstream.id, preset },
  )
}
