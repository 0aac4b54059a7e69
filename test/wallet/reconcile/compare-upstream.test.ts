/** An upstream's cost report beside our receipts: equal within a tolerance, else said which way. */
import { describe, expect, test } from "bun:test"
import { compareUpstream } from "../../../src/wallet/reconcile/compare-upstream.ts"
import { saveComparison } from "../../../src/wallet/reconcile/comparison-book.ts"
import { dayAt } from "../../../src/wallet/reconcile/day.ts"
import { openTestApp } from "../../support/app.ts"
import { type CostServer, OPENAI_ADMIN_KEY, openaiCost, openCostServer } from "../../support/cost-server.ts"
import { jsonAnswer } from "../../support/fake-fetch.ts"
import { wholeTextTurn } from "../../support/responses-turns.ts"

/** A server whose customer's day on `openai` came to $0.53 by the rate card. */
async function openSpender(server: CostServer) {
  const app = await openTestApp({ env: { OPENAI_BASE_URL: server.base_url } })
  const { key } = await app.createCustomer()
  app.upstream.play(jsonAnswer(wholeTextTurn("hello", { input: 100_000, output: 1_000 })))
  await app.send("/v1/responses", { key, body: { model: "gpt-5.5", input: "hi" } })
  const needs = { ...app.app, fetch }
  const asked = { vendor: "openai" as const, key: OPENAI_ADMIN_KEY, day: dayAt(app.clock.now()) }
  return { ...app, needs, compare: () => compareUpstream(needs, asked) }
}

describe("an upstream's day", () => {
  test.each([0.53, 0.525, 0.535, 0.5399])("agrees with $0.53 of receipts when it is $%p", async cost => {
    await using server = openCostServer()
    await using app = await openSpender(server)
    server.charge("openai", "2026-01-02", openaiCost(cost))
    expect(await app.compare()).toMatchObject({
      source: "upstream:openai",
      day: "2026-01-02",
      compared_count: 1,
      ours_nanos: 530_000_000,
      theirs_nanos: Math.round(cost * 1e9),
      differences: [],
      upstream_id: "openai",
    })
  })

  test.each([
    [0.55, "$0.02 more: the key is used elsewhere too, or the rate cards are below cost"],
    [0, "$0.53 less: the rate cards are above cost, or the report is of another organization"],
  ])("differs from $0.53 of receipts when it is $%p", async (cost, words) => {
    await using server = openCostServer()
    await using app = await openSpender(server)
    server.charge("openai", "2026-01-02", openaiCost(cost))
    const { differences } = await app.compare()
    expect(differences).toMatchObject([
      { key: "cost", ref: "openai", ours_nanos: 530_000_000, theirs_nanos: Math.round(cost * 1e9) },
    ])
    expect(differences[0]!.finding).toEndWith(words)
  })

  test("within one percent of a larger amount agrees, beyond it not", async () => {
    await using server = openCostServer()
    await using app = await openSpender(server)
    await app.app.store.tx(async q => {
      await q.run("DROP TRIGGER metered_request_ends_once")
      await q.run("UPDATE metered_request SET attempts = replace(attempts, '530000000', '100000000000')")
    })
    server.charge("openai", "2026-01-02", openaiCost(101))
    expect((await app.compare()).differences).toEqual([])
    server.charge("openai", "2026-01-02", openaiCost(0.03))
    expect((await app.compare()).differences).toHaveLength(1)
  })

  test("with amounts in another currency says so", async () => {
    await using server = openCostServer()
    await using app = await openSpender(server)
    server.charge("openai", "2026-01-02", openaiCost(0.53), openaiCost(2, "eur"))
    expect((await app.compare()).differences).toEqual([
      {
        key: "currency",
        ref: "openai",
        finding: "openai reports amounts that are not in usd: 2 eur",
        ours_nanos: null,
        theirs_nanos: null,
      },
    ])
  })

  test("is kept as the upstream's cost, never below zero, and changes no book", async () => {
    await using server = openCostServer()
    await using app = await openSpender(server)
    server.charge("openai", "2026-01-02", openaiCost(0.6))
    const books = () => app.app.store.read.all("SELECT * FROM ledger_transfer")
    const before = await books()
    const costs = () => app.app.store.read.all("SELECT upstream_id, day, cost_nanos FROM upstream_cost")
    await saveComparison(app.needs, await app.compare())
    expect(await costs()).toEqual([{ upstream_id: "openai", day: "2026-01-02", cost_nanos: 600_000_000 }])
    server.charge("openai", "2026-01-02", openaiCost(-10))
    await saveComparison(app.needs, await app.compare())
    expect(await costs()).toEqual([{ upstream_id: "openai", day: "2026-01-02", cost_nanos: 0 }])
    expect(await books()).toEqual(before)
  })

  test("is asked of the vendor's own address where the upstream is gone", async () => {
    await using server = openCostServer()
    await using app = await openSpender(server)
    await app.app.store.tx(async q => {
      await q.run("PRAGMA defer_foreign_keys = ON")
      await q.run("UPDATE upstream SET id = 'renamed' WHERE id = 'openai'")
      await q.run("UPDATE route SET upstream_id = 'renamed' WHERE upstream_id = 'openai'")
    })
    const urls: string[] = []
    const needs = {
      ...app.needs,
      fetch: (url: string) => {
        urls.push(url)
        return Promise.resolve(Response.json({ data: [] }))
      },
    }
    const day = dayAt(app.clock.now())
    await compareUpstream(needs, { vendor: "openai", key: OPENAI_ADMIN_KEY, day })
    expect(urls[0]).toStartWith("https://api.openai.com/v1/organization/costs?")
  })
})
