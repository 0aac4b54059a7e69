/** The operator's commands for the catalogue: upstreams, models, prices, routes. A running server sees them at once. */
import { PROTOCOLS } from "../../gateway/catalog/catalog.ts"
import { toIso } from "../../platform/schema.ts"
import type { SqlValue } from "../../platform/store.ts"
import { addRateCard, listRateCards } from "../../wallet/pricing/rate-cards.ts"
import {
  type Command,
  type CommandNeeds,
  integerOf,
  positiveOf,
  UsageError,
  type Values,
} from "../command.ts"

const addUpstream: Command = {
  name: "upstream add",
  summary: "Add an upstream; its key is sealed into the database",
  options: {
    id: "short name",
    "base-url": "address up to and with /v1",
    "key?": "API key",
    "protocol?": PROTOCOLS.join("|"),
  },
  async run(needs, values) {
    const id = values.id!
    const base_url = readUrl(values["base-url"]!)
    const protocol = readChoice(values.protocol ?? PROTOCOLS[0], PROTOCOLS)
    const sealed_key = values.key === undefined ? null : needs.vault.seal(values.key, `upstream:${id}`)
    await needs.store.tx(async q => {
      await q.run(
        `INSERT INTO upstream (id, protocol, base_url, key_env, sealed_key, is_enabled, created_at)
         VALUES (?1, ?2, ?3, NULL, ?4, 1, ?5)
         ON CONFLICT (id) DO UPDATE SET protocol = ?2, base_url = ?3, key_env = NULL, sealed_key = ?4, is_enabled = 1`,
        id,
        protocol,
        base_url,
        sealed_key,
        needs.clock.now(),
      )
    })
    return { id, protocol, baseUrl: base_url, hasKey: sealed_key !== null }
  },
}

const listUpstreams: Command = {
  name: "upstream list",
  summary: "Upstreams, and where their keys come from",
  options: {},
  run: needs =>
    needs.store.read.all<Record<string, unknown>>(
      `SELECT id, protocol, base_url AS baseUrl, CASE WHEN key_env IS NOT NULL THEN 'environment ' || key_env
         WHEN sealed_key IS NOT NULL THEN 'sealed' ELSE 'none' END AS keyFrom, is_enabled AS isEnabled
       FROM upstream ORDER BY id`,
    ),
}

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
  },
  async run(needs, values) {
    const id = values.id!
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
    ]
    await needs.store.tx(q =>
      q.run(
        `INSERT INTO model (id, label, description, owned_by, context_window_tokens, max_output_tokens,
           reasoning_efforts, input_modalities, priority, is_enabled, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10)
         ON CONFLICT (id) DO UPDATE SET label = ?2, description = ?3, owned_by = ?4, context_window_tokens = ?5,
           max_output_tokens = ?6, reasoning_efforts = ?7, input_modalities = ?8, priority = ?9, is_enabled = 1`,
        ...fields,
      ),
    )
    return { id, isServed: await isServed(needs, id) }
  },
}

const listModels: Command = {
  name: "model list",
  summary: "Models and whether they are served",
  options: {},
  async run(needs) {
    const rows = await needs.store.read.all<{ id: string; label: string; is_enabled: number }>(
      "SELECT id, label, is_enabled FROM model ORDER BY priority, id",
    )
    await needs.catalog.reload()
    return rows.map(row => {
      const served = needs.catalog.find(row.id)
      const upstreams = served?.routes.map(route => route.upstream.id).join(", ") ?? ""
      return {
        id: row.id,
        label: row.label,
        isEnabled: row.is_enabled === 1,
        isServed: served !== undefined,
        upstreams,
      }
    })
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
  },
  async run(needs, values) {
    const model = values.model!
    const fields: SqlValue[] = [
      needs.newId("rt"),
      model,
      values.upstream!,
      values["upstream-model"] ?? model,
      integerOf(values, "tier", 0),
      positiveOf(values, "weight", 1),
      needs.clock.now(),
    ]
    await assertExists(needs, "model", model)
    await assertExists(needs, "upstream", values.upstream!)
    const route = await needs.store.tx(q =>
      q.get<{ id: string }>(
        `INSERT INTO route (id, model_id, upstream_id, upstream_model, tier, weight, is_enabled, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)
         ON CONFLICT (model_id, upstream_id, upstream_model) DO UPDATE SET tier = ?5, weight = ?6, is_enabled = 1
         RETURNING id`,
        ...fields,
      ),
    )
    return { id: route?.id, model, isServed: await isServed(needs, model) }
  },
}

const listRoutes: Command = {
  name: "route list",
  summary: "Routes in the order they are tried",
  options: {},
  run: needs =>
    needs.store.read.all<Record<string, unknown>>(
      `SELECT id, model_id AS model, upstream_id AS upstream, upstream_model AS upstreamModel, tier, weight,
         is_enabled AS isEnabled FROM route ORDER BY model_id, tier, id`,
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
          tier_multipliers: { priority: [2, 1], flex: [1, 2] },
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

const remove = (noun: "upstream" | "model" | "route", summary: string): Command => ({
  name: `${noun} remove`,
  summary,
  options: { id: "id" },
  async run(needs, values) {
    await assertExists(needs, noun, values.id!)
    await needs.store.tx(q => q.run(`DELETE FROM ${noun} WHERE id = ?`, values.id!))
    return { id: values.id, removed: true }
  },
})

const enable = (noun: "upstream" | "model" | "route", is_enabled: boolean): Command => ({
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

const NOUNS = ["upstream", "model", "route"] as const

export const catalogCommands: readonly Command[] = [
  addUpstream,
  listUpstreams,
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
]

async function isServed(needs: CommandNeeds, model: string): Promise<boolean> {
  await needs.catalog.reload()
  return needs.catalog.find(model) !== undefined
}

async function assertExists(needs: CommandNeeds, noun: (typeof NOUNS)[number], id: string): Promise<void> {
  const found = await needs.store.read.get(`SELECT 1 AS found FROM ${noun} WHERE id = ?`, id)
  if (!found) throw new UsageError(`there is no ${noun} ${id}; \`codexapi admin ${noun} list\` shows them`)
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === "http:" || url?.protocol === "https:") return text.replace(/\/+$/, "")
  throw new UsageError(`--base-url must be an http or https address, not ${text}`)
}

function readChoice<Choice extends string>(text: string, choices: readonly Choice[]): Choice {
  const found = choices.find(choice => choice === text)
  if (!found) throw new UsageError(`--protocol must be one of ${choices.join(", ")}, not ${text}`)
  return found
}

const readList = (text: string): string[] =>
  text
    .split(",")
    .map(one => one.trim())
    .filter(Boolean)

/** USD per 1M tokens to micro-USD per 1M tokens, exactly. */
function readRate(values: Values, name: string, fallback?: number): number {
  const raw = values[name]
  if (raw === undefined && fallback !== undefined) return fallback
  const match = /^(\d{1,6})(?:\.(\d{1,6}))?$/.exec(raw ?? "")
  if (!match) throw new UsageError(`--${name} must be USD with at most six decimals, not ${raw}`)
  return Number(match[1]) * 1_000_000 + Number((match[2] ?? "").padEnd(6, "0"))
}
