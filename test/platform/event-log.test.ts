/** The event log: what is kept of what happened, in which order, and for how long. */
import { expect, test } from "bun:test"
import { listEvents, startEventLog } from "../../src/platform/event-log.ts"
import { createEvents } from "../../src/platform/events.ts"
import { createNewId } from "../../src/platform/ids.ts"
import { createTestClock, START_AT } from "../support/clock.ts"
import { createTestRandom } from "../support/random.ts"
import { openTestStore } from "../support/store.ts"

const DAY_MS = 86_400_000

function openLog() {
  const clock = createTestClock()
  const cache = openTestStore("cache")
  const events = createEvents()
  const newId = createNewId({ clock, random: createTestRandom() })
  const start = () => startEventLog({ cache, events, clock, newId })
  /** Lets the timer of a batch fire and waits for its write: jobs of a store run in order. */
  const flushed = async () => {
    clock.advance(1_000)
    await cache.tx(async () => {})
  }
  const list = async () =>
    (await listEvents(cache.read, 2_000)).map(({ name, data }) => [name, JSON.parse(data)])
  return { clock, cache, events, start, flushed, list }
}

test("events are written together, a second after the first", async () => {
  const { clock, events, start, flushed, list, cache } = openLog()
  const stop = start()
  events.emit("customer-registered", { customer_id: "cus_1" })
  clock.advance(999)
  await cache.tx(async () => {})
  expect(await list()).toEqual([])
  clock.advance(1)
  await flushed()
  expect(await list()).toEqual([["customer-registered", { customer_id: "cus_1" }]])
  await stop()
})

test("the newest are listed first, also within one batch and one millisecond", async () => {
  const { clock, events, start, flushed, list } = openLog()
  const stop = start()
  const ids = Array.from({ length: 20 }, (_, number) => `cus_${number}`)
  for (const customer_id of ids.slice(0, 15)) events.emit("customer-registered", { customer_id })
  await flushed()
  clock.advance(5)
  for (const customer_id of ids.slice(15)) events.emit("customer-registered", { customer_id })
  await flushed()
  expect((await list()).map(([, data]) => data.customer_id)).toEqual(ids.toReversed())
  await stop()
})

test("an event keeps the time it happened, not the time it was written", async () => {
  const { clock, cache, events, start, flushed } = openLog()
  const stop = start()
  events.emit("sign-in-failed", { reason: "1" })
  clock.advance(700)
  events.emit("sign-in-failed", { reason: "2" })
  await flushed()
  const times = (await listEvents(cache.read, 10)).map(event => event.created_at)
  expect(times).toEqual([START_AT + 700, START_AT])
  await stop()
})

test("what the receipts tell is not told again", async () => {
  const { events, start, list } = openLog()
  const stop = start()
  const data = { request_id: "req_1", customer_id: "cus_1", end_reason: "completed" }
  events.emit("request-settled", data)
  events.emit("request-released", data)
  await stop()
  expect(await list()).toEqual([])
})

test("stopping writes what waits, and nothing that comes later", async () => {
  const { events, start, list } = openLog()
  const stop = start()
  events.emit("sign-in-failed", { reason: "1" })
  await stop()
  events.emit("sign-in-failed", { reason: "2" })
  expect(await list()).toEqual([["sign-in-failed", { reason: "1" }]])
})

test("of a flood the first thousand are kept, and later events again", async () => {
  const { events, start, flushed, list } = openLog()
  const stop = start()
  for (let version = 1; version <= 1_500; version++) events.emit("sign-in-failed", { reason: `${version}` })
  await flushed()
  events.emit("sign-in-failed", { reason: "9999" })
  await stop()
  const reasons = (await list()).map(([, data]) => data.reason)
  expect(reasons).toHaveLength(1_001)
  expect(reasons.slice(0, 2)).toEqual(["9999", "1000"])
})

test("after two weeks an event is forgotten", async () => {
  const { clock, events, start, flushed, list } = openLog()
  const stop = start()
  events.emit("sign-in-failed", { reason: "1" })
  await flushed()
  clock.advance(14 * DAY_MS - 1_000)
  events.emit("sign-in-failed", { reason: "2" })
  await flushed()
  expect(await list()).toEqual([["sign-in-failed", { reason: "2" }]])
  await stop()
})

test("a cache that does not accept the write loses those events and takes the next ones", async () => {
  const { cache, events, start, flushed, list } = openLog()
  const stop = start()
  await cache.tx(q => q.run("ALTER TABLE event_log RENAME TO elsewhere"))
  events.emit("sign-in-failed", { reason: "1" })
  await flushed()
  await cache.tx(q => q.run("ALTER TABLE elsewhere RENAME TO event_log"))
  events.emit("sign-in-failed", { reason: "2" })
  await flushed()
  expect(await list()).toEqual([["sign-in-failed", { reason: "2" }]])
  await stop()
})
