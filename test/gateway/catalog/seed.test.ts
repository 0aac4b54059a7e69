/** What an empty catalogue starts with, and that a later start changes nothing of the operator's. */
import { describe, expect, test } from "bun:test"
import { PRESETS } from "../../../src/gateway/catalog/presets.ts"
import { seedModels, seedUpstreams } from "../../../src/gateway/catalog/seed.ts"
import { SEED_MODELS } from "../../../src/gateway/catalog/seed-models.ts"
import type { EnvUpstream } from "../../../src/platform/config.ts"
import { listCurrentRateCards } from "../../../src/wallet/pricing/rate-cards.ts"
import { openIdentity } from "../../support/identity.ts"

const upstream = (id: EnvUpstream["id"]): EnvUpstream => ({
  id,
  base_url: `https://${id}.test/v1`,
  key: "canary-key",
  key_env: `${id.toUpperCase()}_API_KEY`,
})

/** What a start of the server does. */
async function seed(identity: ReturnType<typeof openIdentity>, upstreams: EnvUpstream[]): Promise<void> {
  await seedModels(identity)
  await seedUpstreams(identity, upstreams)
}

describe("an empty catalogue", () => {
  test("gets every seeded model, each with a price", async () => {
    const identity = openIdentity()
    await seed(identity, [])
    const models = await identity.store.read.all<{ id: string }>("SELECT id FROM model ORDER BY priority")
    expect(models.map(model => model.id)).toEqual(SEED_MODELS.map(model => model.id))
    const cards = await listCurrentRateCards(identity.store.read)
    expect([...cards.keys()].toSorted()).toEqual(models.map(model => model.id).toSorted())
    for (const card of cards.values()) {
      expect(card.source).toMatch(/public list.*2026-\d\d/)
      expect(card.version).toBe(1)
    }
  })

  test("knows other names and cheaper siblings of its models", async () => {
    const { store, ...identity } = openIdentity()
    await seedModels({ store, ...identity })
    const aliases = await store.read.all<{ alias: string }>("SELECT alias FROM model_alias")
    expect(aliases).toHaveLength(SEED_MODELS.flatMap(model => model.aliases).length)
    const budgets = await store.read.all("SELECT id, budget_model_id FROM model ORDER BY priority")
    expect(budgets).toEqual(SEED_MODELS.map(({ id, budget_model_id = null }) => ({ id, budget_model_id })))
  })

  test("leads its models to the upstreams of the environment, under the names they have there", async () => {
    const identity = openIdentity()
    await seed(identity, [upstream("openai"), upstream("openrouter"), upstream("anthropic")])
    const routes = await identity.store.read.all(
      "SELECT upstream_id, upstream_model, tier FROM route WHERE model_id = 'gpt-5.5' ORDER BY tier",
    )
    expect(routes).toEqual([
      { upstream_id: "openai", upstream_model: "gpt-5.5", tier: 0 },
      { upstream_id: "openrouter", upstream_model: "openai/gpt-5.5", tier: 1 },
    ])
    const upstreams = await identity.store.read.all("SELECT id, protocol FROM upstream ORDER BY id")
    expect(upstreams).toEqual([
      { id: "anthropic", protocol: "anthropic-messages" },
      { id: "openai", protocol: "openai-responses" },
      { id: "openrouter", protocol: "openai-responses" },
    ])
    const claude = await identity.store.read.all(
      "SELECT upstream_id, upstream_model, tier FROM route WHERE model_id = 'claude-opus-4-8' ORDER BY tier",
    )
    expect(claude).toEqual([
      { upstream_id: "anthropic", upstream_model: "claude-opus-4-8", tier: 0 },
      { upstream_id: "openrouter", upstream_model: "anthropic/claude-opus-4.8", tier: 1 },
    ])
  })

  test("gives an upstream of the environment the quirks of its preset", async () => {
    const { store, ...identity } = openIdentity()
    await seedModels({ store, ...identity })
    await seedUpstreams({ store, ...identity }, [upstream("deepseek"), upstream("openai")])
    const rows = await store.read.all("SELECT id, protocol, quirks FROM upstream ORDER BY id")
    expect(rows).toEqual([
      { id: "deepseek", protocol: "openai-chat", quirks: JSON.stringify(PRESETS.deepseek.quirks) },
      { id: "openai", protocol: "openai-responses", quirks: "[]" },
    ])
  })

  test("holds no key", async () => {
    const identity = openIdentity()
    await seed(identity, [upstream("openai")])
    expect(JSON.stringify(await identity.store.read.all("SELECT * FROM upstream"))).not.toContain("canary")
  })
})

