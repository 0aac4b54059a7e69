/** Gumroad's licence check over real HTTP: sales that stand, sales that fell, strangers' licences, and no answer. */
import { describe, expect, test } from "bun:test"
import { findSale } from "../../../src/account/gumroad/licence.ts"
import type { Fetch } from "../../../src/platform/fetch.ts"
import { createTestClock } from "../../support/clock.ts"
import { type Gumroad, openGumroad, PRODUCT_ID, type SaleMembers } from "../../support/gumroad.ts"

function open() {
  const gumroad = openGumroad()
  const clock = createTestClock()
  const needs = { config: { gumroad_base_url: gumroad.base_url }, fetch: fetch as Fetch, clock }
  const find = (key: string, product_id = PRODUCT_ID) => findSale(needs, { product_id, key })
  const close = () => gumroad[Symbol.asyncDispose]()
  return { ...gumroad, gumroad, needs, clock, find, [Symbol.asyncDispose]: close }
}

const UNKNOWN = { reason: "unprocessable", detail: { code: "licence_unknown", field: "licenseKey" } }
const UNAVAILABLE = {
  reason: "unavailable",
  detail: { code: "gumroad_unavailable", retry_after_ms: 60_000 },
}

test("a licence of our product is a sale, and the check does not count as a use", async () => {
  await using stage = open()
  const key = stage.sell()
  expect(await stage.find(key)).toEqual({ sale_id: "FO8TXN-dbxYaBdahG97Y-1==" })
  expect(stage.asked).toEqual([{ product_id: PRODUCT_ID, license_key: key, increment_uses_count: "false" }])
  expect(stage.clock.timer_count()).toBe(0)
})

describe("a licence is refused", () => {
  test("that Gumroad does not know, has disabled, or knows of another product", async () => {
    await using stage = open()
    const key = stage.sell()
    const foreign = stage.sell({ product_id: "another==" })
    await expect(stage.find("85DB562A-00000000-00000000-00000000")).rejects.toMatchObject(UNKNOWN)
    await expect(stage.find(key, "not-ours==")).rejects.toMatchObject(UNKNOWN)
    await expect(stage.find(foreign)).rejects.toMatchObject(UNKNOWN)
    stage.disable(key)
    await expect(stage.find(key)).rejects.toMatchObject(UNKNOWN)
  })

  test("that belongs to no sale, as imported ones do", async () => {
    await using stage = open()
    const answer = async () =>
      Response.json({ success: true, uses: 0, imported_customer: { email: "a@b.example" } })
    const found = findSale({ ...stage.needs, fetch: answer }, { product_id: PRODUCT_ID, key: "k" })
    await expect(found).rejects.toMatchObject(UNKNOWN)
  })

  const fallen: [string, SaleMembers, string][] = [
    ["whose sale was refunded", { refunded: true }, "licence_refunded"],
    ["whose sale is disputed", { disputed: true }, "licence_disputed"],
    ["whose sale was charged back", { chargebacked: true }, "licence_disputed"],
    ["whose sale was a test", { test: true }, "licence_of_test"],
    ["whose sale was refunded, said in words", { refunded: "true" }, "licence_refunded"],
  ]
  for (const [name, members, code] of fallen)
    test(name, async () => {
      await using stage = open()
      await expect(stage.find(stage.sell(members))).rejects.toMatchObject({
        reason: "forbidden",
        message: expect.stringMatching(/: register without it, or buy the product again\.$/),
        detail: { code, field: "licenseKey" },
      })
    })

  test("but not one whose dispute the seller won", async () => {
    await using stage = open()
    const key = stage.sell({ disputed: true, dispute_won: true })
    expect(await stage.find(key)).toMatchObject({ sale_id: expect.any(String) })
  })
})

describe("no answer is not a verdict", () => {
  const moods: Parameters<Gumroad["turn"]>[0][] = ["status-500", "status-429", "no-json", "no-verdict"]
  for (const mood of moods)
    test(mood, async () => {
      await using stage = open()
      const key = stage.sell()
      stage.turn(mood)
      await expect(stage.find(key)).rejects.toMatchObject(UNAVAILABLE)
      stage.turn("well")
      expect(await stage.find(key)).toMatchObject({ sale_id: expect.any(String) })
    })

  test("silence, for ten seconds", async () => {
    await using stage = open()
    stage.turn("silent")
    const found = stage.find(stage.sell())
    stage.clock.advance(10_000)
    await expect(found).rejects.toMatchObject(UNAVAILABLE)
  })

  test("a server that is not there", async () => {
    await using stage = open()
    const config = { gumroad_base_url: "http://127.0.0.1:1" }
    const found = findSale({ ...stage.needs, config }, { product_id: PRODUCT_ID, key: "k" })
    await expect(found).rejects.toMatchObject(UNAVAILABLE)
  })

  test("a redirect, which would send the licence elsewhere", async () => {
    await using stage = open()
    const asked: RequestInit[] = []
    const redirect: Fetch = async (_, init) => {
      asked.push(init)
      return new Response(null, { status: 302, headers: { location: "https://evil.example" } })
    }
    const found = findSale({ ...stage.needs, fetch: redirect }, { product_id: PRODUCT_ID, key: "k" })
    await expect(found).rejects.toMatchObject(UNAVAILABLE)
    expect(asked).toMatchObject([{ redirect: "manual" }])
  })

  test("a sale without an id that can stand in the books", async () => {
    await using stage = open()
    for (const sale_id of [undefined, 7, "", "a b", "sale:void", "x".repeat(129)]) {
      await expect(stage.find(stage.sell({ sale_id }))).rejects.toMatchObject(UNAVAILABLE)
    }
  })
})
