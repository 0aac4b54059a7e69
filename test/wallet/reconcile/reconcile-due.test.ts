/** The job: which days are due and when, what is told, and that nothing is lost when an outside book cannot be read. */
import { describe, expect, test } from "bun:test"
import Stripe from "stripe"
import { listComparedDays, listDifferences } from "../../../src/wallet/reconcile/comparison-book.ts"
import { reconcileDue } from "../../../src/wallet/reconcile/reconcile-due.ts"
import type { ReconcileNeeds } from "../../../src/wallet/reconcile/sources.ts"
import { openTestApp } from "../../support/app.ts"
import {
  ANTHROPIC_ADMIN_KEY,
  anthropicCost,
  OPENAI_ADMIN_KEY,
  openaiCost,
  openCostServer,
} from "../../support/cost-server.ts"
import { accountOf } from "../../support/payments.ts"
import { openStage, type Stage } from "./stage.ts"

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const all = { source: null, limit: 100 }

const doneOf = async ({ app }: Pick<Stage, "app">, source: string | null = null) =>
  (await listComparedDays(app.store.read, { source, limit: 100 })).map(
    ({ source, day }) => `${source} ${day}`,
  )
const findingsOf = async ({ app }: Pick<Stage, "app">) => listDifferences(app.store.read, all)

/** To an hour of a day of January 2026. */
const goTo = ({ clock }: Stage, day: number, hour: number, minute = 0) =>
  clock.advance(Date.UTC(2026, 0, day, hour, minute) - clock.now())

describe("the daily comparison with Stripe", () => {
  test("does a finished day once, six hours after its end", async () => {
    await using stage = await openStage()
    await stage.pay()
    goTo(stage, 3, 5, 59)
    expect(await reconcileDue(stage.needs())).toBe(0)
    stage.clock.advance(60_000)
    expect(await reconcileDue(stage.needs())).toBe(1)
    expect(await reconcileDue(stage.needs())).toBe(0)
    expect(await doneOf(stage)).toEqual(["stripe 2026-01-02", "stripe-fees 2026-01-02"])
  })

  test("begins with the day on which the first customer came, and makes up for thirty days at most", async () => {
    await using stage = await openStage()
    goTo(stage, 5, 12)
    expect(await reconcileDue(stage.needs())).toBe(3)
    expect(await doneOf(stage, "stripe")).toEqual([
      "stripe 2026-01-04",
      "stripe 2026-01-03",
      "stripe 2026-01-02",
    ])
    stage.clock.advance(100 * DAY_MS)
    expect(await reconcileDue(stage.needs())).toBe(30)
  })

  test("tells differences: a row, a line of the log, an event, and the gauge; once", async () => {
    await using stage = await openStage()
    const { intent } = await stage.pay({ is_credited: false })
    goTo(stage, 3, 6)
    stage.events.length = 0
    for (let round = 0; round < 3; round++) await reconcileDue(stage.needs())
    expect(await findingsOf(stage)).toMatchObject([
      { source: "stripe", day: "2026-01-02", ref: intent, ours_nanos: null, theirs_nanos: 10_000_000_000 },
    ])
    expect<unknown>(stage.events).toEqual([
      { name: "reconciled", data: { source: "stripe", day: "2026-01-02", difference_count: 1 } },
    ])
    const told = stage.logs.filter(line => line.includes("our books and an outside one differ"))
    expect(told).toHaveLength(1)
    expect(JSON.parse(told[0]!)).toMatchObject({
      level: "warn",
      source: "stripe",
      day: "2026-01-02",
      difference_count: 1,
      ours_usd: "0.00",
      theirs_usd: "10.00",
    })
    expect(await stage.app.metrics.registry.metrics()).toContain(
      'codexapi_reconciliation_differences{source="stripe"} 1\n',
    )
  })

  test("changes nothing in the books", async () => {
    await using stage = await openStage()
    await stage.pay()
    await stage.pay({ is_credited: false })
    goTo(stage, 3, 6)
    const { read } = stage.app.store
    const books = async () =>
      JSON.stringify([
        await read.all("SELECT * FROM ledger_transfer"),
        await read.all("SELECT * FROM ledger_account"),
        await read.all("SELECT * FROM purchase"),
        await read.all("SELECT * FROM reversal"),
      ])
    const before = await books()
    await reconcileDue(stage.needs())
    expect(await books()).toBe(before)
  })

  test("by fifty passes at once finds the same once", async () => {
    await using stage = await openStage()
    await stage.pay({ is_credited: false })
    goTo(stage, 3, 6)
    await Promise.all(Array.from({ length: 50 }, () => reconcileDue(stage.needs())))
    expect(await findingsOf(stage)).toHaveLength(1)
    expect(await doneOf(stage, "stripe")).toEqual(["stripe 2026-01-02"])
  })

  test("does nothing while payments are off, by the demo, or before there is any customer", async () => {
    await using stage = await openStage()
    goTo(stage, 5, 12)
    const off = stage.needs({ payments: { find: () => undefined } })
    const demo = stage.needs({ payments: { find: () => ({ ...accountOf(stage), is_demo: true }) } })
    expect(await reconcileDue(off)).toBe(0)
    expect(await reconcileDue(demo)).toBe(0)
    await using empty = await openTestApp()
    empty.clock.advance(10 * DAY_MS)
    const account = accountOf(stage)
    expect(await reconcileDue({ ...empty.app, payments: { find: () => account } })).toBe(0)
    expect(await doneOf(empty)).toEqual([])
  })
})

