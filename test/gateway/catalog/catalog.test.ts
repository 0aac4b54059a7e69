/** What can be served: models with a price and a route whose upstream can be used. */
import { describe, expect, test } from "bun:test"
import { openCatalog, PROTOCOLS, readQuirks } from "../../../src/gateway/catalog/catalog.ts"
import { seedModels, seedUpstreams } from "../../../src/gateway/catalog/seed.ts"
import { SEED_MODELS } from "../../../src/gateway/catalog/seed-models.ts"
import type { Config, EnvUpstream } from "../../../src/platform/config.ts"
import { openIdentity } from "../../support/identity.ts"

const openai: EnvUpstream = {
  id: "openai",
  base_url: "https://openai.test/v1",
  key: "sk-1",
  key_env: "OPENAI_API_KEY",
}
const ALL = SEED_MODELS.map(model => model.id)
const openrouter: EnvUpstream = { ...openai, id: "openrouter", key: "sk-2", key_env: "OPENROUTER_API_KEY" }

async function open(upstreams: EnvUpstream[], demo: Config["demo"] = "auto") {
  const identity = openIdentity()
  const { store, vault } = identity
  await seedModels(identity)
  await seedUpstreams(identity, upstreams)
  const catalog = await openCatalog({ config: { demo, upstreams }, read: store.read, vault })
  return {
    ...identity,
    catalog,
    /** Changes the database and reads it again. */
    async change(sql: string, ...values: string[]) {
      await store.tx(q => q.run(sql, ...values))
      await catalog.reload()
    },
    routesOf: (model: string) => catalog.find(model)?.routes.map(route => route.upstream.id),
    ids: () => catalog.list().map(model => model.id),
  }
}

test("an upstream that is disabled is still one: what was given away must not buy its models later", async () => {
  const { catalog, change } = await open([openai])
  expect(catalog.hasUpstream()).toBe(true)
  await change("UPDATE upstream SET is_enabled = 0")
  expect(catalog.hasUpstream()).toBe(true)
  expect((await open([])).catalog.hasUpstream()).toBe(false)
})

describe("the demo answers", () => {
  test("for every model while there is no upstream", async () => {
    const { catalog, routesOf, ids } = await open([])
    expect(ids()).toEqual(ALL)
    expect(catalog.list().flatMap(model => model.routes.map(route => route.upstream.id))).toEqual(
      ALL.map(() => "demo"),
    )
    expect(routesOf("gpt-5.5")).toEqual(["demo"])
    expect(catalog.find("gpt-5.5")!.routes[0]).toMatchObject({
      id: "demo/gpt-5.5",
      is_vip_only: false,
      upstream: {
        base_url: "demo:",
        key: "",
        quirks: new Set(),
        tool_name_length: 64,
        max_concurrency: null,
      },
    })
  })

  test("no more as soon as there is a real one", async () => {
    const { routesOf, change } = await open([openai])
    expect(routesOf("gpt-5.5")).toEqual(["openai"])
    await change("DELETE FROM route WHERE model_id = 'gpt-5.5'")
    expect(routesOf("gpt-5.5")).toBeUndefined()
  })

  test.each([
    "UPDATE upstream SET key_env = 'LOST_KEY'",
    "UPDATE upstream SET key_env = NULL, sealed_key = 'torn'",
    "UPDATE upstream SET protocol = 'gopher'",
  ])("never instead of one that cannot be used: %s", async sql => {
    const { change, ids, catalog } = await open([openai])
    await change(sql)
    expect(ids()).toEqual([])
    expect(catalog.skipped()).toMatchObject([{ id: "openai" }])
    await change("UPDATE upstream SET is_enabled = 0")
    expect(ids()).toEqual(ALL)
  })

  test("when asked for, for models that nobody else serves", async () => {
    const { routesOf, change } = await open([openai], "on")
    expect(routesOf("gpt-5.5")).toEqual(["openai"])
    await change("DELETE FROM route WHERE model_id = 'gpt-5.5'")
    expect(routesOf("gpt-5.5")).toEqual(["demo"])
  })

  test("never when it is switched off", async () => {
    expect((await open([], "off")).ids()).toEqual([])
  })
})

describe("a model is served", () => {
  test("by its routes in the order of their tiers", async () => {
    const { routesOf, change } = await open([openai, openrouter])
    expect(routesOf("gpt-5.5")).toEqual(["openai", "openrouter"])
    await change("UPDATE route SET tier = 9 WHERE upstream_id = 'openai'")
    expect(routesOf("gpt-5.5")).toEqual(["openrouter", "openai"])
  })

  test("at the highest version of its price", async () => {
    const { catalog, change } = await open([openai])
    await change(
      `INSERT INTO rate_card SELECT 'rc_2', model_id, 2, 1, 1, 1, 1, 1, 1, '{}', 'x', 0 FROM rate_card
       WHERE model_id = 'gpt-5.5'`,
    )
    expect(catalog.find("gpt-5.5")!.rate_card).toMatchObject({ id: "rc_2", version: 2, input_rate: 1 })
  })

  test.each([
    ["it has no price", "INSERT INTO model SELECT 'own', 'l', 'd', 'o', 1, 1, '[]', '[]', 1, 1, 0, NULL"],
    ["it is disabled", "UPDATE model SET is_enabled = 0 WHERE id = 'gpt-5.5'"],
    ["its routes are disabled", "UPDATE route SET is_enabled = 0 WHERE model_id = 'gpt-5.5'"],
    ["its upstream is disabled", "UPDATE upstream SET is_enabled = 0"],
    ["its upstream speaks a protocol that we do not", "UPDATE upstream SET protocol = 'gopher'"],
    ["its upstream has a quirk that we do not know", `UPDATE upstream SET quirks = '["moody"]'`],
    ["its upstream's key is not in the environment", "UPDATE upstream SET key_env = 'OTHER_KEY'"],
  ])("not when %s", async (_, sql) => {
    const { catalog, change } = await open([openai], "off")
    await change(sql)
    expect(catalog.find(sql.includes("'own'") ? "own" : "gpt-5.5")).toBeUndefined()
  })
})

