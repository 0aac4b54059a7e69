/** What is kept, how long and how much: the oldest go first, a batch at a time, and nobody else's. */
import { describe, expect, test } from "bun:test"
import { deleteExpired } from "../../../src/gateway/stored/limits.ts"
import { DAY_MS, openAnswer, openScene, type Scene, saying } from "./scene.ts"

const keptIds = async (scene: Scene): Promise<string[]> =>
  (await scene.needs.cache.read.all<{ id: string }>("SELECT id FROM stored_object ORDER BY created_at")).map(
    ({ id }) => id,
  )

const totals = (scene: Scene) =>
  scene.needs.cache.read.all("SELECT customer_id, object_count, size_bytes FROM stored_total")

const sums = (scene: Scene) =>
  scene.needs.cache.read.all(
    "SELECT customer_id, count(*) AS object_count, sum(size_bytes) AS size_bytes FROM stored_object GROUP BY 1",
  )

describe("the count of one customer", () => {
  test("is never more than the limit: the oldest go first, another customer's stay", async () => {
    const scene = await openScene({ max_customer_count: 3 })
    const foreign = await scene.create({ input: "theirs" }, scene.other)
    const ids: string[] = []
    for (let count = 0; count < 6; count++) ids.push((await scene.create({ input: String(count) })).id)
    expect(await keptIds(scene)).toEqual([foreign.id, ...ids.slice(3)])
    expect((await scene.ask("GET", `/v1/responses/${ids[0]}`)).status).toBe(404)
    expect(await totals(scene)).toEqual(await sums(scene))
  })

  test("spares a background response that runs, however old", async () => {
    const scene = await openScene({ max_customer_count: 1 })
    const model = openAnswer()
    scene.play(model.answer)
    const { id } = await scene.create({ input: "hi", background: true })
    const second = await scene.create({ input: "2" })
    expect(await keptIds(scene)).toEqual([id, second.id])
    model.end()
    await scene.needs.tasks.idle()
  })
})

describe("the bytes of one customer", () => {
  test("are never more than the limit, and the newest object always stays", async () => {
    const scene = await openScene({ max_customer_bytes: 12_000 })
    for (let count = 0; count < 9; count++) {
      scene.play(saying("x".repeat(300 + 300 * count)))
      const { id } = await scene.create({ input: "hi" })
      expect(await keptIds(scene)).toContain(id)
      const [total] = (await totals(scene)) as { size_bytes: number }[]
      expect(total!.size_bytes).toBeLessThanOrEqual(12_000)
      expect(await totals(scene)).toEqual(await sums(scene))
    }
    expect((await keptIds(scene)).length).toBeGreaterThan(1)
  })

  test("do not let in what alone is more than all may be", async () => {
    const scene = await openScene({ max_customer_bytes: 2_000 })
    const small = await scene.create({ input: "hi" })
    scene.play(saying("x".repeat(3_000)))
    await scene.create({ input: "hi" })
    expect(await keptIds(scene)).toEqual([small.id])
  })
})

describe("the age", () => {
  test("of everybody's objects is looked at with every write", async () => {
    const scene = await openScene()
    await scene.create({ input: "theirs" }, scene.other)
    await scene.create({ input: "mine" })
    scene.clock.advance(31 * DAY_MS)
    const { id } = await scene.create({ input: "new" })
    expect(await keptIds(scene)).toEqual([id])
  })

  test("is looked at when a server starts; what is young stays, items go with their objects", async () => {
    const scene = await openScene()
    for (let count = 0; count < 130; count++) await scene.create({ input: String(count) })
    scene.clock.advance(31 * DAY_MS)
    expect(await deleteExpired(scene.needs)).toBe(130)
    expect(await keptIds(scene)).toEqual([])
    expect(await scene.needs.cache.read.all("SELECT * FROM stored_item")).toEqual([])
    expect(await totals(scene)).toMatchObject([{ object_count: 0, size_bytes: 0 }])
    const { id } = await scene.create({ input: "new" })
    expect(await deleteExpired(scene.needs)).toBe(0)
    expect(await keptIds(scene)).toEqual([id])
  })
})

describe("one write", () => {
  test("deletes a bounded number of expired objects; the next goes on", async () => {
    const scene = await openScene()
    for (let count = 0; count < 150; count++) await scene.create({ input: String(count) })
    scene.clock.advance(31 * DAY_MS)
    await scene.create({ input: "new" })
    expect(await keptIds(scene)).toHaveLength(51)
    await scene.create({ input: "newer" })
    expect(await keptIds(scene)).toHaveLength(2)
  })
})
