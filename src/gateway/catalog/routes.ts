/** Writing routes: which upstream a model is led to; not in which order they are tried. */
import type { NewId } from "../../platform/ids.ts"
import type { TxQuery } from "../../platform/store.ts"
import type { Preset } from "./presets.ts"

interface RouteNeeds {
  newId: NewId
  now: number
}

export interface NewRoute {
  model_id: string
  upstream_id: string
  upstream_model: string
  tier: number
  weight: number
  is_vip_only: boolean
}

/** Adds a route, or changes and enables the one there is between the two; gives its id. */
export async function putRoute(q: TxQuery, needs: RouteNeeds, route: NewRoute): Promise<string> {
  const row = await q.get<{ id: string }>(
    `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at, is_vip_only)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)
     ON CONFLICT (model_id, upstream_id, upstream_model)
       DO UPDATE SET tier = ?5, weight = ?6, is_vip_only = ?8, is_enabled = 1
     RETURNING id`,
    needs.newId("rt"),
    route.model_id,
    route.upstream_id,
    route.upstream_model,
    route.tier,
    route.weight,
    needs.now,
    route.is_vip_only ? 1 : 0,
  )
  return row!.id
}

/** Leads the models of a preset that are in the catalogue to an upstream; routes that are there stay as they are. */
export async function addPresetRoutes(
  q: TxQuery,
  needs: RouteNeeds,
  { upstream_id, preset }: { upstream_id: string; preset: Preset },
): Promise<number> {
  let added_count = 0
  for (const [model_id, upstream_model] of Object.entries(preset.models)) {
    added_count += await q.run(
      `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at)
       SELECT ?1, id, ?2, ?3, ?4, 1, 1, ?5 FROM model WHERE id = ?6
       ON CONFLICT (model_id, upstream_id, upstream_model) DO NOTHING`,
      needs.newId("rt"),
      upstream_id,
      upstream_model,
      preset.tier,
      needs.now,
      model_id,
    )
  }
  return added_count
}
