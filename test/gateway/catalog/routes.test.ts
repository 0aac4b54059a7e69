/** Writing routes: that one between two is changed and not doubled, and that a preset brings only what is there. */
import { expect, test } from "bun:test"
import { PRESETS } from "../../../src/gateway/catalog/presets.ts"
import { addPresetRoutes, putRoute } from "../../../src/gateway/catalog/routes.ts"
import { seedModels } from "../../../src/gateway/catalog/seed.ts"
import { openIdentity } from "../../support/identity.ts"

async function open() {
  const identity = openIdentity()
  const { store, newId } = identity
  await seedModels(identity)
  await store.tx(q =>
    q.run(
      "INSERT INTO upstream (id, protocol, base_url, is_enabled, created_at) VALUES ('own', 'p', 'b', 1, 0)",
    ),
  )
  const needs = { newId, now: 7 }
  const routes = () =>
    store.read.all(
      "SELECT model_id, upstream_model, tier, weight, is_vip_only, is_enabled FROM route ORDER BY model_id",
    )
  return { store, needs, routes }
}

const ROUTE = {
  model_id: "gpt-5.5",
  upstream_id: "own",
  upstream_model: "g",
  tier: 0,
  weight: 1,
  is_vip_only: true,
}

test("a route that is put again is changed and enabled, with the id it has", async () => {
  const { store, needs, routes } = await open()
  const first = await store.tx(q => putRoute(q, needs, ROUTE))
  await store.tx(q => q.run("UPDATE route SET is_enabled = 0"))
  const again = await store.tx(q => putRoute(q, needs, { ...ROUTE, tier: 2, weight: 3, is_vip_only: false }))
  expect(again).toBe(first)
  expect(await routes()).toEqual([
    { model_id: "gpt-5.5", upstream_model: "g", tier: 2, weight: 3, is_vip_only: 0, is_enabled: 1 },
  ])
})

test("a preset's routes lead only to models that are there, and leave routes that are there alone", async () => {
  const { store, needs, routes } = await open()
  await store.tx(q => q.run("DELETE FROM model WHERE id = 'deepseek-flash'"))
  await store.tx(q =>
    putRoute(q, needs, { ...ROUTE, model_id: "deepseek-v4-pro", upstream_model: "deepseek-v4-pro", tier: 5 }),
  )
  const add = () => store.tx(q => addPresetRoutes(q, needs, { upstream_id: "own", preset: PRESETS.deepseek }))
  expect(await add()).toBe(0)
  expect(await routes()).toMatchObject([{ model_id: "deepseek-v4-pro", tier: 5, is_vip_only: 1 }])
  await store.tx(q => q.run("DELETE FROM route"))
  expect(await add()).toBe(1)
  expect(await routes()).toMatchObject([{ model_id: "deepseek-v4-pro", tier: 0, is_vip_only: 0 }])
})
