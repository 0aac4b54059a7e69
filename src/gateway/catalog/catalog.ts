/** The catalogue in memory: what can be served right now, rebuilt when the database changes. */
import type { Vault } from "../../auth/vault.ts"
import type { Config } from "../../platform/config.ts"
import { AppError } from "../../platform/errors.ts"
import type { Query } from "../../platform/store.ts"
import type { RateCard } from "../../wallet/pricing/cost.ts"
import { listCurrentRateCards } from "../../wallet/pricing/rate-cards.ts"
import type { Protocol } from "../protocol/model-request.ts"
import { QUIRKS, type Quirk } from "../protocol/target.ts"
import { type Aliases, loadAliases } from "./aliases.ts"

/** Wire protocols that an upstream of this version may speak. */
export const PROTOCOLS = [
  "openai-responses",
  "openai-chat",
  "anthropic-messages",
] as const satisfies readonly Protocol[]

export interface Upstream {
  id: string
  protocol: Protocol
  /** Without a trailing slash; `demo:` is the built-in one. */
  base_url: string
  key: string
  quirks: ReadonlySet<Quirk>
  /** The longest tool name that it takes. */
  tool_name_length: number
  /** Requests at once; null is no limit. */
  max_concurrency: number | null
}

export interface Route {
  id: string
  upstream: Upstream
  upstream_model: string
  tier: number
  weight: number
  /** Only customers with VIP Priority are led here. */
  is_vip_only: boolean
}

/** A model that is sold: it has a price and at least one route. */
export interface Model {
  id: string
  label: string
  description: string
  owned_by: string
  context_window_tokens: number
  max_output_tokens: number
  reasoning_efforts: string[]
  input_modalities: string[]
  priority: number
  created_at: number
  /** The cheaper model of its family for customers on a budget, served or not; or null. */
  budget_model_id: string | null
  rate_card: RateCard
  /** In order of tier. */
  routes: Route[]
}

export interface Catalog {
  /** By its id, else by one of its other names: an exact one first, then the longest that ends in `*`. */
  find(name: string): Model | undefined
  /** By priority. */
  list(): readonly Model[]
  /** The enabled models that are not served, by priority, for the operator. */
  unserved(): readonly UnservedModel[]
  /** The enabled upstreams that cannot be used, for the operator. */
  skipped(): readonly SkippedUpstream[]
  /** Whether there is an upstream beside the demo, usable, enabled or not. */
  hasUpstream(): boolean
  reload(): Promise<void>
}

export interface SkippedUpstream {
  id: string
  why: string
}

export interface UnservedModel {
  id: string
  why: "no price" | "no route" | "no usable upstream"
}

interface CatalogNeeds {
  config: Pick<Config, "demo" | "upstreams">
  read: Query
  vault: Vault
}

interface StoredModel extends Omit<Model, "rate_card" | "routes" | "reasoning_efforts" | "input_modalities"> {
  reasoning_efforts: string
  input_modalities: string
}

interface StoredUpstream {
  id: string
  protocol: string
  base_url: string
  key_env: string | null
  sealed_key: string | null
  quirks: string
  tool_name_length: number
  max_concurrency: number | null
}

interface StoredRoute {
  id: string
  model_id: string
  upstream_id: string
  upstream_model: string
  tier: number
  weight: number
  is_vip_only: number
}

const DEMO: Upstream = {
  id: "demo",
  protocol: "openai-responses",
  base_url: "demo:",
  key: "",
  quirks: new Set(),
  tool_name_length: 64,
  max_concurrency: null,
}

/** Loads the catalogue. A model without a price or without a usable route is not served. */
export async function openCatalog(needs: CatalogNeeds): Promise<Catalog> {
  let loaded = await load(needs)
  let ordered = [...loaded.models.values()]
  return {
    find(name) {
      const { models, aliases } = loaded
      return models.get(name) ?? aliases.find(name, id => models.get(id))
    },
    list: () => ordered,
    unserved: () => loaded.unserved,
    hasUpstream: () => loaded.has_upstream,
    skipped: () => loaded.skipped,
    async reload() {
      loaded = await load(needs)
      ordered = [...loaded.models.values()]
    },
  }
}

interface Loaded {
  models: Map<string, Model>
  aliases: Aliases
  unserved: UnservedModel[]
  skipped: SkippedUpstream[]
  has_upstream: boolean
}

