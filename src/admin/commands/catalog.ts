/** The operator's commands for models, prices and routes, with those of upstreams, names and policies beside them. */
import { putRoute } from "../../gateway/catalog/routes.ts"
import { toIso } from "../../platform/schema.ts"
import type { SqlValue } from "../../platform/store.ts"
import { addRateCard, listCurrentRateCards, listRateCards } from "../../wallet/pricing/rate-cards.ts"
import { type Command, type CommandNeeds, integerOf, positiveOf, UsageError } from "../command.ts"
import { readList, readRate } from "../option-values.ts"
import { aliasCommands } from "./aliases.ts"
import { assertExists, isServed, NOUNS, type Noun } from "./lookup.ts"
import { policyCommands } from "./policies.ts"
import { upstreamCommands } from "./upstreams.ts"

const addModel: Command = {
  name: "model add",
  summary: "Add or change a model; it is served once it has a price and a route",
  options: {
    id: "public name",
    "label?": "text",
    "description?": "text",
    "owned-by?": "text",
    "context-window?": "tokens",
    "max-output?": "tokens",
    "efforts?": "low,medium,high",
    "modalities?": "text,image",
    "priority?": "order in lists",
    "budget-model?": "id of a cheaper one",
  },
  async run(needs, values) {
    const id = values.id!
    const budget_model_id = values["budget-model"] ?? null
    if (budget_model_id !== null) await assertCheaper(needs, id, budget_model_id)
    const fields: SqlValue[] = [
      id,
      values.label ?? id,
      values.description ?? "",
      values["owned-by"] ?? "operator",
      positiveOf(values, "context-window", 128_000),
      positiveOf(values, "max-output", 32_000),
      JSON.stringify(readList(values.efforts ?? "")),
      JSON.stringify(readList(values.modalities ?? "text")),
      integerOf(values, "priority", 100),
      needs.clock.now(),
      budget_model_id,
    ]
    await needs.store.tx(q =>
      q.run(
        `INSERT INTO model (id, label, description, owned_by, context_window_tokens, max_output_tokens,
           reasoning_efforts, input_modalities, priority, is_enabled, created_at, budget_model_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET label = ?2, description = ?3, owned_by = ?4, context_window_tokens = ?5,
           max_output_tokens = ?6, reasoning_efforts = ?7, input_modalities = ?8, priority = ?9, is_enabled = 1,
           budget_model_id = ?11`,
        ...fields,
      ),
    )
    return { id, isServed: await isServed(needs, id) }
  },
}

async function assertCheaper(needs: CommandNeeds, id: string, budget_model_id: string): Promise<void> {
  if (budget_model_id === id) throw new UsageError("--budget-model must be another model")
  await assertExists(needs, "model", budget_model_id)
}

interface ListedModel {
  id: string
  label: string
  is_enabled: number
  budget_model_id: string | null
}

const listModels: Command = {
  name: "model list",
  summary: "Models, whether they are served, and why not",
  options: {},
  async run(needs) {
    const rows = await needs.store.read.all<ListedModel>(
      "SELECT id, label, is_enabled, budget_model_id FROM model ORDER BY priority, id",
    )
    await needs.catalog.reload()
    const served = new Map(needs.catalog.list().map(model => [model.id, model]))
    const reasons = new Map(needs.catalog.unserved().map(({ id, why }) => [id, why]))
    return rows.map(row => ({
      id: row.id,
      label: row.label,
      isEnabled: row.is_enabled === 1,
      isServed: served.has(row.id),
      upstreams:
        served
          .get(row.id)
          ?.routes.map(route => route.upstream.id)
          .join(", ") ?? "",
      budgetModel: row.budget_model_id,
      reason: row.is_enabled === 1 ? (reasons.get(row.id) ?? null) : "disabled",
    }))
  },
}

const addRoute: Command = {
  name: "route add",
  summary: "Lead a model to an upstream",
  options: {
    model: "id",
    upstream: "id",
    "upstream-model?": "name there",
    "tier?": "0 is tried first",
    "weight?": "share in its tier",
    "vip-only!": "",
  },
  async run(needs, values) {
    const model = values.model!
    const route = {
      model_id: model,
      upstream_id: values.upstream!,
      upstream_model: values["upstream-model"] ?? model,
      tier: integerOf(values, "tier", 0),
      weight: positiveOf(values, "weight", 1),
      is_vip_only: values["vip-only"] === "true",
    }
    await assertExists(needs, "model", model)
    await assertExists(needs, "upstream", route.upstream_id)
    const id = await needs.store.tx(q => putRoute(q, { newId: needs.newId, now: needs.clock.now() }, route))
    return { id, model, isServed: await isServed(needs, model) }
  },
}

