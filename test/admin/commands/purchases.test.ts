/** The operator's commands for purchases: looking, recording plan payments, accepting what did not match. */
import { describe, expect, test } from "bun:test"
import { UsageError } from "../../../src/admin/command.ts"
import { fulfilSession } from "../../../src/wallet/stripe/fulfil.ts"
import { openTestApp, readBooks, type TestApp, type TestCustomer } from "../../support/app.ts"
import { runCommand, runForRecord } from "../../support/operator.ts"
import { openPaymentScene, type PaymentScene } from "../../support/payments.ts"

const eventNames = (app: TestApp) => app.events.map(event => event.name)

const record = (app: TestApp, customer: string, ...words: string[]) =>
  runForRecord(app, "plan-payment record", "--customer", customer, ...words)

const redeem = (app: TestApp, { key }: TestCustomer, reference: string) =>
  app.send("/api/v1/wallet/top-up", { key, body: { reference } })

describe("plan-payment record", () => {
  test("shows the purchase that waits, and its customer redeems it by the reference", async () => {
    await using app = await openTestApp()
    const mine = await app.createCustomer()
    const words = ["--package", "plus", "--reference", "INV 2026/7"]
    expect(await record(app, mine.email, ...words)).toEqual({
      id: expect.stringMatching(/^ord_/),
      customerId: mine.id,
      kind: "plan-payment",
      package: "plus",
      priceUsd: "25.00",
      state: "open",
      isLive: true,
      failure: null,
      reference: "INV 2026/7",
      createdAt: "2026-01-02T03:04:05.001Z",
      paidAt: null,
    })
    expect(eventNames(app)).toEqual(["purchase-opened"])
    expect((await redeem(app, mine, "INV 2026/7")).status).toBe(200)
    expect((await readBooks(app, mine)).free_nanos).toBe(36_000_000_000)
    expect(await runCommand(app, "purchase list")).toMatchObject([
      { state: "paid", paidAt: "2026-01-02T03:04:05.001Z" },
    ])
  })

  test("is refused for a known reference, an unknown package, an unknown customer and no reference", async () => {
    await using app = await openTestApp()
    const { id } = await app.createCustomer()
    const recordFor = (customer: string, package_id: string, reference: string) =>
      record(app, customer, "--package", package_id, "--reference", reference)
    await recordFor(id, "plus", "INV-1")
    app.events.length = 0
    await expect(recordFor(id, "starter", "INV-1")).rejects.toMatchObject({ reason: "conflict" })
    await expect(recordFor(id, "gold", "INV-2")).rejects.toMatchObject({
      message: expect.stringContaining("Packages: starter ($5.00),"),
    })
    await expect(recordFor(id, "plus", "")).rejects.toMatchObject({ reason: "invalid" })
    await expect(recordFor("cus_nobody", "plus", "INV-2")).rejects.toMatchObject({ reason: "not_found" })
    await expect(recordFor("no@example.com", "plus", "INV-2")).rejects.toBeInstanceOf(UsageError)
    await expect(record(app, id, "--package", "plus")).rejects.toBeInstanceOf(UsageError)
    expect(await runCommand(app, "purchase list")).toHaveLength(1)
    expect(app.events).toEqual([])
  })
})

describe("purchase list", () => {
  test("shows the newest first, of one customer or in one state", async () => {
    await using app = await openTestApp()
    const [mine, other] = [await app.createCustomer(), await app.createCustomer()]
    for (const [customer, reference] of [
      [mine, "A"],
      [other, "B"],
      [mine, "C"],
    ] as const) {
      app.clock.advance(1)
      await record(app, customer.id, "--package", "starter", "--reference", reference)
    }
    await redeem(app, mine, "A")
    const list = async (...words: string[]) =>
      ((await runCommand(app, "purchase list", ...words)) as { reference: string }[]).map(
        row => row.reference,
      )
    expect(await list()).toEqual(["C", "B", "A"])
    expect(await list("--customer", mine.email)).toEqual(["C", "A"])
    expect(await list("--state", "paid")).toEqual(["A"])
    expect(await list("--state", "open", "--customer", other.id)).toEqual(["B"])
    expect(await list("--state", "mismatch")).toEqual([])
    expect(await list("--limit", "2")).toEqual(["C", "B"])
    for (const words of [
      ["--state", "lost"],
      ["--limit", "0"],
      ["--limit=-1"],
      ["--customer", "no@x.example"],
    ])
      await expect(list(...words)).rejects.toBeInstanceOf(UsageError)
  })
})

describe("purchase accept", () => {
  /** A paid page whose price is not the purchase's any more. */
  async function mismatch(scene: PaymentScene, { key }: TestCustomer): Promise<[id: string, intent: string]> {
    const { purchase, sessionId } = await scene.checkout(key)
    await scene.stripe.control.pay(sessionId, { card: "pays" })
    await scene.app.store.tx(q => q.run("UPDATE purchase SET price_cents = 2000 WHERE id = ?", purchase.id))
    expect(await fulfilSession(scene.app, sessionId)).toMatchObject({ kind: "mismatch" })
    scene.events.length = 0
    return [purchase.id, String(scene.stripe.control.objects.sessions.get(sessionId)?.payment_intent)]
  }

  test("credits what the customer ordered, once, after it was listed with the reason", async () => {
    await using scene = await openPaymentScene()
    const mine = await scene.createCustomer({ credit_usd: "0" })
    const [id, intent] = await mismatch(scene, mine)
    const listed = await runCommand(scene, "purchase list", "--state", "mismatch")
    expect(listed).toMatchObject([
      { id, failure: `Payment ${intent}: it is 1000 cents, ordered were 2000`, isLive: false },
    ])
    expect((await readBooks(scene, mine)).free_nanos).toBe(0)
    const words = ["--purchase", id, "--intent", intent]
    expect(await runForRecord(scene, "purchase accept", ...words)).toMatchObject({
      id,
      state: "paid",
      failure: null,
      reference: intent,
    })
    expect(eventNames(scene).toSorted()).toEqual(["credit-posted", "notice-written", "purchase-paid"])
    await expect(runCommand(scene, "purchase accept", ...words)).rejects.toMatchObject({ reason: "conflict" })
    expect((await readBooks(scene, mine)).free_nanos).toBe(10_000_000_000)
  })

  test("is refused without a payment's id, or for a purchase that is unknown", async () => {
    await using app = await openTestApp()
    const accept = (...words: string[]) => runCommand(app, "purchase accept", ...words)
    await expect(accept("--purchase", "ord_1")).rejects.toBeInstanceOf(UsageError)
    await expect(accept("--purchase", "ord_1", "--intent", "1")).rejects.toMatchObject({ reason: "invalid" })
    await expect(accept("--purchase", "ord_1", "--intent", "pi_1")).rejects.toMatchObject({
      reason: "not_found",
    })
    expect(app.events).toEqual([])
  })
})
