/** What can be served: models with a price and a route whose upstream can be used. */
import { describe, expect, test } from "bun:test"
import { openCatalog } from "../../../src/gateway/catalog/catalog.ts"
import { seedModels, seedUpstreams } from "../../../src/gateway/catalog/seed.ts"
import type { Config, EnvUpstream } from "../../../src/platform/config.ts"
import { openIdentity } from "../../support/identity.ts"

const openai: EnvUpstream = {
  id: "openai",
  base_url: "https://openai.test/v1",
  key: "sk-1",
  key_env: "OPENAI_API_KEY",
}
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

describe("the demo answers", () => {
  test("for every model while there is no upstream", async () => {
    const { catalog, routesOf, ids } = await open([])
    expect(ids()).toHaveLength(4)
    expect(routesOf("gpt-5.5")).toEqual(["demo"])
    expect(catalog.find("gpt-5.5")!.routes[0]).toMatchObject({
      id: "demo/gpt-5.5",
      upstream: { base_url: "demo:", key: "" },
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
    expect(ids()).toHaveLength(4)
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
    ["it has no price", "INSERT INTO model SELECT 'own', 'l', 'd', 'o', 1, 1, '[]', '[]', 1, 1, 0"],
    ["it is disabled", "UPDATE model SET is_enabled = 0 WHERE id = 'gpt-5.5'"],
    ["its routes are disabled", "UPDATE route SET is_enabled = 0 WHERE model_id = 'gpt-5.5'"],
    ["its upstream is disabled", "UPDATE upstream SET is_enabled = 0"],
    ["its upstream speaks a protocol that we do not", "UPDATE upstream SET protocol = 'gopher'"],
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
