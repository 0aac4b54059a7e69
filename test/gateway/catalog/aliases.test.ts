/** Other names of models: which one a name leads to, and that a served model's own name comes first. */
import { describe, expect, test } from "bun:test"
import { loadAliases } from "../../../src/gateway/catalog/aliases.ts"
import { openCatalog } from "../../../src/gateway/catalog/catalog.ts"
import { seedModels } from "../../../src/gateway/catalog/seed.ts"
import { openIdentity } from "../../support/identity.ts"

/** The seeded catalogue with the demo, so that every model is served. */
async function open(...aliases: [alias: string, model_id: string][]) {
  const identity = openIdentity()
  const { store, vault } = identity
  await seedModels(identity)
  await store.tx(async q => {
    for (const [alias, model_id] of aliases)
      await q.run("INSERT INTO model_alias (alias, model_id, created_at) VALUES (?, ?, 0)", alias, model_id)
  })
  const config = { demo: "on" as const, upstreams: [] }
  const catalog = await openCatalog({ config, read: store.read, vault })
  return { catalog, store, find: (name: string) => catalog.find(name)?.id }
}

describe("a name", () => {
  test.each([
    ["claude-haiku-4-5", "claude-haiku-4-5"],
    ["claude-haiku-4-5-20251001", "claude-haiku-4-5"],
    ["claude-haiku-9-1", "claude-haiku-4-5"],
    ["claude-3-5-haiku-20241022", "claude-haiku-4-5"],
    ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
    ["anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"],
    ["anthropic/claude-opus-4.8", "claude-opus-4-8"],
    ["openai/gpt-5.5", "gpt-5.5"],
    ["gpt-5.5-2026-04-23", "gpt-5.5"],
    ["gpt-5.4-mini-2026-03-17", "gpt-5.4-mini"],
    ["deepseek-chat", "deepseek-flash"],
    ["deepseek/deepseek-v4-pro", "deepseek-v4-pro"],
  ])("%s leads to %s", async (name, model) => {
    const { find } = await open()
    expect(find(name)).toBe(model)
  })

  test.each(["", "*", "claude", "claude-haiku", "gpt-5", "gpt-5.5-pro", "claude-haiku-*x".slice(0, 8)])(
    "%p leads nowhere",
    async name => {
      const { find } = await open()
      expect(find(name)).toBeUndefined()
    },
  )

  test("that is a served model's own comes before any alias", async () => {
    const { find } = await open(["gpt-5.5", "gpt-5.4"], ["*", "gpt-5.4-mini"])
    expect(find("gpt-5.5")).toBe("gpt-5.5")
  })

  test("of a model that is not served may lead to another", async () => {
    const { find, store, catalog } = await open(["claude-opus-4-8", "gpt-5.5"])
    await store.tx(q => q.run("UPDATE model SET is_enabled = 0 WHERE id = 'claude-opus-4-8'"))
    await catalog.reload()
    expect(find("claude-opus-4-8")).toBe("gpt-5.5")
  })

  test("is found exactly before by its beginning, and by the longest beginning", async () => {
    const { find } = await open(["x-*", "gpt-5.4"], ["x-long-*", "gpt-5.5"], ["x-long-one", "gpt-5.4-mini"])
    expect([find("x-long-one"), find("x-long-two"), find("x-2"), find("x")]).toEqual([
      "gpt-5.4-mini",
      "gpt-5.5",
      "gpt-5.4",
      undefined,
    ])
  })

  test("whose model is not served falls to the next name that fits", async () => {
    const { find, store, catalog } = await open(["*", "gpt-5.5"])
    await store.tx(q => q.run("UPDATE model SET is_enabled = 0 WHERE owned_by = 'anthropic'"))
    await catalog.reload()
    expect(find("claude-haiku-4-5-20251001")).toBe("gpt-5.5")
    expect(find("anything at all")).toBe("gpt-5.5")
  })

  test("lists only models, never aliases", async () => {
    const { catalog } = await open(["mine", "gpt-5.5"])
    expect(catalog.list().map(model => model.id)).not.toContain("mine")
  })
})

describe("the table", () => {
  test.each(["a*b", "**", ""])("refuses the name %p", async alias => {
    await expect(open([alias, "gpt-5.5"])).rejects.toThrow(/CHECK constraint failed/)
  })

  test("refuses a model that does not exist, and forgets the names of one that is removed", async () => {
    await expect(open(["mine", "nothing"])).rejects.toThrow(/FOREIGN KEY/)
    const { store } = await open(["mine", "gpt-5.5"])
    await store.tx(q => q.run("DELETE FROM model WHERE id = 'gpt-5.5'"))
    const aliases = await loadAliases(store.read)
    expect(aliases.find("mine", id => id)).toBeUndefined()
    expect(aliases.find("openai/gpt-5.5", id => id)).toBeUndefined()
  })
})