describe("a later start", () => {
  const snapshot = async ({ store }: ReturnType<typeof openIdentity>) => ({
    models: await store.read.all("SELECT * FROM model"),
    aliases: await store.read.all("SELECT * FROM model_alias"),
    cards: await store.read.all("SELECT * FROM rate_card"),
    routes: await store.read.all("SELECT * FROM route"),
    upstreams: await store.read.all("SELECT * FROM upstream"),
  })

  test("changes nothing", async () => {
    const identity = openIdentity()
    await seed(identity, [upstream("openai")])
    const before = await snapshot(identity)
    identity.clock.advance(86_400_000)
    await seed(identity, [upstream("openai")])
    expect(await snapshot(identity)).toEqual(before)
  })

  test("does not bring back what the operator removed", async () => {
    const identity = openIdentity()
    await seed(identity, [upstream("openai")])
    await identity.store.tx(async q => {
      await q.run("DELETE FROM model WHERE id = 'gpt-5.4'")
      await q.run("DELETE FROM model_alias WHERE alias = 'claude-haiku-*'")
      await q.run("UPDATE model SET budget_model_id = NULL")
      await q.run("DELETE FROM route WHERE model_id = 'gpt-5.5'")
      await q.run("UPDATE upstream SET is_enabled = 0")
    })
    const before = await snapshot(identity)
    await seed(identity, [upstream("openai")])
    expect(await snapshot(identity)).toEqual(before)
  })

  test("follows a new address in the environment, and takes in a new vendor", async () => {
    const identity = openIdentity()
    await seed(identity, [upstream("openai")])
    await seed(identity, [{ ...upstream("openai"), base_url: "https://moved.test" }, upstream("openrouter")])
    const rows = await identity.store.read.all("SELECT id, base_url FROM upstream ORDER BY id")
    expect(rows).toEqual([
      { id: "openai", base_url: "https://moved.test" },
      { id: "openrouter", base_url: "https://openrouter.test/v1" },
    ])
    const count = (vendor: "openai" | "openrouter") => Object.keys(PRESETS[vendor].models).length
    expect(await identity.store.read.all("SELECT id FROM route")).toHaveLength(
      count("openai") + count("openrouter"),
    )
  })

  // A known bug, reported: the operator's own address for a vendor is overwritten at the next start.
  test("leaves an upstream alone that the operator has taken over", async () => {
    const identity = openIdentity()
    await seed(identity, [upstream("openai")])
    const sealed = identity.vault.seal("sk-own", "upstream:openai")
    const takeOver =
      "UPDATE upstream SET base_url = 'https://own.test', key_env = NULL, sealed_key = ? WHERE id = 'openai'"
    await identity.store.tx(q => q.run(takeOver, sealed))
    await seed(identity, [upstream("openai")])
    const row = await identity.store.read.get("SELECT base_url, key_env FROM upstream WHERE id = 'openai'")
    expect(row).toEqual({ base_url: "https://own.test", key_env: null })
  })
})

describe("the first start of a newer version", () => {
  /** Makes the catalogue look as one that an older version seeded. */
  async function openOlder() {
    const identity = openIdentity()
    await seed(identity, [upstream("openai")])
    await identity.store.tx(async q => {
      await q.run("DELETE FROM model_alias")
      await q.run("UPDATE model SET budget_model_id = NULL, label = 'mine'")
      // As if they had never been: only a test can take prices back.
      await q.run("DROP TRIGGER rate_card_no_delete")
      await q.run("DELETE FROM rate_card WHERE model_id NOT LIKE 'gpt-%'")
      await q.run("DELETE FROM model WHERE id NOT LIKE 'gpt-%'")
      await q.run("DELETE FROM setting WHERE key = 'catalog_seed'")
    })
    return identity
  }

  const idsOf = async ({ store }: ReturnType<typeof openIdentity>) =>
    (await store.read.all<{ id: string }>("SELECT id FROM model ORDER BY priority, id")).map(row => row.id)

  test("adds the models it knows and leaves those there are", async () => {
    const identity = await openOlder()
    await seedModels(identity)
    expect(await idsOf(identity)).toEqual(SEED_MODELS.map(model => model.id))
    const labels = await identity.store.read.all(
      "SELECT id FROM model WHERE label = 'mine' ORDER BY priority",
    )
    expect(labels).toHaveLength(4)
    expect(await identity.store.read.all("SELECT id FROM rate_card WHERE version > 1")).toEqual([])
    const named = await identity.store.read.get(
      "SELECT model_id FROM model_alias WHERE alias = 'openai/gpt-5.5'",
    )
    expect(named).toEqual({ model_id: "gpt-5.5" })
  })

  test("leaves the cheaper sibling that the operator chose", async () => {
    const identity = await openOlder()
    const choose = "UPDATE model SET budget_model_id = 'gpt-5.4' WHERE id = 'gpt-5.5'"
    await identity.store.tx(q => q.run(choose))
    await seedModels(identity)
    const budgets = await identity.store.read.all(
      "SELECT id, budget_model_id FROM model WHERE id IN ('gpt-5.5', 'gpt-5.4') ORDER BY id DESC",
    )
    expect(budgets).toEqual([
      { id: "gpt-5.5", budget_model_id: "gpt-5.4" },
      { id: "gpt-5.4", budget_model_id: "gpt-5.4-mini" },
    ])
  })

  test("sells none of them by an upstream there is: the operator has not asked for that", async () => {
    const identity = await openOlder()
    await seed(identity, [upstream("openai")])
    const routed = await identity.store.read.all<{ model_id: string }>("SELECT DISTINCT model_id FROM route")
    expect(routed.map(route => route.model_id).filter(id => !id.startsWith("gpt-"))).toEqual([])
  })

  test("does not bring back a model that was ever priced, nor touch one that the operator made", async () => {
    const identity = await openOlder()
    await identity.store.tx(async q => {
      await q.run("DELETE FROM model WHERE id = 'gpt-5.4'")
      await q.run(
        `INSERT INTO model SELECT 'claude-sonnet-5', 'own', 'd', 'me', 9, 9, '[]', '[]', 50, 1, 0, NULL`,
      )
    })
    await seedModels(identity)
    expect(await idsOf(identity)).not.toContain("gpt-5.4")
    expect(
      await identity.store.read.get("SELECT label, owned_by FROM model WHERE id = 'claude-sonnet-5'"),
    ).toEqual({ label: "own", owned_by: "me" })
    expect(
      await identity.store.read.all("SELECT id FROM rate_card WHERE model_id = 'claude-sonnet-5'"),
    ).toEqual([])
  })
})