const listRoutes: Command = {
  name: "route list",
  summary: "Routes in the order they are tried",
  options: {},
  run: needs =>
    needs.store.read.all<Record<string, unknown>>(
      `SELECT id, model_id AS model, upstream_id AS upstream, upstream_model AS upstreamModel, tier, weight,
         is_vip_only AS isVipOnly, is_enabled AS isEnabled FROM route ORDER BY model_id, tier, id`,
    ),
}

const RATE_OPTIONS = { input: "input_rate", cached: "cache_read_rate", output: "output_rate" } as const

const setRate: Command = {
  name: "rate set",
  summary: "Add a version of a model's price, in USD per 1M tokens; requests under way keep theirs",
  options: {
    model: "id",
    input: "USD",
    output: "USD",
    "cached?": "USD, default as input",
    "cache-write-5m?": "USD, default as input",
    "cache-write-1h?": "USD, default as input",
    "web-search?": "USD per 1,000 searches",
    "source?": "where the price comes from",
  },
  async run(needs, values) {
    const model_id = values.model!
    await assertExists(needs, "model", model_id)
    const input_rate = readRate(values, "input")
    // Tiers have no options: a new price keeps the factors of the old one.
    const current = (await listCurrentRateCards(needs.store.read)).get(model_id)
    const card = await needs.store.tx(q =>
      addRateCard(
        q,
        { newId: needs.newId, now: needs.clock.now() },
        {
          model_id,
          input_rate,
          output_rate: readRate(values, "output"),
          cache_read_rate: readRate(values, "cached", input_rate),
          cache_write_5m_rate: readRate(values, "cache-write-5m", input_rate),
          cache_write_1h_rate: readRate(values, "cache-write-1h", input_rate),
          web_search_rate: readRate(values, "web-search", 0) * 1000,
          tier_multipliers: current?.tier_multipliers ?? { priority: [2, 1], flex: [1, 2] },
          source: values.source ?? "operator",
        },
      ),
    )
    return { id: card.id, model: model_id, version: card.version, isServed: await isServed(needs, model_id) }
  },
}

const listRates: Command = {
  name: "rate list",
  summary: "Every version of every price, in USD per 1M tokens",
  options: { "model?": "id" },
  async run(needs, values) {
    const cards = await listRateCards(needs.store.read, values.model)
    return cards.map(card => ({
      id: card.id,
      model: card.model_id,
      version: card.version,
      ...Object.fromEntries(
        Object.entries(RATE_OPTIONS).map(([name, column]) => [name, card[column] / 1_000_000]),
      ),
      source: card.source,
      createdAt: toIso(card.created_at),
    }))
  },
}

const remove = (noun: Noun, summary: string): Command => ({
  name: `${noun} remove`,
  summary,
  options: { id: "id" },
  async run(needs, values) {
    await assertExists(needs, noun, values.id!)
    await needs.store.tx(q => q.run(`DELETE FROM ${noun} WHERE id = ?`, values.id!))
    return { id: values.id, removed: true }
  },
})

const enable = (noun: Noun, is_enabled: boolean): Command => ({
  name: `${noun} ${is_enabled ? "enable" : "disable"}`,
  summary: `${is_enabled ? "Serve" : "Stop serving"} by this ${noun}`,
  options: { id: "id" },
  async run(needs, values) {
    await assertExists(needs, noun, values.id!)
    await needs.store.tx(q =>
      q.run(`UPDATE ${noun} SET is_enabled = ? WHERE id = ?`, is_enabled ? 1 : 0, values.id!),
    )
    return { id: values.id, isEnabled: is_enabled }
  },
})

export const catalogCommands: readonly Command[] = [
  ...upstreamCommands,
  addModel,
  listModels,
  addRoute,
  listRoutes,
  setRate,
  listRates,
  remove("upstream", "Remove an upstream and its routes"),
  remove("model", "Remove a model and its routes; its receipts and prices stay"),
  remove("route", "Remove a route"),
  ...NOUNS.flatMap(noun => [enable(noun, true), enable(noun, false)]),
  ...aliasCommands,
  ...policyCommands,
]