describe("what cannot be read", () => {
  /** An account at the demo's address whose client asks once only. */
  function impatient(
    stage: Stage,
    secret_key: string,
    httpClient = Stripe.createFetchHttpClient(),
  ): Partial<ReconcileNeeds> {
    const { hostname, port } = new URL(stage.app.config.stripe!.base_url)
    const options = { host: hostname, port, protocol: "http", maxNetworkRetries: 0, httpClient } as const
    const account = { ...accountOf(stage), api: new Stripe(secret_key, options) }
    return { payments: { find: () => account } }
  }

  test("is left undone, logged without the key, and done by a later pass", async () => {
    await using stage = await openStage()
    await stage.pay()
    goTo(stage, 5, 12)
    const { secret_key } = stage.app.config.stripe!
    expect(await reconcileDue(stage.needs(impatient(stage, "sk_test_wrong_0123456789")))).toBe(0)
    stage.stripe.control.faults.nextCall(
      { kind: "refuse", status: 500 },
      { path: "/v1/balance_transactions" },
    )
    expect(await reconcileDue(stage.needs(impatient(stage, secret_key)))).toBe(0)
    expect(await doneOf(stage)).toEqual([])
    const failures = stage.logs.filter(line => line.includes("could not be compared"))
    expect(failures).toHaveLength(2)
    expect(JSON.parse(failures[0]!)).toMatchObject({ level: "warn", source: "stripe", day: "2026-01-04" })
    expect(failures.join()).not.toContain("sk_test_wrong_0123456789")
    expect(await reconcileDue(stage.needs())).toBe(3)
  })

  test("in the middle of a day leaves nothing of it", async () => {
    await using stage = await openStage()
    for (let count = 0; count < 150; count++)
      stage.addEntry({ amount: 1, type: "charge", reporting_category: "charge", source: `ch_${count}` })
    goTo(stage, 3, 6)
    let call_count = 0
    const breakSecond: typeof fetch = Object.assign(
      (...request: Parameters<typeof fetch>) =>
        ++call_count === 2 ? Promise.reject(new TypeError("connection reset")) : fetch(...request),
      { preconnect: fetch.preconnect },
    )
    const { secret_key } = stage.app.config.stripe!
    const broken = impatient(stage, secret_key, Stripe.createFetchHttpClient(breakSecond))
    expect(await reconcileDue(stage.needs(broken))).toBe(0)
    expect(call_count).toBe(2)
    expect([...(await findingsOf(stage)), ...(await doneOf(stage))]).toEqual([])
    expect(await reconcileDue(stage.needs())).toBe(1)
    expect(await listDifferences(stage.app.store.read, { source: null, limit: 1_000 })).toHaveLength(150)
  })

  test("of one source holds up no other", async () => {
    await using server = openCostServer()
    await using stage = await openStage({
      env: {
        OPENAI_ADMIN_KEY: "sk-admin-wrong",
        OPENAI_BASE_URL: server.base_url,
        ANTHROPIC_ADMIN_KEY,
        ANTHROPIC_API_KEY: "sk-ant-canary",
        ANTHROPIC_BASE_URL: server.base_url,
      },
    })
    goTo(stage, 4, 0)
    expect(await reconcileDue(stage.needs({ fetch }))).toBe(2)
    expect(await doneOf(stage)).toEqual([
      "stripe 2026-01-02",
      "stripe-fees 2026-01-02",
      "upstream:anthropic 2026-01-02",
    ])
  })
})

describe("the daily comparison with cost reports", () => {
  test("is done for each key that is given, a day after the day's end", async () => {
    await using server = openCostServer()
    await using app = await openTestApp({
      env: {
        OPENAI_ADMIN_KEY,
        OPENAI_BASE_URL: server.base_url,
        ANTHROPIC_ADMIN_KEY,
        ANTHROPIC_API_KEY: "sk-ant-canary",
        ANTHROPIC_BASE_URL: server.base_url,
      },
    })
    await app.createCustomer()
    server.charge("openai", "2026-01-02", openaiCost(2))
    server.charge("anthropic", "2026-01-02", anthropicCost("0.5"))
    const needs = { ...app.app, fetch }
    app.clock.advance(Date.UTC(2026, 0, 4) - 1 - app.clock.now())
    expect(await reconcileDue(needs)).toBe(0)
    app.clock.advance(1)
    expect(await reconcileDue(needs)).toBe(2)
    expect(await doneOf(app)).toEqual(["upstream:anthropic 2026-01-02", "upstream:openai 2026-01-02"])
    expect(await findingsOf(app)).toMatchObject([
      { source: "upstream:openai", ref: "openai", ours_nanos: 0, theirs_nanos: 2_000_000_000 },
    ])
    expect(app.logs.join()).not.toContain("canary")
    app.clock.advance(HOUR_MS)
    expect(await reconcileDue(needs)).toBe(0)
  })

  test("that fails is tried again, and a failure does not hold up the days that come", async () => {
    await using server = openCostServer()
    await using app = await openTestApp({ env: { OPENAI_ADMIN_KEY, OPENAI_BASE_URL: server.base_url } })
    await app.createCustomer()
    const needs = { ...app.app, fetch }
    app.clock.advance(Date.UTC(2026, 0, 5) - app.clock.now())
    server.turn("status-500")
    expect(await reconcileDue(needs)).toBe(0)
    // One try a pass, not one for each day.
    expect(server.asked).toHaveLength(1)
    server.turn("well")
    server.charge("openai", "2026-01-02", { amount: "nonsense" })
    expect(await reconcileDue(needs)).toBe(1)
    expect(await doneOf(app)).toEqual(["upstream:openai 2026-01-03"])
  })
})
