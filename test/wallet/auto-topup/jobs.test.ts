/** When an automatic charge is claimed, and when it is not: interval, monthly limit, disputes, frozen and blocked customers. */
import { describe, expect, test } from "bun:test"
import { claimJob, listBelowThreshold } from "../../../src/wallet/auto-topup/jobs.ts"
import { setFrozen } from "../../../src/wallet/ledger/accounts.ts"
import type { TestCustomer } from "../../support/app.ts"
import { runCommand } from "../../support/operator.ts"
import { buy, type PaymentScene, takeEvents } from "../../support/payments.ts"
import {
  enable,
  listJobs,
  listNotices,
  MINUTE_MS,
  openTopup,
  PATH,
  readSettings,
  saveCard,
  spend,
} from "./scene.ts"

const claim = ({ app }: PaymentScene, customer: TestCustomer) =>
  app.store.tx(q => claimJob(q, app, { customer_id: customer.id, is_live: false }))

test("fifty claims at once make one job with one purchase", async () => {
  await using scene = await openTopup()
  const jobs = await Promise.all(Array.from({ length: 50 }, () => claim(scene, scene.customer)))
  expect(jobs.filter(job => job !== undefined)).toHaveLength(1)
  expect(takeEvents(scene)).toEqual(["purchase-opened"])
  expect(await scene.app.store.read.all("SELECT kind, price_cents, state FROM purchase")).toEqual([
    { kind: "auto-topup", price_cents: 1000, state: "open" },
  ])
})

describe("the next charge", () => {
  test("waits ten minutes from the last one, whatever came of it", async () => {
    await using scene = await openTopup()
    await scene.run()
    await spend(scene, scene.customer, "9.00")
    scene.clock.advance(10 * MINUTE_MS - 1)
    await scene.run()
    expect(await listJobs(scene)).toHaveLength(1)
    scene.clock.advance(1)
    await scene.run()
    expect(await listJobs(scene)).toHaveLength(2)
  })

  test("waits as long as the operator says", async () => {
    await using scene = await openTopup()
    await runCommand(scene, "rule set", "--name", "auto-topup", "--patch", '{"min_interval_minutes":60}')
    await scene.run()
    await spend(scene, scene.customer, "9.00")
    scene.clock.advance(59 * MINUTE_MS)
    expect(await claim(scene, scene.customer)).toBeUndefined()
    scene.clock.advance(MINUTE_MS)
    expect(await claim(scene, scene.customer)).toBeDefined()
  })
})

describe("the monthly limit", () => {
  test("is never passed; the customer is told once, and the next month (UTC) begins anew", async () => {
    await using scene = await openTopup({ monthlyCapUsd: "25.00" })
    for (let count = 0; count < 2; count++) {
      await scene.run()
      scene.clock.advance(10 * MINUTE_MS)
      await spend(scene, scene.customer, "10.00")
    }
    expect((await listJobs(scene)).map(job => job.state)).toEqual(["paid", "paid"])
    expect(await listNotices(scene)).toEqual([])
    takeEvents(scene)
    for (let count = 0; count < 3; count++) {
      await scene.run()
      scene.clock.advance(10 * MINUTE_MS)
    }
    expect(await listNotices(scene)).toMatchObject([
      { subject: "Automatic top-up reached your monthly limit" },
    ])
    expect(takeEvents(scene)).toEqual(["notice-written"])
    scene.clock.advance(Date.UTC(2026, 1, 1) - scene.clock.now() - 1)
    await scene.run()
    expect(await listJobs(scene)).toHaveLength(2)
    scene.clock.advance(1)
    await scene.run()
    expect(await listJobs(scene)).toHaveLength(3)
  })

  test("counts what is claimed and may have been charged, not what was declined", async () => {
    await using scene = await openTopup({ card: "declined_later", monthlyCapUsd: "10.00" })
    await scene.run()
    expect(await readSettings(scene, scene.customer)).toMatchObject({ chargedThisMonthUsd: "0.00" })
    scene.clock.advance(10 * MINUTE_MS)
    expect(await claim(scene, scene.customer)).toBeDefined()
    expect(await readSettings(scene, scene.customer)).toMatchObject({ chargedThisMonthUsd: "10.00" })
  })
})

