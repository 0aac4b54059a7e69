/** Tests of deliveries: signed as Stripe signs, at least once, repeated while they are refused, faulty on purpose. */
import { describe, expect, test } from "bun:test"
import { signatureOf } from "../../../src/wallet/demo-stripe/webhooks.ts"
import { until } from "../../support/until.ts"
import { openStage, payOnce, type Stage, WEBHOOK_SECRET } from "./stage.ts"

const byHand = () => openStage({ is_delivery_by_hand: true })
const typesOf = (stage: Stage) => stage.received.map(one => one.type)

test("the official package accepts the signature, and refuses it for another body, secret or time", async () => {
  await using stage = byHand()
  await payOnce(stage)
  await stage.control.deliverPending()
  const { body, signature } = stage.received[0]!
  const now = stage.clock.now()
  const check = (text: string, secret: string, at: number) =>
    stage.stripe.webhooks.constructEventAsync(text, signature, secret, undefined, undefined, at)
  expect((await check(body, WEBHOOK_SECRET, now)).id).toBe(stage.received[0]!.id)
  await expect(check(`${body} `, WEBHOOK_SECRET, now)).rejects.toThrow()
  await expect(check(body, "whsec_other", now)).rejects.toThrow()
  await expect(check(body, WEBHOOK_SECRET, now + 301_000)).rejects.toThrow("tolerance")
})

test("a signature is HMAC-SHA256 over the time and the body", () => {
  expect(signatureOf("{}", "whsec_1", 1_700_000_000)).toBe(
    `t=1700000000,v1=${new Bun.CryptoHasher("sha256", "whsec_1").update("1700000000.{}").digest("hex")}`,
  )
})

test("events are delivered once each, in order, and are marked as delivered", async () => {
  await using stage = byHand()
  await payOnce(stage)
  const events = [...stage.control.objects.events.values()]
  expect(events.map(event => event.pending_webhooks)).toEqual(events.map(() => 1))
  expect(await stage.control.deliverPending()).toBe(events.length)
  expect(stage.received.map(one => one.id)).toEqual(events.map(event => event.id))
  expect(events.map(event => event.pending_webhooks)).toEqual(events.map(() => 0))
  expect(await stage.control.deliverPending()).toBe(0)
})

test("without a webhook they are only listed", async () => {
  await using stage = openStage({ webhook_url: undefined, is_delivery_by_hand: true })
  await payOnce(stage)
  expect(await stage.control.deliverPending()).toBe(0)
  expect((await stage.stripe.events.list()).data.length).toBeGreaterThan(0)
})

test("an event shows the object as it was, not as it is", async () => {
  await using stage = byHand()
  const { intent } = await payOnce(stage)
  stage.control.refund(intent.id)
  await stage.control.deliverPending()
  const told = stage.received.find(one => one.type === "charge.succeeded")!
  expect(JSON.parse(told.body).data.object).toMatchObject({ amount_refunded: 0, refunded: false })
})

describe("by itself", () => {
  test("an event goes out at once, and is repeated later and later while it is refused", async () => {
    await using stage = openStage()
    stage.answers.push(500, 302, 404)
    const { id } = await stage.stripe.customers.create({})
    expect(id).toStartWith("cus_")
    const waits_ms = [0, 5_000, 30_000, 120_000]
    for (const [count, wait_ms] of waits_ms.entries()) {
      stage.clock.advance(wait_ms)
      await until(`delivery ${count + 1}`, () => stage.received.length === count + 1)
      // The answer has to come back before the next repeat is planned.
      await until("the answer is read", () => stage.clock.timer_count() <= 1)
    }
    expect(new Set(stage.received.map(one => one.id)).size).toBe(1)
    stage.clock.advance(86_400_000)
    expect(stage.received).toHaveLength(4)
  })

  test("nothing goes out after the end", async () => {
    await using stage = openStage()
    await stage.stripe.customers.create({})
    stage.demo.close()
    stage.clock.advance(1000)
    await stage.stripe.events.list()
    expect(stage.received).toEqual([])
  })
})

describe("by hand", () => {
  test("a refused one waits for the next delivery", async () => {
    await using stage = byHand()
    await stage.stripe.customers.create({})
    stage.answers.push(503)
    expect(await stage.control.deliverPending()).toBe(1)
    expect(await stage.control.deliverPending()).toBe(1)
    expect(await stage.control.deliverPending()).toBe(0)
    expect(typesOf(stage)).toEqual(["customer.created", "customer.created"])
  })

  test("one that is refused seven times is in the list only", async () => {
    await using stage = byHand()
    await stage.stripe.customers.create({})
    stage.answers.push(...Array(20).fill(500))
    for (let count = 0; count < 10; count++) await stage.control.deliverPending()
    expect(stage.received).toHaveLength(7)
    expect((await stage.stripe.events.list({ delivery_success: false })).data).toHaveLength(1)
  })
})

describe("on purpose", () => {
  test("events are lost, duplicated and delayed by their type", async () => {
    await using stage = byHand()
    const { faults } = stage.control
    faults.nextDelivery({ kind: "lose" }, { type: "payment_intent.created" })
    faults.nextDelivery({ kind: "duplicate", count: 2 }, { type: "charge.succeeded" })
    faults.nextDelivery({ kind: "delay", delay_ms: 60_000 }, { type: "payment_intent.succeeded" })
    await payOnce(stage)
    await stage.control.deliverPending()
    expect(typesOf(stage)).toEqual([
      "charge.succeeded",
      "charge.succeeded",
      "charge.succeeded",
      "charge.updated",
      "checkout.session.completed",
    ])
    stage.clock.advance(60_000)
    await stage.control.deliverPending()
    expect(typesOf(stage).at(-1)).toBe("payment_intent.succeeded")
    expect(typesOf(stage)).not.toContain("payment_intent.created")
  })

  test("events change places: all of them come, in an order that the seed decides", async () => {
    const orders: string[][] = []
    for (const seed of [1, 1, 2]) {
      await using stage = byHand()
      stage.control.faults.seed(seed)
      stage.control.faults.someDeliveries(1, { kind: "reorder" })
      await payOnce(stage)
      await stage.control.deliverPending()
      orders.push(typesOf(stage))
    }
    const [first, same, other] = orders
    expect(same).toEqual(first!)
    expect(other).not.toEqual(first!)
    expect(other!.toSorted()).toEqual(first!.toSorted())
  })
})
