/** VIP Priority: days are added after what is left, and taken away down to nothing. */
import { expect, test } from "bun:test"
import { extendVip, moveVip } from "../../src/auth/vip.ts"
import { type AnyEvent, createEvents } from "../../src/platform/events.ts"
import { openIdentity } from "../support/identity.ts"

const DAY_MS = 86_400_000

/** One customer, and how long their priority lasts, in days from now. */
async function openScene() {
  const identity = openIdentity()
  const { store, clock } = identity
  const events = createEvents()
  const heard: AnyEvent[] = []
  events.listen(event => heard.push(event))
  const customer_id = await identity.addCustomer()
  await identity.addCustomer()
  return {
    ...identity,
    customer_id,
    heard,
    extend: (vip_days: number, id = customer_id) =>
      store.tx(q => extendVip(q, { clock, events }, { customer_id: id, vip_days })),
    async daysLeft() {
      const find = "SELECT vip_until FROM customer WHERE id = ?"
      const row = await store.read.get<{ vip_until: number | null }>(find, customer_id)
      return row!.vip_until === null ? null : (row!.vip_until - clock.now()) / DAY_MS
    },
    vipCount: async () =>
      (await store.read.all("SELECT id FROM customer WHERE vip_until IS NOT NULL")).length,
  }
}

test("begins now, goes on after what is left, and begins now again when nothing is left", async () => {
  const { extend, daysLeft, clock, vipCount } = await openScene()
  await extend(30)
  expect(await daysLeft()).toBe(30)
  clock.advance(10 * DAY_MS)
  await extend(30)
  expect(await daysLeft()).toBe(50)
  clock.advance(60 * DAY_MS)
  await extend(7)
  expect(await daysLeft()).toBe(7)
  expect(await vipCount()).toBe(1)
})

test("is shortened by days that are taken back, and ended when no more are left", async () => {
  const { extend, daysLeft, clock } = await openScene()
  await extend(30)
  await extend(30)
  clock.advance(10 * DAY_MS)
  await extend(-30)
  expect(await daysLeft()).toBe(20)
  await extend(-30)
  expect(await daysLeft()).toBeNull()
  await extend(-30)
  expect(await daysLeft()).toBeNull()
  await extend(5)
  expect(await daysLeft()).toBe(5)
})

test("is moved by what there is to take: that much comes back", async () => {
  const { store, clock, customer_id, daysLeft, extend } = await openScene()
  await extend(1)
  const move = (days: number) =>
    store.tx(q => moveVip(q, { clock, events: createEvents() }, { customer_id, ms: days * DAY_MS }))
  expect(await move(-30)).toBe(-DAY_MS)
  expect(await move(-30)).toBe(0)
  expect(await move(1)).toBe(DAY_MS)
  expect(await daysLeft()).toBe(1)
})

test("of fifty extensions at once none is lost, and each is told with the end it made", async () => {
  const { extend, daysLeft, heard, clock, customer_id } = await openScene()
  await Promise.all(Array.from({ length: 50 }, () => extend(1)))
  expect(await daysLeft()).toBe(50)
  expect(heard).toEqual(
    Array.from({ length: 50 }, (_, index) => ({
      name: "vip-extended" as const,
      data: { customer_id, until: clock.now() + (index + 1) * DAY_MS },
    })),
  )
})

test("that ends is told with the time it ended", async () => {
  const { extend, heard, clock, customer_id } = await openScene()
  await extend(-1)
  expect(heard).toEqual([{ name: "vip-extended", data: { customer_id, until: clock.now() } }])
})