describe("nobody is charged", () => {
  test("who turned it off, or has no card", async () => {
    await using scene = await openTopup()
    const other = await scene.createCustomer({ credit_usd: "0" })
    await scene.send(PATH, { key: other.key, body: { enabled: true } })
    expect(await claim(scene, other)).toBeUndefined()
    await scene.send(PATH, { key: scene.customer.key, body: { enabled: false } })
    expect(await claim(scene, scene.customer)).toBeUndefined()
  })

  test("for a package that the operator withdrew", async () => {
    await using scene = await openTopup()
    await runCommand(scene, "package disable", "--id", "standard")
    expect(await claim(scene, scene.customer)).toBeUndefined()
    await runCommand(scene, "package enable", "--id", "standard")
    expect(await claim(scene, scene.customer)).toBeDefined()
  })

  test("whose wallet is frozen, or whose account is blocked", async () => {
    await using scene = await openTopup()
    const { store } = scene.app
    await store.tx(q => setFrozen(q, scene.customer.id, true))
    expect(await listBelowThreshold(store.read, "")).toEqual([])
    expect(await claim(scene, scene.customer)).toBeUndefined()
    await store.tx(q => setFrozen(q, scene.customer.id, false))
    await store.tx(q => q.run("UPDATE customer SET status = 'suspended'"))
    expect(await listBelowThreshold(store.read, "")).toEqual([])
    expect(await claim(scene, scene.customer)).toBeUndefined()
    await store.tx(q => q.run("UPDATE customer SET status = 'active'"))
    expect(await claim(scene, scene.customer)).toBeDefined()
  })
})

describe("while a payment is disputed", () => {
  async function openDisputed() {
    const scene = await openTopup({ credit_usd: "0" })
    const { intent } = await buy(scene, scene.customer)
    const dispute = scene.control.openDispute(intent)
    await scene.control.deliverPending()
    takeEvents(scene)
    return { ...scene, dispute }
  }

  test("auto-topup is off, cannot be turned on, and is not after the dispute until the customer says so", async () => {
    await using scene = await openDisputed()
    const { key } = scene.customer
    expect(await readSettings(scene, scene.customer)).toMatchObject({
      enabled: true,
      suspendedFor: "dispute",
    })
    await scene.run()
    const refused = await scene.send(PATH, { key, body: { enabled: true } })
    expect([refused.status, await refused.json()]).toMatchObject([
      409,
      { code: "payment_disputed", field: "enabled" },
    ])
    scene.control.closeDispute(scene.dispute, "won")
    await scene.control.deliverPending()
    await spend(scene, scene.customer, "9.00")
    await scene.run()
    expect(await listJobs(scene)).toEqual([])
    expect((await scene.send(PATH, { key, body: { enabled: true } })).status).toBe(200)
    await scene.run()
    expect(await listJobs(scene)).toMatchObject([{ state: "paid" }])
  })

  test("another card does not turn it on", async () => {
    await using scene = await openDisputed()
    const { setupUrl } = await scene.sendJson(PATH, { key: scene.customer.key, body: { newCard: true } })
    scene.clock.advance(2000)
    await saveCard(scene, String(setupUrl), "pays_mastercard")
    expect(await readSettings(scene, scene.customer)).toMatchObject({
      suspendedFor: "dispute",
      card: { last4: "4444" },
    })
  })

  test("who first had a card suspended, or turns it on for the first time, is not charged either", async () => {
    await using scene = await openTopup({ card: "declined_later" })
    for (let count = 0; count < 3; count++) {
      await scene.run()
      scene.clock.advance(10 * MINUTE_MS)
    }
    const newcomer = await scene.createCustomer({ credit_usd: "0" })
    for (const customer of [scene.customer, newcomer]) {
      const { intent } = await buy(scene, customer)
      scene.control.openDispute(intent)
    }
    await scene.control.deliverPending()
    expect(await readSettings(scene, scene.customer)).toMatchObject({ suspendedFor: "dispute" })
    for (const { key } of [scene.customer, newcomer])
      expect((await scene.send(PATH, { key, body: { enabled: true } })).status).toBe(409)
    await scene.app.store.tx(q => q.run("UPDATE auto_topup SET suspended_for = NULL"))
    expect(await claim(scene, scene.customer)).toBeUndefined()
  })
})

test("hundreds who cannot be charged do not keep those behind them from it", async () => {
  await using scene = await openTopup()
  const { store } = scene.app
  const last = await scene.createCustomer({ credit_usd: "0" })
  await enable(scene, last)
  await store.tx(async q => {
    for (let number = 100; number < 350; number++) {
      const id = `cus_00${number}`
      await q.run(
        "INSERT INTO customer (id, email, password_hash, status, created_at) VALUES (?, ?, 'hash', 'active', 0)",
        id,
        `${id}@example.com`,
      )
      await q.run(
        "INSERT INTO ledger_account (id, customer_id, kind, ledger, balance_nanos, floor_nanos, is_frozen) VALUES (?, ?, 'token', 'token', 0, 0, 0)",
        `${id}/token`,
        id,
      )
      await q.run(
        "INSERT INTO saved_card (customer_id, payment_method_id, fingerprint, brand, last4, failure_count, created_at) VALUES (?, 'pm', 'f', 'visa', '4242', 0, 0)",
        id,
      )
      // Their limit is reached from the start.
      await q.run(
        "INSERT INTO auto_topup (customer_id, is_enabled, threshold_nanos, package_id, monthly_cap_cents, updated_at) VALUES (?, 1, 1, 'standard', 1, 0)",
        id,
      )
    }
  })
  await scene.run()
  const paid = (await listJobs(scene)).filter(job => job.state === "paid").map(job => job.customer_id)
  expect(paid.toSorted()).toEqual([scene.customer.id, last.id].toSorted())
})