describe("an upstream's key", () => {
  test("comes from the environment by the variable's name", async () => {
    const { catalog } = await open([openai])
    expect(catalog.find("gpt-5.5")!.routes[0]!.upstream).toEqual({
      id: "openai",
      protocol: "openai-responses",
      base_url: "https://openai.test/v1",
      key: "sk-1",
      quirks: new Set<never>(),
      tool_name_length: 64,
      max_concurrency: null,
    })
  })

  test("is opened when it was sealed into the database, only for its own upstream", async () => {
    const { catalog, change, vault } = await open([openai])
    const seal = "UPDATE upstream SET key_env = NULL, sealed_key = ? WHERE id = 'openai'"
    await change(seal, vault.seal("sk-sealed", "upstream:openai"))
    expect(catalog.find("gpt-5.5")!.routes[0]!.upstream.key).toBe("sk-sealed")
    await change(seal, vault.seal("sk-other", "upstream:other"))
    expect(catalog.find("gpt-5.5")).toBeUndefined()
    expect(catalog.skipped()).toEqual([
      { id: "openai", why: expect.stringContaining("CODEXAPI_SECRET is not the one") },
    ])
  })

  test("may be none", async () => {
    const { catalog, change } = await open([openai])
    await change("UPDATE upstream SET key_env = NULL")
    expect(catalog.find("gpt-5.5")!.routes[0]!.upstream.key).toBe("")
  })
})

describe("what an upstream is like", () => {
  test("its protocol, quirks and limits are read from the catalogue", async () => {
    const { catalog, change } = await open([openai])
    await change(
      `UPDATE upstream SET protocol = 'openai-chat', quirks = '["no-images", "system-first"]',
         tool_name_length = 32, max_concurrency = 3`,
    )
    expect(catalog.find("gpt-5.5")!.routes[0]!.upstream).toMatchObject({
      protocol: "openai-chat",
      quirks: new Set(["no-images", "system-first"]),
      tool_name_length: 32,
      max_concurrency: 3,
    })
  })

  test("every protocol is spoken", async () => {
    const { routesOf, change } = await open([openai])
    for (const protocol of PROTOCOLS) {
      await change("UPDATE upstream SET protocol = ?", protocol)
      expect(routesOf("gpt-5.5")).toEqual(["openai"])
    }
    expect(PROTOCOLS).toEqual(["openai-responses", "openai-chat", "anthropic-messages"])
  })

  test("an unknown quirk is named, beside those there are", async () => {
    const { catalog, change } = await open([openai])
    await change(`UPDATE upstream SET quirks = '["no-images", "moody"]'`)
    expect(catalog.skipped()).toEqual([
      {
        id: "openai",
        why: expect.stringMatching(/there is no quirk "moody"; there are reasoning-content, /),
      },
    ])
  })

  test.each(["constructor", "", "NO-IMAGES"])("%p is no quirk", name => {
    expect(() => readQuirks(["no-images", name])).toThrow("there is no quirk")
  })

  test.each([
    "UPDATE upstream SET quirks = 'no-images'",
    "UPDATE upstream SET quirks = '{}'",
    "UPDATE upstream SET max_concurrency = 0",
    "UPDATE upstream SET tool_name_length = 15",
    "UPDATE route SET is_vip_only = 2",
    "UPDATE model SET budget_model_id = id",
  ])("the database refuses %s", async sql => {
    const { change } = await open([openai])
    await expect(change(sql)).rejects.toThrow(/CHECK constraint failed/)
  })

  test("a route may be for VIP customers only", async () => {
    const { catalog, change } = await open([openai, openrouter])
    await change("UPDATE route SET is_vip_only = 1 WHERE upstream_id = 'openai'")
    expect(catalog.find("gpt-5.5")!.routes.map(route => route.is_vip_only)).toEqual([true, false])
  })
})

describe("a model that is not served", () => {
  test.each([
    ["no price", "INSERT INTO model SELECT 'own', 'l', 'd', 'o', 1, 1, '[]', '[]', 1, 1, 0, NULL", "own"],
    ["no route", "DELETE FROM route WHERE model_id = 'gpt-5.5'", "gpt-5.5"],
    ["no usable upstream", "UPDATE upstream SET key_env = 'LOST_KEY'", "gpt-5.5"],
  ] as const)("is listed with the reason: %s", async (why, sql, id) => {
    const { catalog, change } = await open([openai])
    await change(sql)
    expect(catalog.unserved()).toContainEqual({ id, why })
  })

  test("is not listed when it is disabled: that is what the operator wanted", async () => {
    const { catalog, change } = await open([openai])
    await change("UPDATE model SET is_enabled = 0")
    expect(catalog.unserved()).toEqual([])
  })
})

test("what was found before a change stays as it was: a request under way is not disturbed", async () => {
  const { catalog, change } = await open([openai])
  const before = catalog.find("gpt-5.5")!
  await change("UPDATE model SET label = 'changed'")
  expect(before.label).toBe("GPT-5.5")
  expect(catalog.find("gpt-5.5")!.label).toBe("changed")
})

test("a reload that fails leaves the catalogue as it was", async () => {
  const { catalog, store } = await open([openai])
  await store.tx(q => q.run("UPDATE model SET reasoning_efforts = 'no JSON' WHERE id = 'gpt-5.4'"))
  await expect(catalog.reload()).rejects.toThrow()
  expect(catalog.find("gpt-5.5")).toBeDefined()
})
