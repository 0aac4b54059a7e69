/** Cost reports as the vendors write them, and every way in which there is none. */
import { describe, expect, test } from "bun:test"
import { type AskedReport, readDayCost, type Vendor } from "../../../src/wallet/reconcile/cost-report.ts"
import { dayAt } from "../../../src/wallet/reconcile/day.ts"
import { createTestClock } from "../../support/clock.ts"
import {
  ANTHROPIC_ADMIN_KEY,
  anthropicCost,
  type CostServer,
  OPENAI_ADMIN_KEY,
  openaiCost,
  openCostServer,
} from "../../support/cost-server.ts"

const day = dayAt(Date.UTC(2026, 0, 2))
const keys = { openai: OPENAI_ADMIN_KEY, anthropic: ANTHROPIC_ADMIN_KEY }

async function read(server: CostServer, vendor: Vendor, asked: Partial<AskedReport> = {}) {
  const clock = createTestClock()
  const cost = await readDayCost(
    { fetch, clock },
    { vendor, base_url: server.base_url, key: keys[vendor], day, ...asked },
  )
  expect(clock.timer_count()).toBe(0)
  return cost
}

describe("a cost report", () => {
  test("of OpenAI is in USD, and is asked for by seconds", async () => {
    await using server = openCostServer()
    server.charge("openai", "2026-01-02", openaiCost(1.25), openaiCost(0.000_002_5), openaiCost("0.5"))
    expect<unknown>(await read(server, "openai")).toEqual({ nanos: 1_750_002_500, others: [] })
    const [first, , last] = server.asked
    expect(first).toBe(
      "/v1/organization/costs?start_time=1767312000&end_time=1767484800&bucket_width=1d&limit=2",
    )
    expect(last).toEndWith("&page=2")
  })

  test("of Anthropic is decimal text in cents, and is asked for by RFC 3339", async () => {
    await using server = openCostServer()
    server.charge("anthropic", "2026-01-02", anthropicCost("123.78912"), anthropicCost("0.5"))
    expect<unknown>(await read(server, "anthropic")).toEqual({ nanos: 1_242_891_200, others: [] })
    expect(decodeURIComponent(server.asked[0]!)).toBe(
      "/v1/organizations/cost_report?starting_at=2026-01-02T00:00:00.000Z&ending_at=2026-01-04T00:00:00.000Z&bucket_width=1d&limit=2",
    )
  })

  test.each(["openai", "anthropic"] as const)("of %s counts the asked day only", async vendor => {
    await using server = openCostServer()
    const cost = vendor === "openai" ? openaiCost : anthropicCost
    for (const name of ["2026-01-01", "2026-01-02", "2026-01-03"]) server.charge(vendor, name, cost("100"))
    expect((await read(server, vendor)).nanos).toBe((vendor === "openai" ? 100e9 : 1e9) as never)
  })

  test("that leaves the day out says that it cost nothing", async () => {
    await using server = openCostServer()
    expect<unknown>(await read(server, "anthropic")).toEqual({ nanos: 0, others: [] })
  })

  test("can be less than nothing, and names amounts of other currencies", async () => {
    await using server = openCostServer()
    server.charge("openai", "2026-01-02", openaiCost(-3), openaiCost(1), openaiCost(7.5, "eur"))
    expect<unknown>(await read(server, "openai")).toEqual({ nanos: -2_000_000_000, others: ["7.5 eur"] })
  })
})

describe("there is no cost report", () => {
  const failure = (message: string) =>
    expect.objectContaining({
      reason: "upstream",
      detail: { code: "cost_report_failed" },
      message: expect.stringContaining(message),
    })

  test.each([
    ["status-500", "was refused with 500."],
    ["redirect", "was refused with 302."],
    ["no-json", "could not be read"],
    ["no-report", "is not in the documented form"],
    ["endless", "goes on for more than 50 pages"],
  ] as const)("when the vendor answers %s", async (mood, message) => {
    await using server = openCostServer()
    server.turn(mood)
    await expect(read(server, "openai")).rejects.toEqual(failure(message))
    expect(server.asked).toHaveLength(mood === "endless" ? 50 : 1)
  })

  test("for the key that asks models, and the refusal says which it must be", async () => {
    await using server = openCostServer()
    for (const vendor of ["openai", "anthropic"] as const) {
      const refused = await read(server, vendor, { key: "sk-canary-upstream" }).catch(error => error)
      expect(refused).toEqual(failure("was refused with 401: its key must be an administrator's"))
      expect(String(refused.stack)).not.toContain("sk-canary")
    }
  })

  test("when nothing listens, or nothing comes for thirty seconds", async () => {
    await using server = openCostServer()
    await expect(read(server, "openai", { base_url: "http://127.0.0.1:1/v1" })).rejects.toEqual(
      failure("could not be read"),
    )
    server.turn("silent")
    const clock = createTestClock()
    const asked = { vendor: "openai" as const, base_url: server.base_url, key: keys.openai, day }
    const reading = readDayCost({ fetch, clock }, asked).catch(error => error)
    while (server.asked.length === 0) await new Promise(resolve => setImmediate(resolve))
    clock.advance(30_000)
    expect(await reading).toEqual(failure("took too long"))
    expect(clock.timer_count()).toBe(0)
  })

  test.each([{ amount: null }, { amount: { value: "x", currency: "usd" } }, { amount: "" }, {}, 7])(
    "in a result %p",
    async result => {
      await using server = openCostServer()
      server.charge("openai", "2026-01-02", result as Record<string, unknown>)
      await expect(read(server, "openai")).rejects.toEqual(failure("has a result without an amount"))
    },
  )
})
