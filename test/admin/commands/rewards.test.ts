/** The operator's commands for rewards: lists that show who and why, and what is taken back. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import type { Nanos } from "../../../src/wallet/ledger/nanos.ts"
import { creditPurchase } from "../../../src/wallet/purchases/credit.ts"
import { openPurchase } from "../../../src/wallet/purchases/purchases.ts"
import { type Claim, writeClaim } from "../../../src/wallet/rewards/claim.ts"
import { getReferralCode, recordReferral } from "../../../src/wallet/rewards/referral.ts"
import { openTestApp, readBooks } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"

/** Two customers: `brought` came by `referrer`; each has claimed something. */
async function open() {
  const test_app = await openTestApp()
  const { app } = test_app
  const referrer = await test_app.createCustomer({ credit_usd: "0" })
  const brought = await test_app.createCustomer({ credit_usd: "0" })
  const code = await getReferralCode(app, referrer.id)
  const claim = async (given: Pick<Claim, "id" | "customer_id" | "rule"> & Partial<Claim>) => {
    test_app.clock.advance(1)
    const nothing = {
      slot: "",
      device_hash: null,
      card_fingerprint: null,
      mailbox_hash: null,
      proof: null,
      ref: "",
    }
    const amount_nanos = 200_000_000_000 as Nanos
    await app.store.tx(q => writeClaim(q, app, { ...nothing, amount_nanos, ...given }))
  }
  await claim({
    id: "share:1",
    customer_id: referrer.id,
    rule: "share",
    proof: "x.com/1",
    device_hash: "hash",
  })
  await claim({ id: "gumroad:sale", customer_id: brought.id, rule: "gumroad", proof: "hash of a licence" })
  const purchase_id = await app.store.tx(async q => {
    const { id: customer_id, email } = brought
    await recordReferral(q, app, { customer_id, email, code })
    const offer = {
      id: "p",
      label: "P",
      price_cents: 1_000,
      credit_nanos: 1 as Nanos,
      vip_days: 0,
      position: 1,
      is_enabled: true,
    }
    const { id } = await openPurchase(q, app, { customer_id, kind: "package", is_live: true, offer })
    const payment = { intent: "pi_1", card_fingerprint: null }
    await creditPurchase(q, app, { purchase_id: id, paid_at: app.clock.now(), actor: "stripe", payment })
    return id
  })
  test_app.events.length = 0
  const list = async (name: string, ...words: string[]) =>
    (await runCommand(test_app, name, ...words)) as Record<string, unknown>[]
  return { ...test_app, referrer, brought, purchase_id, list }
}

describe("reward list", () => {
  test("shows claims, newest first, with the post but nothing of a licence", async () => {
    await using scene = await open()
    const listed = await scene.list("reward list")
    expect(listed).toEqual([
      {
        id: "gumroad:sale",
        customerId: scene.brought.id,
        rule: "gumroad",
        amountUsd: "200.00",
        voidedUsd: null,
        post: null,
        hasDevice: false,
        hasCard: false,
        createdAt: "2026-01-02T03:04:05.004Z",
      },
      {
        id: "share:1",
        customerId: scene.referrer.id,
        rule: "share",
        amountUsd: "200.00",
        voidedUsd: null,
        post: "x.com/1",
        hasDevice: true,
        hasCard: false,
        createdAt: "2026-01-02T03:04:05.003Z",
      },
    ])
    expect(await scene.list("reward list", "--customer", scene.brought.email)).toEqual(listed.slice(0, 1))
    expect(await scene.list("reward list", "--rule", "share")).toEqual(listed.slice(1))
    expect(await scene.list("reward list", "--limit", "1")).toEqual(listed.slice(0, 1))
    expect(await scene.list("reward list", "--rule", "check-in")).toEqual([])
    expect(scene.events).toEqual([])
  })
})

describe("reward void", () => {
  test("takes a licence's credit back with a reason, once", async () => {
    await using scene = await open()
    const words = ["--claim", "gumroad:sale", "--reason", "refunded"]
    const first = await runForRecord(scene, "reward void", ...words)
    expect(first).toEqual({ id: "gumroad:sale", voidedUsd: "200.00" })
    expect(scene.events.map(({ name }) => name)).toEqual(["notice-written", "credit-posted"])
    expect(await runForRecord(scene, "reward void", ...words)).toEqual(first)
    expect(scene.events).toHaveLength(2)
    expect((await readBooks(scene, scene.brought)).free_nanos).toBe(1)
    expect(await scene.list("reward list", "--rule", "gumroad")).toMatchObject([{ voidedUsd: "200.00" }])
    const transfer = "SELECT actor, ref FROM ledger_transfer WHERE id = 'gumroad:sale:void'"
    expect(await scene.app.store.read.get(transfer)).toEqual({ actor: "admin:cli", ref: "refunded" })
  })
})

describe("commission list and commission void", () => {
  test("show what a purchase earned, and refuse it while it is pending", async () => {
    await using scene = await open()
    const { purchase_id: purchase, referrer, brought } = scene
    const listed = await scene.list("commission list")
    expect(listed).toEqual([
      {
        purchase,
        referrerId: referrer.id,
        customerId: brought.id,
        amountUsd: "0.50",
        reversedUsd: "0.00",
        state: "pending",
        refusedFor: null,
        dueAt: "2026-01-16T03:04:05.004Z",
        createdAt: "2026-01-02T03:04:05.004Z",
      },
    ])
    expect(await scene.list("commission list", "--referrer", referrer.email, "--state", "pending")).toEqual(
      listed,
    )
    expect(await scene.list("commission list", "--referrer", brought.id)).toEqual([])
    const refused = await runForRecord(
      scene,
      "commission void",
      "--purchase",
      purchase,
      "--reason",
      "A ring.",
    )
    expect(refused).toEqual({ purchase, state: "refused", voidedUsd: "0.50" })
    expect(scene.events).toMatchObject([{ name: "commission-recorded", data: { state: "refused" } }])
    expect(await scene.list("commission list", "--state", "refused")).toMatchObject([
      { refusedFor: "A ring." },
    ])
    const seen = await scene.sendJson("/api/v1/referral", { key: referrer.key })
    expect(seen).toMatchObject({ pendingUsd: "0.00", commissions: { data: [{ refusedFor: "A ring." }] } })
  })
})

test("words that do not fit are refused, saying what would", async () => {
  await using scene = await open()
  const wrong: [string, string[]][] = [
    ["reward list", ["--rule", "referral"]],
    ["reward list", ["--limit", "0"]],
    ["reward list", ["--customer", "nobody@example.com"]],
    ["reward void", ["--claim", "gumroad:sale"]],
    ["commission list", ["--state", "open"]],
    ["commission list", ["--limit", "x"]],
    ["commission void", ["--purchase", scene.purchase_id]],
  ]
  for (const [name, words] of wrong)
    await expect(runCommand(scene, name, ...words)).rejects.toBeInstanceOf(UsageError)
  const unknown = runCommand(scene, "reward void", "--claim", "gumroad:x", "--reason", "r")
  await expect(unknown).rejects.toMatchObject({ reason: "not_found" })
  expect(scene.events).toEqual([])
})