async function load(needs: CatalogNeeds): Promise<Loaded> {
  const q = needs.read
  const cards = await listCurrentRateCards(q)
  const { upstreams, skipped } = await loadUpstreams(needs)
  const routes = await q.all<StoredRoute>("SELECT * FROM route WHERE is_enabled = 1 ORDER BY tier, id")
  const rows = await q.all<StoredModel>("SELECT * FROM model WHERE is_enabled = 1 ORDER BY priority, id")
  // One that cannot be used, for want of its key say, is no reason to sell demo answers at its models' prices.
  const has_enabled = upstreams.size + skipped.length > 0
  const isDemoOn = needs.config.demo === "on" || (needs.config.demo === "auto" && !has_enabled)
  const models = new Map<string, Model>()
  const unserved: UnservedModel[] = []
  for (const row of rows) {
    const rate_card = cards.get(row.id)
    const stored = routes.filter(route => route.model_id === row.id)
    const own = stored.flatMap(route => usable(route, upstreams))
    const served = own.length === 0 && isDemoOn ? [demoRoute(row.id)] : own
    if (rate_card && served.length > 0) models.set(row.id, toModel(row, rate_card, served))
    else unserved.push({ id: row.id, why: explain(rate_card, stored) })
  }
  const has_upstream = (await q.get("SELECT 1 AS found FROM upstream LIMIT 1")) !== undefined
  return { models, aliases: await loadAliases(q), unserved, skipped, has_upstream }
}

const explain = (rate_card: RateCard | undefined, stored: StoredRoute[]): UnservedModel["why"] => {
  if (!rate_card) return "no price"
  return stored.length === 0 ? "no route" : "no usable upstream"
}

const toModel = (row: StoredModel, rate_card: RateCard, routes: Route[]): Model => ({
  ...row,
  reasoning_efforts: JSON.parse(row.reasoning_efforts),
  input_modalities: JSON.parse(row.input_modalities),
  rate_card,
  routes,
})

const usable = (route: StoredRoute, upstreams: Map<string, Upstream>): Route[] => {
  const upstream = upstreams.get(route.upstream_id)
  return upstream ? [{ ...route, is_vip_only: route.is_vip_only === 1, upstream }] : []
}

const demoRoute = (model_id: string): Route => ({
  id: `demo/${model_id}`,
  upstream: DEMO,
  upstream_model: model_id,
  tier: 0,
  weight: 1,
  is_vip_only: false,
})

/** Upstreams that are enabled: those whose protocol is spoken and whose key is at hand, and the others. */
async function loadUpstreams(needs: CatalogNeeds) {
  const rows = await needs.read.all<StoredUpstream>("SELECT * FROM upstream WHERE is_enabled = 1 ORDER BY id")
  const upstreams = new Map<string, Upstream>()
  const skipped: SkippedUpstream[] = []
  for (const row of rows) {
    try {
      upstreams.set(row.id, toUpstream(needs, row))
    } catch (error) {
      // The others must go on; `doctor` shows why this one does not.
      if (!(error instanceof AppError)) throw error
      skipped.push({ id: row.id, why: error.message })
    }
  }
  return { upstreams, skipped }
}

/** Throws AppError when it cannot be used. */
function toUpstream(needs: CatalogNeeds, row: StoredUpstream): Upstream {
  const protocol = PROTOCOLS.find(one => one === row.protocol)
  if (!protocol) throw new AppError("unavailable", `this version does not speak ${row.protocol}`)
  const { id, base_url, tool_name_length, max_concurrency } = row
  const quirks = new Set(readQuirks(JSON.parse(row.quirks)))
  return { id, protocol, base_url, key: keyOf(needs, row), quirks, tool_name_length, max_concurrency }
}

/** Checks names of quirks. Throws AppError `invalid` that lists the known ones. */
export function readQuirks(names: readonly string[]): Quirk[] {
  return names.map(name => {
    if (!isQuirk(name)) {
      const known = Object.keys(QUIRKS).join(", ")
      throw new AppError("invalid", `there is no quirk ${JSON.stringify(name)}; there are ${known}`)
    }
    return name
  })
}

const isQuirk = (name: string): name is Quirk => Object.hasOwn(QUIRKS, name)

function keyOf(needs: CatalogNeeds, row: StoredUpstream): string {
  if (row.sealed_key !== null) return needs.vault.open(row.sealed_key, `upstream:${row.id}`)
  if (row.key_env === null) return ""
  const found = needs.config.upstreams.find(one => one.key_env === row.key_env)
  if (!found) throw new AppError("unavailable", `${row.key_env} is not set`)
  return found.key
}
