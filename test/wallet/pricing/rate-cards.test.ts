/** Tests of the price list: versions are added, never changed, and the highest one is in force. */
import { describe, expect, test } from "bun:test"
import type { Query } from "../../../src/platform/store.ts"
import {
  addRateCard,
  findRateCard,
  listCurrentRateCards,
  listRateCards,
} from "../../../src/wallet/pricing/rate-cards.ts"
import { openTestStore } from "../../support/store.ts"
import { EASY_RATES } from "../../support/wallet.ts"

function openPriceList() {
  const store = openTestStore()
  let count = 0
  const add = (model_id: string, input_rate: number) =>
    store.tx(q =>
      addRateCard(
        q,
        { newId: prefix => `${prefix}_${++count}`, now: 1_000 + count },
        { ...EASY_RATES, input_rate, model_id, source: `list of ${input_rate}` },
      ),
    )
  return { store, read: store.read, add }
}

const show = async (q: Query, model_id?: string) =>
  (await listRateCards(q, model_id)).map(
    card => `${card.id} ${card.model_id} v${card.version} ${card.input_rate}`,
  )

describe("rate cards", () => {
  test("each model's versions count from 1", async () => {
    const { read, add } = openPriceList()
    for (const [model, rate] of [
      ["b", 5],
      ["a", 1],
      ["b", 6],
      ["a", 2],
      ["a", 3],
    ] as const)
      await add(model, rate)
    expect(await show(read)).toEqual([
      "rc_2 a v1 1",
      "rc_4 a v2 2",
      "rc_5 a v3 3",
      "rc_1 b v1 5",
      "rc_3 b v2 6",
    ])
    expect(await show(read, "b")).toEqual(["rc_1 b v1 5", "rc_3 b v2 6"])
    expect(await show(read, "c")).toEqual([])
  })

  test("the highest version of each model is in force", async () => {
    const { read, add } = openPriceList()
    for (let rate = 1; rate <= 12; rate++) await add("a", rate)
    await add("b", 99)
    const current = await listCurrentRateCards(read)
    expect([...current].map(([model, card]) => [model, card.version, card.input_rate])).toEqual([
      ["a", 12, 12],
      ["b", 1, 99],
    ])
  })

  test("a card reads back as it was given, with its multipliers, source and time", async () => {
    const { read, add } = openPriceList()
    const { id } = await add("a", 7)
    expect(await findRateCard(read, id)).toEqual({
      ...EASY_RATES,
      input_rate: 7,
      id: "rc_1",
      model_id: "a",
      version: 1,
      source: "list of 7",
      created_at: 1_000,
    })
    expect(await findRateCard(read, "rc_9")).toBeUndefined()
  })

  test.each([
    "UPDATE rate_card SET output_rate = 0",
    "DELETE FROM rate_card",
    "INSERT INTO rate_card SELECT 'rc_x', model_id, version, 0, 0, 0, 0, 0, 0, '{}', '', 0 FROM rate_card",
  ])("a price is never edited: %p is refused", async statement => {
    const { store, read, add } = openPriceList()
    await add("a", 7)
    await expect(store.tx(q => q.run(statement))).rejects.toThrow()
    expect(await show(read)).toEqual(["rc_1 a v1 7"])
  })

  test("a negative rate is refused", async () => {
    const { read, add } = openPriceList()
    await expect(add("a", -1)).rejects.toThrow("CHECK constraint failed")
    expect(await show(read)).toEqual([])
  })

  test("two versions added at once are two versions", async () => {
    const { read, add } = openPriceList()
    await Promise.all([add("a", 1), add("a", 2)])
    expect(await show(read)).toEqual(["rc_1 a v1 1", "rc_2 a v2 2"])
  })
})
